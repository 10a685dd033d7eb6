"""Splits: no speaker and no identical clip on both sides, every class on both, the same by seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from art_audio_ext.datasets import AudioDataset, load_dataset, split_dataset


def make(labels, speakers=None, partition=None, contents=None) -> AudioDataset:
    count = len(labels)
    contents = np.arange(count) if contents is None else np.asarray(contents)
    rows = np.random.default_rng(0).uniform(-1, 1, (contents.max() + 1, 50)).astype(np.float32)
    return AudioDataset(
        waveforms=rows[contents],
        labels=np.asarray(labels),
        label_names=tuple("abcdefgh"[: max(labels) + 1]),
        sample_rate=16000,
        paths=np.array([f"{i}.wav" for i in range(count)]),
        speakers=np.array(["" for _ in range(count)] if speakers is None else speakers),
        partition=np.array(["" for _ in range(count)] if partition is None else partition),
    )


def contents(dataset: AudioDataset) -> set[bytes]:
    return {row.tobytes() for row in np.asarray(dataset.waveforms)}


def speakers(dataset: AudioDataset) -> set[str]:
    return set(dataset.speakers.tolist()) - {""}


@pytest.mark.parametrize("seed", range(5))
def test_no_speaker_and_no_clip_on_both_sides(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, 400)
    names = [f"s{i}" if i < 30 else "" for i in rng.integers(0, 40, 400)]
    dataset = make(labels, names, contents=np.where(rng.random(400) < 0.05, 0, np.arange(400)))
    train, test = split_dataset(dataset, 0.2, seed)
    assert len(train) + len(test) == 400
    assert not speakers(train) & speakers(test)
    assert not contents(train) & contents(test)
    assert set(train.labels) == set(test.labels) == {0, 1, 2, 3}
    share = np.bincount(test.labels) / np.bincount(labels)
    assert np.abs(share - 0.2).max() < 0.12


def test_known_speakers(tiny_dataset):
    train, test = split_dataset(tiny_dataset)
    assert speakers(train) | speakers(test) == speakers(tiny_dataset)
    assert not speakers(train) & speakers(test)
    assert np.bincount(test.labels).tolist() == [5, 5, 5, 5]


def test_unknown_speakers_give_the_fraction(tiny_dataset):
    unknown = replace(tiny_dataset, speakers=np.full(120, ""))
    _, test = split_dataset(unknown, 0.2)
    assert np.bincount(test.labels).tolist() == [6, 6, 6, 6]


@pytest.mark.parametrize(("known", "warned"), [(0, True), (59, True), (60, False), (120, False)])
def test_unknown_speakers_are_said(tiny_dataset, caplog, known, warned):
    split_dataset(replace(tiny_dataset, speakers=np.where(np.arange(120) % 120 < known, tiny_dataset.speakers, "")))
    assert ("--speaker-pattern" in caplog.text) == warned
    if warned:
        assert f"the speakers of {120 - known} of 120 clips are unknown" in caplog.text


def test_noise_needs_no_speaker(tiny_dataset, caplog):
    noise = replace(
        tiny_dataset,
        label_names=("_silence_", "Noise", "background", "spoken"),
        speakers=np.where(tiny_dataset.labels < 3, "", tiny_dataset.speakers),
    )
    split_dataset(noise)
    assert "--speaker-pattern" not in caplog.text
    split_dataset(replace(noise, label_names=("a", "b", "c", "d")))
    assert "the speakers of 90 of 120 clips are unknown" in caplog.text


def test_the_seed_decides(tiny_dataset):
    unknown = replace(tiny_dataset, speakers=np.full(120, ""))
    first, again, other = (split_dataset(unknown, seed=seed)[1].paths.tolist() for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_chain_of_twins_and_speakers_stays_together():
    # 0 and 1 share a speaker, 1 and 2 are twins, 2 and 3 share a speaker: one group, of unequal labels.
    chain = make(
        [0, 1, 0, 1] + [0, 1] * 8,
        ["x", "x", "y", "y"] + [f"s{i}" for i in range(16)],
        contents=[0, 1, 1, 3, *range(4, 20)],
    )
    for seed in range(20):
        train, test = split_dataset(chain, 0.25, seed)
        in_test = {"0.wav", "1.wav", "2.wav", "3.wav"} & set(test.paths.tolist())
        assert len(in_test) in (0, 4)
        assert not contents(train) & contents(test)


def test_minus_zero_is_zero():
    silent = make([0, 0, 1, 1, 0, 1])
    silent.waveforms[0] = 0.0
    silent.waveforms[2] = -0.0
    for seed in range(10):
        train, test = split_dataset(silent, 0.3, seed)
        both = {"0.wav", "2.wav"}
        assert both <= set(train.paths.tolist()) or both <= set(test.paths.tolist())


def test_official_split_is_kept_less_what_leaks():
    partition = ["train"] * 6 + ["test"] * 8
    names = ["a", "a", "b", "b", "", "", "c", "c", "d", "d", "", "", "a", ""]
    dataset = make([0, 1] * 7, names, partition, contents=[*range(13), 4])
    train, test = split_dataset(dataset)
    assert train.paths.tolist() == [f"{i}.wav" for i in range(6)]
    assert test.paths.tolist() == [f"{i}.wav" for i in range(6, 12)]


def test_official_split_that_is_not_by_speaker_is_drawn_anew():
    names = [f"s{i % 5}" for i in range(40)]
    dataset = make([i // 20 for i in range(40)], names, ["train" if i % 4 else "test" for i in range(40)])
    train, test = split_dataset(dataset)
    assert not speakers(train) & speakers(test)
    assert len(train) + len(test) == 40


def test_when_the_speakers_are_the_classes(caplog):
    dataset = make([i // 10 for i in range(40)], [f"s{i // 10}" for i in range(40)])
    train, test = split_dataset(dataset, 0.2)
    assert set(train.labels) == set(test.labels) == {0, 1, 2, 3}
    assert "every class has one speaker of its own" in caplog.text


def test_when_the_speakers_are_the_classes_an_official_split_is_kept():
    partition = ["test" if i % 5 == 0 else "train" for i in range(40)]
    dataset = make([i // 10 for i in range(40)], [f"s{i // 10}" for i in range(40)], partition)
    train, test = split_dataset(dataset)
    assert train.paths.tolist() == [f"{i}.wav" for i in range(40) if i % 5]
    assert test.paths.tolist() == [f"{i}.wav" for i in range(40) if i % 5 == 0]


def test_a_class_of_one_speaker_stays_in_train(caplog):
    labels = [0] * 10 + [1] * 10
    dataset = make(labels, ["only"] * 10 + [f"s{i % 5}" for i in range(10)])
    train, test = split_dataset(dataset, 0.2)
    assert np.bincount(train.labels)[0] == 10
    assert set(test.labels) == {1}
    assert "test has no clip of a" in caplog.text


def test_refusals():
    with pytest.raises(ValueError, match="train would have no clip of a: add clips"):
        split_dataset(make([0, 0, 1, 1], None, ["test", "test", "train", "test"]))
    with pytest.raises(ValueError, match="no clip is left for testing"):
        split_dataset(make([0, 1, 0, 1], ["x"] * 4))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), True])
def test_bad_fraction(tiny_dataset, fraction):
    with pytest.raises(ValueError, match="test_fraction"):
        split_dataset(tiny_dataset, fraction)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["speech_commands", "spoken_digits"])
def test_real_splits_share_nothing(real_data, name):
    rate = 8000 if name == "spoken_digits" else 16000
    dataset = load_dataset(f"folder:{real_data / name}", sample_rate=rate, progress=False)
    train, test = split_dataset(dataset)
    assert speakers(train)
    assert speakers(test)
    assert not speakers(train) & speakers(test)
    assert not contents(train) & contents(test)
    assert set(train.labels) == set(test.labels) == set(range(len(dataset.label_names)))
