"""Intervals by drawing groups anew."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.bootstrap import grouped_interval


def test_what_stands_or_falls_together_is_less_sure():
    values = np.repeat([1.0, 0.0], 50)
    alone = grouped_interval(values, np.arange(100))
    together = grouped_interval(values, np.repeat(np.arange(4), 25))
    assert alone[0] == pytest.approx(0.4, abs=0.03)
    assert alone[1] == pytest.approx(0.6, abs=0.03)
    assert together == (0.0, 1.0)
    assert grouped_interval(values, np.repeat(["a", "b", "c", "d"], 25)) == together
    assert grouped_interval(np.ones(5), np.arange(5)) == (1.0, 1.0)
