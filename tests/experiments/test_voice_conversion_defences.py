"""Defences against another voice, on tiny data: what filters take out, one victim for all, and the table's figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from art_audio_ext.experiments import voice_conversion_cells as cells
from art_audio_ext.experiments import voice_conversion_defences as module
from art_audio_ext.experiments import voice_victims as victims
from art_audio_ext.experiments.voice_conversion import voice_conversion
from art_audio_ext.experiments.voice_conversion_cells import Converted, VoiceContext
from art_audio_ext.experiments.voice_conversion_defences import check_lines
from art_audio_ext.experiments.voice_conversion_summary import defence_table
from art_audio_ext.report import voice_conversion_view as view
from art_audio_ext.training.classifier_settings import ClassifierSettings

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


def test_models_and_backgrounds_know_no_clean_clip_that_was_poisoned(tiny_dataset, tmp_path, monkeypatch):
    """A defender has the poisoned data and nothing else."""
    named = replace(tiny_dataset, label_names=("_silence_", *tiny_dataset.label_names[1:]))
    voice = Converted("k", np.arange(120), str(tmp_path / "train.npy"), str(tmp_path / "test.npy"))
    np.save(voice.train, -tiny_dataset.waveforms)
    task = {"attack": "voice", "voice": "a", "target": 1, "fraction": 0.2, "clean_label": False, "seed": 0}
    task |= {"precision": "float32", "settings": ClassifierSettings(width=4, epochs=1).to_dict()}
    context = VoiceContext(named, named, {"a": voice}, {})
    x, y, rows = cells.poisoned_clips(task, context)
    assert (named.labels[rows] == 0).any()  # some of the noise is poisoned
    given = {}
    monkeypatch.setattr(victims, "train_classifier", lambda *data, background, **run: given.update(noise=background))
    cells.train_victim(x, y, task, context)
    np.testing.assert_array_equal(given["noise"], named.waveforms[(named.labels == 0) & (y == 0)])
    monkeypatch.setattr(module, "prepare_models", lambda needed, train, *some, **run: given.update(train=train) or {})
    monkeypatch.setattr(module, "sweep", lambda work, some, *rest, **run: [{}] * len(some))
    run = {"identity": {}, "diffusion": "quick", "seed": 0, "precision": "float32", "progress": False}
    module.defend_all([task], ["none"], context, tmp_path, **run)
    np.testing.assert_array_equal(given["train"].waveforms, x)
    np.testing.assert_array_equal(given["train"].labels, y)


def test_what_a_filter_is_told_is_said():
    row = {"seeds": 1, "learnt": 1, "found": 1.0, "lost": 0.0, **dict.fromkeys(view._RATES)}
    names = [view.defence_rows([{**row, "defence": f"spectral_signatures{more}"}])[0][0] for more in ("", "_tuned")]
    assert names == ["Spectral signatures", "Spectral signatures tuned, told the share of poison"]


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
