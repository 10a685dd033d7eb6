"""From cells to rows: figures that can be checked by hand."""

from __future__ import annotations

import numpy as np

from art_audio_ext.experiments.dual_pure_summary import cell_figures, cell_table, voice_groups


def cell(defence, attack, seed, right, ever=None):
    task = {"defence": defence, "attack": attack, "seed": seed, "clips": 4, "precision": "float32"}
    return task, {"right": right, "ever_wrong": ever, "change": 0.002}


def test_the_figures_of_a_row():
    cells = [
        cell("time_stage", "pgd10", 0, ["1100"]),
        cell("time_stage", "pgd10", 1, ["1000"]),
        cell("dual_pure", "pgd10", 0, ["1110", "0110", "1110"], "0100"),
        cell("dual_pure", "pgd10", 1, ["1110", "1100", "1010"], "0000"),
    ]
    base, row = cell_table(cells)
    assert (base["defence"], base["accuracy"], base["never_wrong"]) == ("time_stage", 3 / 8, None)
    assert row["accuracy"] == 6 / 8
    assert row["never_wrong"] == 5 / 8
    assert row["worst_of"] == 3 / 8
    assert row["vote"] == 6 / 8
    assert row["differences"]["time_stage"]["mean"] == 3 / 8
    assert row["low"] < row["accuracy"] < row["high"]
    assert (row["clips"], row["seeds"], row["draws"]) == (4, 2, 3)


def test_one_cell_by_itself():
    assert cell_figures(*cell("time_stage", "pgd10", 3, ["1100", "1110"], "0001")) == {
        "defence": "time_stage",
        "attack": "pgd10",
        "seed": 3,
        "clips": 4,
        "precision": "float32",
        "accuracy": [0.5, 0.75],
        "ever_wrong": 0.25,
        "change": 0.002,
    }


def test_intervals_know_that_clips_of_a_voice_fail_together():
    lines = ["1" * 20 + "0" * 20]
    voices = voice_groups(np.array(["ann"] * 20 + ["bob"] * 10 + ["", ""] * 5))
    assert len(np.unique(voices)) == 12  # who is not known is a voice of its own
    (alone,) = cell_table([cell("none", "clean", 0, lines)])
    (together,) = cell_table([cell("none", "clean", 0, lines)], np.repeat([0, 1], 20))
    assert alone["accuracy"] == together["accuracy"] == 0.5
    assert alone["high"] - alone["low"] < 0.4
    assert (together["low"], together["high"]) == (0.0, 1.0)
    (sure,) = cell_table([cell("none", "clean", 0, ["1" * 40])])
    assert 0.9 < sure["low"] < 0.95  # not sure beyond doubt
    assert sure["high"] == 1.0


def test_a_difference_is_of_clips_that_both_have():
    cells = [cell("time_stage", "pgd10", 0, ["11110000"]), cell("one_shot", "pgd10", 0, ["1100"])]
    row = cell_table(cells)[1]
    assert (row["clips"], row["differences"]["time_stage"]["mean"]) == (4, -0.5)
