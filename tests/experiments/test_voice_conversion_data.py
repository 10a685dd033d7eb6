"""Clips in other voices: only those that are needed, each once, and never those of another run."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.experiments.voice_conversion_cells import Converted
from art_audio_ext.experiments.voice_conversion_data import find_utterances, prepare_voices, rows_by_voice


def test_only_clips_that_are_poisoned_are_converted(tiny_dataset, buzzing_voices, buzz, tmp_path, monkeypatch):
    everything = find_utterances(buzzing_voices)
    first = everything["10"][0]
    train, test = tiny_dataset.subset(np.arange(60)), tiny_dataset.subset(np.arange(60, 70))
    calls = []
    monkeypatch.setattr(type(buzz), "_convert", lambda self, clip, rate, target: calls.append(1) or clip / 2)
    options = {"voice": buzz, "folder": tmp_path / "out", "progress": False}
    context = prepare_voices([first], everything, train, test, {first.name: np.array([3, 7])}, **options)
    assert len(calls) == 12
    found = context.converted[first.name]
    np.testing.assert_array_equal(found.train_clips(np.array([7])), train.waveforms[[7]] / 2)
    np.testing.assert_array_equal(np.load(found.test), test.waveforms / 2)
    with pytest.raises(KeyError, match="not converted"):
        found.train_clips(np.array([4]))
    prepare_voices([first], everything, train, test, {first.name: np.array([3, 7])}, **options)
    assert len(calls) == 12
    other = tiny_dataset.subset(np.arange(61, 71))  # as many clips, but others
    again = prepare_voices([first], everything, train, other, {}, **options)
    np.testing.assert_array_equal(np.load(again.converted[first.name].test), other.waveforms / 2)
    assert len(calls) == 22


def test_a_voice_without_poisoned_clips_has_none(tmp_path):
    np.save(tmp_path / "none.npy", np.zeros((0, 8), np.float32))
    empty = Converted("k", np.zeros(0, np.int64), str(tmp_path / "none.npy"), "")
    assert empty.train_clips(np.zeros(0, np.int64)).shape == (0, 8)
    with pytest.raises(KeyError):
        empty.train_clips(np.array([0]))


def test_rows_of_all_rates_and_seeds_are_joined():
    labels = np.repeat(np.arange(4), 25)
    task = {"attack": "voice", "voice": "a", "target": 0, "fraction": 0.05, "clean_label": False}
    tasks = [{**task, "seed": 0}, {**task, "seed": 1}, {**task, "seed": 0, "attack": "badnets"}]
    rows = rows_by_voice(tasks, labels)["a"]
    assert 5 < len(rows) <= 10
    assert (labels[rows] != 0).all()
    clean = rows_by_voice([{**task, "seed": 0, "clean_label": True, "voice": "b"}], labels)
    assert (labels[clean["b"]] == 0).all()
