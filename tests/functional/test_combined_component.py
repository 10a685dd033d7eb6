"""Two kinds of evidence in one verdict: which part decides, what is corrected, and what is left out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from art_audio_ext.functional.combined_component import combine, combined_component_scores
from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.triggers import clap


def part(p_values, suspects, **details):
    """Scores of three classes of four clips."""
    p_values = np.array(p_values, dtype=float)
    return PoisonScores(
        classes=np.arange(3),
        class_scores=-np.log10(p_values),
        class_spread=np.full(3, np.nan),
        class_outlier=np.zeros(3),
        class_p=p_values,
        flagged=p_values < 0.003,
        sample_scores=np.array(suspects, dtype=float),
        suspects=np.array(suspects) > 0.5,
        details={"classes": {}, "notes": [], **details},
    )


LABELS = np.repeat(np.arange(3), 4)
FIRST, SECOND = [1, 0, 0, 0] * 3, [0, 1, 1, 1] * 3


@pytest.mark.parametrize(
    ("one", "two", "decides"),
    [(1e-5, 1e-6, "first"), (1e-5, 1e-11, "second"), (1e-5, 0.5, "first"), (0.5, 1e-5, "second")],
)
def test_the_first_part_names_the_clips_unless_the_other_has_twice_the_evidence(one, two, decides):
    found = combine({"first": part([one, 1, 1], FIRST), "second": part([two, 1, 1], SECOND)}, LABELS, 0.01)
    assert found.details["classes"]["0"]["decided_by"] == decides
    assert found.suspects[:4].tolist() == [value > 0 for value in (FIRST if decides == "first" else SECOND)[:4]]
    assert found.class_p[0] == pytest.approx(2 * min(one, two))


def test_looking_twice_is_paid_for():
    found = combine({"first": part([0.0025, 1, 1], FIRST), "second": part([1, 1, 1], SECOND)}, LABELS, 0.01)
    assert not found.flagged.any()


def test_classes_that_share_a_sound_stay_flagged():
    shared = part([0.4, 0.5, 1], FIRST, shared_classes=[0, 1])
    found = combine({"first": shared, "second": part([1e-3, 1, 1], SECOND)}, LABELS, 0.01)
    assert found.flagged.tolist() == [True, True, False]
    assert found.details["classes"]["0"]["decided_by"] == "first"


@pytest.fixture(scope="module")
def poisoned():
    rng = np.random.default_rng(0)
    x = (0.05 * rng.standard_normal((240, 8000)) * rng.uniform(0.2, 1, (240, 1))).astype(np.float32)
    y = np.repeat(np.arange(6), 40)
    rows = np.flatnonzero(y == 4)[:10]
    x[rows, : len(clap(8000))] += 0.4 * clap(8000)
    return x.clip(-1, 1), y, rows


def test_a_mixed_in_sound_is_found_with_its_clips_alone(poisoned):
    x, y, rows = poisoned
    scores = combined_component_scores(x, y, seed=0, sample_rate=8000)
    assert scores.classes[scores.flagged].tolist() == [4]
    assert np.flatnonzero(scores.removed(y)).tolist() == rows.tolist()
    assert set(scores.details["classes"]["4"]) >= {"coherent_component", "novel_component", "decided_by", "p_adjusted"}
    json.dumps(scores.details, allow_nan=False)


def test_labels_in_a_column_and_one_hot_give_the_same(poisoned):
    x, y, _ = poisoned
    one = combined_component_scores(x, y, seed=0, sample_rate=8000)
    for other in (y[:, None], np.eye(6)[y]):
        two = combined_component_scores(x, other, seed=0, sample_rate=8000)
        np.testing.assert_array_equal(one.sample_scores, two.sample_scores)


def test_too_few_classes_for_groups_leave_the_first_part(poisoned):
    x, y, _ = poisoned
    scores = combined_component_scores(x[y > 3], y[y > 3], seed=0, sample_rate=8000)
    assert "Groups of clips were not looked for: 2 classes can be scored" in scores.details["notes"][-1]
    scores = combined_component_scores(x[y > 2], y[y > 2], seed=0, sample_rate=8000)
    assert "Groups of clips were not looked for: 3 classes or fewer" in scores.details["notes"][-1]
    x = x[:, :900]
    assert "shorter than a window" in combined_component_scores(x, y, seed=0, sample_rate=8000).details["notes"][-1]


def test_classes_of_all_sizes_are_no_error():
    """Three tiny classes, two small and two large ones: which part can look at them is one and the same question."""
    y = np.repeat(np.arange(7), [3, 3, 3, 30, 30, 200, 200])
    x = (0.05 * np.random.default_rng(0).standard_normal((len(y), 2000))).astype(np.float32)
    scores = combined_component_scores(x, y, seed=0, sample_rate=8000, anywhere=False)
    assert "Groups of clips were not looked for" in scores.details["notes"][-1]
