"""What an attack did to each clip: level of the change, labels and confidences before and after, and its cost."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from art_audio_ext.functional.snr_change import is_silent, snr_db


@dataclass(frozen=True)
class ClipReport:
    """
    One clip under attack.

    :param snr_db: In dB; None where it is not defined: the clip is silent, or nothing was changed.
    :param label: What the clip is, or was called before.
    :param target: What it should be called; None in an untargeted attack.
    :param new_label: What it is called now.
    :param old_confidence: Probability of `label` before the attack, in [0, 1] (GT in the paper's Table 3).
    :param new_confidence: Of `new_label` after it (New).
    :param old_label_confidence: Of `label` after it (GT New).
    :param success: It is called the target, or anything but `label`.
    :param already: So it was before the attack, which therefore deserves no credit.
    :param silent: All samples are zero; the attacks of this package leave such a clip as it is.
    :param iterations: Steps spent on this clip; None where nobody counted.
    :param queries: Forward passes of this clip, with or without a gradient; None where nobody counted.
    """

    snr_db: float | None
    label: int
    target: int | None
    new_label: int
    old_confidence: float
    new_confidence: float
    old_label_confidence: float
    success: bool
    already: bool
    silent: bool
    iterations: int | None = None
    queries: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values for JSON."""
        return asdict(self)


def clip_reports(
    x: np.ndarray,
    changed: np.ndarray,
    scores: tuple[np.ndarray, np.ndarray],
    labels: np.ndarray,
    *,
    targets: np.ndarray | None = None,
    iterations: np.ndarray | None = None,
    queries: np.ndarray | None = None,
) -> list[ClipReport]:
    """
    Compare clips before and after an attack.

    :param x: Sound (N, L).
    :param changed: The same after the attack.
    :param scores: Logits or log-probabilities (N, C) before and after.
    :param labels: Class indices (N,).
    :param targets: Class indices (N,) of a targeted attack.
    :param iterations: Of each clip (N,).
    :param queries: Of each clip (N,).
    :return: N reports.
    :raises ValueError: If lengths differ, a score is no number, or scores are probabilities.
    """
    for name, array in (("scores before", scores[0]), ("scores after", scores[1]), ("labels", labels)):
        if len(array) != len(x):
            raise ValueError(f"{name}: {len(array)} rows for {len(x)} clips")
    before, after = probabilities(scores[0]), probabilities(scores[1])
    wanted = np.full(len(x), -1) if targets is None else np.asarray(targets)
    ratios, silent = snr_db(x, changed), is_silent(x)
    return [
        ClipReport(
            snr_db=float(ratios[row]) if math.isfinite(ratios[row]) else None,
            label=int(label),
            target=None if targets is None else int(wanted[row]),
            new_label=int(after[row].argmax()),
            old_confidence=float(before[row, label]),
            new_confidence=float(after[row].max()),
            old_label_confidence=float(after[row, label]),
            success=_reached(after[row], label, wanted[row]),
            already=_reached(before[row], label, wanted[row]),
            silent=bool(silent[row]),
            iterations=None if iterations is None else int(iterations[row]),
            queries=None if queries is None else int(queries[row]),
        )
        for row, label in enumerate(np.asarray(labels))
    ]


@dataclass(frozen=True)
class AttackSummary:
    """
    An attack on many clips; clips that needed none (`already`) and silent ones are left out, means are over successes.

    :param clips: How many were attacked.
    :param successes: How many of them were broken.
    :param success_rate: Their share; None without clips.
    :param median_snr_db: In dB; None without a success.
    :param mean_snr_db: In dB; None without a success.
    :param new_confidence: Mean; None without a success.
    :param old_label_confidence: Mean; None without a success.
    :param mean_iterations: Over all clips attacked; None where nobody counted.
    :param mean_queries: Over all clips attacked; None where nobody counted.
    """

    clips: int
    successes: int
    success_rate: float | None
    median_snr_db: float | None
    mean_snr_db: float | None
    new_confidence: float | None
    old_label_confidence: float | None
    mean_iterations: float | None
    mean_queries: float | None

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values for JSON."""
        return asdict(self)


def summarise(reports: list[ClipReport]) -> AttackSummary:
    """
    :param reports: Of one attack.
    :return: Success, level, confidence and cost.
    """
    attacked = [report for report in reports if not report.already and not report.silent]
    broken = [report for report in attacked if report.success]
    ratios = [report.snr_db for report in broken if report.snr_db is not None]
    return AttackSummary(
        clips=len(attacked),
        successes=len(broken),
        success_rate=len(broken) / len(attacked) if attacked else None,
        median_snr_db=float(np.median(ratios)) if ratios else None,
        mean_snr_db=_mean(ratios),
        new_confidence=_mean([report.new_confidence for report in broken]),
        old_label_confidence=_mean([report.old_label_confidence for report in broken]),
        mean_iterations=_mean([report.iterations for report in attacked]),
        mean_queries=_mean([report.queries for report in attacked]),
    )


def check_logits(scores: np.ndarray) -> np.ndarray:
    """
    :param scores: Logits (N, C); log-probabilities are logits, too.
    :return: The same in float64.
    :raises ValueError: If one is no number, or they are probabilities, of which a softmax would make others.
    """
    scores = np.asarray(scores, np.float64)
    if np.isnan(scores).any():
        row = int(np.isnan(scores).any(axis=1).argmax())
        raise ValueError(f"the classifier's scores of row {row} are no numbers: look for NaN in its weights")
    if scores.size and scores.min() >= 0 and np.allclose(scores.sum(axis=1), 1, rtol=1e-3):
        raise ValueError("the classifier returns probabilities: return logits, or their logarithm, torch.log(p)")
    return scores


def probabilities(scores: np.ndarray) -> np.ndarray:
    """
    :param scores: Logits (N, C); log-probabilities are logits, too.
    :return: Their softmax, float64 (N, C).
    :raises ValueError: If one is no number, or they are probabilities.
    """
    scores = check_logits(scores)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _reached(scores: np.ndarray, label: int, target: int) -> bool:
    best = int(scores.argmax())
    return bool(best == target if target >= 0 else best != label)


def _mean(values: list[Any]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
