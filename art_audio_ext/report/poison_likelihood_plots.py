"""The figures of the paper on poison likelihood, 2 to 7, as PNG pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from art_audio_ext.report.experiment_records import PoisonLikelihoodResult
from art_audio_ext.report.pictures import png
from art_audio_ext.report.text import filter_name, plot_text

_DPI = 110
_POISON, _CLEAN, _INK = "#b3261e", "#2457b8", "#17202c"
_COLOURS = ("#2457b8", "#b3261e", "#0b6b3f", "#8a5300", "#6a3fa0", "#566275")
_MARKS = ("o", "s", "^", "D", "v", "P")


def draw_figures(result: PoisonLikelihoodResult) -> dict[str, bytes]:
    """
    Draw what there is data for.

    :param result: What was found.
    :return: PNG by file name; the same result gives the same pictures.
    """
    drawings: dict[str, tuple[bool, Callable[[PoisonLikelihoodResult], Figure]]] = {
        "figure2_class_scores.png": (bool(result.pictures), _class_scores),
        "figure3_clusters.png": (bool(result.pictures), _clusters),
        "figure4_roc.png": (bool(result.roc), _roc),
        "figure5_confusion.png": (bool(result.filters), _confusion),
        "figure6_maps.png": (bool(result.maps), _maps),
        "figure7_fractions.png": (bool(result.fractions), _fractions),
    }
    return {name: png(draw(result)) for name, (there, draw) in drawings.items() if there}


def _class_scores(result: PoisonLikelihoodResult) -> Figure:
    """Bars of one attack, a panel a score; the target class red and hatched."""
    figure, axes = _panels(len(result.pictures), 1, 6.4, 2.6)
    for panel, picture in zip(axes.flat, result.pictures, strict=True):
        values = np.array([np.nan if v is None else v for v in picture["class_scores"]], dtype=float)
        target = np.isin(picture["classes"], picture["targets"])
        places = np.arange(len(values))
        panel.bar(places[~target], values[~target], color=_CLEAN)
        panel.bar(places[target], values[target], color=_POISON, hatch="//", edgecolor="white")
        for place in np.flatnonzero(np.isnan(values)):
            panel.text(place, 0, "not\nscored", ha="center", va="bottom", fontsize=8)
        panel.set_xlim(-0.6, len(values) - 0.4)
        panel.set_xticks(places, _names(result, picture["classes"]), rotation=40, ha="right")
        panel.set_title(plot_text(picture["score"]), loc="left")
        panel.set_ylabel("class score")
    return figure


def _clusters(result: PoisonLikelihoodResult) -> Figure:
    """Clips of the target class on two principal components: what the score says, and the truth."""
    figure, axes = _panels(len(result.pictures), 2, 3.6, 3.2)
    for row, picture in zip(axes, result.pictures, strict=True):
        facts = picture["picture"]
        points = np.asarray(facts["points"], dtype=float)
        where = "" if facts["window"] is None else f", window {facts['window']}"
        for panel, kind, name in zip(row, ("suspect", "poison"), ("suspects", "truth"), strict=True):
            marked = np.asarray(facts[kind], dtype=bool)
            panel.scatter(*points[~marked].T, s=9, c=_CLEAN, alpha=0.6, linewidths=0, label="others")
            panel.scatter(*points[marked].T, s=22, c=_POISON, marker="x", linewidths=1.2, label=kind)
            panel.set_title(f"{plot_text(picture['score'])}: {name}{where}", loc="left", fontsize=9)
            panel.set_xticks([])
            panel.set_yticks([])
            panel.legend(loc="best", frameon=False)
    return figure


def _roc(result: PoisonLikelihoodResult) -> Figure:
    """Targets of attacks against benign classes."""
    figure, axes = _panels(1, 1, 4.6, 4.2)
    panel = axes[0, 0]
    for i, (score, curve) in enumerate(result.roc.items()):
        label = f"{plot_text(score)} (AUC {curve['auc']:.4f})"
        rates = curve["false_positive_rate"], curve["true_positive_rate"]
        panel.plot(*rates, color=_COLOURS[i % len(_COLOURS)], linestyle=("-", "--", "-.")[i % 3], label=label)
    panel.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    panel.set_xlabel("benign classes above the threshold")
    panel.set_ylabel("target classes above the threshold")
    panel.legend(loc="lower right", frameon=False)
    return figure


def _confusion(result: PoisonLikelihoodResult) -> Figure:
    """What each filter removed, as shares of the poison and of the clean clips, a row an attack."""
    lines = list(dict.fromkeys(row["line"] for row in result.filters))
    names = [n for n in dict.fromkeys(row["filter"] for row in result.filters) if n not in ("none", "perfect")]
    figure, axes = _panels(len(lines), len(names), 2.3, 2.4)
    for row in result.filters:
        if row["filter"] in names:
            panel = axes[lines.index(row["line"]), names.index(row["filter"])]
            hit, missed = row["true_positives"], row["false_negatives"]
            wrong, kept = row["false_positives"], row["true_negatives"]
            counts = np.array([[kept, wrong], [missed, hit]])
            shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
            panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
            for (i, j), count in np.ndenumerate(counts):
                colour = "white" if shares[i, j] > 0.5 else _INK
                panel.text(j, i, f"{count}\n{shares[i, j]:.1%}", ha="center", va="center", color=colour)
            panel.set_xticks([0, 1], ["kept", "removed"])
            panel.set_yticks([0, 1], ["clean", "poison"])
            panel.set_title(f"{plot_text(filter_name(row['filter']))}\n{plot_text(row['line'])}", fontsize=9)
    return figure


def _maps(result: PoisonLikelihoodResult) -> Figure:
    """Agreement for every pair of source and target; X where another class stood out."""
    lines = list(dict.fromkeys(entry["line"] for entry in result.maps))
    scores = list(dict.fromkeys(entry["score"] for entry in result.maps))
    side = max(2.6, 0.34 * len(result.scored) + 1)
    figure, axes = _panels(len(scores), len(lines), side, side * 0.9)
    names = _names(result, result.scored)
    for entry in result.maps:
        panel = axes[scores.index(entry["score"]), lines.index(entry["line"])]
        values = np.array([[np.nan if v is None else v for v in row] for row in entry["ari"]], dtype=float)
        panel.set_facecolor("#e6e6e6")
        image = panel.imshow(np.ma.masked_invalid(values), cmap="viridis", vmin=0, vmax=1)
        for i, row in enumerate(entry["right_class"]):
            for j, right in enumerate(row):
                if right is False:
                    panel.text(j, i, "X", ha="center", va="center", color="#e0503f", fontweight="bold")
        panel.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
        panel.set_yticks(range(len(names)), names, fontsize=7)
        panel.set_xlabel("target")
        panel.set_ylabel("source")
        panel.set_title(f"{plot_text(entry['score'])}\n{plot_text(entry['line'])}", fontsize=9)
    figure.colorbar(image, ax=axes, shrink=0.7, label="adjusted Rand index")
    return figure


def _fractions(result: PoisonLikelihoodResult) -> Figure:
    """Agreement against the share of poison; hollow where not every attack had the right class."""
    figure, axes = _panels(1, 1, 5.6, 3.6)
    panel = axes[0, 0]
    for i, score in enumerate(dict.fromkeys(row["score"] for row in result.fractions)):
        rows = [row for row in result.fractions if row["score"] == score]
        colour, mark = _COLOURS[i % len(_COLOURS)], _MARKS[i % len(_MARKS)]
        x, y = [row["poison_fraction"] for row in rows], [row["ari"] for row in rows]
        panel.plot(x, y, color=colour, label=plot_text(score))
        for a, b, row in zip(x, y, rows, strict=True):
            panel.plot(a, b, mark, color=colour, markerfacecolor=colour if row["right_class"] == 1 else "white")
    panel.set_xlabel("poisoned share of the source class (hollow: not always the right class)")
    panel.set_ylabel("adjusted Rand index")
    panel.set_ylim(-0.1, 1.05)
    panel.legend(loc="lower right", frameon=False)
    return figure


def _panels(rows: int, columns: int, width: float, height: float) -> tuple[Figure, np.ndarray]:
    """A figure of panels of that size in inches, and the panels (rows, columns); no global state of pyplot."""
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained", dpi=_DPI)
    return figure, figure.subplots(rows, columns, squeeze=False)


def _names(result: PoisonLikelihoodResult, classes: list[Any]) -> list[str]:
    """Labels short enough for an axis."""
    names = (plot_text(result.labels[int(label)]) for label in classes)
    return [name if len(name) <= 14 else f"{name[:13]}…" for name in names]
