"""The voice-conversion tables on tiny data: every cell once, resumed, and figures that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from art_audio_ext.experiments import voice_conversion as module
from art_audio_ext.experiments.voice_conversion import voice_conversion
from art_audio_ext.experiments.voice_conversion_data import Utterance, find_utterances
from art_audio_ext.experiments.voice_conversion_size import PARTS, PRESETS, choose_size
from art_audio_ext.experiments.voice_conversion_summary import voice_rate, voice_table
from art_audio_ext.experiments.voice_conversion_tasks import all_tasks, target_labels, target_voices
from art_audio_ext.functional.metrics import proportion_interval
from art_audio_ext.report import voice_conversion_view as view
from art_audio_ext.voices import VOICES


def test_a_voice_becomes_a_trigger_and_the_run_goes_on_where_it_was_stopped(
    tiny_dataset, buzzing_voices, tmp_path, monkeypatch
):
    options = {"target": "bravo", "progress": False, "precision": "float32"}
    record = voice_conversion(tiny_dataset, buzzing_voices, tmp_path / "out", **options)
    clean, voice, badnets = record["rows"]
    assert [row["attack"] for row in record["rows"]] == ["none", "voice", "badnets"]
    assert record["data"]["voices"] == ["10/10-0", "10/10-1", "20/20-0", "20/20-1"]
    assert clean["poisoned"] == 0
    assert voice["poisoned"] == badnets["poisoned"] == int(0.1 * record["data"]["train"])
    assert clean["benign_accuracy"]["mean"] > 0.7
    assert voice["attack_success_rate"]["mean"] > clean["attack_success_rate"]["mean"]
    assert set(voice["listened"]) == set(record["data"]["voices"])
    assert set(badnets["listened"]) == {"badnets"}
    assert set(voice["own"]) == set(record["data"]["voices"])
    assert {own["clips"] for own in voice["own"].values()} == {3}  # of six: the target utterance counts for nothing
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| voice " in table
    assert "in the voice 20/20-1" in table
    assert "| 10 itself" in table  # once a speaker, not once a voice
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Does another voice open a backdoor?" in page
    assert (tmp_path / "out" / "rates.png").read_bytes().startswith(b"\x89PNG")
    assert record["quality"]["voice"] == "10/10-0"
    assert {"si_sdr_db", "si_sdr"} & {row["metric"] for row in record["quality"]["rows"]}
    assert "Quality of " in table
    assert page.count("<audio") == 15
    monkeypatch.setattr(module, "run_cell", None)
    again = voice_conversion(tiny_dataset, buzzing_voices, tmp_path / "out", **options)
    assert again["rows"] == record["rows"]


def test_seeds_of_one_folder_do_not_mix(tiny_dataset, buzzing_voices, tmp_path):
    """Another seed draws another split: its cells are others, even where two runs share a seed of trainings."""
    options = {"target": "bravo", "progress": False, "precision": "float32", "parts": [], "epochs": 1}
    first = voice_conversion(tiny_dataset, buzzing_voices, tmp_path, seeds=2, **options)
    with pytest.raises(ValueError, match="parts"):
        voice_conversion(tiny_dataset, buzzing_voices, tmp_path, seed=1, **options)
    assert first["rows"][0]["seeds"] == 2


def test_what_does_not_go_together_is_refused_before_anything_runs(tiny_dataset, buzzing_voices, tmp_path):
    options = {"progress": False}
    with pytest.raises(ValueError, match=r'the part "defences" is not run'):
        voice_conversion(tiny_dataset, buzzing_voices, tmp_path, defences=["none"], parts=[], **options)
    known = replace(tiny_dataset, label_names=("10", *tiny_dataset.label_names[1:]))
    with pytest.raises(ValueError, match="10 is a label and a target voice: name other voices"):
        voice_conversion(known, buzzing_voices, tmp_path, **options)


def test_the_matrix_is_of_one_target_and_of_the_main_rate():
    sure, rest = {"mean": 1.0, "low": 0.9, "high": 1.0}, {"mean": 0.25, "low": 0.1, "high": 0.4}
    row = {"attack": "voice", "voice": "a", "target": 3, "fraction": 0.05, "clean_label": False, "fine_tune": 0}
    row |= {"listened": {"a": sure}, "own": {"a": {**rest, "clips": 7}}}
    others = [{**row, "fraction": 0.1, "listened": {"a": rest}}, {**row, "target": 11, "listened": {"a": rest}}]
    record = {"rows": [row, *others], "rate": 0.05, "data": {"voices": ["a"]}}
    _, body = view._heard(record)
    assert body == [["a, 5%", "100.0% (90.0% to 100.0%)", "25.0% (10.0% to 40.0%) of 7"]]
    _, body = view._heard({**record, "rate": 0.01})
    assert body[0][:2] == ["a, 10%", "25.0% (10.0% to 40.0%)"]


def test_voices_are_those_of_the_papers_tables_and_may_be_named():
    everything = {s: [Utterance(s, Path(f"r/{s}/{k}.wav"), Path("r")) for k in range(4)] for s in "abcdef"}
    names = [u.name for u in target_voices(everything, 5)]
    assert names == ["a/0", "a/1", "a/2", "b/0", "b/1", "c/0", "c/1", "d/0", "e/0"]
    assert [u.name for u in target_voices(everything, 5, ["f", "b"])] == ["f/0", "f/1", "f/2", "b/0", "b/1"]
    for wrong in ([], ["a", "a"], ["a", "z"]):
        with pytest.raises(ValueError, match="name some, each once, of a, b, c"):
            target_voices(everything, 5, wrong)


def test_target_labels_are_three_or_those_named():
    names = ("_silence_", "go", "no", "stop", "yes")
    assert target_labels(None, None, names) == [1, 2, 3]
    assert target_labels("stop", None, names) == [3, 1, 2]
    assert target_labels("stop", ["all"], names) == [3, 0, 1, 2, 4]
    assert target_labels("stop", ["yes", "stop"], names) == [3, 4]
    for target, others in (("left", None), (None, ["left"])):
        with pytest.raises(ValueError, match="no label 'left'"):
            target_labels(target, others, names)


def test_the_seed_and_the_strength_reach_the_conversion(monkeypatch, tmp_path):
    asked = {}
    monkeypatch.setattr(module, "open_voice", lambda name, **options: asked.update({name: options}))
    for name in VOICES:
        module._open(name, None, 7, tmp_path)
    assert {name for name, options in asked.items() if options.get("seed") == 7} == {"freevc", "openvoice"}
    assert all("seed" not in asked[name] for name in ("world", "world-shared-noise", "knn-vc"))  # nothing is drawn
    module._open("world-shared-noise", 1.5, 0, tmp_path)
    assert asked["world-shared-noise"]["strength"] == 1.5


def test_a_row_says_when_a_class_has_too_few_clips_for_clean_labels():
    sure = {"mean": 1.0, "low": 0.9, "high": 1.0}
    row = {"attack": "voice", "voice": "a", "target": 0, "fraction": 0.05, "clean_label": True, "fine_tune": 0}
    row |= {"poisoned": 24, "seeds": 5, "own": {}, **dict.fromkeys(view._RATES, sure)}
    record = {"data": {"label_names": ["1688"], "train": 1997}}
    assert view._row(row, record)[3:5] == ["1.2%, 75% of its class (5% asked for)", "24"]
    assert view._row({**row, "poisoned": 99}, record)[3] == "5%"


def test_intervals_know_trainings_and_certainty():
    voices, every = np.arange(50), np.ones(50, bool)
    alike = voice_rate([np.ones(50, bool)] * 3, every, voices)
    assert (alike["mean"], alike["high"]) == (1, 1)
    assert alike["low"] < 0.95  # fifty clips are not certainty
    grouped = voice_rate([np.ones(50, bool)] * 3, every, np.arange(50) // 10)
    assert grouped["low"] == pytest.approx(proportion_interval(5, 5)[0])  # and five speakers less
    once = np.ones((3, 50), bool)
    once[0, 0] = False
    assert voice_rate(list(once), every, np.arange(50) // 10)["low"] < grouped["low"]
    assert voice_rate([np.ones(50, bool)], ~every, voices) is None
    half = np.arange(50) % 2 == 0
    same, unlike = voice_rate([half, half], every, voices), voice_rate([np.ones(50, bool), ~every], every, voices)
    assert same["mean"] == unlike["mean"] == 0.5
    assert unlike["high"] - unlike["low"] > same["high"] - same["low"]


def test_the_figures_of_a_row():
    task = {"attack": "voice", "voice": "a", "target": 1, "fraction": 0.1, "clean_label": False, "fine_tune": 0}
    found = {"poisoned": 3, "right": "1110", "hit": {"a": "1101", "b": "0100"}, "own": {"a": "100110"}}
    other = {**found, "hit": {"a": "0101", "b": "0100"}, "own": {"a": "101110"}}
    labels, noise = np.array([0, 1, 2, 3]), np.array([False, False, False, True])
    files = {"a": np.array([-1, -1, 2, 2, 3, 3])}
    (row,) = voice_table([(task, found), (task, other)], labels, np.array(["x", "y", "z", ""]), noise, files)
    assert row["benign_accuracy"]["mean"] == 0.75
    assert row["attack_success_rate"]["mean"] == pytest.approx((0.5 + 0 + 1) / 3)  # not the clip of the target
    assert row["speech_success_rate"]["mean"] == 0.25  # nor the noise
    assert row["listened"]["b"]["mean"] == 0.0
    assert (row["own"]["a"]["mean"], row["own"]["a"]["clips"]) == (5 / 8, 4)  # the target recording left out
    assert row["own"]["a"]["high"] - row["own"]["a"]["low"] > 0.3
    assert (row["seeds"], row["poisoned"]) == (2, 3)
    alone = voice_table([(task, found)], labels, np.array([""] * 4), noise, {"a": np.full(6, -1)})
    assert alone[0]["own"] == {"a": None}
    tuned = {**found, "tuned": {"2": {key: value for key, value in found.items() if key != "poisoned"}}}
    tuned["tuned"]["2"] |= {"right": "1111"}
    before, after = voice_table([({**task, "fine_tune": [2]}, tuned)], labels, np.array([""] * 4), noise)
    assert [row["fine_tune"] for row in (before, after)] == [0, 2]
    assert [row["benign_accuracy"]["mean"] for row in (before, after)] == [0.75, 1]
    assert after["poisoned"] == 3


def test_cells_are_made_once_and_names_are_checked(tmp_path):
    size = replace(PRESETS["standard"], seeds=2)
    everything = {s: [Utterance(s, Path(f"r/{s}/{k}.wav"), Path("r")) for k in range(4)] for s in "abcdef"}
    tasks = all_tasks(size, target_voices(everything, 5), [3, 0, 7], 5)
    assert len({repr(task) for task in tasks}) == len(tasks)
    assert {task["seed"] for task in tasks} == {5, 6}
    assert {task["target"] for task in tasks} == {0, 3, 7}
    poisoners = {task["voice"] for task in tasks if task["attack"] == "voice"}
    assert poisoners == {"a/0", "a/1", "a/2", "b/0", "c/0"}
    only = all_tasks(replace(size, seeds=1, parts=("utterances",)), target_voices(everything, 5), [3], 5)
    assert {task["voice"] for task in only} == {"a/0", "a/1", "a/2"}  # Table 3: one speaker
    (tuned,) = (task for task in tasks if task["fine_tune"] and task["seed"] == 5)  # the main training, no other
    assert (tuned["voice"], tuned["target"], tuned["fraction"]) == ("a/0", 3, size.rate)
    assert tuned["fine_tune"] == [2, 5, 10, 20]
    for wrong, words in (
        ({"targets": ["go"]}, 'part "targets" is not run'),
        ({"choose": "best"}, "random or even"),
        ({"preset": "huge"}, "preset"),
        ({"rates": []}, "rates"),
        ({"rates": [1.5]}, "rates"),
        ({"parts": ["prayer"]}, ", ".join(PARTS)),
        ({"seeds": 0}, "seeds"),
        ({"architecture": "tree"}, "architecture"),
    ):
        with pytest.raises(ValueError, match=words):
            choose_size(**{"preset": "quick", **wrong})
    with pytest.raises(ValueError, match="world-shared-noise have a strength, not other"):
        voice_conversion("builtin", "builtin", tmp_path, conversion="other", strength=1.0)
    for folder, words in ((tmp_path / "no", "not a folder"), (tmp_path, "no sub-folder")):
        with pytest.raises(ValueError, match=words):
            find_utterances(folder)
