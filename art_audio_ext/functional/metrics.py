"""What is counted after an attack or a filter: confusion, agreement, attack success, accuracy, ranking."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm


@dataclass(frozen=True)
class Confusion:
    """Counts of a filter's decisions; positive = poison, predicted positive = removed."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def true_positive_rate(self) -> float | None:
        """Share of the poison that was removed; None without poison."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def false_positive_rate(self) -> float | None:
        """Share of the clean clips that was removed; None without clean clips."""
        return _share(self.false_positives, self.false_positives + self.true_negatives)

    @property
    def precision(self) -> float | None:
        """Share of the removed clips that was poison; None when nothing was removed."""
        return _share(self.true_positives, self.removed)

    @property
    def removed(self) -> int:
        """How many clips were removed."""
        return self.true_positives + self.false_positives

    @property
    def adjusted_rand_index(self) -> float:
        """See :func:`ari_from_confusion`."""
        return ari_from_confusion(self.true_positives, self.false_positives, self.true_negatives, self.false_negatives)


def confusion(is_poison: np.ndarray, removed: np.ndarray) -> Confusion:
    """
    Compare what a filter removed with what was poison.

    :param is_poison: bool (N,).
    :param removed: bool (N,).
    :return: The four counts.
    :raises ValueError: If the two do not have the same shape (N,).
    """
    is_poison, removed = np.asarray(is_poison, dtype=bool), np.asarray(removed, dtype=bool)
    if is_poison.ndim != 1 or is_poison.shape != removed.shape:
        raise ValueError(f"is_poison {is_poison.shape} and removed {removed.shape} must both have shape (N,)")
    return Confusion(
        true_positives=int(np.sum(is_poison & removed)),
        false_positives=int(np.sum(~is_poison & removed)),
        true_negatives=int(np.sum(~is_poison & ~removed)),
        false_negatives=int(np.sum(is_poison & ~removed)),
    )


def ari_from_confusion(tp: int, fp: int, tn: int, fn: int) -> float:
    """
    Adjusted Rand index between the true split (poison, clean) and the filter's (removed, kept).

    1 is perfect agreement, about 0 is chance. Source: Hubert and Arabie, Comparing partitions, 1985, equation 5,
    in the pair-counting form that needs nothing but the two by two table.

    :param tp: Poison removed.
    :param fp: Clean clips removed.
    :param tn: Clean clips kept.
    :param fn: Poison kept.
    :return: A value of at most 1.
    :raises ValueError: If a count is negative.
    """
    counts = [int(tp), int(fp), int(tn), int(fn)]
    if min(counts) < 0:
        raise ValueError(f"counts must not be negative, got {counts}")
    tp, fp, tn, fn = counts
    clips = sum(counts)
    # Python's whole numbers do not overflow: squares of a million clips would pass 2 ** 63 in the products below.
    squares = sum(k * k for k in counts)
    by_truth = (tp + fn) ** 2 + (fp + tn) ** 2
    by_filter = (tp + fp) ** 2 + (fn + tn) ** 2
    together = squares - clips
    apart_in_filter = by_truth - squares
    apart_in_truth = by_filter - squares
    apart = clips * clips - by_truth - by_filter + squares
    if apart_in_filter == 0 and apart_in_truth == 0:
        return 1.0
    top = 2 * (together * apart - apart_in_truth * apart_in_filter)
    bottom = (together + apart_in_filter) * (apart_in_filter + apart) + (together + apart_in_truth) * (
        apart_in_truth + apart
    )
    return top / bottom


def attack_success_rate(predicted: np.ndarray, true_labels: np.ndarray, target_class: int) -> float:
    """
    Share of triggered clips, of any class but the target's own, that the model calls the target class.

    :param predicted: Class indices (N,) predicted for triggered clips.
    :param true_labels: Their true class indices (N,).
    :param target_class: Index of the class that the attacker wants.
    :return: In [0, 1].
    :raises ValueError: If no clip of another class is there.
    """
    predicted, true_labels = np.asarray(predicted), np.asarray(true_labels)
    others = true_labels != target_class
    if not others.any():
        raise ValueError("attack_success_rate needs triggered clips of a class other than the target's")
    return float(np.mean(predicted[others] == target_class))


def benign_accuracy(predicted: np.ndarray, true_labels: np.ndarray) -> float:
    """
    Share of untouched clips that the model labels rightly.

    :param predicted: Class indices (N,).
    :param true_labels: Class indices (N,).
    :return: In [0, 1].
    :raises ValueError: If there is no clip, or the shapes differ.
    """
    predicted, true_labels = np.asarray(predicted), np.asarray(true_labels)
    if predicted.shape != true_labels.shape or not predicted.size:
        raise ValueError(f"benign_accuracy needs as many predictions {predicted.shape} as labels {true_labels.shape}")
    return float(np.mean(predicted == true_labels))


def roc_auc(is_poison: np.ndarray, scores: np.ndarray) -> float:
    """
    Probability that a poisoned clip scores higher than a clean one; ties count half.

    :param is_poison: bool (N,).
    :param scores: float (N,), higher is more suspicious.
    :return: In [0, 1].
    :raises ValueError: If one of the two kinds is missing.
    """
    is_poison, scores = np.asarray(is_poison, dtype=bool), np.asarray(scores, dtype=np.float64)
    positives, negatives = int(is_poison.sum()), int((~is_poison).sum())
    if not positives or not negatives:
        raise ValueError(f"roc_auc needs both kinds, got {positives} poisoned and {negatives} clean clips")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank_of_value = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = rank_of_value[inverse][is_poison].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def proportion_interval(count: float, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """
    Wilson's interval of a share, which is honest near 0 and 1, too.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.

    :param count: How often, from 0 to `total`; no whole number where trials stand for several answers each.
    :param total: Of how many, at least 1.
    :param confidence: Of the interval.
    :return: Its ends, in [0, 1].
    :raises ValueError: If the count is no share of the total.
    """
    if total < 1 or not 0 <= count <= total:
        raise ValueError(
            f"an interval needs at least 1 trial and a count from 0 to their number, got {count} of {total}"
        )
    share, square = count / total, float(norm.ppf((1 + confidence) / 2)) ** 2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = math.sqrt(square * (share * (1 - share) + square / (4 * total)) / total) / (1 + square / total)
    return 0.0 if count == 0 else max(0.0, middle - half), 1.0 if count == total else min(1.0, middle + half)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
