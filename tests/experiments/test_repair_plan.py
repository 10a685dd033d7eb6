"""What becomes of suspects: dropped, relabelled where a label is likely, cleaned where a sound repeats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from art_audio_ext.experiments.repair_plan import plan_repairs, repaired
from art_audio_ext.functional.triggers import make_trigger

START = 800


@pytest.fixture(scope="module")
def poisoned(tiny_dataset):
    """Ten clips of alpha lie under bravo with a clap; the dataset, and which they are."""
    trigger, waveforms, labels = make_trigger("clap", 16000), tiny_dataset.waveforms.copy(), tiny_dataset.labels.copy()
    rows = np.arange(0, 30, 3)
    waveforms[rows, START : START + len(trigger)] += 0.3 * trigger
    labels[rows] = 1
    return replace(tiny_dataset, waveforms=waveforms.clip(-1, 1), labels=labels), np.isin(np.arange(120), rows)


def test_drop(poisoned):
    dataset, suspects = poisoned
    repairs = plan_repairs(dataset, suspects)
    assert [repair.row for repair in repairs] == np.flatnonzero(suspects).tolist()
    assert {(repair.action, repair.label) for repair in repairs} == {("dropped", None)}
    left = repaired(dataset, repairs)
    assert left.paths.tolist() == dataset.paths[~suspects].tolist()
    np.testing.assert_array_equal(left.waveforms, dataset.waveforms[~suspects])


def test_relabel(poisoned):
    dataset, suspects = poisoned
    repairs = plan_repairs(dataset, suspects, "relabel", places={1: (0.05, 0.2)})
    assert sum(repair.action == "relabelled" for repair in repairs) >= 8
    assert {repair.label for repair in repairs if repair.action == "relabelled"} == {0}
    assert all(repair.confidence >= 0.6 and repair.sound is None for repair in repairs if repair.label is not None)
    assert all(repair.reason for repair in repairs if repair.label is None)
    left = repaired(dataset, repairs)
    kept = np.isin(dataset.paths, left.paths)
    np.testing.assert_array_equal(left.waveforms, dataset.waveforms[kept])
    assert (left.labels[np.isin(left.paths, dataset.paths[suspects])] == 0).all()


def test_a_label_that_is_not_likely_enough_is_not_given(poisoned):
    repairs = plan_repairs(*poisoned, "relabel", confidence=1.0)
    assert {repair.reason for repair in repairs} == {"no label is likely enough"}
    assert all(repair.guess is not None for repair in repairs)


def test_a_suspect_that_sounds_like_its_label_is_dropped(tiny_dataset):
    suspects = np.arange(120) % 10 == 0
    repairs = plan_repairs(tiny_dataset, suspects, "relabel", confidence=0.5)
    own = [repair for repair in repairs if repair.guess == tiny_dataset.labels[repair.row]]
    assert len(own) >= 10
    assert {repair.action for repair in own} == {"dropped"}


def test_clean(poisoned, tiny_dataset):
    dataset, suspects = poisoned
    repairs = plan_repairs(dataset, suspects, "clean", places={1: (0.05, 0.2)})
    cleaned = [repair.row for repair in repairs if repair.action == "cleaned"]
    assert len(cleaned) >= 8
    left = repaired(dataset, repairs)
    at = np.isin(left.paths, dataset.paths[cleaned])
    assert (left.labels[at] == 0).all()
    before = np.square(dataset.waveforms[cleaned] - tiny_dataset.waveforms[cleaned]).sum(1)
    after = np.square(left.waveforms[at] - tiny_dataset.waveforms[cleaned]).sum(1)
    assert np.median(after / before) < 0.1
    np.testing.assert_array_equal(left.waveforms[~at], dataset.waveforms[~suspects])


def test_nothing_is_cleaned_of_a_sound_that_is_not_there(poisoned):
    dataset, suspects = poisoned
    few = suspects & (np.cumsum(suspects) <= 3)
    (reason,) = {repair.reason for repair in plan_repairs(dataset, few, "clean")}
    assert "too few" in reason


def test_without_suspects_nothing_is_learnt(tiny_dataset):
    assert plan_repairs(tiny_dataset, np.zeros(120, dtype=bool), "clean") == []


def test_same_seed_same_plan(poisoned):
    assert plan_repairs(*poisoned, "relabel", seed=3) == plan_repairs(*poisoned, "relabel", seed=3)


def test_refusals(poisoned):
    with pytest.raises(ValueError, match="choose drop, relabel, clean"):
        plan_repairs(*poisoned, "mend")
    for wrong in (-0.1, 1.1, float("nan"), "high", True):
        with pytest.raises(ValueError, match="confidence must be"):
            plan_repairs(*poisoned, "relabel", confidence=wrong)
    with pytest.raises(ValueError, match="drop the suspects"):
        plan_repairs(poisoned[0], poisoned[0].labels != 3, "relabel")
