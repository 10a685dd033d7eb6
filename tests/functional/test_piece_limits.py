"""Limits for many pieces: how often chance alone passes them."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.piece_limits import pieces_beyond_chance, tail_limit


@pytest.mark.parametrize("pieces", [1, 20, 200])
def test_benign_recordings_of_any_length_are_rarely_suspicious(pieces):
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(2000):
        known = rng.normal(0.5, 0.05, 10)
        limit = tail_limit(known.mean(), known.std(ddof=1), 10, pieces, 0.05)
        wrong += rng.normal(0.5, 0.05, pieces).min() < limit
    assert 0.005 < wrong / 2000 < 0.065


def test_a_number_of_pieces_that_chance_rarely_gives():
    assert [pieces_beyond_chance(n, 0.05, 0.05) for n in (1, 2, 20, 1200)] == [1, 2, 4, 74]
    assert pieces_beyond_chance(3, 1.0, 0.05) == 4  # all of them would be no surprise


@pytest.mark.parametrize("wrong", [(0.5, 0.1, 2, 1, 0.05), (0.5, float("nan"), 9, 1, 0.05), (0.5, 0.1, 9, 0, 0.05)])
def test_what_says_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="no limit from"):
        tail_limit(*wrong)
