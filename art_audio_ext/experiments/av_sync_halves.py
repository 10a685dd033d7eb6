"""Limits of confidence that are learnt on one half of a fold and judged on the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from art_audio_ext.functional.detection_threshold import benign_limit, best_f1_threshold, mean_f1

FLAGGED_BENIGN = 0.1  # of benign clips, at a limit that knows no attack
_LEAST_SHARE = 0.25  # of the clips, in the smaller half


def halves_of(groups: Sequence[Any]) -> np.ndarray:
    """
    Groups of clips in turn, in the order in which they come: what a limit is learnt on has no group in common with what
    it judges. Where a quarter of the clips would not be left for one half (a single group), clips in turn.

    :param groups: Of each clip, its speaker or file (n,).
    :return: Whether it is in the second half, bool (n,).
    """
    order = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    second = np.array([order[name] % 2 == 1 for name in groups], bool)
    fair = _LEAST_SHARE <= second.mean() <= 1 - _LEAST_SHARE
    return second if fair else np.arange(len(second)) % 2 == 1


def suspicion(reference: Sequence[float], confidence: Sequence[float], sides: int, second: np.ndarray) -> np.ndarray:
    """
    :param reference: Confidence of the benign clips (n,).
    :param confidence: Of the same clips, changed or not (n,).
    :param sides: 1 where low confidence is suspicious; 2 where its distance from the middle of the benign clips of the
        other half is.
    :param second: From `halves_of` (n,).
    :return: Larger is more suspicious (n,).
    """
    values, middle = np.asarray(confidence, float), np.asarray(reference, float)
    if sides == 1:
        return -values
    return np.abs(values - np.where(second, np.median(middle[~second]), np.median(middle[second])))


def judged(
    clean: Sequence[np.ndarray], changed: Sequence[np.ndarray], halves: Sequence[np.ndarray]
) -> tuple[float, float]:
    """
    :param clean: By fold, the suspicion of benign clips (n,).
    :param changed: Of the same clips, changed.
    :param halves: From `halves_of`.
    :return: Mean F1 of both classes, and the share of benign clips flagged, by thresholds of the other half.
    """
    benign, found = [], []
    for one, other, half in _both(clean, changed, halves):
        limit, _ = best_f1_threshold(-one[~half], -other[~half])
        benign.append(-one[half] < limit)
        found.append(-other[half] < limit)
    flagged = np.concatenate([*benign, *found])
    count = sum(map(len, benign))
    return mean_f1(np.arange(len(flagged)) >= count, flagged), float(flagged[:count].mean())


def flagged_at_limit(
    clean: Sequence[np.ndarray], changed: Sequence[np.ndarray], halves: Sequence[np.ndarray]
) -> float | None:
    """
    :param clean: As `judged`.
    :param changed: As `judged`.
    :param halves: As `judged`.
    :return: The share of changed clips beyond a limit that knows no attack, from the benign clips of the other half;
        None where these are too few.
    """
    found = []
    for one, other, half in _both(clean, changed, halves):
        benign = one[~half]
        if len(benign) < 1 / FLAGGED_BENIGN:
            return None
        found.append(-other[half] < benign_limit(-benign, FLAGGED_BENIGN))
    return float(np.concatenate(found).mean())


def _both(*folds: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Each fold once for each half that is judged."""
    for one, other, second in zip(*folds, strict=True):
        yield one, other, second
        yield one, other, ~second
