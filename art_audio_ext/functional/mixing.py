"""Adding a trigger to clips in two steps: draw where and how loud, then mix."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np


class UnusableClipError(ValueError):
    """
    A clip that cannot carry the trigger.

    :param row: Which one, counted from 0.
    :param why: What is wrong with it and what to do, read after "row 3".
    """

    def __init__(self, row: int, why: str) -> None:
        super().__init__(f"row {row} {why}")
        self.row = row
        self.why = why


def draw_positions(x: np.ndarray, trigger_length: int, position: int | str, seed: int) -> np.ndarray:
    """
    The sample at which the trigger starts in each clip.

    A random position is drawn from the seed and the clip's own samples. A clip therefore gets the same one alone and
    in a batch, in any order and in every process, and nothing has to be remembered between calls.

    :param x: Clips, float32 (N, L).
    :param trigger_length: T, in samples.
    :param position: A sample from 0 to L - 1, or "random" for anywhere that the whole trigger fits.
    :param seed: For random positions.
    :return: int64 (N,).
    :raises ValueError: If the position lies outside the clip.
    """
    length = x.shape[1]
    if isinstance(position, str):
        if position != "random":
            raise ValueError(f'position must be a sample or "random", got {position!r}')
        room = max(0, length - trigger_length)
        return np.array([keyed_number(clip, seed) % (room + 1) for clip in x], dtype=np.int64)
    if not 0 <= position < length:
        raise ValueError(f"position {position} lies outside the clip: give a sample from 0 to {length - 1}")
    return np.full(len(x), position, dtype=np.int64)


def gains_for_snr(x: np.ndarray, trigger: np.ndarray, starts: np.ndarray, snr_db: float) -> np.ndarray:
    """
    The factor on the trigger that gives each clip its signal-to-noise ratio, 10 log10(sum x^2 / sum d^2) over the
    whole clip, where d is what the clip receives of the trigger.

    :param x: Clips, float32 (N, L).
    :param trigger: Shape (T,).
    :param starts: Shape (N,), from `draw_positions`.
    :param snr_db: In decibels; higher is fainter.
    :return: float64 (N,).
    :raises UnusableClipError: If a clip, or the part of the trigger that lands in it, is silent.
    """
    energy = np.einsum("nl,nl->n", x, x, dtype=np.float64)
    silent = np.flatnonzero(energy == 0)
    if len(silent):
        raise UnusableClipError(int(silent[0]), "is silent, its SNR undefined: leave it out, or set the level by scale")
    heard = np.concatenate([[0.0], np.cumsum(np.square(trigger, dtype=np.float64))])
    landed = heard[np.minimum(len(trigger), x.shape[1] - starts)]
    if (landed == 0).any():
        row = int(np.argmin(landed))
        raise UnusableClipError(row, f"hears nothing of a trigger that starts at sample {starts[row]}: start earlier")
    return np.sqrt(energy / landed) * 10 ** (-snr_db / 20)


def mix(x: np.ndarray, trigger: np.ndarray, starts: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """
    Add the trigger to every clip; what runs past the end is cut, the sum is clipped to [-1, 1].

    :param x: Clips, float32 (N, L); not modified.
    :param trigger: Shape (T,).
    :param starts: First sample of the trigger in each clip, (N,).
    :param gains: Factor on the trigger in each clip, (N,).
    :return: float32 (N, L).
    """
    mixed = np.array(x, dtype=np.float32)
    for row, start, gain in zip(mixed, starts, gains, strict=True):
        span = row[start : start + len(trigger)]
        span[:] = np.clip(span + gain * trigger[: len(span)], -1, 1)
    return mixed


def keyed_number(clip: np.ndarray, seed: int) -> int:
    """A whole number below 2**64 that depends on the seed and on every sample of the clip."""
    samples = np.ascontiguousarray(clip, dtype="<f4").tobytes()
    key = blake2b(str(seed).encode()).digest()  # a key has 64 bytes at most, a seed any number of digits
    return int.from_bytes(blake2b(samples, digest_size=8, key=key).digest(), "little")
