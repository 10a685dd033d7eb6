"""Which clips are attacked towards which labels: all of them as ever, or those that were chosen."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments import sound_events as module
from art_audio_ext.experiments.sound_events_plans import PRESETS, TARGETED
from art_audio_ext.experiments.sound_events_tasks import attack_tasks, chosen_clips, chosen_labels, pairs


@pytest.fixture(scope="module")
def six():
    """Four clips of each of six labels."""
    names, blank, part = np.array([f"{k}.wav" for k in range(24)]), np.full(24, ""), np.full(24, "test")
    labels = np.arange(24) % 6
    return AudioDataset(np.zeros((24, 8), np.float32), labels, tuple("abcdef"), 4000, names, blank, part, "six")


def tasks(size, clips):
    return attack_tasks(size, clips, dict.fromkeys(size.models, "x"), 3)


@pytest.mark.parametrize(
    ("preset", "digest"),
    [("quick", "abccd85fb77518ac"), ("standard", "5d8841918f9d91cf"), ("paper", "6cd50e758ff56f5b")],
)
def test_without_a_choice_cells_are_what_they_always_were(six, preset, digest):
    found = tasks(PRESETS[preset], six)
    assert hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16] == digest
    assert tasks(replace(PRESETS[preset], labels=tuple("fedcba")), six) == found


def test_tasks_cover_every_clip_and_no_target_is_the_own_label(toys):
    size = replace(PRESETS["quick"], models=("vgg13",), per_label=3, targets=5)
    rows, targets = pairs(toys, size, 0)
    assert (toys.labels[rows] != targets).all()
    assert len(rows) == 6  # three of each label, one other label
    tasks = attack_tasks(size, toys, {"vgg13": "x"}, 0)
    assert [row for t in tasks if t["attack"] == "fgsm" for row in t["rows"]] == list(range(24))
    assert len({t["file"] for t in tasks}) == len(tasks)
    assert np.bincount(chosen_clips(toys, 6, 0).labels).tolist() == [3, 3]


def test_targeted_attacks_keep_to_chosen_labels_and_others_do_not(six):
    paper = PRESETS["paper"]
    size = replace(paper, labels=("f", "b", "d"))
    rows, targets = pairs(six, size, 0)
    found = list(zip(six.labels[rows].tolist(), targets.tolist(), strict=True))
    assert set(found) == {(1, 3), (1, 5), (3, 1), (3, 5), (5, 1), (5, 3)}
    assert len(found) == 6 * 4
    for kind in (True, False):
        before, after = ([t for t in tasks(s, six) if (t["attack"] in TARGETED) == kind] for s in (paper, size))
        assert (before == after) == (not kind)


def test_a_choice_that_cannot_be_had_says_what_there_is(six):
    assert chosen_labels(None, six) is None
    assert chosen_labels(["b", "a", "b"], six) == ("b", "a")
    with pytest.raises(ValueError, match="there is no g, tuba: choose among a, b, c, d, e, f"):
        chosen_labels(["a", "g", "tuba"], six)
    for few in ([], ["a"], ["a", "a"]):
        with pytest.raises(ValueError, match=r"at least two, .* of a, b, c, d, e, f"):
            chosen_labels(few, six)
    one = chosen_clips(six, 1, 0)
    rest = [name for name in "abcdef" if name != six.label_names[one.labels[0]]]
    with pytest.raises(ValueError, match="none of the 1 clips to attack"):
        chosen_labels(rest, one)


def test_a_run_refuses_labels_before_it_trains_and_attacks_within_them(toys, tmp_path, monkeypatch):
    seen = []

    def cells(size, *rest):
        seen.append(size.labels)
        raise ValueError("enough is seen")

    monkeypatch.setattr(module, "_cells", cells)
    monkeypatch.setattr(module, "model_rows", lambda *given: [])
    monkeypatch.setattr(module, "prepare_models", lambda *given, **options: {})
    for given, meant in ((["high", "low"], ("high", "low")), (None, None)):
        with pytest.raises(ValueError, match="enough is seen"):
            module.sound_events(toys, tmp_path, labels=given, progress=False)
        assert seen.pop() == meant
    monkeypatch.setattr(module, "prepare_models", None)
    with pytest.raises(ValueError, match="choose among low, high"):
        module.sound_events(toys, tmp_path, labels=["low", "middle"], progress=False)
