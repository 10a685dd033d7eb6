"""Success against signal-to-noise ratio: the highest ratio at which each clip breaks, and the curve over clips."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from art_audio_ext.functional.bootstrap import median_interval, share_interval

#: Of rows (n,) and a ratio in dB for each of them (n,): whether the attack at that ratio breaks them, bool (n,).
Trial = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class SuccessCurve:
    """
    Share of clips that break at a ratio or above it, with 95% intervals.

    :param snr_db: In dB, rising.
    :param success: In [0, 1], falling.
    :param low: Lower ends.
    :param high: Upper ends.
    :param clips: How many.
    :param median_snr_db: Ratio at which half of the clips are broken, in dB; None if less than half ever are, or half
        are at any ratio.
    :param median_low_db: Lower end of its 95% interval; None where that is no number.
    :param median_high_db: Upper end.
    """

    snr_db: tuple[float, ...]
    success: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    clips: int
    median_snr_db: float | None
    median_low_db: float | None = None
    median_high_db: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values for JSON."""
        return asdict(self)


def success_curve(
    minimal_snr_db: np.ndarray,
    at_db: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> SuccessCurve:
    """
    How many clips an attack breaks when it may change them so much and no more.

    :param minimal_snr_db: For each clip (N,) the ratio of the smallest change that breaks it, in dB; inf where it is
        wrong without one, -inf where none was found.
    :param at_db: Where to read the curve, in dB; None is every 2 dB from 0 to 100.
    :param groups: Clips that stand or fall together (N,); None is each for itself.
    :param seed: Of the bootstrap.
    :return: The curve.
    :raises ValueError: If there is no clip, a value is NaN (silent clips have no ratio: leave them out), or lengths
        differ.
    """
    reached = np.asarray(minimal_snr_db, np.float64)
    if reached.ndim != 1 or not len(reached):
        raise ValueError(f"minimal_snr_db has shape {reached.shape}: give one value a clip, at least one")
    if np.isnan(reached).any():
        row = int(np.isnan(reached).argmax())
        raise ValueError(f"minimal_snr_db row {row} is NaN: leave silent clips out, they have no signal-to-noise ratio")
    grid = np.arange(0.0, 101.0, 2.0) if at_db is None else np.sort(np.asarray(at_db, np.float64))
    groups = np.arange(len(reached)) if groups is None else np.asarray(groups)
    if groups.shape != reached.shape:
        raise ValueError(f"groups has shape {groups.shape} for {len(reached)} clips: give one value a clip")
    broken = reached[None] >= grid[:, None]
    ends = [share_interval(row, groups, seed) for row in broken]
    middle = [value if math.isfinite(value) else None for value in median_interval(reached, groups, seed)]
    return SuccessCurve(
        snr_db=tuple(map(float, grid)),
        success=tuple(map(float, broken.mean(axis=1))),
        low=tuple(end[0] for end in ends),
        high=tuple(end[1] for end in ends),
        clips=len(reached),
        median_snr_db=middle[0],
        median_low_db=middle[1],
        median_high_db=middle[2],
    )


def highest_snr(
    breaks: Trial,
    count: int,
    low_db: float = 0.0,
    high_db: float = 80.0,
    step_db: float = 10.0,
    tolerance_db: float = 0.5,
) -> np.ndarray:
    """
    The highest ratio at which an attack of fixed size breaks each clip: a coarse walk down, then bisection.

    Success need not fall with the ratio. The walk takes the first step from above at which a clip breaks; bisection
    between it and the step above keeps one end broken, so that what is returned did break.

    :param breaks: See `Trial`; asked for all open rows at once.
    :param count: N.
    :param low_db: Where the walk ends, in dB.
    :param high_db: Where it starts.
    :param step_db: Of the walk.
    :param tolerance_db: Width at which bisection stops.
    :return: float64 (N,), in dB; -inf where no step broke the clip. A clip that breaks at `high_db` has that.
    :raises ValueError: If the range or a step is unusable.
    """
    if not (
        math.isfinite(low_db)
        and math.isfinite(high_db)
        and low_db <= high_db
        and step_db > 0
        and tolerance_db > 0
        and count > 0
    ):
        raise ValueError(
            f"need count > 0, low_db <= high_db and positive steps, got {count}, {low_db}, {high_db}, {step_db} and "
            f"{tolerance_db}"
        )
    found, above = np.full(count, -np.inf), np.full(count, float(high_db))
    open_rows, at = np.arange(count), float(high_db)
    while len(open_rows):
        broke = np.asarray(breaks(open_rows, np.full(len(open_rows), at)), bool)
        found[open_rows[broke]] = at
        open_rows = open_rows[~broke]
        above[open_rows] = at
        if at <= low_db:
            break
        at = max(low_db, at - step_db)
    rows = np.flatnonzero(np.isfinite(found) & (above - found > tolerance_db))
    while len(rows):
        middle = (found[rows] + above[rows]) / 2
        broke = np.asarray(breaks(rows, middle), bool)
        found[rows[broke]], above[rows[~broke]] = middle[broke], middle[~broke]
        rows = rows[above[rows] - found[rows] > tolerance_db]
    return found
