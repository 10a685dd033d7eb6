"""Defences against another voice, on tiny data: what filters take out, one victim for all, and the table's figures."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.experiments import voice_conversion_defences as module
from art_audio_ext.experiments.voice_conversion import voice_conversion
from art_audio_ext.experiments.voice_conversion_defences import check_lines
from art_audio_ext.experiments.voice_conversion_summary import defence_table

LINES = ["none", "perfect", "activation_clustering", "combined", "time_stage"]


def test_defences_stand_in_a_table_and_a_stopped_run_goes_on(tiny_dataset, buzzing_voices, tmp_path, monkeypatch):
    options = {"target": "bravo", "progress": False, "precision": "float32", "parts": ["defences"]}
    record = voice_conversion(tiny_dataset, buzzing_voices, tmp_path / "out", defences=LINES, **options)
    rows = {row["defence"]: row for row in record["defences"]}
    assert list(rows) == LINES
    assert (rows["none"]["found"], rows["none"]["lost"]) == (0, 0)
    assert (rows["perfect"]["found"], rows["perfect"]["lost"]) == (1, 0)
    assert rows["time_stage"]["found"] is None
    assert rows["perfect"]["attack_success_rate"]["mean"] < rows["none"]["attack_success_rate"]["mean"]
    assert len(list((tmp_path / "out" / "victims").glob("*.safetensors"))) == 1
    assert "| Perfect filter" in (tmp_path / "out" / "table.md").read_text()
    assert "Does a defence see it?" in (tmp_path / "out" / "report.html").read_text()
    monkeypatch.setattr(module, "run_defence_cell", None)
    again = voice_conversion(tiny_dataset, buzzing_voices, tmp_path / "out", defences=LINES, **options)
    assert again["defences"] == record["defences"]


def test_the_figures_of_a_row():
    task = {"attack": "voice", "voice": "a", "target": 1, "defence": "combined"}
    found = {"poisoned": 4, "clean": 10, "removed": 5, "removed_poison": 3, "right": "1110", "hit": {"a": "1101"}}
    nothing = {**found, "removed": 14, "removed_poison": 4, "right": None, "hit": None}
    labels, noise = np.array([0, 1, 2, 3]), np.array([False, False, False, True])
    cells = [(task, found), (task, nothing), ({**task, "defence": "activation_clustering"}, nothing)]
    row, empty = defence_table(cells, labels, np.array(["x", "y", "z", ""]), noise)
    assert (row["found"], row["lost"], row["seeds"]) == (7 / 8, 12 / 20, 2)
    assert row["benign_accuracy"]["mean"] == 0.75  # of the one that could learn
    assert row["speech_success_rate"]["mean"] == 0.5
    assert empty["benign_accuracy"] is None


def test_a_defence_that_is_none_is_named():
    assert check_lines(["combined", "none", "combined"]) == ("combined", "none")
    assert set(check_lines(None)) - set(check_lines(None, pictures=False)) == {"frequency_stage", "dual_pure"}
    with pytest.raises(ValueError, match="dual_pure gives log-mels"):
        check_lines(["none", "dual_pure"], pictures=False)
    for names in ([], ["prayer"], ["adversarial"]):  # the last has another classifier
        with pytest.raises(ValueError, match="choose none, perfect"):
            check_lines(names)
