"""Equation 1 and the vote against direct arithmetic, and the guards of small clusters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.covariance import ledoit_wolf

from art_audio_ext.functional.gaussian import fit_gaussian, negative_log_likelihood
from art_audio_ext.functional.poison_likelihood import cross_log_likelihood, vote


@pytest.mark.parametrize("empirical", [True, False])
def test_negative_log_likelihood_is_that_of_scipy(empirical):
    rng = np.random.default_rng(1)
    fitted, other = rng.standard_normal((200, 5)) @ rng.standard_normal((5, 5)), rng.standard_normal((30, 5))
    covariance = np.cov(fitted, rowvar=False, bias=True) if empirical else ledoit_wolf(fitted)[0]
    expected = -multivariate_normal(fitted.mean(0), covariance).logpdf(other)
    gaussian = fit_gaussian(fitted, empirical, np.eye(5))
    np.testing.assert_allclose(negative_log_likelihood(other, gaussian), expected, rtol=1e-9)
    assert gaussian.estimator == ("empirical" if empirical else "ledoit_wolf")


def test_cross_log_likelihood_is_equation_1():
    rng = np.random.default_rng(2)
    one, two = rng.standard_normal((90, 4)), rng.standard_normal((40, 4)) * 0.5 + 2
    model_1 = multivariate_normal(one.mean(0), np.cov(one, rowvar=False, bias=True))
    model_2 = multivariate_normal(two.mean(0), np.cov(two, rowvar=False, bias=True))
    expected = (-model_1.logpdf(two).mean() - model_2.logpdf(one).mean()) / 2
    side = np.arange(130) < 90
    for which in (side, ~side):  # which cluster is called the first does not matter
        score, estimator = cross_log_likelihood(np.concatenate([one, two]), which, True)
        assert score == pytest.approx(expected, rel=1e-9)
        assert estimator == "empirical"


@pytest.mark.parametrize(("smaller", "empirical", "estimator"), [(12, True, "empirical"), (12, False, "ledoit_wolf")])
def test_the_covariance_is_the_one_asked_for(smaller, empirical, estimator):
    vectors = np.random.default_rng(3).standard_normal((smaller + 100, 4))
    score, used = cross_log_likelihood(vectors, np.arange(len(vectors)) < smaller, empirical)
    assert used == estimator
    assert 3 < score < 30


def test_a_cluster_of_three_takes_the_covariance_of_its_class():
    vectors = np.random.default_rng(3).standard_normal((103, 4))
    assert cross_log_likelihood(vectors, np.arange(103) < 3, False)[1] == "class"


@pytest.mark.parametrize("count", [1, 2, 3, 10, 24])
def test_tiny_clusters_give_sane_scores(count):
    # an empirical covariance fails here, or gives values such as 1e17
    vectors = np.random.default_rng(4).standard_normal((count + 300, 24))
    score, _ = cross_log_likelihood(vectors, np.arange(len(vectors)) < count, False)
    assert 24 < score < 120


def test_cluster_of_copies_gets_a_ridge():
    vectors = np.random.default_rng(5).standard_normal((200, 4))
    vectors[:50] = vectors[0]
    score, estimator = cross_log_likelihood(vectors, np.arange(200) < 50, True)
    assert np.isfinite(score)
    assert estimator == "empirical+ridge"


def test_vote_aligns_trials_and_points_at_the_smaller_cluster():
    first = np.array([1, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    second = ~first  # the same clustering, names swapped
    third = np.array([1, 1, 0, 0, 0, 0, 0, 0], dtype=bool)
    soft = vote(np.zeros((8, 2)), np.array([first, second, third]))
    np.testing.assert_allclose(soft, [1, 1, 2 / 3, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(vote(np.zeros((8, 2)), np.array([~first, first, ~third])), soft)


def test_vote_tie_is_no_suspect_and_equal_clusters_go_by_compactness():
    one, two = np.array([1, 0, 0, 0, 0], dtype=bool), np.array([1, 1, 0, 0, 0], dtype=bool)
    assert vote(np.zeros((5, 1)), np.array([one, two])).tolist() == [1, 0.5, 0, 0, 0]
    vectors = np.array([[0.0], [0.1], [5.0], [9.0]])
    for side in ([1, 1, 0, 0], [0, 0, 1, 1]):
        assert vote(vectors, np.array([side], dtype=bool)).tolist() == [1, 1, 0, 0]
