"""Metrics against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from art_audio_ext.functional.metrics import (
    ari_from_confusion,
    attack_success_rate,
    benign_accuracy,
    confusion,
    proportion_interval,
    roc_auc,
)


@pytest.mark.parametrize("seed", range(20))
def test_adjusted_rand_index_equals_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    poison = rng.random(200) < rng.uniform(0, 0.5)
    removed = np.where(rng.random(200) < rng.uniform(0, 0.4), rng.random(200) < 0.5, poison)
    found = confusion(poison, removed).adjusted_rand_index
    assert found == pytest.approx(adjusted_rand_score(poison, removed), abs=1e-12)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((10, 0, 90, 0), 1.0), ((0, 0, 100, 0), 1.0), ((0, 0, 90, 10), 0.0), ((0, 10, 90, 0), 0.0), ((0, 0, 0, 0), 1.0)],
)
def test_adjusted_rand_index_at_the_edges(counts, expected):
    assert ari_from_confusion(*counts) == pytest.approx(expected)


def test_adjusted_rand_index_of_many_clips_does_not_overflow():
    small = ari_from_confusion(90, 50, 9000, 10)
    large = ari_from_confusion(*(k * 10**6 for k in (90, 50, 9000, 10)))
    assert large == pytest.approx(small, abs=1e-3)


def test_adjusted_rand_index_refuses_negative_counts():
    with pytest.raises(ValueError, match="negative"):
        ari_from_confusion(1, -1, 0, 0)


def test_confusion_rates_by_hand():
    found = confusion(np.array([1, 1, 1, 0, 0, 0, 0, 0]), np.array([1, 1, 0, 1, 0, 0, 0, 0]))
    assert (found.true_positives, found.false_positives, found.true_negatives, found.false_negatives) == (2, 1, 4, 1)
    assert found.true_positive_rate == pytest.approx(2 / 3)
    assert found.false_positive_rate == pytest.approx(1 / 5)
    assert found.precision == pytest.approx(2 / 3)
    assert found.removed == 3


def test_confusion_without_poison_has_no_rate():
    found = confusion(np.zeros(4), np.zeros(4))
    assert found.true_positive_rate is None
    assert found.precision is None
    assert found.false_positive_rate == 0


def test_confusion_refuses_different_lengths():
    with pytest.raises(ValueError, match="shape"):
        confusion(np.zeros(4), np.zeros(5))


def test_roc_auc_equals_scikit_learns_with_ties():
    rng = np.random.default_rng(0)
    poison = rng.random(300) < 0.2
    scores = np.round(rng.normal(size=300) + poison, 1)
    assert roc_auc(poison, scores) == pytest.approx(roc_auc_score(poison, scores), abs=1e-12)
    with pytest.raises(ValueError, match="both kinds"):
        roc_auc(np.zeros(3), np.zeros(3))


def test_attack_success_leaves_the_target_class_out():
    assert attack_success_rate(np.array([2, 2, 0, 2]), np.array([0, 1, 1, 2]), 2) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="other than"):
        attack_success_rate(np.array([2]), np.array([2]), 2)


def test_benign_accuracy():
    assert benign_accuracy(np.array([0, 1, 1]), np.array([0, 1, 2])) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="as many"):
        benign_accuracy(np.array([]), np.array([]))


def test_interval_of_a_share():
    """Newcombe's example: 81 of 263."""
    assert proportion_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    for count in range(11):
        known = binomtest(count, 10).proportion_ci(0.9, method="wilson")
        assert proportion_interval(count, 10, 0.9) == pytest.approx((known.low, known.high))
    assert proportion_interval(8, 10)[0] < proportion_interval(8.5, 10)[0] < proportion_interval(9, 10)[0]
    for count, total in ((11, 10), (-1, 10), (0, 0)):
        with pytest.raises(ValueError, match="at least 1 trial"):
            proportion_interval(count, total)
    assert proportion_interval(0, 10)[0] == 0
    assert 0 < proportion_interval(0, 10)[1] < 0.3
