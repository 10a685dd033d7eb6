"""Intervals by drawing anew: clips of one speaker stand or fall together."""

from __future__ import annotations

import math

import numpy as np

from art_audio_ext.functional.metrics import proportion_interval

_DRAWS = 2000
_PERCENT = (2.5, 97.5)
_FEW = 5  # groups that disagree, below which drawing anew misses those that do: then the interval is too narrow


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


def share_interval(flags: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """
    95% interval of a share: Wilson's, or by drawing groups anew where a group has several flags.

    Where fewer than five groups have a flag of the rarer kind it is Wilson's again, with as many trials as there are
    groups: drawing anew would leave the few out, and a single failure would narrow the interval.

    :param flags: One a clip (N,), at least one, or a row of them for each training (S, N), which are drawn anew, too.
    :param groups: Which belong together (N,), any values.
    :param seed: Of the draws.
    :return: Lower and upper end.
    """
    flags, single = np.atleast_2d(np.asarray(flags, bool)), len(np.unique(groups))
    share = float(flags.mean())
    rare = (flags if share <= 0.5 else ~flags).any(0)
    alone = len(flags) == 1 and single == flags.shape[1]
    if alone or len(np.unique(np.asarray(groups)[rare])) < _FEW:
        return proportion_interval(share * single, single)
    return grouped_interval(flags.astype(np.float64), groups, seed)


def gap_interval(gaps: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """
    95% interval of a difference of two shares on the same clips, by drawing groups anew.

    Where fewer than five groups have a clip on which the two differ, drawing anew would miss these: then it is
    Newcombe's of the shares won and lost, with as many trials as there are groups. Else no difference seen would read
    as none proven.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions", 1998, method 10.

    :param gaps: 1 (won), 0 or -1 (lost) for each clip (N,), at least one, or a row of them for each training (S, N).
    :param groups: Which clips belong together (N,), any values.
    :param seed: Of the draws.
    :return: Lower and upper end, in [-1, 1].
    """
    gaps, count = np.atleast_2d(np.asarray(gaps, np.float64)), len(np.unique(groups))
    if len(np.unique(np.asarray(groups)[gaps.any(0)])) >= _FEW:
        return grouped_interval(gaps, groups, seed)
    won, lost = float((gaps > 0).mean()), float((gaps < 0).mean())
    (least_won, most_won), (least_lost, most_lost) = (proportion_interval(s * count, count) for s in (won, lost))
    low = won - lost - math.hypot(won - least_won, most_lost - lost)
    high = won - lost + math.hypot(most_won - won, lost - least_lost)
    return max(-1.0, low), min(1.0, high)


def median_interval(values: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """
    The upper median, which is one of the values, and its 95% interval by a bootstrap of groups.

    :param values: One a clip (N,), at least one; they may be infinite, which a mean may not.
    :param groups: Which belong together (N,), any values.
    :param seed: Of the draws.
    :return: The median, lower and upper end.
    """
    order = np.argsort(values, kind="stable")
    ordered, group = np.asarray(values, np.float64)[order], np.unique(groups, return_inverse=True)[1][order]
    count, rng = int(group.max()) + 1, np.random.default_rng(seed)
    found = np.empty(_DRAWS)
    for draw in range(_DRAWS):
        often = np.cumsum(np.bincount(rng.integers(count, size=count), minlength=count)[group])
        found[draw] = ordered[np.searchsorted(often, often[-1] // 2, side="right")]
    found.sort()  # an end is one of the medians: between two that are infinite there is nothing
    low, high = (found[math.floor(share / 100 * (_DRAWS - 1))] for share in _PERCENT)
    return float(ordered[len(ordered) // 2]), float(low), float(high)


def difference_interval(
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
    groups: np.ndarray,
    seed: int = 0,
) -> tuple[float, float, float]:
    """
    By how much the mean of one set of models lies below another's on the same clips, and its 95% interval.

    Of a clip the mean over the models that have a value counts. Clips are drawn anew, and with them the trainings of
    each family of models, so that the interval holds for trainings that were not seen, as far as the few there are
    show how they differ; a family of one stays as it is.

    :param first: Values (M, K), NaN where a model has none, and the family of each model (M,), whole numbers from 0.
        Every clip has a value of some model.
    :param second: The same of other models (O, K), (O,).
    :param groups: Which clips belong together (K,), any values.
    :param seed: Of the draws.
    :return: The mean of `first` less that of `second`; lower and upper end.
    """
    rng, group = np.random.default_rng(seed), np.unique(groups, return_inverse=True)[1]
    count, found = int(group.max()) + 1, np.empty(_DRAWS)
    for draw in range(_DRAWS):
        weights = np.bincount(rng.integers(count, size=count), minlength=count)[group]
        less = np.subtract(*(_mean_of(values, _redrawn(families, rng)) for values, families in (first, second)))
        known = weights * np.isfinite(less)
        found[draw] = (known @ np.nan_to_num(less)) / known.sum() if known.any() else np.nan
    whole = np.subtract(*(_mean_of(values, np.ones(len(values))) for values, _ in (first, second)))
    low, high = np.nanpercentile(found, _PERCENT)
    return float(whole.mean()), float(low), float(high)


def _redrawn(families: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How often each model is drawn (M,), with replacement within its family."""
    often = np.zeros(len(families))
    for family in np.unique(families):
        members = np.flatnonzero(families == family)
        often += np.bincount(rng.choice(members, len(members)), minlength=len(families))
    return often


def _mean_of(values: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Weighted means of the columns (K,), of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    weights = often @ known
    means = np.full(values.shape[1], np.nan)
    np.divide(often @ np.where(known, values, 0.0), weights, out=means, where=weights > 0)
    return means
