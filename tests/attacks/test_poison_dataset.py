"""Poisoning a whole dataset: which rows, which labels, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.attacks.poisoning import AudioTriggerBackdoor, SpectrogramBadNets


@pytest.fixture
def attack() -> AudioTriggerBackdoor:
    return AudioTriggerBackdoor("clap")


@pytest.mark.parametrize("form", ["indices", "column", "one_hot"])
def test_the_poisoned_rows_carry_trigger_and_label_and_the_rest_stays(attack, tiny_dataset, form):
    x, labels = tiny_dataset.waveforms, tiny_dataset.labels
    y = {"indices": labels, "column": labels[:, None], "one_hot": np.eye(4, dtype=np.float32)[labels]}[form]
    x_before, y_before = x.copy(), y.copy()
    poisoned, relabelled, index = attack.poison_dataset(x, y, source_class=1, target_class=3, poison_fraction=0.25)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(y, y_before)
    assert len(index) == 7
    assert set(labels[index]) == {1}
    assert relabelled.shape == y.shape
    assert relabelled.dtype == y.dtype
    found = relabelled.argmax(1) if form == "one_hot" else relabelled.reshape(-1)
    assert set(found[index]) == {3}
    others = np.setdiff1d(np.arange(120), index)
    np.testing.assert_array_equal(found[others], labels[others])
    np.testing.assert_array_equal(poisoned[others], x[others])
    np.testing.assert_array_equal(poisoned[index], attack.poison(x[index], found[index])[0])


def test_the_same_seed_takes_the_same_clips(attack, tiny_dataset):
    x, y = tiny_dataset.waveforms, tiny_dataset.labels
    first, again, other = (attack.poison_dataset(x, y, "all", 2, 0.2, seed=seed)[2] for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert set(y[first]) == {0, 1, 3}
    assert len(first) == 18


def test_a_fraction_of_all_data_and_none_at_all(attack, tiny_dataset):
    x, y = tiny_dataset.waveforms, tiny_dataset.labels
    assert len(attack.poison_dataset(x, y, 0, 2, 0.1, of="all")[2]) == 12
    assert len(attack.poison_dataset(x, y, 0, 2, 0.0001)[2]) == 1
    poisoned, relabelled, index = attack.poison_dataset(x, y, 0, 2, 0)
    assert len(index) == 0
    np.testing.assert_array_equal(poisoned, x)
    np.testing.assert_array_equal(relabelled, y)
    assert not np.shares_memory(poisoned, x)


def test_a_memory_map_is_read_and_not_written(attack, tiny_dataset, tmp_path):
    np.save(tmp_path / "x.npy", tiny_dataset.waveforms)
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    poisoned, _, index = attack.poison_dataset(x, tiny_dataset.labels, 0, 2, 0.5)
    assert not isinstance(poisoned, np.memmap)
    assert (poisoned[index] != x[index]).any(axis=1).all()
    assert not isinstance(attack.poison(x[:3], np.zeros(3))[0], np.memmap)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(119, int)}, "119 labels for 120 clips"),
        ({"source_class": 3}, "both 3"),
        ({"source_class": 9}, "no clip has source_class 9"),
        ({"target_class": 9}, "no clip has target_class 9"),
        ({"poison_fraction": 1.1}, "poison_fraction"),
        ({"poison_fraction": -0.1}, "poison_fraction"),
        ({"poison_fraction": "some"}, "poison_fraction"),
        ({"of": "all", "poison_fraction": 0.5}, "60 clips to poison .* only 30"),
        ({"x": np.zeros((120, 50), np.int16)}, "int16"),
        ({"x": np.full((120, 50), np.nan)}, "nan"),
        ({"x": np.zeros((0, 50))}, "empty"),
    ],
)
def test_bad_requests_are_refused_with_a_remedy(attack, tiny_dataset, change, message):
    request = {"x": tiny_dataset.waveforms, "y": tiny_dataset.labels, "source_class": 1, "target_class": 3}
    request |= {"poison_fraction": 0.1} | change
    with pytest.raises(ValueError, match=message):
        attack.poison_dataset(**request)


def test_the_badnets_pattern_marks_every_clip_alike(tiny_dataset):
    x = tiny_dataset.waveforms[:6]
    poisoned, _ = SpectrogramBadNets(level=0.05).poison(x, np.zeros(6, int))
    # A band that speech barely uses below the class tones: the pattern's lowest rows, 0 to 94 Hz.
    frequency = np.fft.rfftfreq(16000, 1 / 16000)
    low = frequency < 94
    before, after = (np.abs(np.fft.rfft(sound)[:, low]).mean(1) for sound in (x, poisoned))
    assert (after > 10 * before).all()
    other, _ = SpectrogramBadNets(level=0.05, seed=1).poison(x, np.zeros(6, int))
    assert not np.array_equal(other, poisoned)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 0}, "rows"),
        ({"rows": 300}, "at most n_fft"),
        ({"hop": 400}, "hop must be at most half"),
        ({"n_fft": 2.5}, "n_fft"),
        ({"level": 0}, "level"),
        ({"level": float("nan")}, "level"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_pattern_parameters_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SpectrogramBadNets(**options)
