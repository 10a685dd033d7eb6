"""A dataset written as a folder is read back as the same dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import pytest

from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.datasets.export import write_folder


def clips(dataset: AudioDataset) -> dict[tuple[str, str, str], np.ndarray]:
    """(partition, label, path below the label without suffix) -> waveform, one entry a clip."""
    found = {}
    for row, path in enumerate(dataset.paths):
        label, partition = dataset.label_names[dataset.labels[row]], str(dataset.partition[row])
        parts = [part for part in PurePosixPath(path).with_suffix("").parts if part not in (label, partition)]
        found[partition, label, "/".join(parts)] = np.asarray(dataset.waveforms[row])
    assert len(found) == len(dataset)
    return found


def same(one: AudioDataset, other: AudioDataset) -> None:
    mine, theirs = clips(one), clips(other)
    assert sorted(mine) == sorted(theirs)
    for key, waveform in mine.items():
        np.testing.assert_allclose(theirs[key], waveform, atol=1.1 / 32768, err_msg=str(key))


@pytest.fixture
def dataset(tiny_dataset) -> AudioDataset:
    """Twelve clips of four labels, `alpha/000.wav` and so on, in train and test."""
    few = tiny_dataset.subset(np.arange(0, 120, 10))
    paths = np.array([f"{few.label_names[label]}/{row:03d}.wav" for row, label in enumerate(few.labels)])
    return replace(few, paths=paths, partition=np.where(np.arange(12) % 3 == 0, "test", "train"))


def test_what_is_written_is_read_back(dataset, tmp_path):
    write_folder(dataset, tmp_path / "out", progress=False)
    again = load_dataset(str(tmp_path / "out"), progress=False)
    assert again.label_names == dataset.label_names
    same(dataset, again)
    write_folder(again, tmp_path / "again", progress=False)  # paths that start with partition and label
    same(again, load_dataset(str(tmp_path / "again"), progress=False))


def test_equal_names_in_different_folders_are_kept_apart(dataset, tmp_path):
    paths = dataset.paths.astype(object)
    paths[0], paths[1], paths[2] = "alpha/anna/0.wav", "alpha/bert/0.wav", "carl/deep.er/0.wav"
    deep = replace(dataset, paths=paths, partition=np.full(12, ""))
    write_folder(deep, tmp_path / "out", progress=False)
    assert (tmp_path / "out" / "alpha" / "bert" / "0.flac").is_file()
    assert (tmp_path / "out" / "alpha" / "carl" / "deep.er" / "0.flac").is_file()
    same(deep, load_dataset(str(tmp_path / "out"), progress=False))


def test_names_that_only_look_like_having_a_suffix_are_kept(dataset, tmp_path):
    numbered = replace(dataset, paths=np.array([f"clip.{row}" for row in range(12)]))
    write_folder(numbered, tmp_path / "out", progress=False)
    assert len(load_dataset(str(tmp_path / "out"), progress=False)) == 12


def test_two_clips_of_one_file_are_refused_before_anything_is_written(dataset, tmp_path):
    paths = dataset.paths.astype(object)
    paths[1], paths[2] = "alpha/a.wav", "a.mp3"
    with pytest.raises(ValueError, match=r"'alpha/a\.wav' and 'a\.mp3' would both be written to train/alpha/a\.flac"):
        write_folder(replace(dataset, paths=paths), tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("path", "label"), [("../a.wav", "alpha"), ("/a.wav", "alpha"), ("", "alpha"), ("a.wav", ".."), ("a.wav", "x/y")]
)
def test_nothing_is_written_outside_the_folder(dataset, tmp_path, path, label):
    paths = dataset.paths.astype(object)
    paths[0] = path
    bad = replace(dataset, paths=paths, label_names=(label, *dataset.label_names[1:]))
    with pytest.raises(ValueError, match="outside the folder: rename it"):
        write_folder(bad, tmp_path / "out", progress=False)
    assert not list(tmp_path.iterdir())
