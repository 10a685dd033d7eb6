"""Walking over waveforms a batch at a time without letting a memory map fill the memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import numpy as np


def waveform_batches(waveforms: np.ndarray, batch_size: int = 256) -> Iterator[np.ndarray]:
    """
    Yield the rows of `waveforms` in order, a batch at a time, as copies.

    After each batch of a memory map that is opened for reading, the pages it touched are handed back to the system, so
    that resident memory stays the same however many clips there are.

    :param waveforms: Waveforms of shape (N, L); an array or a memory map.
    :param batch_size: Rows a batch, at least 1.
    :return: float32 arrays of shape (n, L), n <= batch_size.
    :raises ValueError: If `batch_size` is not a positive whole number or `waveforms` is not (N, L).
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ValueError(f"batch_size must be a positive whole number, got {batch_size!r}")
    if waveforms.ndim != 2:
        raise ValueError(f"waveforms has shape {waveforms.shape}, expected (N, L): mono clips of equal length")
    return _batches(waveforms, int(batch_size))


def _batches(waveforms: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """The generator behind `waveform_batches`, apart so that bad arguments fail at the call."""
    for start in range(0, len(waveforms), batch_size):
        batch = np.array(waveforms[start : start + batch_size], dtype=np.float32)
        release_pages(waveforms)
        yield batch


def release_pages(waveforms: np.ndarray) -> None:
    """
    Hand the resident pages of a memory map back to the system; anything else is left alone.

    Only maps that are shared with their file are touched: in a copy-on-write map the pages hold what was written.

    :param waveforms: Any array.
    """
    mapped = getattr(waveforms, "_mmap", None)
    shared = getattr(waveforms, "mode", None) in ("r", "r+")
    if shared and isinstance(mapped, mmap.mmap) and hasattr(mapped, "madvise") and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
