"""VoxCeleb1 from a tiny tree in the official layout: the identification split, a copy without it, hostile lines."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets import load_dataset, split_dataset

SPEAKERS = ("id10001", "id10002", "id10003")


def make(base):
    rng = np.random.default_rng(0)
    for speaker in SPEAKERS:
        for video in ("1zcIwhmdeo4", "_-Y08IZTWtg"):
            folder = base / speaker / video
            folder.mkdir(parents=True)
            for number in range(1, 6):
                soundfile.write(folder / f"{number:05d}.wav", rng.uniform(-0.5, 0.5, 1600), 16000)


@pytest.fixture
def root(tmp_path):
    make(tmp_path / "vox" / "wav")
    lines = []
    for speaker in SPEAKERS:
        lines += [f"1 {speaker}/1zcIwhmdeo4/{n:05d}.wav" for n in range(1, 6)]
        lines += [f"{2 if n < 3 else 3} {speaker}/_-Y08IZTWtg/{n:05d}.wav" for n in range(1, 5)]
    (tmp_path / "vox" / "iden_split.txt").write_text("\n".join(lines) + "\n")
    return tmp_path / "vox"


def load(root, tmp_path, **options):
    return load_dataset(f"voxceleb1:{root}", cache_dir=tmp_path / "cache", progress=False, seconds=0.1, **options)


def test_the_identification_split(root, tmp_path, caplog):
    dataset = load(root, tmp_path)
    assert dataset.label_names == SPEAKERS
    assert (dataset.partition == "train").sum() == 15
    assert sorted(dataset.paths[dataset.partition == "test"]) == [
        f"wav/{speaker}/_-Y08IZTWtg/{n:05d}.wav" for speaker in SPEAKERS for n in (3, 4)
    ]
    assert "3 files here are not in it, 0 of its own are not here" in caplog.text
    train, test = split_dataset(dataset)
    assert (len(train), len(test)) == (15, 6)


def test_without_it_a_tenth_of_each_speaker_is_for_testing(root, tmp_path):
    (root / "iden_split.txt").unlink()
    dataset = load(root, tmp_path)
    test = dataset.partition == "test"
    assert np.bincount(dataset.labels[test]).tolist() == [1, 1, 1]
    assert np.bincount(dataset.labels[~test]).tolist() == [9, 9, 9]
    one = load(root / "wav", tmp_path)
    assert [f"wav/{path}" for path in one.paths] == dataset.paths.tolist()


def test_a_copy_in_two_parts(tmp_path):
    make(tmp_path / "vox" / "dev" / "wav")
    (tmp_path / "vox" / "test" / "wav").mkdir(parents=True)
    (tmp_path / "vox" / "dev" / "wav" / "id10003").rename(tmp_path / "vox" / "test" / "wav" / "id10003")
    assert load(tmp_path / "vox", tmp_path).label_names == SPEAKERS


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("4 id10001/1zcIwhmdeo4/00001.wav", "line 1 is '4 id"),
        ("1 ../../../etc/passwd", "line 1"),
        ("1 id10001/../../secret/00001.wav", "line 1"),
        ("\udcff\udcfe", "line 1"),
        ("1 id10009/aaaaaaaaaaa/00001.wav", "names no train file"),
        ("1 id10001/1zcIwhmdeo4/00001.wav", "names no test file"),
        ("", "names no train file"),
    ],
)
def test_damaged_splits(root, tmp_path, line, message):
    (root / "iden_split.txt").write_bytes(line.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=message):
        load(root, tmp_path)


def test_refused(tmp_path):
    (tmp_path / "x").mkdir()
    soundfile.write(tmp_path / "x" / "a.wav", np.zeros(1600), 16000)
    with pytest.raises(ValueError, match="no copy of VoxCeleb1"):
        load(tmp_path / "x", tmp_path)
    with pytest.raises(ValueError, match="nothing is downloaded"):
        load(tmp_path / "nowhere", tmp_path)
