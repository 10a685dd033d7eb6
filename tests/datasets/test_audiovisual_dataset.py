"""The record of audiovisual clips: checked when it is made, cut into subsets, turned into rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout


@pytest.fixture
def clips() -> AudioVisualDataset:
    rng = np.random.default_rng(0)
    return AudioVisualDataset(
        layout=AudioVisualLayout(2, 3, 8),
        audio=rng.uniform(-1, 1, (4, 8)).astype(np.float32),
        video=rng.integers(0, 256, (4, 2, 3, 3), dtype=np.uint8),
        labels=np.array([0, 1, 1, 0]),
        label_names=("bin", "lay"),
        sentences=("bin blue", "lay red", "lay it", ""),
        speakers=("a", "b", "a", "b"),
        paths=("0", "1", "2", "3"),
        name="four",
        partition=("train", "test", "train", "test"),
    )


def test_rows(clips):
    rows = clips.rows()
    assert rows.shape == (4, 26)
    np.testing.assert_array_equal(rows[:, :8], clips.audio)
    np.testing.assert_array_equal(np.rint(rows[:, 8:] * 255).reshape(clips.video.shape), clips.video)
    np.testing.assert_array_equal(clips.rows([2, 0]), rows[[2, 0]])


def test_subset_keeps_everything_together(clips):
    some = clips.subset(np.array([3, 1]))
    assert len(some) == 2
    assert (some.paths, some.speakers, some.sentences) == (("3", "1"), ("b", "b"), ("", "lay red"))
    assert some.labels.tolist() == [0, 1]
    assert some.partition == ("test", "test")
    np.testing.assert_array_equal(some.rows(), clips.rows([3, 1]))
    mask = np.array(clips.speakers) == "b"
    assert clips.subset(mask).paths == ("1", "3")
    assert len(clips.subset([])) == 0
    with pytest.raises(IndexError):
        clips.subset([4])
    with pytest.raises(IndexError, match="mask"):
        clips.subset(mask[:3])


def test_partition_may_be_unknown(clips):
    assert replace(clips, partition=None).partition == ("",) * 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audio": np.zeros((4, 7), np.float32)}, r"audio must be float32 \(4, 8\)"),
        ({"video": np.zeros((4, 2, 3, 3), np.float32)}, "video must be uint8"),
        ({"labels": np.array([0, 1, 2, 0])}, "label 2 has no name"),
        ({"labels": np.array([0, 1])}, "one label a clip"),
        ({"speakers": ("a",)}, r"speakers must have one entry a clip \(4\), got 1"),
    ],
)
def test_what_does_not_fit_is_refused(clips, change, message):
    with pytest.raises(ValueError, match=message):
        replace(clips, **change)
