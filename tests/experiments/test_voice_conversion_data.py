"""Clips in other voices: only those that are needed, each once, and never those of another run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from art_audio_ext.experiments import voice_conversion_data as module
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


def test_two_that_write_one_file_do_not_meet(tmp_path, monkeypatch):
    """The second begins while the first writes; each has a file of its own until it is whole."""
    save, sound = np.save, np.arange(5.0)

    def meanwhile(part, array):
        monkeypatch.setattr(module.np, "save", save)
        module._write(sound, tmp_path / "a.npy")
        save(part, array)

    monkeypatch.setattr(module.np, "save", meanwhile)
    module._write(sound, tmp_path / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), sound)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
    monkeypatch.setattr(module.np, "save", lambda part, array: part.write_bytes(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        module._write(sound, tmp_path / "b.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_a_voice_without_poisoned_clips_has_none(tmp_path):
    np.save(tmp_path / "none.npy", np.zeros((0, 8), np.float32))
    empty = Converted("k", np.zeros(0, np.int64), str(tmp_path / "none.npy"), "")
    assert empty.train_clips(np.zeros(0, np.int64)).shape == (0, 8)
    with pytest.raises(KeyError):
        empty.train_clips(np.array([0]))


def test_rows_of_all_rates_and_seeds_are_joined(tiny_dataset):
    waveforms = np.array(tiny_dataset.waveforms[:100])
    waveforms[30:40] = 0
    labels = np.repeat(np.arange(4), 25)
    train = replace(tiny_dataset.subset(np.arange(100)), labels=labels, waveforms=waveforms)
    task = {"attack": "voice", "voice": "a", "target": 0, "fraction": 0.05, "clean_label": False}
    tasks = [{**task, "seed": 0}, {**task, "seed": 1}, {**task, "seed": 0, "attack": "badnets"}]
    rows = rows_by_voice(tasks, train)["a"]
    assert 5 < len(rows) <= 10
    assert (labels[rows] != 0).all()
    clean = rows_by_voice([{**task, "seed": 0, "clean_label": True, "voice": "b"}], train)
    assert (labels[clean["b"]] == 0).all()
    capped = rows_by_voice([{**task, "seed": 0, "clean_label": True, "fraction": 0.3}], train)["a"]
    assert len(capped) == 18  # three quarters of 25, where 30 were asked for: of small classes the rest can be learnt
    assert (labels[capped] == 0).all()
    none = replace(train, waveforms=np.zeros_like(waveforms))
    with pytest.raises(ValueError, match="class 0 has only 0 that can be"):
        rows_by_voice([{**task, "seed": 0, "clean_label": True}], none)
    even = rows_by_voice([{**task, "seed": 0, "fraction": 0.09, "choose": "even"}], train)["a"]
    assert np.bincount(labels[even]).tolist() == [0, 3, 3, 3]
    assert np.bincount(labels[rows_by_voice([{**task, "seed": 0, "fraction": 0.09}], train)["a"]]).tolist() != [
        0,
        3,
        3,
        3,
    ]
    most = rows_by_voice([{**task, "seed": 0, "fraction": 0.6}], train)["a"]
    assert not set(most) & set(range(30, 40))  # silent


def test_a_recording_in_two_formats_is_one_and_names_are_paths(tmp_path):
    for name in ("1/a/x.wav", "1/b/x.wav", "1/b/x.flac", "2/y.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, np.zeros(100), 16000)
    found = find_utterances(tmp_path)
    assert [u.name for u in found["1"]] == ["1/a/x", "1/b/x"]
    assert [u.name for u in found["2"]] == ["2/y"]


def test_speakers_without_a_whole_clip_are_named(tiny_dataset, buzz, tmp_path):
    (tmp_path / "v" / "7").mkdir(parents=True)
    soundfile.write(tmp_path / "v" / "7" / "a.wav", np.random.default_rng(0).uniform(-0.1, 0.1, 8000), 16000)
    everything = find_utterances(tmp_path / "v")
    train, test = tiny_dataset.subset(np.arange(10)), tiny_dataset.subset(np.arange(10, 14))
    with pytest.raises(ValueError, match="no recording of speaker 7 is as long as a clip"):
        prepare_voices(everything["7"], everything, train, test, {}, buzz, tmp_path / "out", progress=False)
