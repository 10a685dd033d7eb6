"""How sure: exact tests of one group of heights against another, and control of the error over many tests."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2, hypergeom
from scipy.stats import t as student

SHARES = (0.0025, 0.02, 0.1)  # of the controls that may lie above the line: few strong matches, or many weak ones


def check_alpha(alpha: float) -> None:
    """
    Refuse what is no probability of error.

    :param alpha: To be above 0 and below 1.
    :raises ValueError: If it is not.
    """
    if isinstance(alpha, (str, bool)) or not np.isfinite(alpha) or not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, such as 0.01, got {alpha!r}")


def holm(p_values: np.ndarray, alpha: float) -> np.ndarray:
    """
    Which hypotheses to reject so that a false rejection among all has probability alpha at most.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, 1979.

    :param p_values: Shape (C,); NaN is not a test.
    :param alpha: Above 0 and below 1.
    :return: bool of shape (C,).
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(p_values))
    rejected = np.zeros(len(p_values), dtype=bool)
    for rank, i in enumerate(tested[np.argsort(p_values[tested], kind="stable")]):
        if p_values[i] > alpha / (len(tested) - rank):
            break
        rejected[i] = True
    return rejected


def adjusted_p_values(p_values: np.ndarray) -> np.ndarray:
    """
    Holm's adjusted p-values: what alpha would have to be for each hypothesis to be rejected.

    :param p_values: Shape (C,); NaN is not a test and stays NaN.
    :return: Shape (C,), at most 1.
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    adjusted[order] = np.maximum.accumulate(np.minimum(1, p_values[order] * np.arange(len(order), 0, -1)))
    return adjusted


def excess_p_value(heights: np.ndarray, controls: np.ndarray) -> float:
    """
    How likely it is that so many of `heights` lie above nearly all of `controls` if both are draws of one kind.

    Fisher's exact test at each of three lines, drawn where a share of `SHARES` of the controls lies above, times three
    (Bonferroni). It assumes no distribution, only that clips are exchangeable if nothing sets the class apart.

    :param heights: Shape (n,).
    :param controls: Shape (m,), m >= 1.
    :return: A p-value.
    """
    ordered = np.sort(controls)[::-1]
    p_values = []
    for share in SHARES:
        line = ordered[max(1, round(share * len(ordered))) - 1]
        found, above = int((heights >= line).sum()), int((ordered >= line).sum())
        total = len(heights) + len(ordered)
        p_values.append(float(hypergeom.sf(found - 1, total, above + found, len(heights))) if found else 1.0)
    return min(1.0, len(SHARES) * min(p_values))


def combined_p_value(p_values: list[float]) -> float:
    """
    One p-value of several that test the same hypothesis, exact where they are independent.

    Source: R. A. Fisher, Statistical Methods for Research Workers, 1932: -2 sum(log p) is chi-squared.

    :param p_values: Each in [0, 1].
    :return: Their combination.
    """
    logs = np.log(np.maximum(p_values, 1e-300))
    return float(chi2.sf(-2 * logs.sum(), 2 * len(logs)))


def outlier_p_values(values: np.ndarray, prior_scale: float, prior_weight: float = 4.0) -> np.ndarray:
    """
    How likely each value is to come from where the others come from, if that is a normal distribution.

    Each is held against the median of the others, which a second outlier does not move much, in units of a scale that
    blends the others' spread (median absolute deviation) with a prior one, which few others could not tell alone.
    Student's t with the degrees of freedom of both (the posterior predictive under an inverse-gamma prior).

    :param values: Shape (C,), finite.
    :param prior_scale: Spread to be expected, above 0.
    :param prior_weight: How many values the prior is worth.
    :return: One-sided p-values (C,), small for high values; 1 where there is one value alone.
    """
    p_values = np.ones(len(values))
    for i in range(len(values) if len(values) > 1 else 0):
        others = np.delete(values, i)
        centre = float(np.median(others))
        spread = 1.4826 * float(np.median(np.abs(others - centre)))
        freedom = prior_weight + len(others) - 1
        scale = np.sqrt((prior_weight * prior_scale**2 + (len(others) - 1) * spread**2) / freedom)
        # the median of n normal values varies as 1.25 / sqrt(n)
        p_values[i] = student.sf((values[i] - centre) / (scale * np.sqrt(1 + 1.57 / len(others))), freedom)
    return p_values
