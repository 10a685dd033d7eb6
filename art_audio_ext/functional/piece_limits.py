"""When pieces of one recording say that something is wrong with it: limits that many pieces do not pass by chance."""

from __future__ import annotations

import math

from scipy.stats import binom, t

LEAST_KNOWN = 3  # benign clips, for their spread to mean something


def tail_limit(mean: float, deviation: float, known: int, pieces: int, rate: float) -> float:
    """
    The limit below which, with probability `rate` at most, any of several benign pieces lies.

    Bonferroni over one-sided prediction limits of a normal distribution, Student's t for its estimated spread: pieces
    may depend on each other, their distribution is taken for normal.

    :param mean: Of the scores of known benign clips.
    :param deviation: Their standard deviation, from n - 1.
    :param known: How many they are, 3 at least.
    :param pieces: How many are looked at, from 1 up.
    :param rate: Above 0 and below 1.
    :return: The limit.
    :raises ValueError: If a number is out of its range.
    """
    if known < LEAST_KNOWN or pieces < 1 or not 0 < rate < 1 or not deviation >= 0:
        raise ValueError(
            f"no limit from {known} clips of deviation {deviation} for {pieces} pieces at a rate of {rate}"
        )
    return float(mean + t.ppf(rate / pieces, known - 1) * deviation * math.sqrt(1 + 1 / known))


def pieces_beyond_chance(pieces: int, each: float, rate: float) -> int:
    """
    How many of several benign pieces lie below a limit in a share of recordings of `rate` at most.

    :param pieces: How many are looked at, from 1 up; they are taken for independent.
    :param each: Share of benign pieces that lie below the limit.
    :param rate: Above 0 and below 1.
    :return: The least such number; more than there are pieces if even all of them would be no surprise.
    """
    return next(k for k in range(1, pieces + 2) if binom.sf(k - 1, pieces, each) <= rate)
