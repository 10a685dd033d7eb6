"""FSDKaggle2018 and ESC-50, from tiny copies in their official layouts made on the spot; no network."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets import load_dataset, split_dataset
from art_audio_ext.datasets.esc50 import load_esc50
from art_audio_ext.datasets.metadata_table import read_table


def sound(path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(number).uniform(-0.5, 0.5, 8000 + 100 * number), 44100)


def table(path, header: str, rows: list[tuple]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])


@pytest.fixture
def fsd(tmp_path):
    root = tmp_path / "fsd"
    train = [(f"{i:08x}.wav", ("Cello", "Flute", "Hi-hat")[i % 3], i % 2, 1000 + i, "CC0") for i in range(12)]
    test = [(f"{i:08x}.wav", ("Cello", "Flute", "Hi-hat")[i % 3], "Public", 1000 + i, "CC0") for i in range(20, 26)]
    for part, rows in (("train", train), ("test", test)):
        for number, row in enumerate(rows):
            sound(root / f"FSDKaggle2018.audio_{part}" / row[0], number + 50 * (part == "test"))
    meta = root / "FSDKaggle2018.meta"
    table(meta / "train_post_competition.csv", "fname,label,manually_verified,freesound_id,license", train)
    table(meta / "test_post_competition_scoring_clips.csv", "fname,label,usage,freesound_id,license", test)
    return root


@pytest.fixture
def esc(tmp_path):
    root = tmp_path / "esc"
    rows = []
    for number in range(20):
        fold, target = number // 4 + 1, number % 2
        rows.append(
            (f"{fold}-{number}-A-{target}.wav", fold, target, ("dog", "rain")[target], True, 7000 + number, "A")
        )
        sound(root / "audio" / rows[-1][0], number)
    table(root / "meta" / "esc50.csv", "filename,fold,target,category,esc10,src_file,take", rows)
    return root


def test_fsd2018_in_its_official_split(fsd, tmp_path):
    dataset = load_dataset(f"fsd2018:{fsd}", seconds=0.5, cache_dir=tmp_path / "cache", progress=False)
    assert dataset.waveforms.shape == (18, 8000)
    assert (dataset.name, dataset.label_names) == ("fsd2018", ("Cello", "Flute", "Hi-hat"))
    assert dataset.labels.tolist() == [0, 1, 2] * 4 + [2, 0, 1] * 2
    assert dataset.partition.tolist() == ["train"] * 12 + ["test"] * 6
    assert dataset.speakers[0] == "1000"
    assert dataset.paths[12] == "FSDKaggle2018.audio_test/00000014.wav"
    train, test = split_dataset(dataset)
    assert (len(train), len(test)) == (12, 6)


def test_esc50_by_its_folds(esc, tmp_path):
    dataset = load_dataset(f"esc50:{esc}", seconds=0.5, cache_dir=tmp_path / "cache", progress=False)
    assert (dataset.name, dataset.label_names) == ("esc50", ("dog", "rain"))
    assert dataset.partition.tolist() == ["train"] * 16 + ["test"] * 4
    assert dataset.speakers[3] == "7003"
    second = load_esc50(esc, test_fold=2, seconds=0.5, cache_dir=tmp_path / "cache", progress=False)
    assert np.flatnonzero(second.partition == "test").tolist() == [4, 5, 6, 7]
    for fold in (0, 6, "x", True):
        with pytest.raises(ValueError, match="test_fold"):
            load_esc50(esc, test_fold=fold, progress=False)


def test_a_file_that_is_missing_is_left_out_and_too_many_are_refused(fsd, esc, tmp_path):
    options = {"seconds": 0.5, "cache_dir": tmp_path / "cache", "progress": False}
    (fsd / "FSDKaggle2018.audio_train" / "00000003.wav").unlink()
    dataset = load_dataset(f"fsd2018:{fsd}", **options)
    assert len(dataset) == 17
    assert dataset.skipped == (("FSDKaggle2018.audio_train/00000003.wav", "there is no such file"),)
    assert dataset.speakers[3] == "1004"  # every clip after it keeps its own
    for number in range(4):
        (esc / "audio" / f"1-{number}-A-{number % 2}.wav").unlink()
    with pytest.raises(ValueError, match="4 of 20 files cannot be read"):
        load_dataset(f"esc50:{esc}", **options)


def test_what_is_no_copy(fsd, esc, tmp_path):
    (fsd / "FSDKaggle2018.meta" / "train_post_competition.csv").unlink()
    for spec, message in (
        (f"fsd2018:{fsd}", "lacks FSDKaggle2018.meta/train_post_competition.csv"),
        (f"esc50:{fsd}", "lacks audio, meta/esc50.csv"),
        (f"esc50:{tmp_path / 'none'}", "no folder"),
        ("esc50:", "names no folder: say where it lies, as in esc50:ROOT"),
        ("fsd2018", "names no folder"),
    ):
        with pytest.raises(ValueError, match=message):
            load_dataset(spec, progress=False)


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/passwd", "deep/a.wav", "..", "link.wav"])
def test_a_table_cannot_reach_the_rest_of_the_disk(esc, name):
    if name == "link.wav":
        (esc / "audio" / name).symlink_to("/etc/hostname")
    rows = [(name, 1, 0, "dog"), ("1-1-A-1.wav", 2, 1, "rain")]
    table(esc / "meta" / "esc50.csv", "filename,fold,target,category", rows)
    with pytest.raises(ValueError, match="outside of audio"):
        load_dataset(f"esc50:{esc}", progress=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("filename,fold\na.wav,1\n", "no column category"),
        ("", "no column filename"),
        ("filename,fold,category\na.wav,1\n", "line 2 lacks a value"),
        ("filename,fold,category\na.wav,1,dog\n\nb.wav,,dog\n", "line 3 lacks a value"),
        ("filename,fold,category\na.wav,9,dog\n", "fold '9'"),
        ("filename,fold,category\n1-0-A-0.wav,1,dog\n", "lists 1 labels"),
        (b"\xff\xfe\x00", "cannot read"),
    ],
)
def test_damaged_tables(esc, content, message):
    (esc / "meta" / "esc50.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message):
        load_dataset(f"esc50:{esc}", progress=False)


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbffname,label\nx.wav,Cello\n")
    assert read_table(tmp_path / "a.csv", ("fname", "label")) == [{"fname": "x.wav", "label": "Cello"}]
