"""Intervals by drawing anew: clips of one speaker stand or fall together."""

from __future__ import annotations

import numpy as np

_DRAWS = 2000
_PERCENT = (2.5, 97.5)


def grouped_interval(values: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """
    95% interval of a mean, by a bootstrap of groups.

    :param values: One a clip (N,).
    :param groups: Which clips belong together (N,), any values.
    :param seed: Of the draws.
    :return: Lower and upper end.
    """
    group = np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(group, values), np.bincount(group)
    drawn = np.random.default_rng(seed).integers(len(sizes), size=(_DRAWS, len(sizes)))
    low, high = np.percentile(sums[drawn].sum(1) / sizes[drawn].sum(1), _PERCENT)
    return float(low), float(high)
