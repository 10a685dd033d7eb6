"""How much an attack changed sound and pictures, and noise of the same power: the control of every detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

_PIXEL = 255.0
_PAPER_PIXEL = 4.0  # its column of L-infinity is a quarter of the eps that its text gives in pixels
_ROUNDS = 4


@dataclass(frozen=True)
class AudioVisualDistortion:
    """
    A change clip by clip, float64 (N,).

    :param video_l2: Euclidean length over all pixels of a clip, full scale being 1.
    :param video_frame_l2: The mean over frames of a frame's Euclidean length, full scale being 1.
    :param video_linf_pixels: The largest change of a pixel, of 255.
    :param video_linf_paper: The same over 4, as the paper prints it.
    :param audio_linf_db: The largest change of a sample relative to the clip's largest sample, in dB; minus infinity
        where nothing was changed, plus infinity where the clip was silent.
    """

    video_l2: np.ndarray
    video_frame_l2: np.ndarray
    video_linf_pixels: np.ndarray
    video_linf_paper: np.ndarray
    audio_linf_db: np.ndarray

    def mean(self) -> dict[str, float | None]:
        """Means over the clips, fit for JSON; None where one is not finite or there are no clips."""
        values = {name: float(np.mean(value)) if len(value) else np.nan for name, value in vars(self).items()}
        return {name: value if np.isfinite(value) else None for name, value in values.items()}


def audiovisual_distortion(before: np.ndarray, after: np.ndarray, layout: AudioVisualLayout) -> AudioVisualDistortion:
    """
    How far rows were moved.

    Source: Ma et al., Detecting adversarial attacks on audiovisual speech recognition, 2021, section 5.2; dB as by
    Carlini and Wagner, Audio adversarial examples, 2018.

    :param before: Rows (N, D).
    :param after: Rows (N, D).
    :param layout: Of both.
    :return: The change of each clip.
    :raises ValueError: If the shapes differ or are not the layout's.
    """
    _check(before, after)
    sound, pictures = layout.unpack(np.asarray(after, np.float64) - before)
    frames = np.sqrt(np.square(pictures).sum((2, 3)))
    largest = np.abs(pictures).max((1, 2, 3)) * _PIXEL
    with np.errstate(divide="ignore"):
        change = 20 * np.log10(np.abs(sound).max(1))
        level = 20 * np.log10(np.abs(np.asarray(layout.unpack(before)[0], np.float64)).max(1))
    relative = np.where(np.isneginf(change), -np.inf, change - np.where(np.isneginf(change), 0, level))
    return AudioVisualDistortion(
        video_l2=np.sqrt(np.square(frames).sum(1)),
        video_frame_l2=frames.mean(1),
        video_linf_pixels=largest,
        video_linf_paper=largest / _PAPER_PIXEL,
        audio_linf_db=relative,
    )


def gaussian_noise_like(before: np.ndarray, after: np.ndarray, layout: AudioVisualLayout, *, seed: int) -> np.ndarray:
    """
    Rows with Gaussian noise of the power of a change, clip by clip and modality by modality.

    A detector that flags these as often as the attacked rows hears noise, not an attack.

    :param before: Rows (N, D).
    :param after: Attacked rows (N, D).
    :param layout: Of both.
    :param seed: Of the noise; a clip's noise does not depend on the others.
    :return: float32 (N, D) within the layout's bounds; where bounds cut noise away, the rest is made stronger, so that
        the power is kept to within a hundredth wherever there is room for it.
    :raises ValueError: If the shapes differ or are not the layout's.
    """
    _check(before, after)
    bounds = [layout.unpack(bound[None]) for bound in layout.clip_values()]
    olds, news = (layout.unpack(np.asarray(rows)) for rows in (before, after))
    parts = tuple(np.empty(old.shape, np.float32) for old in olds)
    for row in range(len(parts[0])):
        rng = np.random.default_rng([seed, row])
        for modality, part in enumerate(parts):
            low, high = (bound[modality][0] for bound in bounds)
            old = olds[modality][row].astype(np.float64)
            part[row] = _noisy(old, float(np.linalg.norm(news[modality][row] - old)), (low, high), rng)
    return layout.pack(*parts)


def _noisy(
    old: np.ndarray, wanted: float, bounds: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """One modality of a clip with noise of the Euclidean length `wanted`, within bounds."""
    draw, factor = rng.standard_normal(old.shape), 1.0
    if not wanted:
        return np.clip(old, *bounds)
    for _ in range(_ROUNDS):
        got = float(np.linalg.norm(np.clip(old + factor * draw, *bounds) - old))
        factor *= wanted / max(got, 1e-12)
    return np.clip(old + factor * draw, *bounds)


def _check(before: Any, after: Any) -> None:
    if np.shape(before) != np.shape(after):
        raise ValueError(f"before has shape {np.shape(before)}, after {np.shape(after)}: they must be the same")
