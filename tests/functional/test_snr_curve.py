"""The curve of success against ratio, and the search of each clip's own."""

from __future__ import annotations

import json

import numpy as np
import pytest

from art_audio_ext.functional.snr_curve import highest_snr, success_curve


def test_the_curve_counts_and_its_interval_holds_the_count():
    minimal = np.array([np.inf, 50.0, 40.0, 30.0, -np.inf])
    curve = success_curve(minimal, at_db=np.array([60.0, 35.0, 0.0]))
    assert curve.snr_db == (0.0, 35.0, 60.0)
    assert curve.success == (0.8, 0.6, 0.2)
    assert all(low <= rate <= high for low, rate, high in zip(curve.low, curve.success, curve.high, strict=True))
    assert curve.low[1] < 0.6 < curve.high[1]
    assert curve.median_snr_db == 40.0
    assert success_curve(np.array([1.0, 2.0, 3.0, 4.0])).median_snr_db == 3.0  # half have 3 dB or more
    assert success_curve(np.array([-np.inf, -np.inf, 3.0])).median_snr_db is None
    json.loads(json.dumps(curve.as_dict(), allow_nan=False))


def test_clips_of_one_group_widen_the_interval():
    minimal = np.repeat([10.0, 90.0], 20)
    alone = success_curve(minimal, at_db=np.array([50.0]))
    together = success_curve(minimal, at_db=np.array([50.0]), groups=np.repeat([0, 1], 20))
    assert together.high[0] - together.low[0] > alone.high[0] - alone.low[0]


def test_what_has_no_curve():
    for bad, message in ((np.array([1.0, np.nan]), "row 1 is NaN"), (np.array([]), "at least one")):
        with pytest.raises(ValueError, match=message):
            success_curve(bad)
    with pytest.raises(ValueError, match="groups"):
        success_curve(np.ones(3), groups=np.ones(2))


def test_the_search_finds_each_threshold_in_one_batch():
    limits = np.array([95.0, 63.3, 20.1, 0.0, -7.0])
    sizes = []

    def breaks(rows, ratios):
        sizes.append(len(rows))
        return ratios <= limits[rows]

    found = highest_snr(breaks, 5, 0.0, 80.0, 10.0, 0.25)
    assert found[0] == 80.0
    assert np.all((found[1:3] <= limits[1:3]) & (found[1:3] > limits[1:3] - 0.25))
    assert found[3] == 0.0
    assert np.isneginf(found[4])
    assert len(sizes) < 9 + 7
    with pytest.raises(ValueError, match="low_db"):
        highest_snr(breaks, 5, 10.0, 0.0)
