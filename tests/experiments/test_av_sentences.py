"""The sentence attack's tables: what rows say, and a whole run on toy clips that goes on where it ended."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from art_audio_ext import cli_av_sync
from art_audio_ext.attacks.evasion import carlini_wagner_ctc
from art_audio_ext.experiments import av_sentences as module
from art_audio_ext.experiments import av_sentences_cells
from art_audio_ext.experiments.av_sentences import av_sentences
from art_audio_ext.experiments.av_sentences_detection import detection_table
from art_audio_ext.experiments.av_sentences_plans import AIMS, PRESETS, SentenceSize, choose_sentences
from art_audio_ext.experiments.av_sentences_summary import success_table
from art_audio_ext.experiments.train_recogniser import train_recogniser_on
from art_audio_ext.functional.metrics import proportion_interval
from art_audio_ext.report.av_sentences_view import format_av_sentences
from art_audio_ext.training.audiovisual_settings import RecogniserSettings
from art_audio_ext.training.syncnet_settings import SyncNetSettings


def benign(confidence, first=0):
    return {"text": "", "first": first}, {"confidence": {"single": confidence}, "transcripts": [""] * len(confidence)}


def attacked(text, confidence, noise, errors, first=0, **attack):
    results = [
        {"word_error_rate": e, "partial": e < 0.5, "full": e == 0, "iterations": 10 + i} for i, e in enumerate(errors)
    ]
    lengths = [1.0 + i for i in range(len(errors))]
    measures = ("video_l2", "video_frame_l2", "video_linf_pixels", "video_linf_paper", "audio_linf_db")
    result = {"confidence": {"single": confidence}, "noise": {"single": noise}, "results": results}
    task = {"text": text, "first": first, "audio": 512, "video": 8, **attack}
    return task, result | {"distortion": dict.fromkeys(measures, lengths)}


CELLS = [  # the second block of clips comes first
    benign([0.7, 0.6], 2),
    benign([0.9, 0.8]),
    attacked("lay red", [0.95, 0.1], [0.7, 0.6], [1.0, 0.25], 2),
    attacked("lay red", [0.2, 0.75], [0.9, 0.8], [0.0, 0.5]),
]


def test_success_and_how_far_clips_were_moved():
    row, every = success_table(CELLS)
    assert (row["target"], row["clips"], row["partial"], row["full"]) == ("lay red", 4, 0.5, 0.25)
    assert row["low"] < 0.25 < row["high"]
    assert row["word_error_rate"] == pytest.approx(0.4375)
    assert (row["iterations"], row["video_l2"]) == (10, 1.0)  # of the one that was a full success, as the aim is
    assert every == row | {"target": "all"}
    failed = success_table([CELLS[0], attacked("lay red", [0.5] * 2, [0.5] * 2, [1.0, 1.0], 2)])[0]
    *_, both = success_table([*CELLS, attacked("bin", [0.5] * 4, [0.5] * 4, [1.0, 0.0, 1.0, 1.0])])
    assert both["clips"] == 8
    assert (both["low"], both["high"]) == pytest.approx(proportion_interval(1, 4))  # four clips, asked twice each
    assert (failed["partial"], failed["iterations"], failed["audio_linf_db"]) == (0.0, None, None)


def test_detection_on_all_and_on_successes():
    rows = {(row["detector"], row["of"]): row for row in detection_table(CELLS) if row["target"] == "all"}
    every, partial, full = (rows["single", of] for of in ("all", "partial", "full"))
    assert every["auc"] == pytest.approx((4 + 2 + 0 + 4) / 16)  # .2, .75, .95, .1 against .9, .8, .7, .6
    assert every["auc_low"] <= every["auc"] <= every["auc_high"]
    assert every["auc_noise"] == 0.5
    assert every["auc_over_noise"] == every["auc"]
    assert (partial["clips"], partial["auc"], full["clips"], full["auc"]) == (2, 1.0, 1, 1.0)
    assert rows["single, either side", "all"]["clips"] == 4
    none = detection_table([CELLS[1], attacked("lay red", [0.5] * 2, [0.5] * 2, [1.0, 1.0])])
    assert [row[name] for row in none if row["of"] == "full" for name in ("auc", "f1", "thresholds")] == [None] * 9


def test_each_aim_and_box_has_rows_of_its_own():
    partial = attacked("lay red", [0.9, 0.8, 0.2, 0.1], [0.5] * 4, [0.25, 1.0, 0.25, 1.0], aim="partial", video=4)
    rows = success_table([*CELLS, partial])
    assert [(row["aim"], row["audio"], row["video"], row["target"]) for row in rows] == [
        ("full", 512, 8, "lay red"),
        ("full", 512, 8, "all"),
        ("partial", 512, 4, "lay red"),
        ("partial", 512, 4, "all"),
    ]
    assert (rows[2]["partial"], rows[2]["iterations"], rows[2]["video_l2"]) == (0.5, 11, 2.0)  # of clips 0 and 2
    found = {(row["aim"], row["video"]): row for row in detection_table([*CELLS, partial]) if row["of"] == "all"}
    assert {key: row["clips"] for key, row in found.items()} == {("full", 8): 4, ("partial", 4): 4}


def test_thresholds_are_learnt_on_other_clips_than_they_judge():
    """Speaker a is learnt from for speaker b: what is right of one is wrong of the other."""
    cells = [
        benign([0.9, 0.8, 0.5, 0.4]),
        attacked("lay", [0.7, 0.6, 0.3, 0.2], [0.5] * 4, [0.0] * 4),  # .75 tells a's clips apart, .35 tells b's
        attacked("set", [-0.2] * 4, [0.5] * 4, [0.0, 0.0, 1.0, 1.0]),
    ]
    groups = ["a", "a", "b", "b"]
    rows = {(r["target"], r["of"]): r for r in detection_table(cells, 0, groups) if r["detector"] == "single"}
    lay, set_, every = (rows[target, "all"] for target in ("lay", "set", "all"))
    assert lay["thresholds"] == pytest.approx([0.35, 0.75])  # of a's clips from b's, and of b's from a's
    assert lay["f1"] == pytest.approx(0.5)  # two attacked clips of a get through, two benign ones of b are flagged
    assert lay["flagged_benign"] == 0.5
    assert set_["f1"] == 1.0
    assert (every["f1"], every["thresholds"]) == (pytest.approx(0.75), None)  # the mean over sentences
    assert rows["set", "full"]["f1"] is None  # no success of b to learn from
    table = " ".join(format_av_sentences(shown(cells, groups)).split())
    assert "| full | 512/8 | lay | single | 4 | 0.75" in table
    assert "| 0.50 | 50.0% | 0.350 and 0.750 |" in table


def shown(cells, groups):
    """A record as the view takes it."""
    scores = dict.fromkeys(("clean", "video_blanked", "audio_blanked", "video_frozen"), 0.5)
    victim = {"accuracy": scores, "word_error_rate": scores}
    return {"victim": victim, "attack": success_table(cells), "detection": detection_table(cells, 0, groups)}


@pytest.fixture
def small(monkeypatch):
    """Networks that learn in a moment."""
    monkeypatch.setattr(module, "SYNCS", {"tiny": SyncNetSettings(size=16, crop=20, epochs=1, augment=False)})
    victim = RecogniserSettings(crop=16, width=4, audio_width=4, hidden=8, epochs=1)
    monkeypatch.setattr(module, "VICTIMS", {"tiny": victim})
    monkeypatch.setitem(PRESETS, "tiny", SentenceSize(None, 7, 2, 2, "tiny", 1, "tiny"))


def test_a_whole_run_goes_on_where_it_ended(small, tiny_clips, tmp_path, monkeypatch):
    clips = replace(
        tiny_clips,
        sentences=tuple(f"{text} {'lay' if k % 3 else 'set'}" for k, text in enumerate(tiny_clips.sentences)),
    )
    ran, run, attack, aims = [], module.run_cell, av_sentences_cells.CarliniWagnerCTC, []
    monkeypatch.setattr(
        av_sentences_cells, "CarliniWagnerCTC", lambda *a, **k: aims.append(k["aim"]) or attack(*a, **k)
    )
    monkeypatch.setattr(module, "run_cell", lambda task, context: ran.append(task) or run(task, context))
    record = av_sentences(clips, tmp_path, preset="tiny", progress=False)
    assert [(task["first"], task["count"]) for task in ran] == [(0, 5), (5, 2)] * 3
    assert [row["clips"] for row in record["attack"]] == [7, 7, 14]
    assert all("aim" not in task for task in ran)  # as before there were aims, so that cells of then stay good
    assert record["data"]["attacked"] == 7
    texts = record["size"]["targets"]
    assert len(set(texts)) == 2
    assert set(texts) <= set(clips.sentences)
    assert {row["detector"] for row in record["detection"]} >= {"single", "random", "single, either side"}
    assert record["attack"][-1]["video_linf_pixels"] is None or record["attack"][-1]["video_linf_pixels"] <= 8.01
    assert set(record["victim"]["word_error_rate"]) == {"clean", "audio_blanked", "video_blanked", "video_frozen"}
    assert json.loads((tmp_path / "results.json").read_text())["attack"] == json.loads(json.dumps(record["attack"]))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert texts[0] in page
    assert "confidence.png" not in page
    assert "the pictures alone" in format_av_sentences(record)
    lines = (tmp_path / "cells.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "cells.jsonl").write_text("".join(lines[:-1]))  # the last cell was lost
    again = av_sentences(clips, tmp_path, preset="tiny", progress=False)
    assert len(ran) == 7
    more = av_sentences(
        clips, tmp_path, preset="tiny", pairs=[(512, 8), (256, 0)], aims=["full", "partial"], progress=False
    )
    assert {(task["audio"], task["video"], task.get("aim")) for task in ran[7:]} == {
        *((256, 0, None), (512, 8, "partial"), (256, 0, "partial"))
    }
    assert aims[-12:] == ["full"] * 4 + ["partial"] * 8
    assert more["attack"][:3] == record["attack"]
    assert [row["video_linf_pixels"] or 0.0 for row in more["attack"] if row["video"] == 0] == [0.0] * 6
    assert again["attack"] == record["attack"]
    assert again["detection"] == record["detection"]


def test_what_is_refused(small, tiny_clips, tmp_path):
    with pytest.raises(ValueError, match="no preset 'huge': choose quick"):
        choose_sentences("huge")
    with pytest.raises(ValueError, match="targets must be a whole number from 1 up"):
        choose_sentences("quick", targets=0)
    for options, said in (
        ({"aims": ["whole"]}, "aims must be of partial, full, one at least, got 'whole'"),
        ({"aims": []}, "one at least"),
        ({"pairs": [(0, 0)]}, "not both 0"),
        ({"pairs": [(512, 256)]}, "up to 32768 and 255"),
        ({"pairs": [(512,)]}, "such as 512/8"),
        ({"pairs": []}, "one at least"),
    ):
        with pytest.raises(ValueError, match=said):
            choose_sentences("quick", **options)
    assert PRESETS["paper"].pairs == ((1024, 8), (512, 8), (256, 8), (1024, 4), (512, 4), (256, 4))
    assert set(AIMS) == set(carlini_wagner_ctc.AIMS)
    assert choose_sentences("quick", clips=3) == replace(PRESETS["quick"], clips=3)
    with pytest.raises(ValueError, match="other sentences to learn, 2 are wanted"):
        av_sentences(tiny_clips, tmp_path, preset="tiny", progress=False)  # all four are said by attacked clips


def test_clips_whose_sentence_is_not_known_are_named_before_anything_is_trained(tiny_clips, tmp_path):
    unknown = replace(tiny_clips, sentences=("bin lay",) * 39 + ("",))
    said = r"1 of \d+ clips have no sentence, the first is 39: .* into 39.txt beside it"
    with pytest.raises(ValueError, match=said):
        av_sentences(unknown, tmp_path / "out", progress=False)
    with pytest.raises(ValueError, match=said):
        train_recogniser_on(unknown, tmp_path / "out" / "model", head="sentence", progress=False)
    assert not (tmp_path / "out").exists()


def test_the_command_hands_everything_over(monkeypatch, tmp_path, capsys):
    asked = {}
    monkeypatch.setattr(module, "av_sentences", lambda data, out, **options: asked.update(options, data=data) or {})
    monkeypatch.setattr("art_audio_ext.report.av_sentences_view.format_av_sentences", lambda record: "the tables")
    more = {"pairs": "512/8,256/4", "aims": "partial", "quiet": True}
    cli_av_sync.av_sentences_command(tmp_path, targets=3, victim_epochs=9, **more)
    assert "the tables" in capsys.readouterr().out
    assert (asked["data"], asked["targets"], asked["victim_epochs"], asked["progress"]) == ("builtin-av", 3, 9, False)
    assert (asked["pairs"], asked["aims"]) == ([(512, 8), (256, 4)], ["partial"])
    for wrong in ("512", "512/8/1", "a/b", ""):
        with pytest.raises(ValueError, match="pairs must be whole numbers such as 512/8,256/4"):
            cli_av_sync.av_sentences_command(tmp_path, pairs=wrong)
