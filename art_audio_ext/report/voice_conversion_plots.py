"""Figures 4 and 5 of the paper on the voice-conversion backdoor: over the share of poison, over clean epochs."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from art_audio_ext.report.pictures import png

RATES_CAPTION = "Attack success on speech (solid) and benign accuracy (dashed) over the share of poisoned clips."
TUNING_CAPTION = (
    "Attack success on speech (solid) and benign accuracy (dashed) over epochs of fine-tuning on clean clips."
)
_ATTACKS = {"voice": ("voice", "#2457b8"), "badnets": ("BadNets", "#b3261e")}
_LINES = {"speech_success_rate": ("attack success", "-"), "benign_accuracy": ("benign accuracy", "--")}


def draw_rates(rows: list[dict[str, Any]]) -> bytes:
    """
    Figure 4: success and benign accuracy over the share of poisoned clips.

    :param rows: From `voice_table`.
    :return: A PNG.
    """
    figure, panel = _figure("poisoned, % of all training clips")
    first = _first(rows)
    for attack in _ATTACKS:
        own = [row for row in rows if row["attack"] == attack and first is not None and is_curve(row, first)]
        _draw(panel, own, attack, lambda row: 100 * row["fraction"])
    panel.set_xscale("log")
    shares = sorted({100 * row["fraction"] for row in rows if row["fraction"] > 0})
    panel.xaxis.set_major_locator(FixedLocator(shares))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return _with_legend(figure, panel)


def draw_fine_tuning(rows: list[dict[str, Any]]) -> bytes | None:
    """
    Figure 5: the same over epochs of fine-tuning on clean clips.

    :param rows: From `voice_table`.
    :return: A PNG; None where nothing was fine-tuned.
    """
    tuned = next((row for row in rows if row["fine_tune"]), None)
    if tuned is None:
        return None
    same = ("attack", "voice", "target", "fraction", "clean_label")
    figure, panel = _figure("epochs on clean clips, after the poisoned training")
    own = [row for row in rows if all(row[key] == tuned[key] for key in same)]
    _draw(panel, own, tuned["attack"], lambda row: row["fine_tune"])
    return _with_legend(figure, panel)


def is_curve(row: dict[str, Any], first: dict[str, Any]) -> bool:
    """
    :param row: Of `voice_table`.
    :param first: Another.
    :return: Whether the row differs from that one in nothing but its attack and its share.
    """
    return not row["fine_tune"] and all(row[key] == first[key] for key in ("voice", "target", "clean_label"))


def _first(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((row for row in rows if row["attack"] == "voice"), None)


def _figure(below: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    panel = figure.subplots()
    panel.set_ylim(0, 1.02)
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    panel.set_xlabel(below)
    panel.grid(alpha=0.25, linewidth=0.5)
    return figure, panel


def _draw(panel: Axes, rows: list[dict[str, Any]], attack: str, place: Any) -> None:
    name, colour = _ATTACKS[attack]
    rows = sorted((row for row in rows if row["speech_success_rate"]), key=place)
    if not rows:
        return
    x = [place(row) for row in rows]
    for key, (what, style) in _LINES.items():
        low, middle, high = ([row[key][side] for row in rows] for side in ("low", "mean", "high"))
        panel.plot(x, middle, style, color=colour, marker="o", markersize=3, label=f"{name}: {what}")
        panel.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)


def _with_legend(figure: Figure, panel: Axes) -> bytes:
    if panel.lines:
        panel.legend(fontsize=7)
    return png(figure)
