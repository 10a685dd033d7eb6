"""The sentence attack's tables: what rows say, and a whole run on toy clips that goes on where it ended."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from art_audio_ext import cli_av_sync
from art_audio_ext.experiments import av_sentences as module
from art_audio_ext.experiments.av_sentences import PRESETS, SentenceSize, av_sentences, choose_sentences
from art_audio_ext.experiments.av_sentences_summary import detection_table, success_table
from art_audio_ext.experiments.train_recogniser import train_recogniser_on
from art_audio_ext.functional.metrics import proportion_interval
from art_audio_ext.report.av_sentences_view import format_av_sentences
from art_audio_ext.training.audiovisual_settings import RecogniserSettings
from art_audio_ext.training.syncnet_settings import SyncNetSettings


def benign(confidence, first=0):
    return {"text": "", "first": first}, {"confidence": {"single": confidence}, "transcripts": [""] * len(confidence)}


def attacked(text, confidence, noise, errors, first=0):
    results = [
        {"word_error_rate": e, "partial": e < 0.5, "full": e == 0, "iterations": 10 + i} for i, e in enumerate(errors)
    ]
    lengths = [1.0 + i for i in range(len(errors))]
    measures = ("video_l2", "video_frame_l2", "video_linf_pixels", "video_linf_paper", "audio_linf_db")
    result = {"confidence": {"single": confidence}, "noise": {"single": noise}, "results": results}
    return {"text": text, "first": first}, result | {"distortion": dict.fromkeys(measures, lengths)}


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
    assert (row["iterations"], row["video_l2"]) == (10.5, 1.5)  # of the two that were a partial success
    assert every == row | {"target": "all"}
    failed = success_table([CELLS[0], attacked("lay red", [0.5] * 2, [0.5] * 2, [1.0, 1.0], 2)])[0]
    *_, both = success_table([*CELLS, attacked("bin", [0.5] * 4, [0.5] * 4, [1.0, 0.0, 1.0, 1.0])])
    assert both["clips"] == 8
    assert (both["low"], both["high"]) == pytest.approx(proportion_interval(1, 4))  # four clips, asked twice each
    assert (failed["partial"], failed["iterations"], failed["audio_linf_db"]) == (0.0, None, None)


def test_detection_on_all_and_on_successes():
    rows = {(row["detector"], row["of"]): row for row in detection_table(CELLS)}
    every, partial, full = (rows["single", of] for of in ("all", "partial", "full"))
    assert every["auc"] == pytest.approx((4 + 2 + 0 + 4) / 16)  # .2, .75, .95, .1 against .9, .8, .7, .6
    assert every["auc_low"] <= every["auc"] <= every["auc_high"]
    assert every["auc_noise"] == 0.5
    assert every["auc_over_noise"] == every["auc"]
    assert (partial["clips"], partial["auc"], full["clips"], full["auc"]) == (2, 1.0, 1, 1.0)
    assert rows["single, either side", "all"]["clips"] == 4
    none = detection_table([CELLS[1], attacked("lay red", [0.5] * 2, [0.5] * 2, [1.0, 1.0])])
    assert [row["auc"] for row in none if row["of"] == "full"] == [None, None]


@pytest.fixture
def small(monkeypatch):
    """Networks that learn in a moment."""
    monkeypatch.setattr(module, "SYNCS", {"tiny": SyncNetSettings(size=16, crop=20, epochs=1, augment=False)})
    victim = RecogniserSettings(crop=16, width=4, audio_width=4, hidden=8, epochs=1)
    monkeypatch.setattr(module, "VICTIMS", {"tiny": victim})
    monkeypatch.setitem(module.PRESETS, "tiny", SentenceSize(None, 7, 2, 2, "tiny", 1, "tiny"))


def test_a_whole_run_goes_on_where_it_ended(small, tiny_clips, tmp_path, monkeypatch):
    clips = replace(
        tiny_clips,
        sentences=tuple(f"{text} {'lay' if k % 3 else 'set'}" for k, text in enumerate(tiny_clips.sentences)),
    )
    ran, run = [], module.run_cell
    monkeypatch.setattr(module, "run_cell", lambda task, context: ran.append(task) or run(task, context))
    record = av_sentences(clips, tmp_path, preset="tiny", progress=False)
    assert [(task["first"], task["count"]) for task in ran] == [(0, 5), (5, 2)] * 3
    assert [row["clips"] for row in record["attack"]] == [7, 7, 14]
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
    assert again["attack"] == record["attack"]
    assert again["detection"] == record["detection"]


def test_what_is_refused(small, tiny_clips, tmp_path):
    with pytest.raises(ValueError, match="no preset 'huge': choose quick"):
        choose_sentences("huge")
    with pytest.raises(ValueError, match="targets must be a whole number from 1 up"):
        choose_sentences("quick", targets=0)
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
    cli_av_sync.av_sentences_command(tmp_path, targets=3, victim_epochs=9, quiet=True)
    assert "the tables" in capsys.readouterr().out
    assert (asked["data"], asked["targets"], asked["victim_epochs"], asked["progress"]) == ("builtin-av", 3, 9, False)
