"""How much a purifier changed: levels of what is different between a sound, or a picture, before and after."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

DB_PER_UNIT = 69.11  # of `front_end.speech_mel`, which has -100 dB at -1 and 38.22 dB at 1


def sound_change(before: np.ndarray, after: np.ndarray) -> dict[str, float | None]:
    """
    Level of what was changed in a sound.

    :param before: Shape (L,).
    :param after: The same shape.
    :return: `snr_db`, 10 log10(sum before^2 / sum (after - before)^2); `change_dbfs`, the effective value of
        after - before in dB of full scale, so that white noise of standard deviation .1 has -20; None for what is not
        finite, where nothing was changed or all was silent; and `peak`, the largest magnitude after.
    :raises ValueError: If the shapes differ or are empty.
    """
    _check(before, after)
    old, new = np.asarray(before, np.float64), np.asarray(after, np.float64)
    energy, changed = float(np.square(old).sum()), float(np.square(new - old).sum())
    return {
        "snr_db": 10 * math.log10(energy / changed) if energy and changed else None,
        "change_dbfs": 10 * math.log10(changed / old.size) if changed else None,
        "peak": float(np.abs(new).max()),
    }


def picture_change(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """
    How far the points of log-mel pictures were moved.

    :param before: From `front_end.speech_mel`, any shape.
    :param after: The same shape.
    :return: `mean_change_db` and `largest_change_db`, magnitudes over all points.
    :raises ValueError: If the shapes differ or are empty.
    """
    _check(before, after)
    moved = DB_PER_UNIT * np.abs(np.asarray(after, np.float64) - np.asarray(before, np.float64))
    return {"mean_change_db": float(moved.mean()), "largest_change_db": float(moved.max())}


def _check(before: Any, after: Any) -> None:
    if np.shape(before) != np.shape(after) or not np.size(before):
        raise ValueError(
            f"before has shape {np.shape(before)}, after {np.shape(after)}: they must be the same, not empty"
        )
