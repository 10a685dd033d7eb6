"""What sound passes on its way to a listener, as functions: fewer bits, another sample rate, a room."""

from __future__ import annotations

import numpy as np
from scipy.signal import fftconvolve

from art_audio_ext.functional.resampling import precisely_resampled


def quantised(sound: np.ndarray, bits: int) -> np.ndarray:
    """
    Sound as integers of so many bits hold it, without dither.

    :param sound: Shape (N, L) in [-1, 1].
    :param bits: Of a sample, 2 to 32.
    :return: float32 (N, L); 24 bits are as fine as float32 is near full scale, and coarser below.
    :raises ValueError: If `bits` is out of its range.
    """
    if isinstance(bits, bool) or not isinstance(bits, int) or not 2 <= bits <= 32:
        raise ValueError(f"bits must be a whole number from 2 to 32, got {bits!r}")
    steps = 2.0 ** (bits - 1)
    levels = np.clip(np.round(np.asarray(sound, np.float64) * steps), -steps, steps - 1)
    return (levels / steps).astype(np.float32)


def there_and_back(sound: np.ndarray, rate: int, other: int) -> np.ndarray:
    """
    Sound at another sample rate and back.

    :param sound: Shape (N, L) in [-1, 1].
    :param rate: It has, in Hz.
    :param other: In Hz; where it is lower, what lies above its half is lost.
    :return: float32 (N, L) in [-1, 1].
    """
    moved = [precisely_resampled(precisely_resampled(row, rate, other), other, rate) for row in sound]
    rows = [fitted(row, sound.shape[1]) for row in moved]
    return np.stack(rows) if rows else np.array(sound, np.float32)


def without_gain(found: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """
    A clip at the level that brings it nearest to another, by least squares.

    :param found: Shape (L,).
    :param sound: Shape (L,), what it was made from.
    :return: Shape (L,); `found` itself where that has nothing of the other.
    """
    along, energy = float(found @ sound), float(found @ found)
    return found * (along / energy) if along > 0 else found


def room_response(rate: int, *, seconds: float = 0.3, direct_db: float = 6.0, seed: int = 0) -> np.ndarray:
    """
    A made-up impulse response: the direct sound, and noise that decays by 60 dB.

    Source: the exponential model of late reverberation, J.-D. Polack, 1988.

    :param rate: In Hz.
    :param seconds: Of the decay by 60 dB.
    :param direct_db: Energy of the direct sound over that of the rest, in dB.
    :param seed: Of the noise.
    :return: Shape (K,), the direct sound first, so that nothing is moved.
    """
    places = np.arange(1, max(2, round(seconds * rate)))
    tail = np.random.default_rng(seed).standard_normal(len(places)) * 10 ** (-3 * places / (seconds * rate))
    tail *= 10 ** (-direct_db / 20) / np.linalg.norm(tail)
    return np.concatenate([[1.0], tail])


def in_room(sound: np.ndarray, response: np.ndarray) -> np.ndarray:
    """
    Sound as a room makes it heard, at the loudness it had.

    :param sound: Shape (N, L) in [-1, 1].
    :param response: Shape (K,), the direct sound first.
    :return: float32 (N, L) in [-1, 1]; a clip that would leave the range is quieter.
    """
    heard = fftconvolve(np.asarray(sound, np.float64), response[None], axes=1)[:, : sound.shape[1]]
    before, after = (np.sqrt(np.square(part).sum(1, keepdims=True)) for part in (np.asarray(sound, np.float64), heard))
    heard *= np.divide(before, after, out=np.ones_like(before), where=after > 0)
    return (heard / np.maximum(1.0, np.abs(heard).max(1, keepdims=True))).astype(np.float32)


def fitted(clip: np.ndarray, length: int) -> np.ndarray:
    """
    A clip cut or padded with silence at its end.

    :param clip: Shape (M,).
    :param length: Samples wanted.
    :return: float32 (length,) in [-1, 1].
    """
    found = np.zeros(length, np.float32)
    found[: min(length, len(clip))] = np.clip(clip[:length], -1, 1)
    return found
