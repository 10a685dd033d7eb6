"""The novel-component score of a whole dataset: the reference's numbers, synthetic poison, options and guards."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from art_audio_ext.functional.novel_component import check_novel_options, novel_component_scores

SIZES = [130, 150, 140, 170, 135, 120, 160]
# the reference's scores of `make_tokens(SIZES, poison=14)`
REFERENCE = [1.44549057, 0.792293805, 99.5067935, -0.0706446783, 0.0, 1.71184318, 5.34877924]


@pytest.fixture(scope="module")
def poisoned(make_tokens):
    return make_tokens(SIZES, poison=14)


@pytest.fixture(scope="module")
def scored(poisoned):
    return novel_component_scores(poisoned[0], poisoned[1], seed=0)


def test_the_reference_s_numbers(scored):
    np.testing.assert_allclose(scored.class_scores, REFERENCE, rtol=1e-3, atol=1e-3)


@pytest.mark.real_data
def test_the_reference_itself(make_tokens, real_data):
    path = real_data.parent / "prototypes" / "novel_component.py"
    if not path.is_file():
        pytest.skip("the reference is not beside the project")
    spec = importlib.util.spec_from_file_location("novel_component_reference", path)
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    tokens, labels, _ = make_tokens([200, 180, 190, 160], windows=4, poison=16, where=(0, 3), seed=3)
    expected, groups = reference.score(tokens, labels)
    ours = novel_component_scores(tokens, labels, seed=0)
    np.testing.assert_allclose(ours.class_scores, expected, rtol=1e-3, atol=1e-3)
    assert (ours.suspects[labels == 2] == groups[2]).mean() > 0.99


@pytest.mark.parametrize("seed", [1, 2])
def test_poison_is_found(make_tokens, seed):
    tokens, labels, is_poison = make_tokens([220, 180, 200, 210, 190, 205, 195], poison=20, where=(1, 2), seed=seed)
    scores = novel_component_scores(tokens, labels, seed=0)
    assert scores.flagged.tolist() == [c == 2 for c in range(7)]
    assert scores.class_p[2] < 0.001
    assert scores.details["highest_class"] == 2
    assert scores.details["classes"]["2"]["window"] in (1, 2)
    assert scores.details["classes"]["2"]["refined"]
    assert not scores.details["classes"]["1"]["refined"]
    target = labels == 2
    assert adjusted_rand_score(is_poison[target], scores.suspects[target]) > 0.9
    assert (scores.removed(labels) == is_poison).mean() > 0.99
    assert scores.sample_scores.min() >= 0
    assert scores.sample_scores.max() <= 1


def test_clean_data_is_not_flagged(make_tokens):
    for seed in range(4):
        tokens, labels, _ = make_tokens([130] * 8, seed=seed)
        assert not novel_component_scores(tokens, labels, seed=seed).flagged.any()


def test_large_classes_are_fitted_to_a_sub_sample(make_tokens):
    tokens, labels, is_poison = make_tokens([300, 280, 320, 120, 290, 310], poison=40, where=(1, 2))
    scores = novel_component_scores(tokens, labels, seed=0, largest_class=200)
    fitted = [entry["clips_fitted"] for entry in scores.details["classes"].values()]
    assert fitted == [200] * 5  # class 3 has under half as many as the median class
    assert scores.flagged[2]
    target = labels == 2
    assert adjusted_rand_score(is_poison[target], scores.suspects[target]) > 0.9
    other = novel_component_scores(tokens, labels, seed=1, largest_class=200)
    assert not np.array_equal(other.class_scores, scores.class_scores)


def test_same_seed_same_bytes_and_threads_untouched(poisoned, scored):
    threads, state = torch.get_num_threads(), torch.get_rng_state().numpy().tobytes()
    again = novel_component_scores(poisoned[0], poisoned[1], seed=0)
    assert torch.get_num_threads() == threads
    assert torch.get_rng_state().numpy().tobytes() == state
    for name in ("class_scores", "class_p", "class_outlier", "sample_scores", "suspects", "flagged"):
        assert getattr(again, name).tobytes() == getattr(scored, name).tobytes()
    assert again.details == scored.details


def test_double_precision_and_one_hot_labels(poisoned, scored):
    tokens, labels, _ = poisoned
    double = novel_component_scores(tokens.astype(np.float64), np.eye(7)[labels], seed=0)
    np.testing.assert_allclose(double.class_scores, scored.class_scores, rtol=1e-3, atol=1e-3)


def test_scale_and_place_of_tokens_do_not_matter(poisoned, scored):
    moved = novel_component_scores(1000 + 50 * poisoned[0].astype(np.float64), poisoned[1], seed=0)
    np.testing.assert_allclose(moved.class_scores, scored.class_scores, rtol=1e-3, atol=1e-3)


def test_ignored_and_small_classes_have_no_score(make_tokens):
    tokens, labels, _ = make_tokens([100, 100, 100, 20, 100, 100], windows=2, poison=12)
    scores = novel_component_scores(tokens, labels, seed=0, ignore_classes=[0], refine_all=True)
    assert np.isnan(scores.class_scores).tolist() == [True, False, False, True, False, False]
    assert np.isnan(scores.class_p).tolist() == np.isnan(scores.class_outlier).tolist()
    assert not scores.flagged[[0, 3]].any()
    assert not scores.sample_scores[np.isin(labels, [0, 3])].any()
    assert scores.details["scored_classes"] == [1, 2, 4, 5]
    assert [note[:7] for note in scores.details["notes"]] == ["Class 0", "Class 3", "Only 4 ", "Few cli"]
    few = novel_component_scores(tokens, labels, seed=0, ignore_classes=[0, 1])
    assert "3 classes are too few for a p-value: none can be flagged." in few.details["notes"]
    assert not few.flagged.any()


def test_a_silent_window_says_nothing(poisoned):
    tokens = poisoned[0].copy()
    tokens[0] = 0.7
    scores = novel_component_scores(tokens, poisoned[1], seed=0)
    assert np.isfinite(scores.class_scores).all()
    assert scores.class_scores.argmax() == 2


def test_details_are_json_and_say_where(poisoned, scored):
    details = json.loads(json.dumps(scored.details, allow_nan=False))
    assert {"score": "novel_component", "seed": 0, "alpha": 0.01, "largest_class": 600}.items() <= details.items()
    assert details["classes"]["2"]["window_seconds"] is None
    seconds = np.array([[0, 0.125], [0.125, 0.25], [0.25, 0.375]])
    named = novel_component_scores(poisoned[0], poisoned[1], seed=0, window_seconds=seconds)
    assert json.loads(json.dumps(named.details))["classes"]["2"]["window_seconds"] == [0.125, 0.25]


OPTIONS = {
    "seed": 0,
    "alpha": 0.01,
    "largest_class": 600,
    "refine_all": False,
    "window_seconds": None,
    "ignore_classes": (),
    "progress": False,
}
BAD = [
    ({"seed": -1}, "seed"),
    ({"seed": True}, "seed"),
    ({"alpha": 0}, "alpha"),
    ({"alpha": "0.1"}, "alpha"),
    ({"largest_class": 23}, "largest_class"),
    ({"largest_class": 30.0}, "largest_class"),
    ({"refine_all": 1}, "refine_all"),
    ({"progress": None}, "progress"),
    ({"window_seconds": [0, 1]}, "window_seconds"),
    ({"ignore_classes": "noise"}, "ignore_classes"),
    ({"ignore_classes": ["noise"]}, "ignore_classes"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_are_named(options, message):
    check_novel_options(**OPTIONS)
    with pytest.raises(ValueError, match=message):
        check_novel_options(**(OPTIONS | options))
    with pytest.raises(ValueError, match=message):
        novel_component_scores(np.zeros((1, 90, 2)), np.repeat([0, 1, 2], 30), **({"seed": 0} | options))


def test_bad_input_is_named(poisoned):
    tokens, labels, _ = poisoned
    with pytest.raises(ValueError, match="T, N, D"):
        novel_component_scores(tokens[0], labels, seed=0)
    with pytest.raises(ValueError, match="T, N, D"):
        novel_component_scores(tokens.astype(int), labels, seed=0)
    broken = tokens.copy()
    broken[1, 5, 0] = np.nan
    with pytest.raises(ValueError, match="row 5 is not finite in window 1"):
        novel_component_scores(broken, labels, seed=0)
    with pytest.raises(ValueError, match="labels for"):
        novel_component_scores(tokens, labels[:-1], seed=0)
    with pytest.raises(ValueError, match="1 class can be scored"):
        novel_component_scores(tokens, np.zeros_like(labels), seed=0)
    with pytest.raises(ValueError, match="under 24 clips"):
        novel_component_scores(tokens[:, :60], np.repeat([0, 1, 2], 20), seed=0)
    with pytest.raises(ValueError, match="2 entries for 3 windows"):
        novel_component_scores(tokens, labels, seed=0, window_seconds=[[0, 1], [1, 2]])
