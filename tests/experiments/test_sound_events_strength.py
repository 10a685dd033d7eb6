"""What attacks need: handmade cells whose curves and inputs are known."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from art_audio_ext.experiments import sound_events_cells as cells
from art_audio_ext.experiments.sound_events_plans import PRESETS
from art_audio_ext.experiments.sound_events_strength import Needed, curve_rows, input_rows, needed_changes
from art_audio_ext.experiments.sound_events_tasks import curve_tasks


def report(row, snr, target=None, success=True, already=False):
    about = {"row": row, "snr_db": snr, "label": 0, "target": target, "new_label": 1, "success": success}
    about |= {"old_confidence": 0.9, "new_confidence": 0.6, "old_label_confidence": 0.3}
    return about | {"already": already, "silent": False, "iterations": 1, "queries": 1}


def cell(model, attack, *clips):
    return {"model": model, "attack": attack}, {"clips": list(clips)}


def needed(model, *ratios, attack="deepfool", target=None, rows=None):
    rows = range(len(ratios)) if rows is None else rows
    return [Needed(attack, model, row, target, ratio) for row, ratio in zip(rows, ratios, strict=True)]


def test_fixed_sizes_are_searched_and_others_reported():
    attacked = [
        cell("vgg13", "fgsm", report(0, 20.0)),  # 20 dB is not what it needs
        cell("vgg13", "deepfool", report(0, 60.0), report(1, 3.0, success=False)),
        cell("vgg13", "lbfgs", report(2, 80.0, target=1)),
        cell("crnn", "deepfool"),
    ]
    found = needed_changes(attacked, [cell("vgg13", "fgsm", {"row": 0, "snr_db": 35.0}, {"row": 1, "snr_db": None})])
    assert [(one.attack, one.row, one.target, one.snr_db) for one in found] == [
        *(("deepfool", 0, None, 60.0), ("deepfool", 1, None, -math.inf), ("lbfgs", 2, 1, 80.0)),
        *(("fgsm", 0, None, 35.0), ("fgsm", 1, None, -math.inf)),
    ]


def test_a_clip_that_is_wrong_already_is_neither_broken_nor_unbroken():
    attacked = [
        cell("vgg13", "deepfool", report(0, 60.0), report(1, None, already=True), report(2, 3.0, success=False))
    ]
    searched = [{"row": 0, "snr_db": 35.0}, {"row": 1, "snr_db": None, "already": True}, {"row": 2, "snr_db": None}]
    found = needed_changes(attacked, [cell("vgg13", "fgsm", *searched, {**searched[2], "row": 3, "already": False})])
    assert [(one.attack, one.row, one.snr_db) for one in found] == [
        *(("deepfool", 0, 60.0), ("deepfool", 2, -math.inf)),
        *(("fgsm", 0, 35.0), ("fgsm", 2, -math.inf), ("fgsm", 3, -math.inf)),
    ]
    assert [row["clips"] for row in curve_rows(found, np.array([20.0]))] == [3, 2]


def test_a_search_tells_a_clip_that_is_wrong_already_from_one_that_never_breaks(monkeypatch):
    rows, right = np.array([4, 5, 6, 7]), np.array([True, True, False, True])
    model = SimpleNamespace(classifier=lambda length: None)
    monkeypatch.setattr(cells, "_block", lambda *given: (model, rows, np.zeros((4, 8)), np.zeros(4, int), right))
    monkeypatch.setattr(cells, "build_attack", lambda *given: None)
    monkeypatch.setattr(cells, "minimal_snr", lambda *given, **search: np.array([np.inf, -np.inf, 30.0]))
    found = cells.run_cell({"kind": "curve", "attack": "fgsm", "seed": 0, "options": {}, "search": {}}, None)
    assert json.loads(json.dumps(found["clips"])) == [
        {"row": 4, "snr_db": None, "already": True},
        {"row": 5, "snr_db": None, "already": False},
        {"row": 7, "snr_db": 30.0, "already": False},
    ]


def test_curves_are_of_each_model_and_of_all_and_clips_count_once():
    found = [*needed("vgg13", 60.0, 40.0, -math.inf), *needed("crnn", 60.0), *needed("crnn", 30.0, attack="fgsm")]
    fixed, first, second, both = curve_rows(found, np.array([20.0, 50.0]))
    assert (fixed["attack"], fixed["model"], fixed["median_snr_db"]) == ("fgsm", "crnn", 30.0)
    assert (first["model"], second["model"], both["model"]) == ("vgg13", "crnn", "all")
    assert (first["success"], first["clips"]) == ((pytest.approx(2 / 3), pytest.approx(1 / 3)), 3)
    assert (both["success"], both["clips"]) == ((0.75, 0.5), 4)
    assert both["median_snr_db"] == 60.0
    assert both["low"][1] < 0.5 < both["high"][1]
    assert not both["targeted"]


def test_inputs_are_compared_on_the_clips_that_both_have():
    found = [
        *needed("vgg13", 60.0, 50.0, 40.0, 10.0),
        *needed("crnn", 70.0, 60.0, 50.0),
        *needed("vgg13@wave", 45.0, 35.0, -math.inf),
    ]
    rows = {(row["among"], row["input"]): row for row in input_rows(found)}
    assert set(rows) == {("all", "mel"), ("all", "wave"), ("vgg13", "mel"), ("vgg13", "wave")}
    wave, alone = rows["all", "wave"], rows["vgg13", "wave"]
    assert (wave["models"], rows["all", "mel"]["models"]) == (["vgg13@wave"], ["vgg13", "crnn"])
    assert (wave["clips"], wave["success"], wave["snr_median"], wave["snr_mean"]) == (
        3,
        pytest.approx(2 / 3),
        35.0,
        40.0,
    )
    assert (wave["more_db"], wave["pairs"]) == (20.0, 2)  # (65 + 55) / 2 - (45 + 35) / 2
    assert (alone["more_db"], alone["pairs"]) == (15.0, 2)
    assert (rows["vgg13", "mel"]["more_db"], rows["vgg13", "mel"]["clips"]) == (None, 4)
    assert input_rows(needed("vgg13", 60.0)) == []
    assert {row["among"] for row in input_rows([one for one in found if one.model != "crnn"])} == {"vgg13"}


def test_trainings_that_differ_widen_the_interval():
    one = [*needed("vgg13", 60.0, 50.0, 40.0, 55.0), *needed("vgg13@wave", 50.0, 42.0, 29.0, 45.0)]
    second = [*needed("vgg13#2", 50.0, 40.0, 30.0, 45.0), *needed("vgg13@wave#2", 60.0, 52.0, 39.0, 55.0)]
    alone, both = (next(row for row in input_rows(found) if row["input"] == "wave") for found in (one, [*one, *second]))
    assert (alone["more_db"], alone["trainings"], both["trainings"]) == (pytest.approx(9.75), 1, 2)
    assert alone["more_low"] > 0
    assert both["more_db"] == pytest.approx(-0.25)  # 9.75 with the first trainings, -10.25 with the second
    assert both["more_low"] < -9
    assert both["more_high"] > 9
    assert both["models"] == ["vgg13@wave", "vgg13@wave#2"]


def test_targets_of_one_clip_are_pairs_of_their_own():
    found = [
        *needed("vgg13", 60.0, attack="lbfgs", target=1),
        *needed("vgg13", 80.0, attack="lbfgs", target=2),
        *needed("vgg13@wave", 50.0, attack="lbfgs", target=2),
    ]
    wave = next(row for row in input_rows(found) if row["input"] == "wave")
    assert (wave["more_db"], wave["pairs"]) == (30.0, 1)


def test_tasks_search_what_is_attacked_with_and_pgd(toys):
    size = PRESETS["standard"]
    tasks = curve_tasks(size, toys, dict.fromkeys(size.models, "x"), 0)
    assert {task["attack"] for task in tasks} == {"white-noise", "fgsm", "pgd"}
    own = [task for task in tasks if (task["model"], task["attack"]) == ("vgg13@wave", "pgd")]
    assert [row for task in own for row in task["rows"]] == list(range(len(toys)))
    assert max(len(task["rows"]) for task in tasks) < len(toys)  # a stop does not cost all of them
    few = curve_tasks(PRESETS["quick"], toys, {"vgg13": "x", "vgg13@wave": "y", "dense-mel": "z"}, 0)
    assert few[0]["search"] == dict(PRESETS["quick"].search)
