"""Heat maps of the study of sound-event classifiers: transfer between models, attacks between labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from art_audio_ext.report.pictures import png
from art_audio_ext.report.text import plot_text, plural


def draw_transfer(rows: list[dict[str, Any]]) -> bytes:
    """
    A map for each attack: made for the model of a line, shown to the model of a column.

    :param rows: From `transfer_rows`, at least one.
    :return: A PNG.
    """
    rows = [row for row in rows if row["source"] != "all"]
    attacks = list(dict.fromkeys(row["attack"] for row in rows))
    models = list(dict.fromkeys(name for row in rows for name in (row["source"], row["other"])))
    figure, panels = _panels(len(attacks), 3, max(2.7, 0.36 * len(models)))
    for panel, attack in zip(panels, attacks, strict=True):
        own = [row for row in rows if row["attack"] == attack]
        _map(panel, _grid(own, ("source", "other", "fooled"), models, models), (models, models), (0, 1), _percent)
        panel.set_title(attack, fontsize=8)
    return png(figure)


def draw_moves(rows: list[dict[str, Any]], label_names: list[str]) -> bytes:
    """
    Figure 1 of the paper, a map for each untargeted attack: clips from the label of a line to that of a column.

    :param rows: From `move_rows`, at least one.
    :param label_names: By class index.
    :return: A PNG.
    """
    attacks, most = list(dict.fromkeys(row["attack"] for row in rows)), max(row["clips"] for row in rows)
    figure, panels = _panels(len(attacks), 2, max(2.7, 0.2 * len(label_names)))
    for panel, attack in zip(panels, attacks, strict=True):
        own = [row for row in rows if row["attack"] == attack]
        found = _grid(own, ("label", "new_label", "clips"), label_names, label_names)
        _map(panel, found, (label_names, label_names), (0, most), _whole)
        panel.set_title(f"{attack}: {plural(sum(row['clips'] for row in own), 'clip')}", fontsize=8)
    return png(figure)


def draw_pairs(rows: list[dict[str, Any]], label_names: list[str]) -> bytes:
    """
    Two maps for each targeted attack, success and ratio: from the label of a line to the label of a column.

    :param rows: From `pair_rows`, at least one.
    :param label_names: By class index.
    :return: A PNG.
    """
    attacks = list(dict.fromkeys(row["attack"] for row in rows))
    lines, columns = (
        [name for name in label_names if name in {row[key] for row in rows}] for key in ("label", "target")
    )
    ratios = [row["snr_median"] for row in rows if row["snr_median"] is not None] or [0.0]
    size = (2.2 + 0.9 * len(columns), (1.1 + 0.34 * len(lines)) * len(attacks))
    figure = Figure(figsize=size, layout="constrained")
    for attack, panels in zip(attacks, figure.subplots(len(attacks), 2, squeeze=False), strict=True):
        own = [row for row in rows if row["attack"] == attack]
        for panel, key, ends, shown in (
            (panels[0], "success", (0.0, 1.0), _percent),
            (panels[1], "snr_median", (min(ratios), max(ratios)), _whole),
        ):
            _map(panel, _grid(own, ("label", "target", key), lines, columns), (lines, columns), ends, shown)
            panel.set_title(f"{attack}: {'success' if key == 'success' else 'median SNR, dB'}", fontsize=8)
    return png(figure)


def _panels(count: int, columns: int, each: float) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels, each of so many inches, in lines of at most so many."""
    columns = min(columns, count)
    lines = -(-count // columns)
    figure = Figure(figsize=(1 + (each + 0.2) * columns, 0.6 + each * lines), layout="constrained")
    panels = list(figure.subplots(lines, columns, squeeze=False).ravel())
    for panel in panels[count:]:
        panel.axis("off")
    return figure, panels[:count]


def _grid(rows: list[dict[str, Any]], keys: tuple[str, str, str], lines: list[str], columns: list[str]) -> np.ndarray:
    """Values by the names of line and column; NaN where there is none."""
    found = np.full((len(lines), len(columns)), np.nan)
    for row in rows:
        if row[keys[2]] is not None:
            found[lines.index(row[keys[0]]), columns.index(row[keys[1]])] = row[keys[2]]
    return found


def _map(
    panel: Axes,
    found: np.ndarray,
    names: tuple[list[str], list[str]],
    ends: tuple[float, float],
    shown: Callable[[float], str],
) -> None:
    low, high = ends
    panel.imshow(found, vmin=low, vmax=high, cmap="magma", aspect="auto")
    for (line, column), value in np.ndenumerate(found):
        if np.isfinite(value):
            colour = "white" if value < low + 0.6 * (high - low) else "black"
            panel.text(column, line, shown(value), ha="center", va="center", fontsize=7, color=colour)
    panel.set_xticks(range(len(names[1])), [plot_text(name) for name in names[1]], fontsize=6, rotation=45)
    panel.set_yticks(range(len(names[0])), [plot_text(name) for name in names[0]], fontsize=6)


def _percent(value: float) -> str:
    return f"{100 * value:.0f}%"


def _whole(value: float) -> str:
    return f"{value:.0f}"
