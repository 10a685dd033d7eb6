"""Intervals by drawing groups anew."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.bootstrap import grouped_interval, median_interval, share_interval
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
    flags = np.repeat([True, False, True, False], 5)
    assert share_interval(flags, np.arange(20)) == proportion_interval(10, 20)
    repeated = share_interval(flags, np.repeat(np.arange(4), 5))
    assert repeated == grouped_interval(flags.astype(float), np.repeat(np.arange(4), 5))
    assert repeated[1] - repeated[0] > proportion_interval(10, 20)[1] - proportion_interval(10, 20)[0]
    assert share_interval(np.ones(20, bool), np.repeat(np.arange(4), 5)) == proportion_interval(4, 4)
    assert share_interval(np.zeros(20, bool), np.repeat(np.arange(4), 5)) == proportion_interval(0, 4)


def test_a_median_may_be_infinite_and_so_may_its_ends():
    middle, low, high = median_interval(np.arange(101.0)[::-1], np.arange(101))
    assert middle == 50.0
    assert 35 < low < 45 < 55 < high < 65  # 50 - 1.96 x 101 / (2 sqrt(101)) is 40
    assert median_interval(np.array([-np.inf, -np.inf, 3.0]), np.arange(3)) == (-np.inf, -np.inf, 3.0)
    assert median_interval(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4)) == (3.0, 3.0, 3.0)
