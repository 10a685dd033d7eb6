"""The poison likelihood score against direct arithmetic, on synthetic poison, and at every guard."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import adjusted_rand_score

from art_audio_ext.functional.gaussian import fit_gaussian, negative_log_likelihood
from art_audio_ext.functional.latents import ORDERS, prepare
from art_audio_ext.functional.outliers import class_outliers, comparable_classes, flag_outliers
from art_audio_ext.functional.poison_likelihood import (
    cross_log_likelihood,
    poison_likelihood_scores,
    vote,
)
from art_audio_ext.functional.scorers import (
    SCORERS,
    check_scorer,
    class_table,
    score_samples,
    scorer_options,
    scorer_settings,
)


def synthetic(clean=600, poison=60, classes=6, target=2, shift=3.0, seed=0):
    """Correlated 64-d latents a class; `poison` samples of the target lie `shift` away in sixteen features."""
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((64, 64)) / 8 + np.eye(64)
    latents = rng.standard_normal((classes * clean + poison, 64)) @ mix
    labels = np.append(np.repeat(np.arange(classes), clean), np.full(poison, target))
    latents += rng.standard_normal((classes, 64))[labels] * 2
    is_poison = np.arange(len(labels)) >= classes * clean
    latents[is_poison, :16] += shift
    shuffle = rng.permutation(len(labels))
    return latents[shuffle].astype(np.float32), labels[shuffle], is_poison[shuffle]


def global_random_state():
    numpy_state = np.random.get_state()[1].tobytes()  # noqa: NPY002
    return numpy_state, random.getstate(), torch.get_rng_state().numpy().tobytes()


@pytest.fixture(scope="module")
def poisoned():
    return synthetic()


@pytest.fixture(scope="module")
def scored(poisoned):
    return poison_likelihood_scores(poisoned[0], poisoned[1], seed=0)


# --- the arithmetic


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


def test_one_small_cluster_moves_every_class_to_ledoit_wolf():
    """Scores under different estimators are not comparable: a clean class would look poisoned, or the reverse."""
    latents, labels, _ = synthetic(clean=300, poison=60)
    scores = poison_likelihood_scores(latents, labels, seed=0)
    details = scores.details["classes"]
    assert min(min(d["smaller_cluster"]) for d in details.values()) < 72
    assert max(min(d["smaller_cluster"]) for d in details.values()) >= 72
    assert all(d["covariance"].keys() == {"ledoit_wolf"} for d in details.values())


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


def test_orders():
    rng = np.random.default_rng(6)
    vectors = rng.standard_normal((500, 10)) @ rng.standard_normal((10, 10)) + 5
    standard = (vectors - vectors.mean(0)) / vectors.std(0)
    eigenvalues = np.linalg.eigvalsh(np.cov(standard, rowvar=False, bias=True))[::-1]
    plain = prepare(vectors, 4, "standardise_pca")
    np.testing.assert_allclose(np.cov(plain, rowvar=False, bias=True), np.diag(eigenvalues[:4]), atol=1e-9)
    white = prepare(vectors, 4, "pca_whiten")
    np.testing.assert_allclose(white, plain / np.sqrt(eigenvalues[:4]), atol=1e-9)
    fully = prepare(vectors, 10, "whiten_pca")
    np.testing.assert_allclose(np.cov(fully, rowvar=False, bias=True), np.eye(10), atol=1e-9)
    assert prepare(vectors, 4, "whiten_pca").shape == (500, 4)


@pytest.mark.parametrize("order", ORDERS)
def test_preparation_ignores_scale_and_offset_of_features(order):
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((60, 6))
    moved = vectors * 10.0 ** np.arange(-3, 3) + 100
    one, two = prepare(moved, 6, order), prepare(vectors, 6, order)
    np.testing.assert_allclose(one @ one.T, two @ two.T, atol=1e-6)  # up to signs, and rotation of equal eigenvalues


@pytest.mark.parametrize("order", ORDERS)
def test_preparation_drops_what_is_constant_or_dependent(order):
    rng = np.random.default_rng(8)
    vectors = rng.standard_normal((40, 6))
    vectors[:, 1] = 3.0
    vectors[:, 2] = vectors[:, 0]
    assert prepare(vectors, 24, order).shape == (40, 4)
    assert prepare(np.full((40, 6), 0.1, dtype=np.float32), 24, order).shape == (40, 0)
    assert prepare(rng.standard_normal((5, 64)), 24, order).shape == (5, 4)


# --- the vote


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


# --- outliers over classes


def test_class_outliers_by_hand():
    scores = np.array([1.0, 2.0, 3.0, 4.0, 20.0])
    np.testing.assert_allclose(class_outliers(scores), [-2, -1, 0, 1, 17])  # median 3, MAD 1
    assert flag_outliers(np.array([5.0, 5.3]), 3.5).tolist() == [False, True]  # 3.5 / 0.6745 = 5.19
    assert not flag_outliers(np.array([-50.0]), 3.5).any()


def test_class_outliers_without_deviation():
    assert class_outliers(np.full(4, 7.3)).tolist() == [0, 0, 0, 0]
    by_mean_deviation = class_outliers(np.array([1.0, 1, 1, 1, 1, 1, 1, 1, 1, 9]))  # MAD is 0
    assert by_mean_deviation[:9].tolist() == [0] * 9
    assert by_mean_deviation[9] == pytest.approx(8 / (0.6745 * 1.253314 * 0.8))


def test_comparable_classes():
    labels = np.repeat([0, 1, 2, 3, 7], [10, 3, 5, 4, 9])
    found = comparable_classes(labels, [7, 99])
    assert found.present.tolist() == [0, 1, 2, 3, 7]
    assert found.scored.tolist() == [True, False, True, True, False]
    assert len(found.notes) == 4
    assert found.notes[0] == "Class 7 was left out of the comparison, as asked."
    assert found.notes[-1].startswith("Only 3 classes were compared")
    with pytest.raises(ValueError, match=r"2 classes can be scored .* at least 3"):
        comparable_classes(labels, [7, 0])


# --- the whole score


def test_poison_is_found(poisoned, scored):
    latents, labels, is_poison = poisoned
    assert scored.classes.tolist() == [0, 1, 2, 3, 4, 5]
    assert scored.flagged.tolist() == [False, False, True, False, False, False]
    assert scored.details["highest_class"] == 2
    target = labels == 2
    assert adjusted_rand_score(is_poison[target], scored.suspects[target]) > 0.95
    removed = scored.removed(labels)
    assert (removed == is_poison).mean() > 0.99
    assert scored.suspects.sum() > removed.sum()  # other classes are split too, but not removed
    assert scored.sample_scores.min() >= 0
    assert scored.sample_scores.max() <= 1
    assert latents.dtype == np.float32


def test_clean_data_is_rarely_flagged():
    """A clean class now and then stands out by chance, but not often, and far less than poison does."""
    found = [poison_likelihood_scores(*synthetic(clean=200, poison=0, seed=k)[:2], seed=k, trials=4) for k in range(8)]
    assert sum(scores.flagged.sum() for scores in found) <= 3  # of 48 classes
    assert np.median([scores.class_outlier.max() for scores in found]) < 4


def test_score_is_the_mean_or_median_over_trials(poisoned):
    latents, labels, _ = poisoned
    one = [poison_likelihood_scores(latents, labels, seed=s, trials=3) for s in (0, 0)]
    median = poison_likelihood_scores(latents, labels, seed=0, trials=3, aggregate="median")
    np.testing.assert_array_equal(one[0].class_spread, one[1].class_spread)
    prepared = prepare(latents[labels == 4], 24, "standardise_pca")
    seeds = np.random.SeedSequence([0, 4]).generate_state(3)
    sides = [KMeans(2, n_init=1, random_state=int(s)).fit_predict(prepared) == 1 for s in seeds]
    scores = [cross_log_likelihood(prepared, side, False)[0] for side in sides]
    assert one[0].class_scores[4] == pytest.approx(np.mean(scores), rel=1e-9)
    assert one[0].class_spread[4] == pytest.approx(np.std(scores), abs=1e-9)
    assert median.class_scores[4] == pytest.approx(np.median(scores), rel=1e-9)


def test_same_seed_same_bytes_and_global_state_untouched(poisoned, scored):
    latents, labels, _ = poisoned
    before = global_random_state()
    again = poison_likelihood_scores(latents, labels, seed=0)
    assert global_random_state() == before
    for name in ("class_scores", "class_spread", "class_outlier", "sample_scores", "suspects"):
        assert getattr(again, name).tobytes() == getattr(scored, name).tobytes()
    assert again.details == scored.details


def test_a_class_does_not_depend_on_the_others(poisoned, scored):
    latents, labels, _ = poisoned
    keep = labels > 1
    part = poison_likelihood_scores(latents[keep], labels[keep], seed=0)
    np.testing.assert_array_equal(part.class_scores, scored.class_scores[2:])
    np.testing.assert_array_equal(part.sample_scores, scored.sample_scores[keep])


def test_one_hot_labels(poisoned, scored):
    one_hot = poison_likelihood_scores(poisoned[0], np.eye(6, dtype=np.float32)[poisoned[1]], seed=0)
    np.testing.assert_array_equal(one_hot.class_scores, scored.class_scores)


def test_ignored_small_and_constant_classes_have_no_score():
    latents, labels, _ = synthetic(clean=60, poison=0, classes=7)
    labels[np.flatnonzero(labels == 5)[3:]] = 6  # three samples are left of class 5
    latents[labels == 4] = 1.0
    scores = poison_likelihood_scores(latents, labels, seed=0, ignore_classes=[0])
    for label in (0, 4, 5):
        assert np.isnan([scores.class_scores[label], scores.class_outlier[label], scores.class_spread[label]]).all()
        assert not scores.flagged[label]
        assert not scores.suspects[labels == label].any()
    assert np.isfinite(scores.class_scores[[1, 2, 3, 6]]).all()
    assert scores.details["scored_classes"] == [1, 2, 3, 6]
    assert [note[:7] for note in scores.details["notes"]] == ["Class 0", "Class 5", "Class 4"]
    table = class_table(scores, labels)
    assert [row["score"] is None for row in table] == [True, False, False, False, True, True, False]
    assert table[4] == {
        "class": 4,
        "clips": 60,
        "score": None,
        "spread": None,
        "outlier": None,
        "flagged": False,
        "suspects": 0,
    }
    with pytest.raises(ValueError, match=r"2 classes can be scored .*hardly vary"):
        poison_likelihood_scores(latents, labels, seed=0, ignore_classes=[0, 1, 2])


def test_details_are_json_and_say_what_was_done(scored):
    details = json.loads(json.dumps(scored.details, allow_nan=False))
    assert {"score": "pls", "trials": 10, "dims": 24, "order": "standardise_pca"}.items() <= details.items()
    assert details["outlier_threshold"] == pytest.approx(5.189, abs=1e-3)
    assert (details["dims_used"], details["clips_a_trial"], details["ignore_classes"]) == (24, 600, [])
    assert sum(details["classes"]["2"]["covariance"].values()) == 10
    assert details["classes"]["2"]["covariance"].keys() == {"ledoit_wolf"}  # 60 poison < 3 x 24


BAD = [
    ({"trials": 0}, "trials"),
    ({"dims": 0}, "dims"),
    ({"dims": 2.5}, "dims"),
    ({"seed": -1}, "seed"),
    ({"order": "pca"}, "standardise_pca"),
    ({"aggregate": "max"}, "median"),
    ({"threshold": 0}, "threshold"),
    ({"threshold": float("nan")}, "threshold"),
    ({"ignore_classes": "noise"}, "ignore_classes"),
    ({"ignore_classes": ["noise"]}, "ignore_classes"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        poison_likelihood_scores(np.eye(12), np.repeat([0, 1, 2], 4), **({"seed": 0} | options))


def test_bad_input_is_named():
    labels = np.repeat([0, 1, 2], 4)
    with pytest.raises(ValueError, match="N, D"):
        poison_likelihood_scores(np.zeros((8, 12, 3)), labels, seed=0)
    with pytest.raises(ValueError, match="row 5 is not finite"):
        poison_likelihood_scores(np.where(np.arange(12)[:, None] == 5, np.nan, np.eye(12)), labels, seed=0)
    with pytest.raises(ValueError, match="11 labels for 12"):
        poison_likelihood_scores(np.eye(12), labels[:11], seed=0)


def test_scores_by_name(poisoned, scored):
    assert "pls" in SCORERS
    assert set(scorer_options("pls")) == {"trials", "dims", "order", "aggregate", "threshold", "ignore_classes"}
    assert scorer_options("pls")["dims"] == 24
    by_name = score_samples("pls", poisoned[0], poisoned[1], seed=0, trials=10)
    np.testing.assert_array_equal(by_name.class_scores, scored.class_scores)
    with pytest.raises(ValueError, match="unknown score 'other': choose one of pls"):
        score_samples("other", poisoned[0], poisoned[1], seed=0)
    with pytest.raises(ValueError, match="no option trial: it knows aggregate"):
        score_samples("pls", poisoned[0], poisoned[1], seed=0, trial=3)
    with pytest.raises(ValueError, match="dims"):
        check_scorer("pls", poisoned[1], seed=0, dims=0)
    with pytest.raises(ValueError, match="2 classes can be scored"):
        check_scorer("pls", poisoned[1], seed=0, ignore_classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"1 class can be scored \(of 6: 5 left out"):
        check_scorer("pls", poisoned[1], seed=0, ignore_classes=[0, 1, 2, 3, 4])


def test_options_by_name_and_by_dictionary():
    assert scorer_settings(None, trials=3) == {"trials": 3}
    assert scorer_settings({"trials": 2, "dims": 4}, trials=3) == {"trials": 2, "dims": 4}
    with pytest.raises(ValueError, match="must not hold the seed"):
        scorer_settings({"seed": 2})
    with pytest.raises(ValueError, match="must be a dictionary"):
        scorer_settings([("trials", 2)])
