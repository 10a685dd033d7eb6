"""Pictures of the study of sound-event classifiers: success, ratio, curves, survival of channels, spectrograms."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from art_audio_ext.report.pictures import png
from art_audio_ext.report.sound import level_pictures
from art_audio_ext.report.text import plot_text
from art_audio_ext.report.voice_quality_view import HeardClips

_COLOURS = ("#2457b8", "#b3261e", "#2e7d32", "#8e5bb5", "#c77700", "#555555", "#00838f")


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
    return png(figure)


def draw_curves(rows: list[dict[str, Any]]) -> bytes:
    """
    Success against signal-to-noise ratio, a line an attack, with bands; targeted attacks are dashed.

    :param rows: From `curve_rows`, at least one; of all models where there are several.
    :return: A PNG.
    """
    several = any(row["model"] == "all" for row in rows)
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    panel = figure.subplots()
    for place, row in enumerate(row for row in rows if not several or row["model"] == "all"):
        colour, style = _COLOURS[place % len(_COLOURS)], "--" if row["targeted"] else "-"
        panel.plot(row["snr_db"], row["success"], style, color=colour, label=row["attack"], linewidth=1.6)
        panel.fill_between(row["snr_db"], row["low"], row["high"], color=colour, alpha=0.15, linewidth=0)
    panel.set_xlabel("signal-to-noise ratio at least, dB  (further right: a smaller change)", fontsize=8)
    panel.set_ylabel("clips broken", fontsize=8)
    panel.set_ylim(-0.02, 1.02)
    panel.grid(alpha=0.3)
    panel.legend(fontsize=7)
    return png(figure)


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
        panel.plot(at, [row["noise"] for _, row in shown], "x", color=colour, markersize=4)
    panel.set_xticks(range(len(channels)), channels, fontsize=7, rotation=45)
    panel.set_ylim(-0.03, 1.03)
    panel.set_ylabel("attacks that are still there", fontsize=8)
    panel.legend(fontsize=7)
    return png(figure)


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
                panel.set_title(plot_text(title), fontsize=8)
    return png(figure)
