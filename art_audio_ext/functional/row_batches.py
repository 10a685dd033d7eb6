"""Walking over audiovisual rows a batch at a time, each checked as it comes, so that memory does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.streaming import release_pages


def row_batches(rows: np.ndarray, layout: AudioVisualLayout, batch_size: int, name: str = "x") -> Iterator[np.ndarray]:
    """
    Yield the rows in order, as copies; pages of a memory map are handed back after each batch.

    :param rows: Shape (N, D); an array or a memory map.
    :param layout: What a row is.
    :param batch_size: Rows a batch, at least 1.
    :param name: What a message calls the array.
    :return: float32 arrays (n, D), n <= batch_size.
    :raises ValueError: If `layout.check_rows` would refuse the rows, with the row counted from the start.
    """
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or not len(rows) or rows.dtype == object:
        rows = layout.check_rows(rows, name)
    for start in range(0, len(rows), batch_size):
        batch = rows[start : start + batch_size]
        try:
            batch = np.array(layout.check_rows(batch, name))
        except ValueError:
            layout.check_rows(rows, name)  # the same fault, with the right row number
            raise
        yield batch
        release_pages(rows)
