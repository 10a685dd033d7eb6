"""A dataset written as a folder is read back as the same dataset."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from art_audio_ext.datasets import load_dataset
from art_audio_ext.datasets.export import write_folder


def test_what_is_written_is_read_back(tiny_dataset, tmp_path):
    dataset = tiny_dataset.subset(np.arange(0, 120, 10))
    dataset = replace(dataset, partition=np.where(np.arange(12) % 3 == 0, "test", "train"))
    write_folder(dataset, tmp_path / "out", progress=False)
    again = load_dataset(str(tmp_path / "out"), progress=False)
    assert again.label_names == dataset.label_names
    assert sorted(again.partition) == sorted(dataset.partition)
    order = np.argsort([f"{p}/{n}" for p, n in zip(dataset.partition, dataset.paths, strict=True)])
    back = np.argsort([f"{p}/{n.split('/')[-1]}" for p, n in zip(again.partition, again.paths, strict=True)])
    assert len(order) == len(back)
    mine = sorted(np.round(row[::500], 3).tolist() for row in dataset.waveforms)
    theirs = sorted(np.round(row[::500], 3).tolist() for row in again.waveforms)
    np.testing.assert_allclose(mine, theirs, atol=2e-3)
