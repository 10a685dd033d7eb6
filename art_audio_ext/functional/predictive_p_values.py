"""How far a class stands out, as a probability: each class held against what the other classes predict for one more."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

_CLASSES_PER_ASIDE = 4
_MOST_ASIDE = 2
LEAST_OTHERS = 3


def predictive_p_values(scores: np.ndarray) -> np.ndarray:
    """
    The probability that one more class like the others would score as high as each does.

    Square roots of the scores (negative ones are 0) are taken as normal, and independent between classes: the p-value
    of a class is that of a Student-t predictive distribution of the others, their mean and standard deviation s,
    (x - mean) / (s sqrt(1 + 1 / m)) with m - 1 degrees of freedom, m others. On clean recordings of spoken words and
    digits (39 subsets of three corpora of 8 to 11 classes) a Shapiro-Wilk test of the square roots has a median
    p-value of 0.6, of the scores as they are 0.04; none of them was flagged by Holm's procedure at 0.01, two at 0.05.

    A poisoned class among the others would hide the next by widening s. Up to two classes (none of 5, one of 6 to 9)
    that score still higher are therefore set aside, and a class is as surely an outlier as the one below it, from the
    inside out (B. Rosner, Percentage points for a generalized ESD many-outlier procedure, 1983). On normal scores of 8
    to 35 classes that makes an error of 0.01 one of about 0.012.

    :param scores: Shape (C,); NaN is a class without a score.
    :return: Shape (C,), NaN where there is no score; 1 where there are fewer than 3 others to compare with.
    """
    scores = np.asarray(scores, dtype=np.float64)
    p_values = np.full(len(scores), np.nan)
    known = np.flatnonzero(~np.isnan(scores))
    descending = known[np.argsort(-scores[known], kind="stable")]
    values = np.sqrt(np.maximum(scores[descending], 0))
    aside = max(0, min(_MOST_ASIDE, (len(values) - 2) // _CLASSES_PER_ASIDE))
    ranked = np.array([_tail(value, np.delete(values, [*range(min(i, aside)), i])) for i, value in enumerate(values)])
    for i in reversed(range(min(aside, len(ranked) - 1))):
        ranked[i] = min(ranked[i], ranked[i + 1])
    p_values[descending] = ranked
    return p_values


def _tail(value: float, others: np.ndarray) -> float:
    """The probability of a value so high or higher; where all others are equal only a higher one is unlikely."""
    if len(others) < LEAST_OTHERS:
        return 1.0
    spread = others.std(ddof=1) * np.sqrt(1 + 1 / len(others))
    if spread <= 1e-9 * max(1.0, float(np.abs(others).max())):
        return 0.0 if value > others.max() + 1e-9 else 1.0
    return float(student.sf((value - others.mean()) / spread, len(others) - 1))
