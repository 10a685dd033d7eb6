"""How good speech sounds beside its clean original: PESQ, STOI and SI-SDR, clip by clip."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from art_audio_ext.functional.checks import check_sample_rate, check_waveforms

SILENT_PEAK = 1e-4  # three steps of 16-bit sound: what peaks below it has no quality
PESQ_RATES = {16000: "wb", 8000: "nb"}  # wide band (P.862.2) and narrow band (P.862)
_LONGEST_PESQ_SECONDS = 20.0  # P.862 was made for 8 to 12 s; its code has room for 50 utterances, and crashes on more
_SHORTEST_STOI_SECONDS = 0.4  # 30 frames of 25.6 ms, half of each shared with the next
_INSTALL = 'pip install "art-audio-ext[quality]"'


class NoAnswer(Exception):
    """A measure has nothing to say of a clip; the message says why."""


@dataclass(frozen=True)
class ClipScores:
    """
    A measure of clips.

    :param values: float64 (N,); NaN where there is no answer.
    :param reasons: One a clip, why there is no answer; "" where there is one.
    """

    values: np.ndarray
    reasons: tuple[str, ...]


def pesq(changed: np.ndarray, clean: np.ndarray, sample_rate: int) -> ClipScores:
    """
    Perceptual evaluation of speech quality: wide band at 16 kHz, narrow band at 8 kHz.

    Source: ITU-T P.862 and P.862.2, by the package pesq.

    :param changed: Sound (N, L) in [-1, 1].
    :param clean: What it was before (N, L).
    :param sample_rate: 16000 or 8000 Hz.
    :return: Mean opinion scores, 1.04 to 4.64 in wide band, 1.02 to 4.55 in narrow band; none for a clip that is
        silent, shorter than a quarter of a second, longer than 20 s, or without an utterance.
    :raises ValueError: If the sound is unusable, or the rate another.
    :raises ImportError: If the extra is not installed.
    """
    if check_sample_rate(sample_rate) not in PESQ_RATES:
        raise ValueError(f"PESQ knows 16000 and 8000 Hz, not {sample_rate}: resample the clips to one of them")
    measure = audio_metric("pesq", "pesq").perceptual_evaluation_speech_quality
    failure = importlib.import_module("pesq").PesqError

    def one(sound: Any, original: Any) -> float:
        if len(sound) > _LONGEST_PESQ_SECONDS * sample_rate:
            raise NoAnswer(f"longer than {_LONGEST_PESQ_SECONDS:g} s")
        try:
            return float(measure(sound, original, sample_rate, PESQ_RATES[sample_rate]))
        except failure as error:  # its messages are bytes
            text = error.args[0] if error.args else "no reason given"
            raise NoAnswer(text.decode() if isinstance(text, bytes) else str(text)) from error

    return _clip_by_clip(one, changed, clean)


def stoi(changed: np.ndarray, clean: np.ndarray, sample_rate: int, *, extended: bool = False) -> ClipScores:
    """
    Short-time objective intelligibility.

    Source: Taal et al., An algorithm for intelligibility prediction of time-frequency weighted noisy speech, 2011, by
    the package pystoi.

    :param changed: Sound (N, L) in [-1, 1].
    :param clean: What it was before (N, L).
    :param sample_rate: In Hz; resampled to 10 kHz within.
    :param extended: The measure of Jensen and Taal, 2016.
    :return: About 0 (nothing is understood) to 1; none for a clip that is silent, or that has less than .4 s of sound
        within 40 dB of its loudest frame.
    :raises ValueError: If the sound is unusable.
    :raises ImportError: If the extra is not installed.
    """
    rate = check_sample_rate(sample_rate)
    measure = audio_metric("stoi", "pystoi").short_time_objective_intelligibility

    def one(sound: Any, original: Any) -> float:
        if len(sound) < _SHORTEST_STOI_SECONDS * rate:
            raise NoAnswer(f"shorter than {_SHORTEST_STOI_SECONDS:g} s")
        with warnings.catch_warnings(record=True) as said:  # pystoi warns, and answers .00001
            warnings.simplefilter("always", RuntimeWarning)
            value = float(measure(sound, original, rate, extended))
        if any("Not enough STFT frames" in str(warning.message) for warning in said):
            raise NoAnswer(f"less than {_SHORTEST_STOI_SECONDS:g} s of it is not silent")
        return value

    return _clip_by_clip(one, changed, clean)


def si_sdr(changed: np.ndarray, clean: np.ndarray, sample_rate: int) -> ClipScores:
    """
    Scale-invariant ratio of the clean signal to what else is there.

    Source: Le Roux et al., SDR - half-baked or well done?, 2019, equation 4 (no mean is taken off), by torchmetrics.

    :param changed: Sound (N, L) in [-1, 1].
    :param clean: What it was before (N, L).
    :param sample_rate: In Hz; checked as elsewhere, the ratio does not depend on it.
    :return: In dB; none for a silent clip.
    :raises ValueError: If the sound is unusable.
    :raises ImportError: If the extra is not installed.
    """
    check_sample_rate(sample_rate)
    measure = audio_metric("sdr").scale_invariant_signal_distortion_ratio
    return _clip_by_clip(lambda sound, original: float(measure(sound, original)), changed, clean)


def is_silent(clip: np.ndarray) -> bool:
    """
    Whether a clip is too quiet for any measure.

    :param clip: Shape (L,) in [-1, 1].
    :return: True where no sample reaches .0001.
    """
    return float(np.abs(clip).max()) < SILENT_PEAK


def _clip_by_clip(measure: Callable[[Any, Any], float], changed: np.ndarray, clean: np.ndarray) -> ClipScores:
    """A measure of float64 tensors (L,), for each pair of clips that have one."""
    import torch

    sound, original = check_waveforms(changed, "changed"), check_waveforms(clean, "clean")
    if sound.shape != original.shape:
        raise ValueError(f"changed {sound.shape} and clean {original.shape} must have one shape: give pairs of clips")

    def one(row: int) -> float:
        for name, clip in (("changed", sound[row]), ("clean", original[row])):
            if is_silent(clip):
                raise NoAnswer(f"the {name} clip is silent")
        pair = (torch.from_numpy(np.array(clip, np.float64)) for clip in (sound[row], original[row]))
        return measure(*pair)

    return collected(one, len(sound))


def collected(measure: Callable[[int], float], count: int) -> ClipScores:
    """
    What a measure says of each clip.

    :param measure: Of the row of a clip; it may raise `NoAnswer`.
    :param count: How many clips.
    :return: One value or one reason each; a value that is not finite counts as none.
    """
    values, reasons = np.full(count, np.nan), [""] * count
    for row in range(count):
        try:
            value = measure(row)
            if not np.isfinite(value):
                raise NoAnswer("the measure gave no finite number")
            values[row] = value
        except NoAnswer as reason:
            reasons[row] = str(reason)
    return ClipScores(values, tuple(reasons))


def audio_metric(part: str, *needed: str) -> Any:
    """
    A module of torchmetrics' audio metrics, imported late.

    :param part: Its name.
    :param needed: Packages that it needs beside.
    :return: The module.
    :raises ImportError: If one of them is not installed.
    """
    try:
        for name in needed:
            importlib.import_module(name)
        return importlib.import_module(f"torchmetrics.functional.audio.{part}")
    except ImportError as error:
        raise ImportError(f"speech quality needs {error.name or needed[0]} ({error}): {_INSTALL}") from error
