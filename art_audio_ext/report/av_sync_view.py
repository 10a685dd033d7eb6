"""The sync detector's tables as files to read: JSON, Markdown, a picture, and one self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from art_audio_ext.report.experiment_page import ExperimentPage, write_experiment
from art_audio_ext.report.pictures import png
from art_audio_ext.report.text import markdown, percent, plural

_OFFSETS = ("clips", "how many", "exact", "within one frame (95%)")
_HEADER = (
    *("change", "detector", "clips", "victim right", "success"),
    *("AUC (95%)", "AUC, successes", "AUC against noise", "mean F1", "benign flagged", "flagged at 10%"),
    *("video L2 a frame", "video L-infinity, pixels", "over 4", "audio L-infinity, dB"),
)
_KINDS = {"offsets": "held out", "strangers": "of talkers never seen"} | {
    "offsets_trained": "held out, network trained against attacks",
    "strangers_trained": "of talkers never seen, network trained against attacks",
}
_MODALITIES = ("fold", "clips", "both", "heard alone", "seen alone", "neither")  # shares with 95% intervals
_EXPLANATION = (
    "AUC: how well low confidence of synchronisation tells changed clips from the same clips unchanged, within folds;"
    " on successes, those changed clips alone that the victim no longer recognises; against noise, changed clips from"
    " the same clips with Gaussian noise of equal power in each modality: a detector that only hears noise has .5 "
    "there. Mean F1 and benign flagged: by a threshold learnt on the other half of the fold, for each change anew. "
    "Flagged at 10%: changed clips beyond a limit from benign clips alone, which a tenth of such clips pass. Either "
    "side: far from the middle confidence of benign clips. Trained: networks that went on learning against attacks on"
    " themselves. Error first: climbs the loss until the victim errs, then the confidence. Clip by clip the "
    "strongest: of all attacks on a detector with one goal the one that fooled the victim and that this detector "
    "likes best. A clip that was not fooled is no attack: read the column of successes. EOT: gradients averaged over "
    "so many views a step; a random detector takes the mean of four each time it looks, also without. Distortions are"
    " medians. 95% by drawing clips anew. Heard alone: the pictures grey; seen alone: the sound silent; shares with "
    "95% intervals."
)
_GOALS = {"highest": "the highest confidence", "own": "the clip's own"}
_WEIGHTS = (
    "Attacks that know a detector, over the weight that they give to its confidence: AUC on those that fooled the "
    "victim (the band is the 95% interval of all clips), and how many they fooled."
)
_CAPTION = (
    "AUC of each attack, by detector; the bar is the 95% interval, the cross the AUC against noise of equal power."
)


def write_av_sync(record: dict[str, Any], out: str | Path) -> list[Path]:
    """
    Write `results.json`, `table.md`, `detection.png`, `report.html`, and `weights.png` where weights were compared.

    :param record: From `experiments.av_sync.av_sync`.
    :param out: Folder, made if it is missing.
    :return: The files written.
    :raises ValueError: If `out` is a file.
    """
    return write_experiment(record, format_av_sync(record), _page(record), out)


def format_av_sync(record: dict[str, Any]) -> str:
    """
    The tables in Markdown.

    :param record: From `experiments.av_sync.av_sync`.
    :return: Lines of text without a newline at the end.
    """
    parts = ["Sound shifted by -10 to 10 frames, found again:", markdown(_OFFSETS, _offset_rows(record))]
    parts += ["The victim, with either modality blanked:", markdown(_MODALITIES, _modality_rows(record))]
    return "\n\n".join([*parts, "Detection:", markdown(_HEADER, _rows(record))])


def draw_detection(rows: list[dict[str, Any]]) -> bytes:
    """
    AUC of every attack and detector.

    :param rows: From `detection_table`.
    :return: A PNG.
    """
    shown = [row for row in rows if row["success"] is not None and not row["detector"].endswith("either side")]
    figure = Figure(figsize=(7, max(2.5, 0.2 * len(shown) + 1)), layout="constrained")
    panel = figure.subplots()
    names = [f"{row['change']} | {row['detector']}" for row in shown]
    for place, row in enumerate(shown):
        panel.plot([row["auc_low"], row["auc_high"]], [place, place], color="#2457b8", linewidth=2, alpha=0.5)
        panel.plot(row["auc"], place, "o", color="#2457b8", markersize=4)
        panel.plot(row["auc_noise"], place, "x", color="#b3261e", markersize=4)
    panel.set_yticks(range(len(names)), names, fontsize=6)
    panel.invert_yaxis()
    panel.set_xlim(-0.02, 1.02)
    panel.axvline(0.5, color="#888", linewidth=0.6)
    panel.set_xlabel("AUC")
    return png(figure)


def draw_weights(rows: list[dict[str, Any]]) -> bytes | None:
    """
    What an attack that knows the detector gets for the weight that it gives to confidence, a panel for each goal.

    :param rows: From `detection_table`.
    :return: A PNG; None without two weights of one goal.
    """
    goals: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        known = row.get("adaptive", {})
        if (known.get("mix"), known.get("eot")) == ("sum", 1) and row["detector"].split(",")[0] == known["detector"]:
            goals.setdefault(known["goal"], {}).setdefault(row["detector"], []).append(row)
    goals = {
        goal: curves for goal, found in goals.items() if (curves := {n: r for n, r in found.items() if len(r) > 1})
    }
    if not goals:
        return None
    figure = Figure(figsize=(3.6 * len(goals) + 0.6, 3.2), layout="constrained")
    panels = figure.subplots(1, len(goals), squeeze=False, sharey=True)[0]
    for panel, (goal, curves) in zip(panels, goals.items(), strict=True):
        for name, found in curves.items():
            found.sort(key=lambda row: row["adaptive"]["weight"])
            weights = [row["adaptive"]["weight"] for row in found]
            panel.plot(weights, [_or_nan(row["auc_successes"]) for row in found], "o-", label=f"AUC, {name}")
            panel.fill_between(weights, *zip(*((r["auc_low"], r["auc_high"]) for r in found), strict=True), alpha=0.12)
        panel.plot(weights, [row["success"] for row in found], "k:", label="success of the attack")
        panel.set(xscale="log", ylim=(-0.02, 1.02), xlabel="weight of confidence", title=f"aims at: {_GOALS[goal]}")
        panel.legend(fontsize=6)
    return png(figure)


def _offset_rows(record: dict[str, Any]) -> list[list[str]]:
    return [
        [_KINDS[row["clips_of"]], str(row["clips"]), percent(row["exact"]), _share(row)] for row in record["offsets"]
    ]


def _modality_rows(record: dict[str, Any]) -> list[list[str]]:
    shares = [name.replace(" ", "_") for name in _MODALITIES[2:]]
    return [
        [str(row["fold"]), str(row["clips"]), *(_interval(row, share) for share in shares)]
        for row in record.get("modalities", [])
    ]


def _interval(row: dict[str, Any], share: str) -> str:
    return f"{percent(row[share])} ({percent(row[f'{share}_low'])} to {percent(row[f'{share}_high'])})"


def _rows(record: dict[str, Any]) -> list[list[str]]:
    """Of the clips as they are only what the victim makes of them."""
    rows = []
    for row in record["rows"]:
        if row["change"] == "none" and row["detector"] != "single":
            continue
        cells = [row["change"], "" if row["change"] == "none" else row["detector"], str(row["clips"])]
        cells += [percent(row["accuracy"]), "" if row["success"] is None else percent(row["success"])]
        if row["change"] == "none":
            rows.append(cells + [""] * (len(_HEADER) - len(cells)))
            continue
        cells += [f"{_number(row['auc'])} ({_number(row['auc_low'])} to {_number(row['auc_high'])})"]
        cells += [_number(row[key]) for key in ("auc_successes", "auc_noise", "f1")]
        cells += [percent(row["flagged_benign"]), "" if row["flagged"] is None else percent(row["flagged"])]
        keys = ("video_frame_l2", "video_linf_pixels", "video_linf_paper", "audio_linf_db")
        rows.append(cells + [_number(row[key]) for key in keys])
    return rows


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _share(row: dict[str, Any]) -> str:
    return f"{percent(row['within_one'])} ({percent(row['low'])} to {percent(row['high'])})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _page(record: dict[str, Any]) -> ExperimentPage:
    about = {name: record[name] for name in ("preset", "seed", "version", "seconds")} | record["size"]
    drawn = draw_weights(record["rows"])
    curve = {} if drawn is None else {"weights.png": (_WEIGHTS, drawn)}
    return ExperimentPage(
        title="Is what was attacked out of sync?",
        headlines=[f"{plural(record['data']['words'], 'clip')} of {plural(record['data']['speakers'], 'speaker')}."],
        tables=[
            ("Sound shifted, found again", _OFFSETS, _offset_rows(record)),
            ("The victim, with either modality blanked", _MODALITIES, _modality_rows(record)),
            ("Detection", _HEADER, _rows(record)),
        ],
        pictures={"detection.png": (_CAPTION, draw_detection(record["rows"]))} | curve,
        explanation=_EXPLANATION,
        settings={"Dataset": record["data"], "Experiment": about, "Machine": record["machine"]},
    )
