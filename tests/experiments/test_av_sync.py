"""The sync detector's tables: what is run, what rows say, and a whole run on toy clips that goes on where it ended."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from art_audio_ext.experiments import av_sync as module
from art_audio_ext.experiments import av_sync_cells, av_sync_models
from art_audio_ext.experiments.av_sync import av_sync, choose_size
from art_audio_ext.experiments.av_sync_models import files_of, fold_of
from art_audio_ext.experiments.av_sync_plans import (
    MODALITIES,
    PARTS,
    PRESETS,
    TRAINED,
    Change,
    Size,
    changes,
    trained_changes,
)
from art_audio_ext.experiments.av_sync_summary import detection_table, merged, modality_table, offset_table
from art_audio_ext.functional.metrics import proportion_interval
from art_audio_ext.training.audiovisual_settings import RecogniserSettings
from art_audio_ext.training.syncnet_settings import SyncNetSettings


def cell(kind, confidence, right, *, fold=0, noise=None, **more):
    change = Change(kind)
    task = {"fold": fold, "name": change.name, "attacks": change.attacks, "change": change.to_dict(), "seed": 0}
    result = {"right": right, "confidence": {"single": confidence}, "distortion": {}, **more}
    if change.attacks:
        result |= {"noise": {"confidence": {"single": noise}}, "distortion": {"video_l2": [1.0, None, 3.0, 5.0]}}
    return task, result


BENIGN = cell("none", [0.9, 0.8, 0.7, 0.6], "1110", offsets=[[3, 3], [-2, -1], [5, 0]], strangers=[])


def test_a_row_knows_what_was_fooled_and_what_noise_would_do():
    rows = detection_table([BENIGN, cell("fgsm", [0.1, 0.75, 0.2, 0.3], "0100", noise=[0.9, 0.8, 0.1, 0.6])])
    row = next(row for row in rows if row["change"].startswith("fgsm") and row["detector"] == "single")
    assert (row["clips"], row["accuracy"]) == (4, 0.25)
    assert row["success"] == pytest.approx(2 / 3)  # of three that were right
    assert row["auc"] == 14 / 16  # .75 lies below two of the four
    assert row["auc_low"] <= row["auc"] <= row["auc_high"]
    assert row["auc_successes"] == 1.0  # the first and the third
    assert row["auc_noise"] == pytest.approx(11.5 / 16)  # a tie is half
    assert row["video_l2"] == 3.0
    assert row["audio_linf_db"] is None
    untouched = next(row for row in rows if row["change"] == "none")
    assert (untouched["auc"], untouched["success"], untouched["auc_noise"]) == (0.5, None, None)


def test_a_confidence_that_is_too_high_is_suspicious_on_two_sides():
    rows = detection_table([BENIGN, cell("bim", [2.0, 2.1, 2.2, 2.3], "0000", noise=[0.9, 0.8, 0.7, 0.6])])
    found = {row["detector"]: row for row in rows if row["change"].startswith("bim")}
    assert (found["single"]["auc"], found["single, either side"]["auc"]) == (0.0, 1.0)
    assert found["single, either side"]["f1"] == 1.0
    assert found["single, either side"]["flagged_benign"] == 0.0


def test_the_threshold_of_a_half_is_learnt_on_the_other():
    even, odd = [0.9, 0.2, 0.9, 0.2], [0.5, 0.1, 0.5, 0.1]  # benign and changed clips whose halves disagree
    rows = detection_table([cell("none", even, "1111"), cell("noisy", odd, "1111")])
    row = next(row for row in rows if row["change"] == "noisy" and row["detector"] == "single")
    assert row["auc"] == pytest.approx(0.75)
    assert row["f1"] < 0.7


def test_folds_are_compared_within_themselves():
    high = cell("none", [5.9, 5.8, 5.7, 5.6], "1111", fold=1)
    attacks = [cell("bim", [0.1] * 4, "0000", noise=[0.1] * 4), cell("bim", [5.1] * 4, "0000", fold=1, noise=[5.1] * 4)]
    row = next(
        row
        for row in detection_table([BENIGN, high, *attacks])
        if row["change"].startswith("bim") and row["detector"] == "single"
    )
    assert (row["auc"], row["clips"], row["auc_noise"]) == (1.0, 8, 0.5)
    assert row["auc_low"] < 1.0  # eight clips are not certainty


def test_offsets_within_one_frame():
    (row,) = offset_table([BENIGN])
    assert (row["clips"], row["exact"], row["within_one"]) == (3, pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert row["low"] < row["within_one"] < row["high"]


def test_every_change_is_made_once_and_names_are_checked():
    every = changes(PARTS)
    assert len(set(every)) == len(every)
    assert len({change.name for change in every}) == len(every)
    controls = {"none", "noisy", "mismatched", "frozen", "late", *MODALITIES}
    assert {change.kind for change in changes(())} == {*controls, "fgsm", "bim"}
    assert {(c.audio, c.video) for c in every if c.kind == "fgsm"} == {
        (a, v) for a in (256, 512, 1024) for v in (4, 8, 16)
    }
    for wrong, words in (
        ({"preset": "huge"}, "preset"),
        ({"parts": ["prayer"]}, "adaptive"),
        ({"folds": 4}, "from 1 to 3"),
        ({"folds": True}, "folds"),
    ):
        with pytest.raises(ValueError, match=words):
            choose_size(**{"preset": "quick", **wrong})
    assert choose_size("standard", ["adaptive"], 1) == replace(PRESETS["standard"], parts=("adaptive",), tested=1)


def test_what_aims_at_trained_networks_has_two_goals_and_says_how_many_views_it_averages():
    for networks, full in ((1, "random trained"), (3, "random trained ensemble")):
        known = trained_changes(networks)
        assert {change.goal for change in known if change.detector == full and change.eot == 4} == {"highest", "own"}
        assert any("ensemble" in change.detector for change in known) == (networks > 1)
        names = [change.name for change in [*known, *changes(PARTS)]]
        assert len(set(names)) == len(names)
        assert [name for name in names if "EOT" in name] == [
            f"adaptive 512/8, {wish} of {full}, EOT over 16 views a step"
            for wish in ("0.5 x confidence", "2 x the clip's own confidence")
        ] + [
            f"adaptive 512/8, error first, then {wish}, of {full}, logit ratio, EOT over 16 views a step"
            for wish in ("confidence", "the clip's own confidence")
        ]


def test_cells_of_one_change_are_one_whoever_judged():
    noise = [0.9, 0.8, 0.7, 0.6]
    plain, again = cell("bim", [0.1] * 4, "0000", noise=noise), cell("bim", [0.1] * 4, "1111", noise=noise)
    again[1]["confidence"] = {"trained": [0.3] * 4}
    again[1]["noise"] = {"confidence": {"trained": [0.2] * 4}}
    ((task, result),) = merged([plain, again])
    assert (task, result["right"]) == (plain[0], "0000")
    assert result["confidence"] == {"single": [0.1] * 4, "trained": [0.3] * 4}
    assert result["noise"]["confidence"] == {"single": noise, "trained": [0.2] * 4}
    assert merged([BENIGN, plain]) == [BENIGN, plain]


def test_a_victim_that_listens_and_does_not_look():
    said = {"heard alone": "1110", "seen alone": "0100", "neither": "0001"}
    cells = [BENIGN, *(cell(kind, [], right) for kind, right in said.items())]
    cells += [cell(kind, [], "1111", fold=1) for kind in ("none", *said)]
    first, _, every = modality_table(cells)
    shares = {"both": 0.75, "heard_alone": 0.75, "seen_alone": 0.25, "neither": 0.25}
    assert {name: first[name] for name in ("fold", "clips", *shares)} == {"fold": 0, "clips": 4, **shares}
    assert (first["both_low"], first["both_high"]) == pytest.approx(proportion_interval(3, 4))
    assert (every["fold"], every["clips"], every["seen_alone"]) == ("all", 8, 0.625)
    assert modality_table([BENIGN]) == []


def test_clips_of_a_file_stay_together_and_labels_are_spread(talking_bars):
    paths = tuple(f"{i // 2}.mpg#{i % 2}" for i in range(32))
    data = replace(talking_bars, paths=paths, labels=np.arange(32) // 2 % 2)
    folds = fold_of(data, 3, 0)
    assert {len(set(folds[files_of(data) == file])) for file in set(files_of(data))} == {1}
    counts = [np.bincount(data.labels[folds == k], minlength=2) for k in range(3)]
    assert np.ptp(counts) <= 4
    assert (folds == fold_of(data, 3, 0)).all()
    assert (folds != fold_of(data, 3, 1)).any()
    with pytest.raises(ValueError, match="16 files cannot be in 17 folds"):
        fold_of(data, 17, 0)
    spoken = replace(data, speakers=tuple(f"s{i % 8}" for i in range(32)))
    by_speaker = fold_of(spoken, 3, 0)
    assert all(len(set(by_speaker[np.array(spoken.speakers) == name])) == 1 for name in set(spoken.speakers))


@pytest.fixture
def small(monkeypatch):
    """Networks that learn in a moment."""
    sync = SyncNetSettings(size=16, crop=24, epochs=1, augment=False)
    monkeypatch.setattr(av_sync_models, "SYNCS", {"tiny": sync, "standard": sync, "mfcc": replace(sync, sound="mfcc")})
    victim = RecogniserSettings(crop=24, width=4, audio_width=4, hidden=4, epochs=1)
    monkeypatch.setattr(av_sync_models, "VICTIMS", {"tiny": victim})
    monkeypatch.setitem(module.PRESETS, "tiny", Size(4, 1, ("adaptive",), "tiny", 2, "tiny"))
    monkeypatch.setattr(av_sync_cells, "_STEPS", 2)
    few = (
        *changes(())[:8],
        Change("fgsm", 512, 8),
        Change("bim", 512, 8),
        Change("adaptive", 512, 8, 0.5, "random", 2),
    )
    monkeypatch.setattr(module, "changes", lambda parts: list(few))
    monkeypatch.setattr(module, "JUDGED_AGAIN", (few[0], few[-2]))
    ensemble = Change("adaptive", 512, 8, 2.0, "random trained ensemble", 2, "own")
    monkeypatch.setattr(module, "trained_changes", lambda networks: [ensemble])


def test_folds_that_cannot_judge_each_other_are_refused(small, talking_bars, tmp_path):
    with pytest.raises(ValueError, match="a fold has fewer than 4 clips: load more"):
        av_sync(talking_bars.subset(range(9)), tmp_path, preset="tiny", progress=False)


def test_a_whole_run_goes_on_where_it_ended_and_gives_the_same(small, talking_bars, tmp_path, monkeypatch):
    names = {"paths": tuple(f"other/{i}.mpg" for i in range(4)), "speakers": ("new",) * 4}
    strangers = replace(talking_bars.subset(range(4)), **names)
    longer = replace(
        talking_bars,
        **{name: getattr(talking_bars, name) + getattr(strangers, name) for name in ("sentences", "speakers", "paths")},
        **{
            name: np.concatenate([getattr(talking_bars, name), getattr(strangers, name)])
            for name in ("audio", "video", "labels")
        },
        partition=None,
    )
    record = av_sync(talking_bars, tmp_path, talking=longer, preset="tiny", progress=False)
    assert {row["clips_of"]: row["clips"] for row in record["offsets"]} == {"offsets": 8, "strangers": 4}
    detectors = {row["detector"] for row in record["rows"]}
    assert {"single", "random", "ensemble", "random ensemble", "single, either side"} <= detectors
    assert record["data"]["strangers"] == 4
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "adaptive 512/8, 0.5 x confidence of random" in page
    assert "detection.png" not in page
    assert json.loads((tmp_path / "results.json").read_text())["rows"] == json.loads(json.dumps(record["rows"]))
    bim = next(row for row in record["rows"] if row["change"] == "bim 512/8")
    assert bim["video_linf_pixels"] == pytest.approx(8, abs=0.1)
    assert bim["video_linf_paper"] == pytest.approx(2, abs=0.03)
    monkeypatch.setattr(module, "run_cell", None)  # nothing is left to run
    again = av_sync(talking_bars, tmp_path, talking=longer, preset="tiny", progress=False)
    assert again["rows"] == record["rows"]
    shares = record["modalities"][-1]
    assert shares["clips"] == 8
    assert {"both", "heard_alone", "seen_alone", "neither"} <= set(shares)
    assert {row["change"] for row in record["rows"]}.isdisjoint(MODALITIES)


def test_trained_networks_join_a_run_without_them(small, talking_bars, tmp_path, monkeypatch):
    few = [Change("none"), Change("fgsm", 512, 8), Change("bim", 512, 8)]
    monkeypatch.setattr(module, "changes", lambda parts: few)
    monkeypatch.setattr(module, "JUDGED_AGAIN", (few[0], few[2]))
    first = av_sync(talking_bars, tmp_path, preset="tiny", progress=False)
    before, ran = (tmp_path / "cells.jsonl").read_text(), []
    run = av_sync_cells.run_cell
    monkeypatch.setattr(module, "run_cell", lambda task, context: ran.append(task["name"]) or run(task, context))
    options = {"parts": ["adaptive", "trained"], "trained_epochs": 1, "progress": False}
    record = av_sync(talking_bars, tmp_path, preset="tiny", **options)
    known = "adaptive 512/8, 2 x the clip's own confidence of random trained ensemble, EOT over 8 views a step"
    assert ran == ["none", "bim 512/8", known]  # the others are still there
    assert (tmp_path / "cells.jsonl").read_text().startswith(before)
    assert len(list((tmp_path / "models").glob("trained-*.safetensors"))) == 2
    found = {(row["change"], row["detector"]): row for row in record["rows"]}
    for row in first["rows"]:
        assert found[row["change"], row["detector"]] == row
    for name in TRAINED:
        assert 0 <= found["bim 512/8", name]["auc"] <= 1
        assert 0 <= found[known, f"{name}, either side"]["auc_noise"] <= 1
        assert ("fgsm 512/8", name) not in found
    assert found["bim 512/8", "trained"]["auc"] != found["bim 512/8", "single"]["auc"]
    assert {row["clips_of"] for row in record["offsets"]} == {"offsets", "offsets_trained"}
    assert "network trained against attacks" in (tmp_path / "table.md").read_text()
