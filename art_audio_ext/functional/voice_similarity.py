"""How alike two voices are: the cosine of embeddings, and, without a network, pitch and spectral envelope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from art_audio_ext.functional.checks import check_sample_rate, check_waveforms
from art_audio_ext.functional.voice_mapping import VoiceNumbers, voice_numbers

_LOWEST_HZ, _HIGHEST_HZ = 60.0, 400.0
_FRAME_SECONDS, _HOP_SECONDS = 0.04, 0.01
_VOICED = 0.6  # of the autocorrelation
_FIRST_PEAK = 0.9  # of the highest: the shortest period that reaches it, or the pitch would fall by octaves
_LAGS_HZ = 48000  # lags a second, at least
_QUIET = 1e-3  # of the loudest frame's power
_HIGHEST_COMPARED_HZ, _LOWEST_COMPARED_HZ = 7000.0, 100.0  # recordings differ in what lies beyond
_SEMITONES = 2.5  # root mean square by which clips of a second differ from all other speech of their speaker, measured
_DECIBELS = 5.0  # on six speakers of LibriSpeech
_ROWS_AT_ONCE = 2000  # frames


@dataclass(frozen=True)
class VoiceDistance:
    """
    How far a voice is from another.

    :param pitch_semitones: Difference of mean log pitch; NaN where either has no pitch.
    :param envelope_db: Root mean square difference of mean log envelopes, apart from their level.
    """

    pitch_semitones: float
    envelope_db: float

    @property
    def similarity(self) -> float:
        """
        1 for one voice, towards 0 for distant ones; NaN without a pitch. A scale of ours, not one of listeners: of
        214 clips of a second by six readers, 145 were most like their own reader's other speech.
        """
        square = (self.pitch_semitones / _SEMITONES) ** 2 + (self.envelope_db / _DECIBELS) ** 2
        return float(np.exp(-square / 2))


def heard_voice(clips: np.ndarray, sample_rate: int) -> VoiceNumbers:
    """
    The numbers of a voice, from an analysis that shares nothing with WORLD's: autocorrelation and power spectra.

    :param clips: Speech of one speaker (N, L), or one clip (L,), in [-1, 1].
    :param sample_rate: In Hz.
    :return: See `VoiceNumbers`.
    :raises ValueError: If the sound is unusable.
    """
    x = np.atleast_2d(check_waveforms(clips, "clips", single=True))
    rate = check_sample_rate(sample_rate)
    frames = np.concatenate([_frames(np.asarray(clip, np.float64), rate) for clip in x])
    power = np.square(frames).mean(1)
    frames = frames[power > max(_QUIET * power.max(), 1e-12)]
    if not len(frames):
        return VoiceNumbers(float("nan"), float("nan"), np.zeros(_bins(rate)))
    length = 2 * (_bins(rate) - 1)
    found = []
    for start in range(0, len(frames), _ROWS_AT_ONCE):
        block = frames[start : start + _ROWS_AT_ONCE]
        found.append((_pitch(block, rate), np.square(np.abs(np.fft.rfft(block * np.hanning(block.shape[1]), length)))))
    pitches, spectra = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return voice_numbers(pitches, spectra, rate)


def voice_distance(one: VoiceNumbers, other: VoiceNumbers, sample_rate: int) -> VoiceDistance:
    """
    How far two voices are apart in pitch and envelope.

    :param one: From `heard_voice`.
    :param other: From `heard_voice`, of the same rate.
    :param sample_rate: In Hz.
    :return: See `VoiceDistance`.
    """
    hertz = np.linspace(0, sample_rate / 2, len(one.log_envelope))
    compared = (hertz >= _LOWEST_COMPARED_HZ) & (hertz <= _HIGHEST_COMPARED_HZ)
    difference = (one.log_envelope - other.log_envelope)[compared] * 10 / np.log(10)
    return VoiceDistance(abs(one.log_pitch - other.log_pitch) * 12 / np.log(2), float(difference.std()))


def cosine_similarity(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """
    Cosine of the angle between embeddings.

    :param one: Shape (N, D).
    :param other: Shape (N, D) or (D,).
    :return: float64 (N,) in [-1, 1]; NaN where one is zero.
    """
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    length = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip((one * other).sum(-1) / length, -1, 1)


def _bins(sample_rate: int) -> int:
    """Frequencies of the spectra: a power of two that holds two frames."""
    return 2 ** int(np.ceil(np.log2(2 * max(1, round(_FRAME_SECONDS * sample_rate))))) // 2 + 1


def _frames(clip: np.ndarray, sample_rate: int) -> np.ndarray:
    """Overlapping frames (T, W) of a clip (L,), padded to one frame at least."""
    width, hop = max(2, round(_FRAME_SECONDS * sample_rate)), max(1, round(_HOP_SECONDS * sample_rate))
    clip = np.pad(clip, (0, max(0, width - len(clip))))
    return np.lib.stride_tricks.sliding_window_view(clip, width)[::hop]


def _pitch(frames: np.ndarray, sample_rate: int) -> np.ndarray:
    """Pitch in Hz of frames (T, W), 0 where one is not voiced: the first high peak of the autocorrelation."""
    width = frames.shape[1]
    window = np.hanning(width)
    frames = (frames - frames.mean(1, keepdims=True)) * window
    length = 2 * (_bins(sample_rate) - 1)
    finer = -(-_LAGS_HZ // sample_rate)  # lags between samples: the peak of a high pitch falls between two of them
    rate, kept = sample_rate * finer, width * finer
    raw = np.fft.irfft(np.square(np.abs(np.fft.rfft(frames, length))), length * finer)[:, :kept]
    fade = np.fft.irfft(np.square(np.abs(np.fft.rfft(window, length))), length * finer)[:kept]
    curve = raw / np.maximum(raw[:, :1], 1e-20) * (fade[0] / np.maximum(fade, 1e-3 * fade[0]))
    low, high = int(rate / _HIGHEST_HZ), min(int(rate / _LOWEST_HZ), kept * 2 // 3)
    if high - low < 3:
        return np.zeros(len(frames))
    left, middle, right = curve[:, low - 1 : high - 1], curve[:, low:high], curve[:, low + 1 : high + 1]
    peak = (middle >= left) & (middle > right)
    height = np.where(peak, middle, 0)
    best = height.max(1)
    first = np.argmax(height >= np.maximum(_FIRST_PEAK * best, 1e-9)[:, None], axis=1)
    return np.where(best > _VOICED, rate / (first + low), 0.0)
