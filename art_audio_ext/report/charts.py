"""Where the marks of a chart go: bars in per cent of their track, dots of a map in the units of its picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAP_WIDTH, MAP_HEIGHT = 560, 380
_MARGIN = 14
_DOTS = 3000


@dataclass(frozen=True)
class Bar:
    """One bar, in per cent of the track: where it starts, how wide it is, and its whisker."""

    start: float
    width: float
    whisker_start: float
    whisker_width: float


@dataclass(frozen=True)
class BarChart:
    """Bars on one scale; lines across all of them, None where there is none."""

    bars: list[Bar | None]
    median: float | None
    threshold: float | None


def bar_chart(values: np.ndarray, spread: np.ndarray, threshold: float | None = None) -> BarChart:
    """
    Lay out bars from zero, with a whisker of one spread to either side.

    :param values: Shape (C,); a value that is not finite has no bar.
    :param spread: Shape (C,); not finite counts as 0.
    :param threshold: A value to draw a line at, if any.
    :return: The chart, bars in the order given.
    """
    values, spread = np.asarray(values, dtype=np.float64), np.nan_to_num(np.asarray(spread, dtype=np.float64))
    finite = np.isfinite(values)
    if not finite.any():
        return BarChart([None] * len(values), None, None)
    extras = [] if threshold is None else [threshold]
    low = min(0.0, float((values - spread)[finite].min()), *extras)
    high = max(0.0, float((values + spread)[finite].max()), *extras)
    unit = 100 / ((high - low) or 1.0)

    def place(value: float) -> float:
        return round(float((value - low) * unit), 2)

    bars = [
        (
            Bar(place(min(v, 0)), round(abs(float(v)) * unit, 2), place(v - s), round(2 * float(s) * unit, 2))
            if ok
            else None
        )
        for v, s, ok in zip(values, spread, finite, strict=True)
    ]
    return BarChart(bars, place(float(np.median(values[finite]))), None if threshold is None else place(threshold))


@dataclass(frozen=True)
class LatentMap:
    """A scatter plot of one class: accepted clips as one SVG path of dots, suspects one position each."""

    accepted_path: str
    accepted: int
    suspects: list[tuple[float, float, int]]  # x, y, row among the class's clips
    explained: tuple[float, float]  # share of the variance along each axis


def latent_map(latents: np.ndarray, suspect: np.ndarray, seed: int = 0) -> LatentMap | None:
    """
    Standardise the latents of one class and lay them out on their two leading principal components.

    :param latents: Shape (n, D), or (T, n, D), where the steps are put side by side; other rows are left out.
    :param suspect: bool (n,).
    :param seed: Decides which clips are shown where there are more than 3000 of one kind.
    :return: The map, or None where fewer than 3 clips or no variance leave nothing to draw.
    """
    latents = np.asarray(latents, dtype=np.float64)
    if latents.ndim == 3:
        latents = np.moveaxis(latents, 0, 1).reshape(latents.shape[1], -1)
    rows = np.flatnonzero(np.isfinite(latents).all(1))
    points, explained = _principal(latents[rows])
    if points is None:
        return None
    low, high = points.min(0), points.max(0)
    size = np.array([MAP_WIDTH, MAP_HEIGHT]) - 2 * _MARGIN
    points = np.round(_MARGIN + (points - low) / np.where(high > low, high - low, 1.0) * size, 1)
    points[:, 1] = np.round(MAP_HEIGHT - points[:, 1], 1)
    rng = np.random.default_rng(seed)
    chosen = [_at_most(np.flatnonzero(mask), rng) for mask in (~suspect[rows], suspect[rows])]
    # A stroke of no length with round ends is a dot: one path for all of them keeps the page small.
    path = "".join(f"M{points[i, 0]:g} {points[i, 1]:g}h0" for i in chosen[0])
    marks = [(float(points[i, 0]), float(points[i, 1]), int(rows[i])) for i in chosen[1]]
    return LatentMap(path, len(chosen[0]), marks, explained)


def _principal(latents: np.ndarray) -> tuple[np.ndarray | None, tuple[float, float]]:
    """Standardised latents on their two leading components, each pointing the way of its largest weight."""
    if len(latents) < 3:
        return None, (0.0, 0.0)
    deviation = latents.std(0)
    latents = (latents - latents.mean(0))[:, deviation > 1e-9] / deviation[deviation > 1e-9]
    if latents.shape[1] == 0:
        return None, (0.0, 0.0)
    left, scale, right = np.linalg.svd(latents, full_matrices=False)
    sign = np.sign(right[np.arange(len(right)), np.abs(right).argmax(1)])
    points = np.zeros((len(latents), 2))
    kept = min(2, len(scale))
    points[:, :kept] = (left * (scale * sign))[:, :kept]
    share = np.append(scale**2 / (scale**2).sum(), 0.0)
    return points, (float(share[0]), float(share[1]))


def _at_most(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """At most `_DOTS` of the rows, in order."""
    return rows if len(rows) <= _DOTS else np.sort(rng.choice(rows, _DOTS, replace=False))
