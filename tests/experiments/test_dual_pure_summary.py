"""The rows of the comparison of purifiers from cells made by hand: voices, seeds, and pairs of which one has none."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.experiments.dual_pure_summary import cell_table
from art_audio_ext.functional.bootstrap import gap_interval, share_interval
from art_audio_ext.functional.metrics import proportion_interval

VOICES = np.repeat(np.arange(10), 4)


def cell(defence, right, seed=0, attack="pgd10"):
    experiment = {"defence": defence, "attack": attack, "seed": seed, "clips": len(right), "precision": "float32"}
    bits = "".join(map(str, np.asarray(right).astype(int)))
    return experiment, {"right": [bits], "ever_wrong": None, "change": 0.0}


def test_voices_count_even_where_all_is_right():
    (row,) = cell_table([cell("none", np.ones(40))], VOICES)
    assert (row["low"], row["high"]) == pytest.approx(proportion_interval(10, 10))
    assert row["draws_seen"] is None


def test_seeds_are_drawn_anew_with_the_voices():
    tables = np.random.default_rng(0).random((3, 40)) < [[0.5], [0.7], [0.9]]
    (row,) = cell_table([cell("time_stage", table, seed) for seed, table in enumerate(tables)], VOICES)
    assert (row["low"], row["high"]) == share_interval(tables, VOICES)
    assert row["seeds"] == 3


def test_what_no_seed_changes_stands_beside_all_of_the_others():
    tables = np.random.default_rng(0).random((3, 40)) < 0.6
    still = np.arange(40) % 3 > 0
    cells = [cell("none", still), *(cell("time_stage", table, seed) for seed, table in enumerate(tables))]
    row = next(row for row in cell_table(cells, VOICES) if row["defence"] == "none")
    gap = row["differences"]["time_stage"]
    assert gap["mean"] == pytest.approx(float((still - tables.astype(float)).mean()))
    assert (gap["low"], gap["high"]) == gap_interval(still - tables.astype(float), VOICES)


def test_two_that_agree_on_every_clip_may_differ_on_others():
    right = np.arange(40) % 2 > 0
    cells = [cell("none", right), cell("adversarial", right)]
    row = next(row for row in cell_table(cells, VOICES) if row["defence"] == "none")
    gap = row["differences"]["adversarial"]
    assert (gap["low"], gap["mean"], gap["high"]) == pytest.approx((-0.2775, 0.0, 0.2775), abs=1e-3)
