"""The sound check: every bad input gets an error that says what, where and the remedy."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.checks import check_sample_rate, check_waveforms, class_indices

GOOD = np.zeros((3, 8), dtype=np.float32)


def with_value(row: int, sample: int, value: float) -> np.ndarray:
    x = GOOD.copy()
    x[row, sample] = value
    return x


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (with_value(2, 5, np.nan), r"row 2 is nan at sample 5.*nan_to_num"),
        (with_value(1, 0, np.inf), r"row 1 is inf"),
        (with_value(1, 0, 1.5), r"row 1 peaks at 1\.5.*scale it"),
        (GOOD.astype(np.int16), r"int16.*astype\('float32'\) / 32768"),
        (GOOD.astype(np.int32), r"astype\('float32'\) / 2147483648"),
        (GOOD.astype(bool), "bool"),
        (GOOD.astype(complex), "complex"),
        (np.zeros((0, 8), np.float32), "empty"),
        (np.zeros((3, 0), np.float32), "empty"),
        (GOOD[0], r"shape \(8,\)"),
        (GOOD[None], r"shape \(1, 3, 8\)"),
        ([[0.0, 0.1], [0.0]], "not rectangular"),
        (np.array([np.zeros(2), np.zeros(3)], dtype=object), "not rectangular"),
    ],
)
def test_bad_sound_is_refused_with_its_remedy(x, says):
    with pytest.raises(ValueError, match=says):
        check_waveforms(x)


def test_a_bad_row_is_found_beyond_the_first_block():
    x = np.zeros((2500, 4), dtype=np.float32)
    x[2222, 3] = np.nan
    with pytest.raises(ValueError, match="row 2222"):
        check_waveforms(x)


def test_good_sound_comes_back_as_float32():
    assert check_waveforms(GOOD) is GOOD
    assert check_waveforms(GOOD.astype(np.float64)).dtype == np.float32
    assert check_waveforms(GOOD[0], single=True).shape == (8,)


def test_a_memory_map_stays_one(tmp_path):
    np.save(tmp_path / "x.npy", GOOD)
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert isinstance(check_waveforms(x), np.memmap)


@pytest.mark.parametrize("rate", [0, -1, 16000.0, "16000", None, True])
def test_bad_sample_rates_are_refused(rate):
    with pytest.raises(ValueError, match="positive whole number of Hz"):
        check_sample_rate(rate)


@pytest.mark.parametrize("y", [[1, 0, 2], [[1], [0], [2]], np.eye(3)[[1, 0, 2]], np.array([1.0, 0.0, 2.0])])
def test_labels_come_back_as_indices(y):
    indices = class_indices(y, 3)
    assert indices.tolist() == [1, 0, 2]
    assert indices.dtype == np.int64


@pytest.mark.parametrize(
    ("y", "says"),
    [
        ([1, 0], "2 labels for 3 clips"),
        ([0, -1, 1], "row 1 is negative"),
        ([0.5, 1, 2], "whole class indices"),
        (["a", "b", "c"], "whole class indices"),
        (np.zeros((3, 2, 2)), r"shape \(3, 2, 2\)"),
        (np.array([[1, 0], [0, 0], [0, 1]]), "row 1 names no class"),
        (np.array([[1, 0], [0, 1], [np.nan, 1]]), "row 2 names no class"),
    ],
)
def test_bad_labels_are_refused(y, says):
    with pytest.raises(ValueError, match=says):
        class_indices(y, 3)
