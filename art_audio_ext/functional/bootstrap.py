"""Intervals by drawing anew: clips of one speaker stand or fall together."""

from __future__ import annotations

import numpy as np

_DRAWS = 2000
_PERCENT = (2.5, 97.5)


def grouped_interval(values: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """
    95% interval of a mean, by a bootstrap of groups, and of trainings where there are several.

    :param values: One a clip (N,), or a row of them for each training (S, N).
    :param groups: Which clips belong together (N,), any values.
    :param seed: Of the draws.
    :return: Lower and upper end.
    """
    group = np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.stack([np.bincount(group, row) for row in np.atleast_2d(values)]), np.bincount(group)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(sizes), size=(_DRAWS, len(sizes)))
    if len(sums) == 1:
        found = sums[0][drawn].sum(1)
    else:
        runs = rng.integers(len(sums), size=(_DRAWS, len(sums)))
        found = np.array([sums[run][:, groups].sum() for run, groups in zip(runs, drawn, strict=True)]) / len(sums)
    low, high = np.percentile(found / sizes[drawn].sum(1), _PERCENT)
    return float(low), float(high)
