"""Intervals by drawing groups anew."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.bootstrap import (
    difference_interval,
    gap_interval,
    grouped_interval,
    median_interval,
    share_interval,
)
from art_audio_ext.functional.metrics import proportion_interval


def test_what_stands_or_falls_together_is_less_sure():
    values = np.repeat([1.0, 0.0], 50)
    alone = grouped_interval(values, np.arange(100))
    together = grouped_interval(values, np.repeat(np.arange(4), 25))
    assert alone[0] == pytest.approx(0.4, abs=0.03)
    assert alone[1] == pytest.approx(0.6, abs=0.03)
    assert together == (0.0, 1.0)
    assert grouped_interval(values, np.repeat(["a", "b", "c", "d"], 25)) == together
    assert grouped_interval(np.ones(5), np.arange(5)) == (1.0, 1.0)


def test_a_share_of_single_clips_has_wilsons_interval_and_of_repeated_ones_their_own():
    flags = np.tile(np.repeat([True, False], 5), 5)
    groups = np.repeat(np.arange(10), 5)
    assert share_interval(flags, np.arange(50)) == pytest.approx(proportion_interval(25, 50))
    repeated = share_interval(flags, groups)
    assert repeated == grouped_interval(flags.astype(float), groups)
    assert repeated[1] - repeated[0] > proportion_interval(25, 50)[1] - proportion_interval(25, 50)[0]
    assert share_interval(np.ones(50, bool), groups) == pytest.approx(proportion_interval(10, 10))
    assert share_interval(np.zeros(50, bool), groups) == pytest.approx(proportion_interval(0, 10))


def test_a_difference_draws_trainings_within_their_family_alone():
    clips, noise = np.arange(30), np.random.default_rng(0).normal(0, 0.1, 30)
    first, second = np.stack([noise + 10, noise + 30]), np.stack([noise + 5, np.full(30, np.nan)])
    each = difference_interval((first, np.array([0, 1])), (second, np.array([0, 1])), clips)
    assert each == pytest.approx((15.0, 15.0, 15.0))  # two families of one: only clips are drawn, and they agree
    trained = difference_interval((first, np.array([0, 0])), (second[:1], np.array([0])), clips)
    assert trained == pytest.approx((15.0, 5.0, 25.0))


def test_a_failure_never_makes_a_share_surer():
    groups, flags, lows = np.repeat(np.arange(98), 7), np.ones(686, bool), []
    for failures in range(5):
        flags[: 7 * failures : 7] = False
        lows.append(share_interval(flags, groups)[0])
    assert lows == sorted(lows, reverse=True)
    assert lows[0] == pytest.approx(proportion_interval(98, 98)[0])


def test_few_failures_over_several_trainings_are_no_certainty_either():
    """With trainings drawn anew, too: one failing speaker would be left out of a third of the draws."""
    groups, flags = np.repeat(np.arange(20), 10), np.ones((5, 200), bool)
    assert share_interval(flags, groups) == pytest.approx(proportion_interval(20, 20))
    flags[0, 0] = False
    assert share_interval(flags, groups) == pytest.approx(proportion_interval(20 * 0.999, 20))
    flags[:, ::40] = False  # of five speakers
    assert share_interval(flags, groups) == grouped_interval(flags.astype(float), groups)
    unlike = np.array([[True] * 20, [False] * 20])  # all clips of their own, but trainings differ
    assert share_interval(unlike, np.arange(20)) == (0.0, 1.0)


def test_no_difference_seen_is_not_none_proven():
    voices, same = np.repeat(np.arange(20), 10), np.zeros(200)
    low, high = gap_interval(same, voices)
    most = proportion_interval(0, 20)[1]
    assert (low, high) == pytest.approx((-most, most))
    won = same.copy()
    won[0] = 1.0  # one voice of twenty, in one clip of ten
    assert gap_interval(won, voices)[0] < -0.9 * most
    assert gap_interval(won, voices)[1] > most
    assert gap_interval(-won, voices) == pytest.approx(tuple(-end for end in gap_interval(won, voices)[::-1]))
    won[::40] = 1.0  # five voices
    assert gap_interval(won, voices) == grouped_interval(won, voices)
    assert gap_interval(np.stack([won, same]), voices) == grouped_interval(np.stack([won, same]), voices)
    assert gap_interval(np.ones(3), np.zeros(3))[1] == 1.0


def test_a_median_may_be_infinite_and_so_may_its_ends():
    middle, low, high = median_interval(np.arange(101.0)[::-1], np.arange(101))
    assert middle == 50.0
    assert 35 < low < 45 < 55 < high < 65  # 50 - 1.96 x 101 / (2 sqrt(101)) is 40
    assert median_interval(np.array([-np.inf, -np.inf, 3.0]), np.arange(3)) == (-np.inf, -np.inf, 3.0)
    assert median_interval(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4)) == (3.0, 3.0, 3.0)
