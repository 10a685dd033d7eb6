"""The comparison of purifiers as files to read: JSON, a table, a picture, and one self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from art_audio_ext.report.dual_pure_curves import draw_curves
from art_audio_ext.report.experiment_page import ExperimentPage, write_experiment
from art_audio_ext.report.pictures import png
from art_audio_ext.report.text import markdown, percent

#: What others are held against, clip by clip, and the columns that say so.
BASELINES = {
    "time_stage": "less time stage",
    "adversarial": "less adversarial training",
    "adversarial_more_mean": "less longer adversarial training",
}
_HEADER = (
    "attack",
    "defence",
    "clips x seeds",
    "accuracy",
    "95% interval",
    "never wrong",
    "worst of draws",
    "vote",
    *BASELINES.values(),
)
_EXPLANATION = (
    "Accuracy is at the final point of the attack under fresh noise, over all clips, those that the classifier gets "
    "wrong anyway among them; intervals by drawing voices anew. Seeds are of the attack and the noise alone: each "
    "network was trained once, and no interval says how another training would do. Where nothing is random an "
    "attack stops at the first wrong answer, one draw is as good as many, and one seed is all (x 1): rows with EOT "
    "are those without. Never wrong: right in every draw that the attack saw (K at most) and in the last; it falls "
    "by mere chance as draws grow. Of a random defence the draws that the attack saw are answered in the precision "
    "of its gradients, all else is counted in float32. Worst of draws: right in each of several resubmissions."
)
_CAPTIONS = {
    "accuracy.png": "Accuracy under each attack, with 95% intervals; the line is the time stage alone.",
    "steps.png": "Accuracy over the steps of a purifier, with 95% intervals.",
    "iterations.png": "Accuracy over the steps of projected gradient descent, with 95% intervals.",
}
_COLOUR, _BASE, _INK = "#2457b8", "#b3261e", "#17202c"


def write_dual_pure(record: dict[str, Any], out: str | Path) -> list[Path]:
    """
    Write `results.json`, `table.md`, `report.html`, `accuracy.png`, and the curves of `draw_curves`.

    :param record: From `experiments.dual_pure.dual_pure`.
    :param out: Folder, made if it is missing.
    :return: The files written.
    :raises ValueError: If `out` is a file.
    """
    results, table, *pictures, page = write_experiment(record, format_dual_pure(record), _page(record), out)
    return [results, table, page, *pictures]


def format_dual_pure(record: dict[str, Any]) -> str:
    """
    The table in Markdown, and how the classifiers do without noise or attack.

    :param record: From `experiments.dual_pure.dual_pure`.
    :return: Lines of text without a newline at the end.
    """
    said = [_clean(record), _seconds(record), *_left_out(record)]
    return "\n".join([markdown(_HEADER, [_row(row) for row in record["rows"]]), "", *said])


def _row(row: dict[str, Any]) -> list[str]:
    gaps = [_gap(row["differences"].get(name)) for name in BASELINES]
    interval = f"{percent(row['low'])} to {percent(row['high'])}"
    seen = "" if row["draws_seen"] is None else f" (K = {row['draws_seen']})"
    never = "" if row["never_wrong"] is None else percent(row["never_wrong"]) + seen
    shares = [percent(row[name]) for name in ("worst_of", "vote")]
    size = f"{row['clips']} x {row['seeds']}"
    return [row["line"], row["about"], size, percent(row["accuracy"]), interval, never, *shares, *gaps]


def _gap(difference: dict[str, float] | None) -> str:
    if difference is None:
        return ""
    low, middle, high = (100 * difference[name] for name in ("low", "mean", "high"))
    return f"{middle:+.1f} ({low:+.1f} to {high:+.1f})"


def _seconds(record: dict[str, Any]) -> str:
    found = [f"{name} {value:.4f}" for name, value in record["seconds_per_clip"].items()]
    return f"Seconds a clip, from sound to label: {', '.join(found)}."


def _clean(record: dict[str, Any]) -> str:
    found = [f"{name} {percent(value['accuracy'])}" for name, value in record["clean"].items()]
    made, width = record["classifier"]["architecture"], record["classifier"]["width"]
    kind = f"{made} of {'the published width' if width is None else f'width {width}'}"
    return f"Classifiers ({kind}) on all {record['data']['test']} test clips, without noise: {', '.join(found)}."


def _left_out(record: dict[str, Any]) -> list[str]:
    """A sentence for each attack and reason: against what it was asked for and not run."""
    groups: dict[tuple[str, str], list[str]] = {}
    for line in record["left_out"]:
        groups.setdefault((line["attack"], line["why"]), []).append(line["defence"])
    return [f"Not run: {attack} against {', '.join(names)}: {why}." for (attack, why), names in groups.items()]


def _page(record: dict[str, Any]) -> ExperimentPage:
    about = {name: record[name] for name in ("preset", "seed", "precision", "version", "seconds")}
    pictures = {"accuracy.png": _picture(record["rows"]), **draw_curves(record["rows"])}
    return ExperimentPage(
        title="What do purifiers withstand?",
        headlines=[_clean(record), _seconds(record), *_left_out(record)],
        tables=[("Accuracy", _HEADER, [_row(row) for row in record["rows"]])],
        pictures={name: (_CAPTIONS[name], picture) for name, picture in pictures.items()},
        explanation=_EXPLANATION,
        settings={
            "Dataset": record["data"],
            "Classifier": record["classifier"],
            "Experiment": about,
            "Machine": record["machine"],
        },
    )


def _picture(rows: list[dict[str, Any]]) -> bytes:
    """A panel an attack, a bar a defence."""
    attacks = list(dict.fromkeys(row["attack"] for row in rows))
    most = max(sum(row["attack"] == attack for row in rows) for attack in attacks)
    figure = Figure(figsize=(7.2, len(attacks) * (0.6 + 0.24 * most)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(len(attacks), 1))
    for panel, attack in zip(axes, attacks, strict=True):
        own = [row for row in rows if row["attack"] == attack][::-1]
        values = np.array([[row[name] for name in ("accuracy", "low", "high")] for row in own])
        reach = np.abs(values[:, 1:] - values[:, :1]).T
        panel.barh(range(len(own)), values[:, 0], xerr=reach, color=_COLOUR, ecolor=_INK, capsize=2)
        for row in own:
            if row["defence"] == "time_stage":
                panel.axvline(row["accuracy"], color=_BASE, linewidth=1)
        panel.set_yticks(range(len(own)), [row["defence"] for row in own], fontsize=8)
        panel.set_xlim(0, 1)
        panel.set_title(own[0]["line"], loc="left", fontsize=9)
    return png(figure)
