"""What every filter of poisoned data promises an ART and an Armory user."""

from __future__ import annotations

import inspect
import json
import pickle

import numpy as np
import pytest
from art.defences.detector.poison import PoisonFilteringDefence

_ART_ARGUMENTS = {"classifier", "x_train", "y_train"}


@pytest.fixture
def x(tiny_dataset) -> np.ndarray:
    """A third of the third class begins with the same burst of noise, so that there is something to find."""
    x = tiny_dataset.waveforms.copy()
    poison = np.flatnonzero(tiny_dataset.labels == 2)[:10]
    x[poison, :4000] += 0.1 * np.random.default_rng(1).uniform(-1, 1, 4000).astype(np.float32)
    return x


@pytest.fixture
def y(tiny_dataset) -> np.ndarray:
    return tiny_dataset.labels.copy()


def outcome(defence, **options):
    """All that it says of the clips, which is nothing to compare unless some are removed and some are kept."""
    report, is_clean = defence.detect_poison(**options)
    assert 0 < is_clean.count(0) < len(is_clean)
    return is_clean, report["classes"], defence.sample_scores.tolist()


def test_it_is_arts_kind_of_filter(filter_case, x, y, victim):
    defence = filter_case.make(victim, x, y)
    assert isinstance(defence, PoisonFilteringDefence)
    assert defence.classifier is victim
    if not filter_case.needs_classifier:
        assert outcome(filter_case.make(None, x, y)) == outcome(defence)


def test_its_parameters_are_those_of_its_constructor_and_go_both_ways(filter_case, victim, x, y):
    defence = filter_case.make(victim, x, y)
    arguments = list(inspect.signature(type(defence)).parameters)
    assert arguments[:3] == ["classifier", "x_train", "y_train"]
    assert set(defence.get_params()) == set(type(defence).defence_params) == set(arguments)
    other = type(defence)(victim, x[::-1].copy(), y[::-1].copy())
    other.set_params(**defence.get_params())
    assert outcome(other) == outcome(defence)


def test_every_option_also_works_through_detect_poison(filter_case, victim, x, y):
    expected = outcome(filter_case.make(victim, x, y))
    assert outcome(filter_case.cls(victim, x, y), **filter_case.options) == expected
    given = {name: value for name, value in filter_case.options.items() if not isinstance(value, (str, int, float))}
    assert outcome(filter_case.cls(victim, x, y, **given)) != expected  # numbers and names do say something


def test_wrong_options_are_refused(filter_case, victim, x, y):
    defence = filter_case.make(victim, x, y)
    for name, value in {"no_such_thing": 1, **filter_case.defects}.items():
        with pytest.raises(ValueError, match=name):
            defence.detect_poison(**{name: value})
        with pytest.raises((ValueError, TypeError), match=name):
            filter_case.make(victim, x, y, **{name: value})


def test_the_report_is_json_and_every_clip_gets_a_verdict(filter_case, victim, x, y):
    report, is_clean = filter_case.make(victim, x, y).detect_poison()
    assert isinstance(report, dict)
    json.dumps(report, allow_nan=False)
    assert isinstance(is_clean, list)
    assert len(is_clean) == len(x)
    assert {type(value) for value in is_clean} == {int}
    assert set(is_clean) <= {0, 1}


def test_labels_as_indices_and_one_hot_agree(filter_case, victim, x, y):
    expected = outcome(filter_case.make(victim, x, y))
    for labels in (np.eye(4, dtype=np.float32)[y], y[:, None], list(y)):
        assert outcome(filter_case.make(victim, x, labels)) == expected


def test_the_evaluation_is_arts_json(filter_case, victim, x, y):
    truth = np.ones(len(x), int)
    truth[np.flatnonzero(y == 2)[:10]] = 0
    defence = filter_case.make(victim, x, y)
    result = json.loads(defence.evaluate_defence(truth))
    assert set(result) == {f"class_{k}" for k in range(4)}
    for k in range(4):
        assert set(result[f"class_{k}"]) == {"TruePositive", "TrueNegative", "FalsePositive", "FalseNegative"}
        for cell in result[f"class_{k}"].values():
            assert set(cell) == {"rate", "numerator", "denominator"}
    is_clean = np.array(outcome(defence)[0])
    counted = {name: sum(result[f"class_{k}"][name]["numerator"] for k in range(4)) for name in result["class_0"]}
    assert counted["TruePositive"] == ((is_clean == 0) & (truth == 0)).sum()  # positive = poison
    assert counted["FalsePositive"] == ((is_clean == 0) & (truth == 1)).sum()
    with pytest.raises(ValueError, match="119"):
        defence.evaluate_defence(truth[:-1])


def test_same_seed_same_verdict_and_no_global_randomness(filter_case, victim, x, y, untouched_randomness):
    seed = {"seed": 5} if "seed" in filter_case.cls.defence_params else {}
    with untouched_randomness():
        defence = filter_case.make(victim, x, y, **seed)
        first = outcome(defence)
        fresh = outcome(filter_case.make(victim, x, y, **seed))
        pickled = outcome(pickle.loads(pickle.dumps(defence)))
    assert fresh == pickled == first


def test_a_memory_map_does_as_well_and_nothing_is_modified(filter_case, victim, x, y, tmp_path):
    expected = outcome(filter_case.make(victim, x, y))
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    y.flags.writeable = False
    assert outcome(filter_case.make(victim, mapped, y)) == expected
    before = x.copy()
    assert outcome(filter_case.make(victim, x.astype(np.float64), y)) == expected
    np.testing.assert_array_equal(x, before)


def test_what_is_not_sound_is_refused_by_row_and_remedy(filter_case, victim, bad_sound):
    for message, sound in bad_sound.items():
        with pytest.raises(ValueError, match=message):
            filter_case.make(victim, sound, np.arange(len(sound)))


def test_labels_that_do_not_fit_are_refused(filter_case, victim, x, y):
    for labels in (y[:-1], np.eye(4)[y][:-1], -y - 1, y + 0.5):
        with pytest.raises(ValueError, match="y_train"):
            filter_case.make(victim, x, labels)
