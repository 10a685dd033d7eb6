"""Exact tests and the control of the error over many tests, against simulation and known numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from art_audio_ext.functional.significance import (
    adjusted_p_values,
    check_alpha,
    combined_p_value,
    excess_p_value,
    holm,
    outlier_p_values,
)


def test_holm_steps_down_and_stops_at_the_first_that_fails():
    p_values = np.array([0.01, 0.04, 0.03, 0.005, np.nan])
    assert holm(p_values, 0.05).tolist() == [True, False, False, True, False]
    # statsmodels.stats.multitest.multipletests(p[:4], method="holm")[1]
    np.testing.assert_allclose(adjusted_p_values(p_values)[:4], [0.03, 0.06, 0.06, 0.02])
    assert np.isnan(adjusted_p_values(p_values)[4])


def test_holm_keeps_the_family_wise_error():
    rng = np.random.default_rng(0)
    wrong = np.mean([holm(rng.random(11), 0.05).any() for _ in range(4000)])
    assert 0.035 < wrong < 0.06


def test_excess_is_conservative_when_both_are_of_one_kind():
    rng = np.random.default_rng(1)
    p_values = np.array([excess_p_value(rng.gumbel(size=130), rng.gumbel(size=600)) for _ in range(2000)])
    for level in (0.01, 0.05):
        assert (p_values <= level).mean() <= 1.4 * level


def test_excess_sees_a_few_strong_and_many_weak_matches():
    rng = np.random.default_rng(2)
    controls = rng.normal(size=600)
    few = np.concatenate([rng.normal(size=120), np.full(10, 6.0)])
    assert excess_p_value(few, controls) < 1e-5
    assert excess_p_value(rng.normal(size=130) + 0.8, controls) < 1e-6


def test_excess_counts_ties_on_both_sides():
    assert excess_p_value(np.zeros(50), np.zeros(300)) == 1.0


def test_fisher_combines_uniform_p_values_to_uniform():
    rng = np.random.default_rng(3)
    combined = [combined_p_value(list(rng.random(2))) for _ in range(2000)]
    assert kstest(combined, "uniform").pvalue > 0.01
    assert combined_p_value([0.0, 1.0]) < 1e-200


def test_outlier_p_values_are_fair_and_survive_a_second_outlier():
    rng = np.random.default_rng(4)
    p_values = np.concatenate([outlier_p_values(rng.normal(0, 0.4, 11), 0.4) for _ in range(500)])
    assert (p_values < 0.01).mean() < 0.02
    values = np.concatenate([rng.normal(0, 0.3, 9), [4.0, 4.2]])
    assert (outlier_p_values(values, 0.4)[-2:] < 1e-4).all()
    assert outlier_p_values(np.array([3.0]), 0.4).tolist() == [1.0]


def test_classes_that_differ_more_than_the_prior_cost_more_errors_but_not_without_limit():
    for spread, low, high in ((0.6, 0.02, 0.06), (0.8, 0.03, 0.1)):
        rng = np.random.default_rng(5)
        wrong = np.mean([holm(outlier_p_values(rng.normal(0, spread, 11), 0.4), 0.01).any() for _ in range(1500)])
        assert low < wrong < high


@pytest.mark.parametrize("alpha", [0, 1, -0.1, np.nan, "0.01", True])
def test_alpha_is_a_probability(alpha):
    with pytest.raises(ValueError, match="alpha"):
        check_alpha(alpha)
