"""Pictures of the study of sound-event classifiers: success, ratio, transfer, survival of channels, spectrograms."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from art_audio_ext.report.sound import level_pictures
from art_audio_ext.report.voice_quality_view import HeardClips

_COLOURS = ("#2457b8", "#b3261e", "#2e7d32", "#8e5bb5", "#c77700", "#555555")


def draw_attacks(rows: list[dict[str, Any]]) -> bytes:
    """
    Success and signal-to-noise ratio of each attack, a bar a model.

    :param rows: From `attack_rows`.
    :return: A PNG.
    """
    attacks = list(dict.fromkeys(row["attack"] for row in rows))
    models = list(dict.fromkeys(row["model"] for row in rows if row["model"] != "all"))
    figure = Figure(figsize=(2 + 1.1 * len(attacks), 5), layout="constrained")
    width = 0.8 / max(1, len(models))
    for panel, key, title in zip(
        figure.subplots(2, 1), ("success", "snr_median"), ("Success", "Median SNR, dB"), strict=True
    ):
        for place, model in enumerate(models):
            found = {row["attack"]: row for row in rows if row["model"] == model}
            shown = [(k, found[name]) for k, name in enumerate(attacks) if found.get(name, {}).get(key) is not None]
            at = [k + (place - (len(models) - 1) / 2) * width for k, _ in shown]
            heights = np.array([row[key] for _, row in shown])
            spread = None
            if key == "success" and shown:
                ends = np.array([[row["low"], row["high"]] for _, row in shown]).T
                spread = np.abs(ends - heights)
            panel.bar(
                at, heights, width, yerr=spread, color=_COLOURS[place % len(_COLOURS)], label=model, ecolor="#333"
            )
        panel.set_xticks(range(len(attacks)), attacks, fontsize=8)
        panel.set_ylabel(title, fontsize=8)
    figure.axes[0].legend(fontsize=7)
    return _png(figure)


def draw_transfer(rows: list[dict[str, Any]]) -> bytes:
    """
    A map for each attack: made for the model of a line, shown to the model of a column.

    :param rows: From `transfer_rows`, at least one.
    :return: A PNG.
    """
    attacks = list(dict.fromkeys(row["attack"] for row in rows))
    models = list(dict.fromkeys(name for row in rows for name in (row["source"], row["other"])))
    columns = min(3, len(attacks))
    lines = -(-len(attacks) // columns)
    figure = Figure(figsize=(1 + 2.9 * columns, 0.6 + 2.7 * lines), layout="constrained")
    for panel in (panels := figure.subplots(lines, columns, squeeze=False).ravel())[len(attacks) :]:
        panel.axis("off")
    for panel, attack in zip(panels, attacks, strict=False):
        found = np.full((len(models), len(models)), np.nan)
        for row in rows:
            if row["attack"] == attack and row["fooled"] is not None:
                found[models.index(row["source"]), models.index(row["other"])] = row["fooled"]
        panel.imshow(found, vmin=0, vmax=1, cmap="magma")
        for (line, column), value in np.ndenumerate(found):
            if np.isfinite(value):
                colour = "white" if value < 0.6 else "black"
                panel.text(column, line, f"{100 * value:.0f}%", ha="center", va="center", fontsize=7, color=colour)
        panel.set_xticks(range(len(models)), models, fontsize=6, rotation=45)
        panel.set_yticks(range(len(models)), models, fontsize=6)
        panel.set_title(attack, fontsize=8)
    return _png(figure)


def draw_survival(rows: list[dict[str, Any]]) -> bytes:
    """
    How much of each attack is left after each channel, all models together.

    :param rows: From `survival_rows`, at least one.
    :return: A PNG.
    """
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    attacks = list(dict.fromkeys(row["attack"] for row in rows))
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    panel = figure.subplots()
    for place, attack in enumerate(attacks):
        found = {row["channel"]: row for row in rows if row["attack"] == attack and row["model"] == "all"}
        shown = [(k, found[name]) for k, name in enumerate(channels) if found.get(name, {}).get("survived") is not None]
        heights = np.array([row["survived"] for _, row in shown])
        ends = np.array([[row["low"], row["high"]] for _, row in shown]).reshape(-1, 2).T
        at = [k + 0.08 * (place - (len(attacks) - 1) / 2) for k, _ in shown]
        colour = _COLOURS[place % len(_COLOURS)]
        panel.errorbar(at, heights, np.abs(ends - heights), fmt="o", color=colour, label=attack, markersize=4)
    panel.set_xticks(range(len(channels)), channels, fontsize=7, rotation=45)
    panel.set_ylim(-0.03, 1.03)
    panel.set_ylabel("attacks that are still there", fontsize=8)
    panel.legend(fontsize=7)
    return _png(figure)


def draw_spectrograms(heard: HeardClips) -> bytes:
    """
    The first clip as it is and after each attack, and the change alone below.

    :param heard: Clips; the first version is the one without an attack.
    :return: A PNG.
    """
    sounds = {name: sound[0] for name, sound in heard.versions.items()}
    original = next(iter(sounds.values()))
    figure = Figure(figsize=(2.6 * len(sounds), 4), layout="constrained")
    panels = figure.subplots(2, len(sounds), squeeze=False)
    for column, (name, sound) in enumerate(sounds.items()):
        pictures = level_pictures(np.stack([sound, sound - original]), heard.sample_rate)
        for line, title in enumerate((name, "change")):
            panel = panels[line, column]
            panel.set_axis_off()
            if line == 0 or column:
                panel.imshow(pictures[line], origin="lower", aspect="auto", vmin=-120, vmax=-20, cmap="magma")
                panel.set_title(title, fontsize=8)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream, metadata={"Software": None})
    return stream.getvalue()
