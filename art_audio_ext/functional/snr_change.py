"""A change of sound at a signal-to-noise ratio, exact where samples stop at the bounds; and the ratio of a change."""

from __future__ import annotations

import math

import numpy as np


def snr_db(x: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """
    Signal-to-noise ratio of each clip, 20 log10(|x|_2 / |changed - x|_2) over the whole clip.

    :param x: Sound (N, L).
    :param changed: The same shape.
    :return: float64 (N,), in dB; inf where nothing was changed, NaN where `x` is silent: the ratio is not defined.
    :raises ValueError: If the shapes differ.
    """
    if np.shape(x) != np.shape(changed):
        raise ValueError(f"x has shape {np.shape(x)}, changed {np.shape(changed)}: they must be the same")
    found = np.full(len(x), np.nan)
    for row, (before, after) in enumerate(zip(x, changed, strict=True)):
        energy = float(np.square(before, dtype=np.float64).sum())
        noise = float(np.square(np.subtract(after, before, dtype=np.float64)).sum())
        if energy > 0:
            found[row] = 10 * math.log10(energy / noise) if noise > 0 else math.inf
    return found


def is_silent(x: np.ndarray) -> np.ndarray:
    """
    :param x: Sound (N, L).
    :return: bool (N,): every sample is zero, so that no signal-to-noise ratio is defined.
    """
    return np.asarray(~np.asarray(x).any(axis=1))


def scale_for_energy(direction: np.ndarray, room: np.ndarray, energy: float) -> float:
    """
    The factor on a change that gives it an energy, each sample stopping where its room ends.

    The energy of the change min(a |d_i|, room_i) grows with `a` in pieces a^2 A + B that change where a sample meets
    its bound. The pieces are walked by their sorted ends, so that nothing is searched for.

    :param direction: Change per unit of the factor, (L,).
    :param room: How far each sample may move that way, not negative, (L,).
    :param energy: Wanted sum of squares.
    :return: The factor; inf if all samples at their bounds have less energy than that.
    """
    size = np.abs(direction, dtype=np.float64)
    moves = size > 0
    size, room = size[moves], np.asarray(room, np.float64)[moves]
    ends = room / size
    order = np.argsort(ends, kind="stable")
    ends, size, room = ends[order], size[order], room[order]
    stopped = np.concatenate([[0.0], np.cumsum(room**2)])[:-1]  # the energy of samples that stopped before
    moving = np.cumsum((size**2)[::-1])[::-1]  # of the others, at a factor of 1
    piece = int(np.searchsorted(stopped + moving * ends**2, energy))
    if piece == len(ends):
        return math.inf
    return math.sqrt(max(0.0, energy - float(stopped[piece])) / float(moving[piece]))


def change_at_snr(
    x: np.ndarray, direction: np.ndarray, ratio_db: float, clip_values: tuple[float, float] = (-1.0, 1.0)
) -> np.ndarray:
    """
    One clip moved along a direction until its signal-to-noise ratio is reached, samples stopping at the bounds.

    :param x: Sound (L,).
    :param direction: Of any length, (L,).
    :param ratio_db: In dB; lower is louder.
    :param clip_values: Least and largest sample.
    :return: float32 (L,); as near as the bounds allow where they forbid the ratio, and `x` if it is silent.
    """
    low, high = clip_values
    clip, step = np.asarray(x, np.float64), np.asarray(direction, np.float64)
    energy = float(np.square(clip).sum()) * 10 ** (-ratio_db / 10)
    if energy == 0:
        return np.array(x, np.float32)
    room = np.maximum(np.where(step > 0, high - clip, clip - low), 0.0)
    scale = scale_for_energy(step, room, energy)
    moved = np.sign(step) * np.minimum(np.abs(step) * scale if math.isfinite(scale) else np.inf, room)
    return np.clip((clip + moved), low, high).astype(np.float32)
