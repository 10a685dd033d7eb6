"""Changes at a ratio: exact with and without samples at the bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from art_audio_ext.functional.snr_change import change_at_snr, is_silent, scale_for_energy, snr_db


@pytest.mark.parametrize("ratio", [-3.0, 0.0, 20.0, 60.0, 100.0])
def test_the_ratio_is_reached_though_samples_stop_at_the_bounds(ratio):
    rng = np.random.default_rng(1)
    clip = np.clip(0.8 * rng.standard_normal(4000), -1, 1).astype(np.float32)
    for way in (rng.standard_normal(4000), np.sign(rng.standard_normal(4000))):
        moved = change_at_snr(clip, way, ratio)
        assert moved.dtype == np.float32
        assert np.abs(moved).max() <= 1
        assert snr_db(clip[None], moved[None])[0] == pytest.approx(ratio, abs=0.05 if ratio > 90 else 0.01)  # 32 bits


def test_the_factor_is_that_of_a_search():
    rng = np.random.default_rng(2)
    way, room = rng.standard_normal(50), rng.uniform(0, 1, 50)
    for energy in (1e-6, 0.3, 0.9 * np.square(room).sum()):
        found = scale_for_energy(way, room, energy)
        wanted = brentq(lambda a, e=energy: np.square(np.minimum(a * np.abs(way), room)).sum() - e, 0, 1e6, xtol=1e-14)
        assert found == pytest.approx(wanted, rel=1e-6)
    assert math.isinf(scale_for_energy(way, room, 1.01 * np.square(room).sum()))


def test_silence_has_no_ratio_and_stays():
    x = np.stack([np.zeros(9, np.float32), np.ones(9, np.float32)])
    np.testing.assert_array_equal(is_silent(x), [True, False])
    assert np.isnan(snr_db(x, x)[0])
    assert np.isinf(snr_db(x, x)[1])
    np.testing.assert_array_equal(change_at_snr(x[0], np.ones(9), 0.0), x[0])
    with pytest.raises(ValueError, match="same"):
        snr_db(x, x[:1])
