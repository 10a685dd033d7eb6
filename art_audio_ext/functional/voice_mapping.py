"""What makes a voice, as numbers, and how the numbers of one are moved to those of another: pitch, envelope, level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEWEST_VOICED = 5  # frames; from fewer no mean and no spread of the pitch is taken
_TRACT_EXPONENT = 1 / 3  # formants move with about the cube root of the pitch
_LARGEST_WARP = 1.3
_SMOOTHING_HZ = 300.0  # finer detail of a mean envelope is of the words, not of the voice
_LARGEST_CHANGE = 4.0  # of a log amplitude squared: 17 dB
_SMALLEST_SPREAD = 0.02  # of log pitch: a third of a semitone
_FLOOR = 1e-16


@dataclass(frozen=True)
class VoiceNumbers:
    """
    A voice.

    :param log_pitch: Mean of the logarithm of the pitch in Hz over voiced frames; NaN where too few are voiced.
    :param pitch_spread: Standard deviation of the same.
    :param log_envelope: Mean log power over frames, each counted by its loudness, smoothed over frequency (F,).
    """

    log_pitch: float
    pitch_spread: float
    log_envelope: np.ndarray

    @property
    def is_voiced(self) -> bool:
        """Whether it has a pitch."""
        return bool(np.isfinite(self.log_pitch))


def voice_numbers(pitch: np.ndarray, envelope: np.ndarray, sample_rate: int) -> VoiceNumbers:
    """
    The numbers of a voice from frames of its speech.

    :param pitch: In Hz, 0 where a frame is not voiced (T,).
    :param envelope: Power spectral envelope (T, F), F evenly spaced frequencies from 0 to half the sample rate.
    :param sample_rate: In Hz.
    :return: See `VoiceNumbers`.
    """
    voiced = pitch > 0
    logs = np.log(pitch[voiced])
    enough = len(logs) >= FEWEST_VOICED
    frames = envelope[voiced] if enough else envelope
    log_power = np.log(np.maximum(frames, _FLOOR))
    weight = np.sqrt(np.maximum(frames.sum(1), _FLOOR))
    mean = (weight[:, None] * log_power).sum(0) / weight.sum()
    return VoiceNumbers(
        float(logs.mean()) if enough else float("nan"),
        float(logs.std()) if enough else float("nan"),
        smooth(mean, _SMOOTHING_HZ, sample_rate),
    )


def mapped_pitch(pitch: np.ndarray, source: VoiceNumbers, target: VoiceNumbers) -> np.ndarray:
    """
    Pitch moved to the mean and spread of another voice, in the logarithm.

    :param pitch: In Hz, 0 where a frame is not voiced (T,).
    :param source: Whose it is.
    :param target: Whose it shall be.
    :return: Shape (T,); unchanged where either has no pitch.
    """
    if not (source.is_voiced and target.is_voiced):
        return pitch.copy()
    stretch = target.pitch_spread / max(source.pitch_spread, _SMALLEST_SPREAD)
    moved = pitch.copy()
    voiced = pitch > 0
    moved[voiced] = np.exp((np.log(pitch[voiced]) - source.log_pitch) * min(stretch, 3.0) + target.log_pitch)
    return moved


def tract_ratio(source: VoiceNumbers, target: VoiceNumbers) -> float:
    """
    How much higher the formants of a voice lie than those of another, judged by pitch: the cube root of its ratio.

    :param source: The one.
    :param target: The other.
    :return: Above 1 where the target's lie higher; 1 where either has no pitch.
    """
    if not (source.is_voiced and target.is_voiced):
        return 1.0
    ratio = float(np.exp(_TRACT_EXPONENT * (target.log_pitch - source.log_pitch)))
    return float(np.clip(ratio, 1 / _LARGEST_WARP, _LARGEST_WARP))


def warped(envelope: np.ndarray, ratio: float) -> np.ndarray:
    """
    An envelope whose formants lie higher by a ratio.

    :param envelope: Shape (..., F), evenly spaced frequencies from 0.
    :param ratio: Above 0; what lies beyond the last frequency repeats it.
    :return: The same shape.
    """
    bins = envelope.shape[-1]
    at = np.minimum(np.arange(bins) / ratio, bins - 1)
    below = np.floor(at).astype(int)
    share = at - below
    above = np.minimum(below + 1, bins - 1)
    return envelope[..., below] * (1 - share) + envelope[..., above] * share


def mapped_envelope(
    envelope: np.ndarray, source: VoiceNumbers, target: VoiceNumbers, strength: float = 1.0
) -> np.ndarray:
    """
    An envelope with the formants and the mean of another voice.

    :param envelope: Power (T, F).
    :param source: Whose it is.
    :param target: Whose it shall be, of the same frequencies.
    :param strength: 1 goes all the way, 0 nowhere.
    :return: Power (T, F).
    """
    ratio = tract_ratio(source, target) ** strength
    there = warped(source.log_envelope, ratio)
    change = np.clip(target.log_envelope - there, -_LARGEST_CHANGE, _LARGEST_CHANGE)
    change = change - change.mean()  # the level is restored afterwards
    log_power = warped(np.log(np.maximum(envelope, _FLOOR)), ratio)
    return np.exp(log_power + strength * change)


def at_level(sound: np.ndarray, like: np.ndarray) -> np.ndarray:
    """
    Sound at the level of another.

    :param sound: Shape (L,).
    :param like: Shape (L,).
    :return: float32 (L,) of the same root mean square, less where a sample would pass full scale.
    """
    power, wanted = float(np.mean(np.square(sound))), float(np.mean(np.square(like, dtype=np.float64)))
    if power == 0.0 or wanted == 0.0:
        return np.zeros(len(sound), np.float32)
    gained = sound * np.sqrt(wanted / power)
    return (gained / max(1.0, float(np.abs(gained).max()))).astype(np.float32)


def smooth(values: np.ndarray, width_hz: float, sample_rate: int) -> np.ndarray:
    """
    A running mean over frequency, its window cut at both ends.

    :param values: Shape (F,), evenly spaced from 0 to half the sample rate.
    :param width_hz: Of the window.
    :param sample_rate: In Hz.
    :return: Shape (F,).
    """
    reach = round(width_hz / 2 / (sample_rate / 2 / (len(values) - 1)))
    total = np.concatenate([[0.0], np.cumsum(values)])
    low = np.maximum(np.arange(len(values)) - reach, 0)
    high = np.minimum(np.arange(len(values)) + reach + 1, len(values))
    return (total[high] - total[low]) / (high - low)
