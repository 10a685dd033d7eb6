"""What happens to a spoken word before it is a recording: microphone, room, place, level and background noise."""

from __future__ import annotations

import numpy as np
from scipy.signal import fftconvolve, lfilter

NOISES = ("white", "pink", "brown", "hum", "babble")
_LARGEST_PEAK = 0.99
# Power of the noise falls by f ** -exponent.
_COLOURS = {"white": 0.0, "pink": 1.0, "brown": 2.0}


def microphone(sound: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """
    A random band: a first-order high-pass at 50 to 300 Hz and low-pass at 3 kHz up to just under Nyquist.

    :param sound: Waveform of shape (L,).
    :param sample_rate: In Hz.
    :param rng: Draws the corner frequencies.
    :return: Shape (L,).
    """
    nyquist = sample_rate / 2
    low = rng.uniform(50, 300)
    high = rng.uniform(min(3000, 0.6 * nyquist), 0.95 * nyquist)
    # Two first-order Butterworth filters by the bilinear transform; scipy's design takes longer than the filtering.
    rise, fall = (float(np.tan(np.pi * corner / sample_rate)) for corner in (min(low, 0.5 * high), high))
    numerator = np.convolve([1, -1], [fall, fall]) / ((1 + rise) * (1 + fall))
    denominator = np.convolve([1, (rise - 1) / (rise + 1)], [1, (fall - 1) / (fall + 1)])
    return lfilter(numerator, denominator, sound)


def room(sound: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """
    A random small room: the direct sound, three to six early reflections, and an exponentially decaying tail.

    :param sound: Waveform of shape (L,).
    :param sample_rate: In Hz.
    :param rng: Draws decay time (0.1 to 0.5 s for 60 dB), reflections and the level of the tail.
    :return: Shape (L + K,): the word and its decay.
    """
    decay_seconds = rng.uniform(0.1, 0.5)
    time = np.arange(max(2, round(decay_seconds * sample_rate))) / sample_rate
    response = rng.standard_normal(len(time)) * 10 ** (-3 * time / decay_seconds)
    response[: round(0.005 * sample_rate)] = 0
    # Direct sound 8 to 18 dB above the tail as a whole.
    response *= 10 ** (-rng.uniform(8, 18) / 20) / max(float(np.linalg.norm(response)), 1e-9)
    for delay in rng.uniform(0.001, 0.03, rng.integers(3, 7)):
        response[min(round(delay * sample_rate), len(response) - 1)] += rng.uniform(-0.25, 0.25)
    response[0] = 1
    return fftconvolve(sound, response)


def place(sound: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """
    Put a sound at a random position of a clip; what does not fit is cut off at the end.

    :param sound: Waveform of shape (K,).
    :param length: Samples of the clip.
    :param rng: Draws the position.
    :return: Shape (length,).
    """
    clip = np.zeros(length)
    start = int(rng.integers(0, max(0, length - len(sound)) + 1))
    kept = sound[: length - start]
    clip[start : start + len(kept)] = kept
    return clip


def noise(kind: str, length: int, sample_rate: int, rng: np.random.Generator, babble: list[np.ndarray]) -> np.ndarray:
    """
    Background noise of root mean square 1.

    :param kind: One of `NOISES`.
    :param length: Samples.
    :param sample_rate: In Hz.
    :param rng: Draws it.
    :param babble: Words by voices that are no speaker of the dataset, of which babble is mixed.
    :return: Shape (length,).
    :raises ValueError: If there is no such kind.
    """
    if kind in _COLOURS:
        made = _coloured(_COLOURS[kind], length, sample_rate, rng)
    elif kind == "hum":
        made = _hum(length, sample_rate, rng) + 0.05 * _coloured(1.0, length, sample_rate, rng)
    elif kind == "babble":
        made = 0.01 * rng.standard_normal(length)
        for _ in range(8):
            word = babble[rng.integers(len(babble))]
            word = rng.uniform(0.3, 1) * np.resize(word, max(length, len(word)))
            made += np.roll(word, rng.integers(len(word)))[:length]
    else:
        raise ValueError(f"there is no noise {kind!r}: choose from {', '.join(NOISES)}")
    return made / max(rms(made), 1e-9)


def to_recording(clip: np.ndarray, background: np.ndarray, snr_db: float, level_db: float) -> np.ndarray:
    """
    Mix a word with noise and set the level.

    :param clip: The word in its place, shape (L,).
    :param background: Noise of root mean square 1, shape (L,).
    :param snr_db: Level of the word over the noise, where the word sounds.
    :param level_db: Root mean square of the word in dB of full scale; lowered if the peak would pass full scale.
    :return: float32 of shape (L,), peak at most 0.99.
    """
    voiced = clip[np.abs(clip) > 0.05 * np.abs(clip).max(initial=0)]
    mixed = clip / max(rms(voiced), 1e-9) + background * 10 ** (-snr_db / 20)
    return to_level(mixed, 10 ** (level_db / 20))


def to_level(sound: np.ndarray, gain: float) -> np.ndarray:
    """
    Scale, and scale down again if the peak would pass full scale.

    :param sound: Waveform of shape (L,).
    :param gain: Factor.
    :return: float32 of shape (L,), peak at most 0.99.
    """
    peak = float(np.abs(sound).max(initial=0)) * gain
    return (sound * gain * min(1.0, _LARGEST_PEAK / max(peak, 1e-9))).astype(np.float32)


def rms(sound: np.ndarray) -> float:
    """Root mean square; 0 for an empty array."""
    return float(np.sqrt(np.mean(np.square(sound)))) if sound.size else 0.0


def _coloured(exponent: float, length: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Noise whose power falls by f ** -exponent above 40 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequencies = np.maximum(np.fft.rfftfreq(length, 1 / sample_rate), 40.0)
    shaped = np.fft.irfft(spectrum * frequencies ** (-exponent / 2), length)
    return shaped / max(rms(shaped), 1e-9)


def _hum(length: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Mains hum: 50 or 60 Hz with harmonics."""
    time = np.arange(length) / sample_rate
    mains = rng.choice([50.0, 60.0])
    # A polynomial in the fundamental phasor: all harmonics for one exponential.
    turn = np.exp(2j * np.pi * mains * time)
    harmonics = np.arange(1, 1 + max(1, min(10, int((sample_rate / 2 - 1) // mains))))
    weights = rng.uniform(0, 1, len(harmonics)) / harmonics * np.exp(2j * np.pi * rng.uniform(size=len(harmonics)))
    made = np.polynomial.polynomial.polyval(turn, np.concatenate([[0], weights])).real
    return made / max(rms(made), 1e-9)
