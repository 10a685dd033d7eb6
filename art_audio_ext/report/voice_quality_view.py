"""Quality of clean, BadNets and converted clips: a table, Figure 3 of the paper, and players to hear the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from art_audio_ext.report.pictures import png
from art_audio_ext.report.sound import level_pictures, picture_address, wav_address
from art_audio_ext.report.text import number, printable

QUALITY_HEADER = ("measure", "of", "mean (95%)", "change from clean", "clips", "without an answer", "by")
QUALITY_CAPTION = (
    "Figure 3: quality of the same test clips, clean, with the BadNets pattern, and in the target voice; bars are "
    "means, lines 95% intervals."
)
QUALITY_EXPLANATION = (
    "Quality: of a fixed sample of test clips that are speech. NISQA judges a clip by itself (1 to 5, made for longer "
    "speech: compare versions, not with other studies); PESQ, STOI and SI-SDR compare with the clean clip sample by "
    "sample, so another voice scores low however well it sounds."
)
_VERSIONS = {"clean": "clean", "badnets": "BadNets", "converted": "converted"}
_COLOURS = {"clean": "#5f6368", "badnets": "#b3261e", "converted": "#2457b8"}
_NAMES = {
    "nisqa_mos": "NISQA, overall",
    "nisqa_noisiness": "NISQA, noisiness",
    "nisqa_discontinuity": "NISQA, discontinuity",
    "nisqa_coloration": "NISQA, coloration",
    "nisqa_loudness": "NISQA, loudness",
    "pesq": "PESQ",
    "stoi": "STOI",
    "si_sdr_db": "SI-SDR, dB",
    "similarity_to_target": "similarity to the target",
    "similarity_to_source": "similarity to the source",
    "pitch_to_target_semitones": "pitch from the target's, semitones",
    "envelope_to_target_db": "envelope from the target's, dB",
    "nisqa": "NISQA",
    "si_sdr": "SI-SDR",
    "similarity": "speaker similarity",
}
_PANELS = (
    (
        "NISQA opinion score",
        ("nisqa_mos", "nisqa_noisiness", "nisqa_discontinuity", "nisqa_coloration", "nisqa_loudness"),
    ),
    ("PESQ", ("pesq",)),
    ("STOI", ("stoi",)),
    ("speaker similarity", ("similarity_to_target", "similarity_to_source")),
)


@dataclass(frozen=True)
class HeardClips:
    """
    Clips that the page plays.

    :param names: One a clip.
    :param versions: By name of a version, sound (N, L).
    :param sample_rate: In Hz.
    """

    names: Sequence[str]
    versions: dict[str, np.ndarray]
    sample_rate: int


def quality_table(quality: dict[str, Any]) -> list[list[str]]:
    """
    Rows under `QUALITY_HEADER`.

    :param quality: `quality` of the experiment's record.
    :return: Cells of text; a measure that could not be had says what is missing.
    """
    rows = []
    for row in quality["rows"]:
        name = _NAMES.get(row["metric"], row["metric"])
        if row["missing"]:
            rows.append([name, "", f"missing: {row['missing']}", "", "", "", ""])
            continue
        none = "; ".join(f"{count} {reason}" for reason, count in row["unanswered"].items())
        version = _VERSIONS.get(row["version"], row["version"])
        rows.append([name, version, _said(row), _said(row["change"]), str(row["clips"]), none, row["method"]])
    return rows


def draw_quality(quality: dict[str, Any]) -> bytes | None:
    """
    Figure 3: bars for each measure and version.

    :param quality: `quality` of the experiment's record.
    :return: A PNG, None where nothing was measured.
    """
    found = {(row["metric"], row["version"]): row for row in quality["rows"] if row["mean"] is not None}
    metrics = {metric for metric, _ in found}
    panels = [(title, [name for name in names if name in metrics]) for title, names in _PANELS]
    panels = [(title, names) for title, names in panels if names]
    if not panels:
        return None
    widths = [0.6 + len(names) for _, names in panels]
    figure = Figure(figsize=(1.6 + 1.05 * sum(widths), 3.4), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, width_ratios=widths)[0]
    for panel, (title, names) in zip(axes, panels, strict=True):
        _bars(panel, title, names, found)
    bars = [Patch(color=colour, label=_VERSIONS[name]) for name, colour in _COLOURS.items()]
    figure.legend(handles=bars, fontsize=8, loc="outside lower center", ncols=len(bars))
    return png(figure)


def listen_cards(heard: HeardClips | None) -> list[dict[str, Any]]:
    """
    Players and spectrograms, a card a clip.

    :param heard: What to play, None for nothing.
    :return: For the template.
    """
    if heard is None or not len(heard.names):
        return []
    pictures = {name: level_pictures(sound, heard.sample_rate) for name, sound in heard.versions.items()}
    return [
        {
            "name": printable(str(clip)),
            "sides": [
                {
                    "name": printable(_VERSIONS.get(name, name)),
                    "picture": picture_address(pictures[name][row]),
                    "sound": wav_address(sound[row], heard.sample_rate),
                }
                for name, sound in heard.versions.items()
            ],
        }
        for row, clip in enumerate(heard.names)
    ]


def _bars(panel: Axes, title: str, names: list[str], found: dict[tuple[str, str], dict[str, Any]]) -> None:
    width = 0.8 / len(_COLOURS)
    for place, (version, colour) in enumerate(_COLOURS.items()):
        rows = [(at, found[name, version]) for at, name in enumerate(names) if (name, version) in found]
        if not rows:
            continue
        middle = np.array([row["mean"] for _, row in rows])
        reach = np.abs(np.array([[row["low"], row["high"]] for _, row in rows]).T - middle)
        x = [at + (place - 1) * width for at, _ in rows]
        panel.bar(x, middle, width, color=colour, yerr=reach, capsize=2)
    short = [_NAMES[name].replace("NISQA, ", "").replace("similarity ", "").replace("the ", "") for name in names]
    panel.set_xticks(range(len(names)), short if len(names) > 1 else [""], fontsize=7)
    panel.set_title(title, fontsize=8)
    panel.tick_params(axis="y", labelsize=7)


def _said(row: dict[str, float | None] | None) -> str:
    if row is None or row["mean"] is None:
        return "-"
    return f"{number(row['mean'], 2)} ({number(row['low'], 2)} to {number(row['high'], 2)})"
