"""Where to draw the line between benign and adversarial clips whose scores are known; adversarial ones score low."""

from __future__ import annotations

import math

import numpy as np


def mean_f1(is_adversarial: np.ndarray, flagged: np.ndarray) -> float:
    """
    Mean of the F1 scores of both classes.

    :param is_adversarial: bool (N,).
    :param flagged: bool (N,).
    :return: In [0, 1].
    """
    truth, said = np.asarray(is_adversarial, dtype=bool), np.asarray(flagged, dtype=bool)
    wrong = int(np.sum(truth != said))
    right = np.array([np.sum(truth & said), np.sum(~truth & ~said)])
    return float(_f1(right, wrong).mean())


def best_f1_threshold(benign: np.ndarray, adversarial: np.ndarray) -> tuple[float, float]:
    """
    The threshold below which clips are flagged, such that the mean F1 of both classes is highest.

    Source: Ma, Petridis and Pantic, "Detecting adversarial attacks on audiovisual speech recognition", chooses so.

    :param benign: Scores (N,).
    :param adversarial: Scores (M,).
    :return: The threshold, midway between two scores (among equally good ones that in the widest gap), and its mean F1.
    :raises ValueError: If one of the kinds is missing.
    """
    good, bad = np.sort(np.asarray(benign, np.float64)), np.sort(np.asarray(adversarial, np.float64))
    if not len(good) or not len(bad):
        raise ValueError(f"a threshold by F1 needs both kinds, got {len(good)} benign and {len(bad)} adversarial clips")
    values = np.unique(np.concatenate([good, bad]))
    lines = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, [np.nextafter(values[-1], np.inf)]])
    gaps = np.concatenate([[0.0], np.diff(values), [0.0]])
    found, false = np.searchsorted(bad, lines), np.searchsorted(good, lines)
    wrong = false + len(bad) - found
    scores = (_f1(found, wrong) + _f1(len(good) - false, wrong)) / 2
    best = np.flatnonzero(scores >= scores.max() - 1e-12)
    chosen = best[gaps[best].argmax()]
    return float(lines[chosen]), float(scores[chosen])


def benign_limit(benign: np.ndarray, rate: float, *, high: bool = False) -> float:
    """
    The limit beyond which a benign clip that was not seen yet lies with a probability of at most `rate`.

    A rank, and no quantile, so that this holds for any number of clips. Source: Vovk, Gammerman and Shafer,
    "Algorithmic learning in a random world", 2005, on conformal prediction.

    :param benign: Scores (N,).
    :param rate: Above 0 and below 1.
    :param high: The limit above instead of that below.
    :return: The limit: what is strictly beyond it is flagged.
    :raises ValueError: If there are too few clips for the rate.
    """
    scores = np.sort(np.asarray(benign, np.float64))
    rank = math.floor(rate * (len(scores) + 1) + 1e-9)
    if rank < 1:
        raise ValueError(
            f"{len(scores)} benign clips cannot show a false-positive rate of {rate:g}: give at least "
            f"{math.ceil(1 / rate - 1e-9) - 1} or allow a higher rate"
        )
    return float(scores[-rank] if high else scores[rank - 1])


def _f1(right: np.ndarray, wrong: np.ndarray | int) -> np.ndarray:
    """F1 of a class from its true positives and all errors."""
    right = np.asarray(right, np.float64)
    return np.divide(2 * right, 2 * right + wrong, out=np.zeros_like(right), where=right > 0)
