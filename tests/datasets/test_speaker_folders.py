"""Folders of speakers as one task: pieces of an utterance stay together, whatever the layout and the rate."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets import load_dataset, split_dataset


def write(path, seconds: float, rate: int = 16000, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = np.random.default_rng(seed).uniform(-0.5, 0.5, round(rate * seconds))
    soundfile.write(path, sound, rate)


@pytest.fixture
def roots(tmp_path):
    """Two readers with utterances of .35 s in folders, two speakers of digits at 8 kHz in file names."""
    for speaker in ("1688", "1998"):
        for k in range(10):
            write(tmp_path / "read" / speaker / f"{speaker}-15444-{k:04d}.flac", 0.35, seed=int(speaker) + k)
    for part, ks in (("train", range(8)), ("test", range(8, 10))):
        for speaker in ("anna", "bert"):
            for k in ks:
                write(
                    tmp_path / "digits" / part / "7" / f"7_{speaker}_{k}.flac",
                    0.06,
                    8000,
                    seed=k + 100 * ord(speaker[0]),
                )
    return tmp_path / "read", tmp_path / "digits"


def load(spec, tmp_path, **options):
    return load_dataset(f"speakers:{spec}", cache_dir=tmp_path / "cache", progress=False, seconds=0.1, **options)


def test_two_folders_are_one_task(roots, tmp_path):
    dataset = load(f"{roots[0]}+{roots[1]}", tmp_path)
    assert dataset.label_names == ("1688", "1998", "anna", "bert")
    assert dataset.waveforms.shape == (2 * 10 * 4 + 2 * 10, 1600)  # .35 s: three pieces and a rest of half a clip
    assert dataset.speakers.tolist() == [dataset.label_names[label] for label in dataset.labels]
    assert not dataset.waveforms[-1, 970:].any()  # .06 s, twice as many samples at 16 kHz
    assert np.abs(dataset.waveforms[-1, :950]).max() > 0.1
    pieces = dataset.waveforms[[path.startswith("read/1688/1688-15444-0000_") for path in dataset.paths]]
    whole, _ = soundfile.read(roots[0] / "1688" / "1688-15444-0000.flac", dtype="float32")
    np.testing.assert_array_equal(pieces.reshape(-1)[: len(whole)], whole)


def test_pieces_of_an_utterance_are_on_one_side(roots, tmp_path):
    for seed in range(3):
        dataset = load(f"{roots[0]}+{roots[1]}", tmp_path, seed=seed)
        train, test = split_dataset(dataset, seed=seed)
        assert len(train) + len(test) == len(dataset)
        sides = defaultdict(set)
        for part, name in ((train, "train"), (test, "test")):
            for path in part.paths:
                sides[re.sub(r"_\d{3}\.flac$", "", path)].add(name)
        assert all(len(side) == 1 for side in sides.values())
        assert np.bincount(test.labels).tolist() == [4, 4, 1, 1]


def test_speakers_by_folder_and_by_pattern(tmp_path):
    for speaker in ("anna", "bert"):
        for k in range(3):
            write(tmp_path / "own" / speaker / "deep" / f"recording {k}.wav", 0.04 + k / 100, seed=k)
    assert load(tmp_path / "own", tmp_path).label_names == ("anna", "bert")
    found = load(tmp_path / "own", tmp_path, speaker_pattern=r"recording (\d)")
    assert found.label_names == ("0", "1", "2")


def test_a_rest_of_less_than_half_a_clip_is_not_used(tmp_path):
    for speaker, seconds in (("a", 0.24), ("b", 0.25)):
        write(tmp_path / "own" / speaker / "x.wav", seconds)
    assert load(tmp_path / "own", tmp_path).paths.tolist() == [
        "own/a/x_000.wav",
        "own/a/x_001.wav",
        "own/b/x_000.wav",
        "own/b/x_001.wav",
        "own/b/x_002.wav",
    ]


def test_refused(roots, tmp_path):
    read, digits = roots
    for spec, message in (
        (f"{read}+{read}", "named twice"),
        (f"{read}+{read / '1688'}", "lies in another"),
        (f"{read}+", "does not exist|name the folder"),
        (f"{read}+{tmp_path / 'nowhere'}", "'.*nowhere' does not exist"),
        (read / "1688", "one speaker only"),
        ("", "names no folder"),
    ):
        with pytest.raises(ValueError, match=message):
            load(spec, tmp_path)
    write(digits / "stray.flac", 0.1)
    with pytest.raises(ValueError, match=r"nothing says who speaks in 'stray.flac'.*--speaker-pattern"):
        load(digits, tmp_path)
    (digits / "stray.flac").unlink()
    for k in range(9):
        (digits / "train" / "7" / f"7_anna_{k}.flac").write_bytes(b"no sound")
    with pytest.raises(ValueError, match="cannot be read"):
        load(digits, tmp_path)


def test_one_bad_file_is_left_out(roots, tmp_path):
    (roots[0] / "1688" / "1688-15444-0000.flac").write_bytes(b"")
    dataset = load(f"{roots[0]}+{roots[1]}", tmp_path)
    assert dataset.skipped == (("read/1688/1688-15444-0000.flac", "the file is empty"),)


@pytest.mark.real_data
def test_readers_and_digits_are_ten_speakers(real_data, tmp_path):
    dataset = load_dataset(
        f"speakers:{real_data / 'read_speech'}+{real_data / 'spoken_digits'}",
        seconds=2.0,
        cache_dir=tmp_path / "cache",
        progress=False,
    )
    assert len(dataset.label_names) == 10
    assert dataset.sample_rate == 16000
    assert np.bincount(dataset.labels).tolist()[6:] == [500] * 4
    assert (dataset.partition == "test").mean() == pytest.approx(0.1, abs=0.02)
