"""The study of sound events: what rows say of handmade cells, and a whole run on toys that goes on where it ended."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from typer.testing import CliRunner

from art_audio_ext.cli import app
from art_audio_ext.experiments import sound_events as module
from art_audio_ext.experiments import sound_events_models
from art_audio_ext.experiments.sound_events import choose_size, sound_events
from art_audio_ext.experiments.sound_events_cells import EventContext, _noise_like
from art_audio_ext.experiments.sound_events_looks import survival_rows, transfer_rows
from art_audio_ext.experiments.sound_events_plans import Size
from art_audio_ext.experiments.sound_events_summary import (
    attack_rows,
    distribution_rows,
    move_rows,
    pair_rows,
)
from art_audio_ext.training.sound_event_settings import SoundEventSettings

LABELS = np.array([0, 0, 1, 1])


def clip(row, success, snr, new, target=None):
    about = {"row": row, "success": success, "snr_db": snr, "label": int(LABELS[row]), "new_label": new}
    about |= {"target": target, "already": False, "iterations": 2 * row, "queries": None}
    return about | {"old_confidence": 0.9, "new_confidence": 0.6, "old_label_confidence": 0.3}


def attacked(model, attack, *clips):
    return {"model": model, "attack": attack}, {"clips": list(clips), "seconds": 2.0}


def looked(kind, calls, rows=(0, 1, 2, 3), targets=(None,) * 4):
    task = {"kind": kind, "model": "m", "source": {"attack": "a"}, "others": dict.fromkeys(calls)}
    task["channels"] = list(calls)
    return task, {"rows": list(rows), "targets": list(targets), "calls": calls}


def test_rows_of_attacks_count_clips_once():
    cells = [
        attacked("m", "a", clip(0, True, 40.0, 1), clip(1, True, 50.0, 1), clip(2, False, 60.0, 1)),
        attacked("m", "a", clip(3, True, 90.0, 0)),
        attacked("n", "a", clip(0, False, None, 0)),
    ]
    first, second, both = attack_rows(cells)
    assert (first["model"], second["model"], both["model"]) == ("m", "n", "all")
    assert (first["clips"], first["success"], first["snr_median"], first["snr_mean"]) == (4, 0.75, 50.0, 60.0)
    assert first["snr_low"] < 60 < first["snr_high"]
    assert first["median_low"] == 40.0 <= first["snr_median"] <= first["median_high"] == 90.0
    assert (second["median_low"], second["queries"]) == (None, None)
    assert first["low"] < 0.75 < first["high"] <= 1
    assert (first["iterations"], first["seconds_per_clip"]) == (3.0, 1.0)
    assert (second["success"], second["snr_median"], second["new_confidence"]) == (0.0, None, None)
    assert (both["clips"], both["success"]) == (5, 0.6)
    spread = {(row["label"], row["left"], row["reached"]) for row in distribution_rows(cells, ("low", "high"))}
    assert spread == {("low", 2, 1), ("high", 1, 2)}


def test_clips_that_had_the_answer_already_are_counted_nowhere():
    had = {"already": True, "queries": 1}
    left, aimed = clip(0, True, None, 1) | had, clip(0, True, None, 1, 1) | had
    cells = [attacked("m", "a", left, clip(1, True, 50.0, 1), clip(2, False, None, 1))]
    cells += [attacked("m", "t", aimed, clip(1, False, None, 0, 1)), attacked("m", "u", aimed)]
    first, second, third = attack_rows(cells)
    assert (first["clips"], first["success"], first["iterations"]) == (2, 0.5, 3.0)
    assert (second["clips"], second["success"]) == (1, 0.0)
    assert (third["clips"], third["success"], third["low"]) == (0, None, None)
    (pair,) = pair_rows(cells, ("low", "high"))
    assert (pair["attack"], pair["pairs"], pair["success"]) == ("t", 1, 0.0)
    low, high = distribution_rows(cells, ("low", "high"))
    assert (low["left"], high["reached"], high["share"]) == (1, 1, 1.0)


def test_pairs_have_a_row_each_and_no_untargeted_clip():
    cells = [attacked("m", "t", clip(0, True, 40.0, 1, 1), clip(1, False, None, 0, 1), clip(2, True, 30.0, 0, 0))]
    cells.append(attacked("m", "a", clip(0, True, 10.0, 1)))
    first, second = pair_rows(cells, ("low", "high"))
    assert (first["label"], first["target"], first["pairs"], first["success"]) == ("low", "high", 2, 0.5)
    assert (second["success"], second["snr_median"]) == (1.0, 30.0)
    assert {row["attack"] for row in distribution_rows(cells, ("low", "high"))} == {"a"}


def test_clips_move_from_a_label_to_another_where_an_untargeted_attack_broke_them():
    cells = [
        attacked("m", "a", clip(0, True, 40.0, 1), clip(1, True, 40.0, 1), clip(2, False, None, 1)),
        attacked("m", "t", clip(0, True, 40.0, 1, 1)),
        attacked("n", "a", clip(0, True, 40.0, 1), clip(3, True, 40.0, 0), clip(2, True, None, 0) | {"already": True}),
        attacked("n", "b", clip(2, True, 10.0, 0)),
    ]
    assert [tuple(row.values()) for row in move_rows(cells, ("low", "high"))] == [
        *(("a", "low", "high", 3), ("a", "high", "low", 1)),
        ("b", "high", "low", 1),
    ]


def test_transfer_is_of_clips_that_the_other_had_right():
    calls = {"n": {"clean": [0, 0, 1, 0], "attacked": [1, 0, 0, 0], "noise": [0, 0, 0, 1]}}
    row, alone = transfer_rows([looked("transfer", calls), looked("survival", {})], LABELS)
    assert (row["source"], row["other"], row["clips"]) == ("m", "n", 3)
    assert (row["fooled"], row["noise"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert row["low"] < row["fooled"] < row["high"]
    assert alone == row | {"source": "all", "other": "all"}
    assert row["more"] == pytest.approx(1 / 3)  # noise fools the third too, not the first
    assert row["more_low"] == 0 < row["more_high"]
    other = {"o": {"clean": [0, 0, 0, 0], "attacked": [1, 1, 1, 1], "noise": [0, 0, 0, 0]}}
    *_, every = transfer_rows([looked("transfer", calls), looked("transfer", other)], LABELS)
    assert (every["source"], every["other"], every["clips"]) == ("all", "all", 5)
    assert (every["fooled"], every["noise"]) == (pytest.approx(4 / 5), pytest.approx(1 / 5))


def test_noise_is_a_clips_own_in_whichever_block_it_comes():
    before = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 400)).astype(np.float32)
    after = before + np.float32(0.01)
    together = _noise_like(before, after, [4, 7, 9], 0)
    assert np.array_equal(together[1:2], _noise_like(before[1:2], after[1:2], [7], 0))
    assert not np.array_equal(together[0] - before[0], together[1] - before[1])
    assert np.square(together - before).sum(1) == pytest.approx(np.square(after - before).sum(1), rel=1e-2)
    assert np.array_equal(_noise_like(before, before, [4, 7, 9], 0), before)


def test_survival_asks_the_same_channel_of_the_clip_as_it_is():
    calls = {"room": {"clean": [0, 0, 1, 0], "attacked": [1, 0, 0, 0], "noise": [0, 0, 2, 1]}}
    own, every = survival_rows([looked("survival", calls)], LABELS)
    assert (own["model"], every["model"], own["clips"], own["benign"]) == ("m", "all", 3, 0.75)
    assert (own["survived"], own["noise"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert own["more"] == pytest.approx(1 / 3)
    targeted, _ = survival_rows([looked("survival", calls, targets=(1, 1, 2, 0))], LABELS)
    assert (targeted["noise"], targeted["more"]) == (pytest.approx(1 / 3), 0.0)
    assert targeted["survived"] == pytest.approx(1 / 3)  # the third left its label, but not for the target


def test_targeted_clips_are_heard_under_the_labels_that_they_aim_at(toys, tmp_path):
    context = EventContext(toys, {}, tmp_path)

    def kept(attack, *clips, model="m"):
        file, targets = f"{model}-{attack}.npy", [target for _, target in clips]
        np.save(tmp_path / file, np.array([np.full(8192, row / 100, np.float32) for row, _ in clips]))
        task = {"model": model, "attack": attack, "file": file, "targets": targets if targets[0] is not None else None}
        return task, {"clips": [{"row": row, "target": target} for row, target in clips]}

    cells = [kept("fgsm", (0, None), (3, None)), kept("t", *((k, 1 - k % 2) for k in range(8)))]
    cells += [kept("u", *((k, 1 - k % 2) for k in range(2, 9))), kept("t", (20, 1), model="n")]
    plain, aimed = (module._heard(cells, context, side) for side in (False, True))
    assert plain.names == ["low: 0.wav", "high: 3.wav"]
    assert list(plain.versions) == ["as it is", "fgsm, m"]
    assert aimed.names == [
        *("low, to be called high: 2.wav", "low, to be called high: 4.wav"),
        "high, to be called low: 7.wav",
    ]
    assert list(aimed.versions) == ["as it is", "t, m", "u, m"]
    assert np.array_equal(aimed.versions["as it is"], toys.waveforms[[2, 4, 7]])
    assert np.allclose(aimed.versions["u, m"][:, 0], [0.02, 0.04, 0.07])
    assert module._heard(cells[:1], context, True) is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"preset": "huge"}, "preset"),
        ({"models": ["resnet"]}, "dense-wav"),
        ({"models": ["dense-wav@mel"]}, "choose dense-mel"),
        ({"attacks": []}, "at least one"),
        ({"parts": ["prayer"]}, "survival"),
        ({"clips": 0}, "from 1 up"),
        ({"trainings": 0}, "trainings"),
    ],
)
def test_wrong_names_say_what_there_is(wrong, words):
    with pytest.raises(ValueError, match=words):
        choose_size(**{"preset": "quick", **wrong})


def check_curves(record):
    """Each crosses one half where its median says, and begins at the share that the table of attacks has."""
    shares = {(row["attack"], row["model"]): row["success"] for row in record["attacks"]}
    for row in record["curves"]:
        middle = -np.inf if row["median_snr_db"] is None else row["median_snr_db"]
        assert [share >= 0.5 for share in row["success"]] == [ratio <= middle for ratio in row["snr_db"]]
        if row["attack"] in ("deepfool", "carlini-targeted"):  # no change of theirs is as loud as -20 dB
            assert row["success"][0] == pytest.approx(shares[row["attack"], row["model"]])


def test_a_whole_run_goes_on_where_it_ended_and_gives_the_same(toys, tmp_path, monkeypatch):
    tiny = SoundEventSettings(width=2, epochs=16, batch_size=4, learning_rate=1e-2, augment=False, mixup=0.0)
    monkeypatch.setattr(
        sound_events_models,
        "resolve_settings",
        lambda name, preset, epochs, front_end: replace(tiny, architecture=name, front_end=front_end),
    )
    loud, few = (("snr_db", -10.0),), (("max_iter", 12), ("binary_search_steps", 3))
    options = (("white-noise", loud), ("fgsm", loud), ("deepfool", few[:1]), ("carlini-targeted", few))
    options = (*options, ("pgd", (("max_iter", 3),)))
    search = (("low_db", -20.0), ("high_db", 60.0), ("step_db", 20.0), ("tolerance_db", 5.0))
    chosen = tuple(name for name, _ in options if name != "pgd")
    size = Size(("vgg13", "vgg13@wave"), "tiny", 4, chosen, 1, 1, options=options, search=search)
    monkeypatch.setitem(module.PRESETS, "tiny", size)
    monkeypatch.setattr(module, "CHANNELS", ("none", "pcm-16", "resample-1/2", "room", "mp3-64"))
    monkeypatch.setattr(module, "missing_codecs", lambda: "no codec here")
    record = sound_events(toys, tmp_path, preset="tiny", progress=False)
    assert min(row["accuracy"] for row in record["models"]) > 0.8
    assert {path.name.split("-")[0] for path in (tmp_path / "models").glob("*.safetensors")} == set(size.models)
    found = {row["attack"]: row for row in record["attacks"] if row["model"] == "all"}
    assert set(found) == set(chosen)
    assert found["fgsm"]["clips"] >= 7
    assert found["fgsm"]["success"] > 0.2
    assert found["fgsm"]["snr_mean"] == pytest.approx(-10, abs=0.1)
    kept = {(row["channel"], row["attack"]): row["survived"] for row in record["survival"] if row["model"] == "all"}
    assert kept["none", "fgsm"] == 1.0
    assert list(dict.fromkeys(name for name, _ in kept)) == ["none", "pcm-16", "resample-1/2", "room"]
    assert {(row["source"], row["other"]) for row in record["transfer"]} == {
        *permutations(size.models),
        ("all", "all"),
    }
    curves = {row["attack"]: row for row in record["curves"] if row["model"] == "all"}
    assert set(curves) == {*chosen, "pgd"}
    assert curves["pgd"]["clips"] == found["fgsm"]["clips"]
    check_curves(record)
    assert curves["fgsm"]["success"][0] >= found["fgsm"]["success"] > 0  # -20 dB is louder than the attack's -10 dB
    assert {row["input"] for row in record["inputs"] if row["among"] == "vgg13"} == {"mel", "wave"}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<audio") >= 4
    assert "low, to be called high: " in page
    assert "no codec here" in page
    assert all(
        (tmp_path / f"{name}.png").is_file()
        for name in ("attacks", "curves", "pairs", "labels", "transfer", "survival", "spectrograms")
    )
    assert json.loads((tmp_path / "results.json").read_text())["attacks"] == json.loads(json.dumps(record["attacks"]))
    monkeypatch.setattr(module, "run_cell", None)  # nothing is left to run
    again = sound_events(toys, tmp_path, preset="tiny", progress=False)
    assert all(again[name] == record[name] for name in ("attacks", "survival", "curves", "inputs"))
    next(path for path in (tmp_path / "clips").iterdir() if "vgg13-fgsm" in path.name).unlink()
    with pytest.raises(ValueError, match="missing or damaged"):
        sound_events(toys, tmp_path, preset="tiny", progress=False)


def test_the_command_says_what_there_is(tmp_path):
    found = CliRunner().invoke(
        app, ["experiment", "sound-events", "--data", "x", "--out", str(tmp_path), "--parts", "a"]
    )
    assert found.exit_code != 0
    assert "transfer, survival" in str(found.exception) + found.output
