"""The one place that decides whether an array is sound, or labels, that the package accepts."""

from __future__ import annotations

import numpy as np

_ROWS_AT_ONCE = 1024
_TOLERANCE = 1e-4


def check_waveforms(x: np.ndarray, name: str = "x", *, single: bool = False) -> np.ndarray:
    """
    Return `x` as float32 sound, or say what is wrong with it, in which row, and what to do.

    A memory map stays one: rows are looked at a block at a time and nothing is copied unless the type has to change.

    :param x: Waveforms of shape (N, L) in [-1, 1]; with `single` also one clip of shape (L,).
    :param name: What the message calls the array.
    :param single: Accept one clip of shape (L,) too; it comes back with shape (L,).
    :return: The same values as float32, the same shape.
    :raises ValueError: If `x` is not floating, not rectangular, empty, not finite or outside [-1, 1].
    """
    x = _as_rectangular(x, name)
    if np.issubdtype(x.dtype, np.integer):
        scale = np.iinfo(x.dtype).max + 1
        raise ValueError(
            f"{name} holds {x.dtype} samples, not floats in [-1, 1]: convert it, "
            f"{name} = {name}.astype('float32') / {scale}"
        )
    if not np.issubdtype(x.dtype, np.floating):
        raise ValueError(f"{name} holds {x.dtype} values, not sound: give float32 in [-1, 1]")
    if x.ndim != 2 and not (single and x.ndim == 1):
        wanted = "(L,) or (N, L)" if single else "(N, L)"
        raise ValueError(f"{name} has shape {x.shape}, expected {wanted}: mono clips of equal length, one a row")
    if x.size == 0:
        raise ValueError(f"{name} is empty (shape {x.shape}): give at least one clip of at least one sample")
    rows = x if x.ndim == 2 else x[None]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        _check_block(np.asarray(rows[start : start + _ROWS_AT_ONCE]), start, name)
    return x if x.dtype == np.float32 else x.astype(np.float32)


def check_sample_rate(sample_rate: int) -> int:
    """
    Refuse what is no sample rate.

    :param sample_rate: Samples a second, in Hz.
    :return: The same as an int.
    :raises ValueError: If it is not a positive whole number.
    """
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, (int, np.integer)) or sample_rate <= 0:
        raise ValueError(f"sample_rate must be a positive whole number of Hz, got {sample_rate!r}")
    return int(sample_rate)


def class_indices(y: np.ndarray, count: int | None = None, name: str = "y") -> np.ndarray:
    """
    Return labels as class indices, whichever of the two usual forms they came in.

    :param y: Class indices of shape (N,) or (N, 1), or one-hot rows (or probabilities) of shape (N, C).
    :param count: How many labels there must be; None accepts any number.
    :param name: What the message calls the array.
    :return: int64 indices of shape (N,).
    :raises ValueError: If the shape, the type or the number of labels is wrong, or an index is negative.
    """
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] > 1:
        if not np.issubdtype(y.dtype, np.number) and y.dtype != bool:
            raise ValueError(f"{name} must hold whole class indices or one-hot rows, got {y.dtype}")
        empty = ~np.isfinite(y).all(1) | (y.max(1) <= 0)
        if empty.any():
            raise ValueError(f"{name} row {int(empty.argmax())} names no class: a one-hot row has one positive entry")
        indices = y.argmax(1)
    elif y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
        indices = y.reshape(-1)
    else:
        raise ValueError(f"{name} has shape {y.shape}: give class indices (N,) or one-hot rows (N, C)")
    if not np.issubdtype(indices.dtype, np.number) or not np.all(np.equal(np.mod(indices, 1), 0)):
        raise ValueError(f"{name} must hold whole class indices or one-hot rows, got {y.dtype}")
    if count is not None and len(indices) != count:
        raise ValueError(f"{name} has {len(indices)} labels for {count} clips: give one label a clip")
    if len(indices) and indices.min() < 0:
        raise ValueError(f"{name} row {int(indices.argmin())} is negative: class indices start at 0")
    return indices.astype(np.int64)


def _as_rectangular(x: np.ndarray, name: str) -> np.ndarray:
    """An array of one dtype; ragged lists and object arrays are refused by name."""
    remedy = f"{name} is not rectangular (clips of different lengths): cut or pad every clip to one length first"
    try:
        x = x if isinstance(x, np.ndarray) else np.asarray(x)
    except ValueError as error:
        raise ValueError(remedy) from error
    if x.dtype == object:
        raise ValueError(remedy)
    return x


def _check_block(block: np.ndarray, start: int, name: str) -> None:
    """Refuse a block of rows with a value that is not finite or outside [-1, 1]."""
    bad = ~np.isfinite(block)
    if bad.any():
        row, sample = (int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} row {start + row} is {block[row, sample]} at sample {sample}: drop that clip or repair it, "
            f"for example with numpy.nan_to_num"
        )
    peaks = np.abs(block).max(1)
    if peaks.max() > 1 + _TOLERANCE:
        row = int(peaks.argmax())
        raise ValueError(
            f"{name} row {start + row} peaks at {peaks[row]:.4g}, outside [-1, 1]: scale it, "
            f"for example {name} / numpy.abs({name}).max()"
        )
