"""Thresholds by mean F1 and by rank: against a search through everything, and on clips not seen."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from art_audio_ext.functional.detection_threshold import benign_limit, best_f1_threshold, mean_f1


@pytest.mark.parametrize("seed", range(6))
def test_no_threshold_has_a_higher_mean_f1(seed):
    rng = np.random.default_rng(seed)
    benign, adversarial = rng.normal(1, 1, 9 + seed).round(1), rng.normal(0, 1, 12).round(1)
    scores, truth = np.concatenate([benign, adversarial]), np.repeat([False, True], [len(benign), 12])
    line, value = best_f1_threshold(benign, adversarial)
    every = np.concatenate([scores - 0.01, scores + 0.01])
    tried = [f1_score(truth, scores < at, average="macro", zero_division=0) for at in every]
    assert value == pytest.approx(max(tried))
    assert mean_f1(truth, scores < line) == pytest.approx(value)


def test_a_clean_split_is_cut_in_its_middle():
    assert best_f1_threshold(np.array([0.9, 0.7, 0.8]), np.array([0.1, 0.3])) == (0.5, 1.0)
    assert mean_f1(np.array([True, True]), np.array([False, True])) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="both kinds"):
        best_f1_threshold(np.array([0.9]), np.array([]))


@pytest.mark.parametrize("high", [False, True])
def test_new_benign_clips_lie_beyond_the_limit_no_more_often_than_said(high):
    rng = np.random.default_rng(0)
    beyond = []
    for _ in range(400):
        seen, new = rng.normal(size=24), rng.normal(size=50)
        limit = benign_limit(seen, 0.08, high=high)
        beyond.append(np.mean(new > limit) if high else np.mean(new < limit))
    assert 0.06 < np.mean(beyond) < 0.09  # 2 of 25 ranks


def test_too_few_clips_for_a_rate_are_refused():
    assert benign_limit(np.arange(19.0), 0.05) == 0
    with pytest.raises(ValueError, match="at least 19"):
        benign_limit(np.arange(18.0), 0.05)
