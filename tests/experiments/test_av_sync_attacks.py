"""Attacks that know a sync detector: names, the strongest of several, limits of another half, and their curve."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.experiments.av_sync_halves import halves_of
from art_audio_ext.experiments.av_sync_plans import Change
from art_audio_ext.experiments.av_sync_strongest import strongest_attacks
from art_audio_ext.experiments.av_sync_summary import detection_table
from art_audio_ext.report.av_sync_view import draw_weights

QUIET = {"right": "1111", "distortion": {}}


def cell(change, confidence, right, fold=0):
    """Two detectors, of which the second has other numbers."""
    said = {"single": list(confidence), "random": [0.0] * len(confidence)}
    noise = {"noise": QUIET | {"confidence": {"single": [9.0, 9.1, 9.2, 9.3], "random": [0.0] * 4}}}
    result = {"right": right, "confidence": said, "distortion": {"video_l2": [1.0, 2.0, 3.0, 4.0]}, **noise}
    task = {"fold": fold, "name": change.name, "attacks": change.attacks, "change": change.to_dict(), "seed": 0}
    return task, result


def known(weight, goal="highest", **more):
    return Change("adaptive", 512, 8, weight, "single", goal=goal, **more)


BENIGN = cell(Change("none"), [0.5, 0.6, 0.7, 0.8], "1111")


def test_each_clip_gets_what_fooled_the_victim_and_pleases_the_detector():
    cells = [
        BENIGN,
        cell(known(1), [0.4, 0.4, 0.9, 0.1], "0011"),
        cell(known(2), [0.9, 0.3, 0.2, 0.2], "1001"),
        cell(known(1, "own"), [0.1, 0.59, 3.0, 0.1], "0001"),
        cell(known(2, "own"), [0.48, 0.9, 0.75, 0.2], "0001"),
        cell(Change("bim", 512, 8), [5.0] * 4, "0000"),  # does not know it
    ]
    highest, own = strongest_attacks(cells)
    assert (
        highest[0]["name"] == "adaptive 512/8, clip by clip the strongest of those for the highest confidence of single"
    )
    assert highest[1]["confidence"] == {"single": [0.4, 0.4, 0.2, 0.1]}  # the last was fooled by none: the first's
    assert highest[1]["right"] == "0001"
    assert own[1]["confidence"] == {"single": [0.48, 0.59, 0.75, 0.1]}
    assert own[1]["noise"]["confidence"] == {"single": [9.0, 9.1, 9.2, 9.3]}
    assert own[1]["distortion"] == {"video_l2": [1.0, 2.0, 3.0, 4.0]}
    assert strongest_attacks([BENIGN, cells[1], cells[5]]) == []  # one is no choice
    (row,) = [
        r for r in detection_table([*cells, own]) if r["change"] == own[0]["name"] and "either" not in r["detector"]
    ]
    assert (row["detector"], row["success"], row["auc_successes"]) == ("single", 0.75, pytest.approx(8 / 12))


def test_cells_of_the_time_before_losses_could_be_chosen_stay_known():
    before = {"kind": "adaptive", "audio": 512, "video": 8, "weight": 0.5, "detector": "single", "eot": 1}
    assert Change("adaptive", 512, 8, 0.5, "single").to_dict() == before | {"goal": "highest"}
    chosen = Change("adaptive", 512, 8, 0.5, "single", mix="selective", loss="margin")
    assert Change(**chosen.to_dict()) == chosen
    assert chosen.name == "adaptive 512/8, error first, then confidence, of single, margin"


def test_a_group_is_in_one_half():
    spoken = ["b", "b", "a", "c", "c", "a"]
    assert halves_of(spoken).tolist() == [False, False, True, False, False, True]
    assert halves_of(list("abcd")).tolist() == [False, True, False, True]
    assert halves_of(["a"] * 4).tolist() == [False, True, False, True]  # one group alone
    assert halves_of(["a"] * 9 + ["b"]).tolist() == [False, True] * 5


def test_a_speaker_does_not_judge_himself():
    """Confidence follows the speaker: what is learnt on the one is wrong for the other."""
    benign, attacked = [0.9, 0.8, 0.3, 0.2], [0.6, 0.5, 0.05, 0.01]
    cells = [cell(Change("none"), benign, "1111"), cell(Change("bim", 512, 8), attacked, "0000")]
    turn, apart = (
        next(
            r
            for r in detection_table(cells, groups=groups)
            if r["change"].startswith("bim") and r["detector"] == "single"
        )
        for groups in (None, {0: ["x", "x", "y", "y"]})
    )
    assert turn["flagged_benign"] < 1
    assert apart["flagged_benign"] == 0.5  # all of the second speaker, by the limit of the first
    assert apart["f1"] < turn["f1"]
    assert apart["auc"] == turn["auc"]


def test_success_and_auc_over_the_weight_are_drawn_where_there_are_several():
    cells = [BENIGN, *(cell(known(w), np.full(4, 1 / w), "0000") for w in (2, 0.5, 1))]
    assert draw_weights(detection_table(cells)).startswith(b"\x89PNG")
    assert draw_weights(detection_table(cells[:2])) is None
    assert draw_weights(detection_table([BENIGN, cell(known(1, mix="selective"), [0.1] * 4, "0000")])) is None
