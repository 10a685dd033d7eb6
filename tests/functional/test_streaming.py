"""Batches of a memory map: every row once, as copies, with the pages handed back."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from art_audio_ext.functional.streaming import release_pages, waveform_batches


@pytest.mark.parametrize("batch_size", [1, 7, 10, 1000])
def test_rows_in_order_as_copies(batch_size):
    rows = np.arange(20, dtype=np.float32).reshape(10, 2)
    batches = list(waveform_batches(rows, batch_size))
    assert max(map(len, batches)) <= batch_size
    np.testing.assert_array_equal(np.concatenate(batches), rows)
    batches[0][:] = -1
    assert rows[0, 0] == 0


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, True, "8"])
def test_bad_batch_size_fails_at_the_call(batch_size):
    with pytest.raises(ValueError, match="batch_size"):
        waveform_batches(np.zeros((2, 2), np.float32), batch_size)


def test_bad_shape_fails_at_the_call():
    with pytest.raises(ValueError, match=r"expected \(N, L\)"):
        waveform_batches(np.zeros(4, np.float32))


def resident_bytes(path) -> int:
    """How much of the mapping of a file is resident in this process."""
    total, inside = 0, False
    with open("/proc/self/smaps", encoding="utf-8") as lines:
        for line in lines:
            if "-" in line.split()[0]:
                inside = line.rstrip().endswith(path.name)
            elif inside and line.startswith("Rss:"):
                total += int(line.split()[1]) * 1024
    return total


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_resident_memory_stays_flat(tmp_path):
    path = tmp_path / "resident.npy"
    np.save(path, np.ones((1024, 4096), np.float32))  # 16 MiB
    mapped = np.load(path, mmap_mode="r")
    assert float(np.sum(mapped)) == mapped.size
    assert resident_bytes(path) > 8 * 2**20  # what happens without
    peak = 0
    for batch in waveform_batches(mapped, 128):
        assert (batch == 1).all()
        peak = max(peak, resident_bytes(path))
    assert peak < 4 * 2**20


def test_what_was_written_to_a_private_map_is_kept(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 4096), np.float32))
    private = np.load(tmp_path / "a.npy", mmap_mode="c")
    private[0] = 1
    release_pages(private)
    assert private[0].all()
