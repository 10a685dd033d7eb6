"""The poison likelihood score of a whole dataset: synthetic poison, options, guards and what it promises."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from art_audio_ext.functional.latents import prepare
from art_audio_ext.functional.poison_likelihood import (
    cross_log_likelihood,
    poison_likelihood_scores,
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


def test_one_small_cluster_moves_every_class_to_ledoit_wolf():
    """Scores under different estimators are not comparable: a clean class would look poisoned, or the reverse."""
    latents, labels, _ = synthetic(clean=300, poison=60)
    scores = poison_likelihood_scores(latents, labels, seed=0)
    details = scores.details["classes"]
    assert min(min(d["smaller_cluster"]) for d in details.values()) < 72
    assert max(min(d["smaller_cluster"]) for d in details.values()) >= 72
    assert all(d["covariance"].keys() == {"ledoit_wolf"} for d in details.values())


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
        "p_value": None,
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
    with pytest.raises(ValueError, match=r"unknown score 'other': choose one of .*pls"):
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
