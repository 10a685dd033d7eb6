"""Levels of a change against what can be said beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.change_levels import picture_change, sound_change


def test_levels_of_a_change_that_is_known():
    before = np.array([0.5, -0.5, 0.5, -0.5], np.float32)
    found = sound_change(before, before + np.float32(0.05))
    assert found["snr_db"] == pytest.approx(20, abs=1e-4)
    assert found["change_dbfs"] == pytest.approx(20 * np.log10(0.05), abs=1e-4)
    assert found["peak"] == pytest.approx(0.55)
    assert sound_change(before, -before)["snr_db"] == pytest.approx(20 * np.log10(0.5))


def test_what_is_not_finite_is_none():
    silence, sound = np.zeros(4, np.float32), np.full(4, 0.1, np.float32)
    assert sound_change(sound, sound) == {"snr_db": None, "change_dbfs": None, "peak": pytest.approx(0.1)}
    found = sound_change(silence, sound)
    assert found["snr_db"] is None
    assert found["change_dbfs"] == pytest.approx(-20, abs=1e-4)


def test_points_of_pictures_are_in_decibels():
    before = np.array([[-1.0, -1.0], [0.0, 1.0]])
    found = picture_change(before, np.array([[1.0, -1.0], [0.0, 1.0]]))
    assert found == {"mean_change_db": pytest.approx(138.22 / 4), "largest_change_db": pytest.approx(138.22)}


def test_other_shapes_are_refused():
    for before, after in ((np.zeros(3), np.zeros(4)), (np.zeros(0), np.zeros(0))):
        for measure in (sound_change, picture_change):
            with pytest.raises(ValueError, match="same, not empty"):
                measure(before, after)
