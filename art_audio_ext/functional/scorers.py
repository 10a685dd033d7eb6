"""Poison scores by name: another score is one more file and one more line here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from art_audio_ext.functional.coherent_checks import check_coherent_options, searchable_classes
from art_audio_ext.functional.coherent_component import coherent_component_scores
from art_audio_ext.functional.combined_component import check_combined_options, combined_component_scores
from art_audio_ext.functional.novel_component import check_novel_options, novel_classes, novel_component_scores
from art_audio_ext.functional.outliers import comparable_classes
from art_audio_ext.functional.poison_likelihood import check_likelihood_options, poison_likelihood_scores
from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.significance import adjusted_p_values


class Scorer(NamedTuple):
    """A score, see `PoisonScorer`, what refuses its options (all, by name) before the work begins, and its input."""

    score: Callable[..., PoisonScores]
    check: Callable[..., None]
    takes: str  # "latents" (N, D), "windows" (T, N, D) or "waveforms" (N, L)
    classes: Callable[..., Any]  # refuses labels and classes to ignore where too few classes are left


SCORERS: dict[str, Scorer] = {
    "coherent_component": Scorer(coherent_component_scores, check_coherent_options, "waveforms", searchable_classes),
    "combined": Scorer(combined_component_scores, check_combined_options, "waveforms", searchable_classes),
    "novel_component": Scorer(novel_component_scores, check_novel_options, "windows", novel_classes),
    "pls": Scorer(poison_likelihood_scores, check_likelihood_options, "latents", comparable_classes),
}


def scorer_options(name: str) -> dict[str, Any]:
    """
    The options of a score with their default values, besides `seed`.

    :param name: A key of `SCORERS`.
    :raises ValueError: If there is no such score.
    """
    if name not in SCORERS:
        raise ValueError(f"unknown score {name!r}: choose one of {', '.join(sorted(SCORERS))}")
    parameters = inspect.signature(SCORERS[name].score).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in ("seed", "progress")}


def scorer_settings(score_options: Mapping[str, Any] | None, **named: Any) -> dict[str, Any]:
    """
    The options for a score, out of those with a name of their own and a dictionary of others, which goes first.

    :param score_options: Options by name; None is none.
    :param named: The others.
    :return: All of them.
    :raises ValueError: If `score_options` is not a dictionary, or holds the seed.
    """
    if score_options is not None and not isinstance(score_options, Mapping):
        raise ValueError(f"score_options must be a dictionary of options by name, got {score_options!r}")
    if "seed" in (score_options or {}):
        raise ValueError("score_options must not hold the seed: give it as seed=...")
    return named | dict(score_options or {})


def check_scorer(name: str, labels: np.ndarray, *, seed: int, **options: Any) -> None:
    """
    Refuse what :func:`score_samples` would refuse for its options or labels, before latents exist.

    :param name: A key of `SCORERS`.
    :param labels: Class indices (N,).
    :param seed: Of all random choices.
    :param options: Of the score.
    :raises ValueError: If there is no such score or option, a value is unusable, or too few classes can be compared.
    """
    defaults = scorer_options(name)
    unknown = sorted(set(options) - set(defaults))
    if unknown:
        raise ValueError(f"score {name!r} has no option {', '.join(unknown)}: it knows {', '.join(sorted(defaults))}")
    options = defaults | options
    SCORERS[name].check(seed=seed, **options)
    taken = [options["dims"]] if "dims" in options else []
    SCORERS[name].classes(labels, options.get("ignore_classes", ()), *taken)


def score_samples(
    name: str, inputs: np.ndarray, labels: np.ndarray, *, seed: int, progress: bool = False, **options: Any
) -> PoisonScores:
    """
    Score a labelled dataset by the score of that name.

    :param name: A key of `SCORERS`.
    :param inputs: What that score takes: one vector a clip (N, D), windows (T, N, D), or waveforms (N, L).
    :param labels: Class indices (N,).
    :param seed: Of all random choices.
    :param progress: Show progress, if that score can.
    :param options: Of the score.
    :return: Scores of classes and samples.
    :raises ValueError: As :func:`check_scorer` does.
    """
    check_scorer(name, labels, seed=seed, **options)
    score = SCORERS[name].score
    shown = {"progress": progress} if "progress" in inspect.signature(score).parameters else {}
    return score(inputs, labels, seed=seed, **shown, **options)


def class_table(scores: PoisonScores, labels: np.ndarray) -> list[dict[str, Any]]:
    """
    What a report says of each class, JSON-safe.

    :param scores: From :func:`score_samples`.
    :param labels: Class indices (N,), as they were scored.
    :return: For each class in ascending order `class`, `clips`, `score`, `spread` (standard deviation over trials),
        `outlier` ((score - median) / MAD over classes), `p_value` (adjusted for the number of classes by Holm),
        `flagged` and `suspects` (0 unless flagged). Numbers are None where the class was not scored, or the score has
        no such number.
    """
    removed = scores.removed(labels)
    none = np.full(len(scores.classes), np.nan)
    p_values = none if scores.class_p is None else adjusted_p_values(scores.class_p)
    return [
        {
            "class": int(label),
            "clips": int((labels == label).sum()),
            "score": _or_none(scores.class_scores[i]),
            "spread": _or_none(scores.class_spread[i]),
            "outlier": _or_none(scores.class_outlier[i]),
            "p_value": _or_none(p_values[i]),
            "flagged": bool(scores.flagged[i]),
            "suspects": int(removed[labels == label].sum()),
        }
        for i, label in enumerate(scores.classes)
    ]


def _or_none(value: float) -> float | None:
    """A number as JSON has it, or None for NaN."""
    return float(value) if np.isfinite(value) else None
