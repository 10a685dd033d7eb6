"""The score that audits use: sounds that repeat exactly, and groups that no other class knows, as one verdict."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np

from art_audio_ext.functional.checks import class_indices
from art_audio_ext.functional.coherent_checks import check_coherent_options
from art_audio_ext.functional.coherent_component import coherent_component_scores
from art_audio_ext.functional.front_end import HOP_SECONDS
from art_audio_ext.functional.novel_component import novel_classes, novel_component_scores
from art_audio_ext.functional.outliers import class_outliers
from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.predictive_p_values import LEAST_OTHERS
from art_audio_ext.functional.significance import adjusted_p_values, holm
from art_audio_ext.functional.window_tokens import WINDOW_FRAMES, pca_window_seconds, pca_windows

PARTS = ("coherent_component", "novel_component")


def combined_component_scores(
    waveforms: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int,
    sample_rate: int = 16000,
    alpha: float = 0.01,
    anywhere: bool = True,
    largest_class: int = 400,
    ignore_classes: Collection[int] = (),
    progress: bool = False,
) -> PoisonScores:
    """
    Score each class by the stronger of two kinds of evidence, and correct for having looked at both.

    `coherent_component_scores` finds sounds that were mixed in, however loud the speech over them;
    `novel_component_scores`, on the log-mel windows, finds what makes clips alike without repeating exactly. Suspects
    of a class are those of the first, unless the second has twice its evidence there (the logarithm of the p-value).

    :param waveforms: Shape (N, L) in [-1, 1], an array or a memory map, which is read in batches.
    :param labels: Class indices (N,), or one-hot rows (N, C).
    :param seed: Of all random choices.
    :param sample_rate: In Hz.
    :param alpha: Probability of calling a clean dataset poisoned.
    :param anywhere: Look for repeating sounds at any place too, not only at the same place of every clip.
    :param largest_class: Larger classes are searched in a random sub-sample of this size.
    :param ignore_classes: Labels to leave out, such as noise.
    :param progress: Show progress bars.
    :return: Scores; `details["classes"]` has the part that decided, and what each part found.
    :raises ValueError: If an input or an option is unusable, or fewer than 2 classes have 12 clips.
    """
    labels = class_indices(labels, len(waveforms), "labels")
    shared: dict[str, Any] = {"seed": seed, "alpha": alpha, "ignore_classes": ignore_classes, "progress": progress}
    shared |= {"largest_class": largest_class}
    coherent = coherent_component_scores(waveforms, labels, sample_rate=sample_rate, anywhere=anywhere, **shared)
    reason = _too_few(waveforms, labels, sample_rate, ignore_classes)
    if reason is not None:
        note = f"Groups of clips were not looked for: {reason}."
        return replace(coherent, details=coherent.details | {"notes": [*coherent.details["notes"], note]})
    tokens, seconds = pca_windows(waveforms, sample_rate, seed), pca_window_seconds(waveforms.shape[1], sample_rate)
    novel = novel_component_scores(tokens, labels, window_seconds=seconds, **shared)
    return combine({"coherent_component": coherent, "novel_component": novel}, labels, alpha)


def _too_few(
    waveforms: np.ndarray, labels: np.ndarray, sample_rate: int, ignore_classes: Collection[int]
) -> str | None:
    """Why the novel component cannot be had of these clips, or None."""
    if waveforms.shape[1] < WINDOW_FRAMES * round(HOP_SECONDS * sample_rate):
        return f"clips of {waveforms.shape[1]} samples are shorter than a window"
    try:
        classes = novel_classes(labels, ignore_classes)
    except ValueError as error:
        return str(error)
    if classes.scored.sum() <= LEAST_OTHERS:
        return f"{LEAST_OTHERS} classes or fewer are large enough to compare"
    return None


def combine(parts: dict[str, PoisonScores], labels: np.ndarray, alpha: float) -> PoisonScores:
    """
    One verdict out of several scores of the same clips.

    :param parts: By name, each with p-values.
    :param labels: Class indices (N,).
    :param alpha: Of Holm's procedure over classes, after Bonferroni's over the parts.
    :return: Scores; a class that no part scored has NaN. Classes that the first part flags because all share a sound
        stay flagged. The first part names the suspects of a class unless another has twice its evidence there.
    """
    scores = list(parts.values())
    classes = scores[0].classes
    each = np.stack([np.full(len(classes), np.nan) if part.class_p is None else part.class_p for part in scores])
    least = np.where(np.isnan(each), np.inf, each).min(0)
    p_values = np.where(np.isinf(least), np.nan, np.minimum(1, len(parts) * least))
    filled = np.where(np.isnan(each), 1.0, each)
    decided = np.where(filled[0] <= np.sqrt(filled.min(0)), 0, filled.argmin(0))
    shared = np.isin(classes, scores[0].details.get("shared_classes", []))
    decided = np.where(shared, 0, decided)
    sample_scores = np.zeros(len(labels))
    for label, part in zip(classes, decided, strict=True):
        sample_scores[labels == label] = scores[part].sample_scores[labels == label]
    class_scores, outlier = 0.0 - np.log10(np.maximum(p_values, 1e-300)), np.full(len(classes), np.nan)
    known = ~np.isnan(p_values)
    outlier[known] = class_outliers(class_scores[known])
    return PoisonScores(
        classes=classes,
        class_scores=class_scores,
        class_spread=np.full(len(classes), np.nan),
        class_outlier=outlier,
        class_p=p_values,
        flagged=holm(p_values, alpha) | shared,
        sample_scores=sample_scores,
        suspects=sample_scores > 0.5,
        details=_details(parts, classes, decided, p_values, alpha),
    )


def _details(
    parts: dict[str, PoisonScores], classes: np.ndarray, decided: np.ndarray, p_values: np.ndarray, alpha: float
) -> dict[str, Any]:
    """What a report says, JSON-safe: per class, which part decided and what each found."""
    adjusted, names = adjusted_p_values(p_values), list(parts)
    found = {
        str(label): {
            "p_adjusted": float(p),
            "decided_by": names[part],
            **{name: scores.details["classes"].get(str(label)) for name, scores in parts.items()},
        }
        for label, part, p in zip(classes.tolist(), decided, adjusted, strict=True)
        if np.isfinite(p)
    }
    notes = [note for part in parts.values() for note in part.details["notes"]]
    first = parts[names[0]].details
    options = {key: value for key, value in first.items() if key not in ("classes", "notes", "highest_class")}
    highest = int(classes[np.nanargmin(p_values)])
    return options | {"alpha": alpha, "classes": found, "highest_class": highest, "notes": list(dict.fromkeys(notes))}


def check_combined_options(**options: Any) -> None:
    """
    Refuse an option of :func:`combined_component_scores` that is out of range, by name.

    :raises ValueError: For the first one found.
    """
    check_coherent_options(**options, controls=600, flattened=False)
