"""The sentence attack's tables as files to read: JSON, Markdown, a picture, and one self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from art_audio_ext.report.experiment_page import ExperimentPage, Table, write_experiment
from art_audio_ext.report.pictures import png
from art_audio_ext.report.text import markdown, percent, plural

_VICTIM = ("the victim hears and sees", "sentences right", "word error rate")
_CONDITIONS = {
    "clean": "both",
    "video_blanked": "the sound alone",
    "audio_blanked": "the pictures alone",
    "video_frozen": "the sound and one picture",
}
_ATTACK = (
    *("aim", "box", "wanted", "clips", "partial success", "full success (95%)", "word error rate", "iterations"),
    *("video L2", "video L2 a frame", "video L-infinity, pixels", "over 4", "audio L-infinity, dB"),
)
_MEASURED = ("attacked clips", "AUC (95%)", "AUC of noise", "AUC against noise", "F1", "benign flagged")
_DETECTION = ("aim", "box", "detector", "of", *_MEASURED)
_BY_SENTENCE = ("aim", "box", "wanted", "detector", *_MEASURED, "thresholds")
_EXPLANATION = (
    "Partial success: the transcript's word error rate to the wanted sentence is below one half; full: it is nought. "
    "The aim is what the attack counts as a success: with the aim of partial success (the paper's Tables 2 and 4) it "
    "goes on in a smaller box as soon as that is reached, with the aim of full success (Table 3) not before. Box: half "
    "the sides of the first, of 32,768 and of 255. Iterations and distortions are medians over the clips that reached "
    "the aim. AUC: how well low confidence of synchronisation tells attacked clips from the same clips as they are; of "
    "noise, the same of Gaussian noise of equal power in each modality; against noise, attacked clips from that noise. "
    "Either side: far from the middle confidence of the other half of the clips as they are. 95% by drawing clips "
    "anew. F1: the mean of both classes at the best threshold of the other half of the clips, for each sentence apart; "
    "thresholds: the confidence below which the first half is flagged, and the second."
)
_CAPTION = (
    "Confidence of one network: clips as they are, with noise of equal power, and under every attack; a dot is a clip."
)


def write_av_sentences(record: dict[str, Any], out: str | Path) -> list[Path]:
    """
    Write `results.json`, `table.md`, `confidence.png` and `report.html`.

    :param record: From `experiments.av_sentences.av_sentences`.
    :param out: Folder, made if it is missing.
    :return: The files written.
    :raises ValueError: If `out` is a file.
    """
    return write_experiment(record, format_av_sentences(record), _page(record), out)


def format_av_sentences(record: dict[str, Any]) -> str:
    """
    The tables in Markdown.

    :param record: From `experiments.av_sentences.av_sentences`.
    :return: Lines of text without a newline at the end.
    """
    return "\n\n".join(f"{name}:\n\n{markdown(header, rows)}" for name, header, rows in _tables(record))


def draw_confidence(cells: list[list[dict[str, Any]]]) -> bytes:
    """
    What the one network thinks of every clip.

    :param cells: Experiments and results.
    :return: A PNG.
    """
    groups: dict[str, list[float]] = {"as they are": [], "noise": [], "attacked, failed": [], "attacked, full": []}
    for task, result in cells:
        values = result["confidence"]["single"]
        if not task["text"]:
            groups["as they are"] += values
            continue
        groups["noise"] += result["noise"]["single"]
        for value, one in zip(values, result["results"], strict=True):
            groups["attacked, full" if one["full"] else "attacked, failed"].append(value)
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    panel = figure.subplots()
    for place, values in enumerate(groups.values()):
        panel.plot(values, [place] * len(values), "o", color="#2457b8", alpha=0.5, markersize=4)
    panel.set_yticks(range(len(groups)), list(groups))
    panel.set_ylim(len(groups) - 0.5, -0.5)
    panel.set_xlabel("confidence of synchronisation")
    return png(figure)


def _tables(record: dict[str, Any]) -> list[Table]:
    return [
        ("The victim on clips held out", _VICTIM, _victim_rows(record["victim"])),
        ("The attack", _ATTACK, [_attack_row(row) for row in record["attack"]]),
        ("Detection", _DETECTION, [_detection_row(row) for row in record["detection"] if row["target"] == "all"]),
        ("Detection of what reached the aim, by sentence", _BY_SENTENCE, _sentence_rows(record["detection"])),
    ]


def _victim_rows(scores: dict[str, Any]) -> list[list[str]]:
    return [
        [said, percent(scores["accuracy"][name]), _number(scores["word_error_rate"][name])]
        for name, said in _CONDITIONS.items()
    ]


def _attack_row(row: dict[str, Any]) -> list[str]:
    full = f"{percent(row['full'])} ({percent(row['low'])} to {percent(row['high'])})"
    cells = [row["aim"], _box(row), row["target"], str(row["clips"]), percent(row["partial"]), full]
    cells.append(_number(row["word_error_rate"]))
    cells.append("" if row["iterations"] is None else f"{row['iterations']:.0f}")
    keys = ("video_l2", "video_frame_l2", "video_linf_pixels", "video_linf_paper", "audio_linf_db")
    return cells + [_number(row[key]) for key in keys]


def _detection_row(row: dict[str, Any]) -> list[str]:
    return [row["aim"], _box(row), row["detector"], row["of"], *_measured(row)]


def _sentence_rows(rows: list[dict[str, Any]]) -> list[list[str]]:
    """Of each sentence, the clips that reached the aim."""
    chosen = [row for row in rows if row["target"] != "all" and row["of"] == row["aim"]]
    return [
        [
            *(row["aim"], _box(row), row["target"], row["detector"], *_measured(row)),
            " and ".join(f"{limit:.3f}" for limit in row["thresholds"] or ()),
        ]
        for row in chosen
    ]


def _measured(row: dict[str, Any]) -> list[str]:
    auc = "" if row["auc"] is None else f"{row['auc']:.2f} ({row['auc_low']:.2f} to {row['auc_high']:.2f})"
    flagged = "" if row["flagged_benign"] is None else percent(row["flagged_benign"])
    return [str(row["clips"]), auc, *(_number(row[k]) for k in ("auc_noise", "auc_over_noise", "f1")), flagged]


def _box(row: dict[str, Any]) -> str:
    return f"{row['audio']}/{row['video']}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _page(record: dict[str, Any]) -> ExperimentPage:
    about = {name: record[name] for name in ("preset", "seed", "version", "seconds")} | record["size"]
    headline = f"{plural(record['data']['attacked'], 'clip')}, {plural(len(record['size']['targets']), 'sentence')}"
    found = [
        f"{headline}, aim {row['aim']}, {_box(row)}: {percent(row['partial'])} partial and {percent(row['full'])} full "
        f"success."
        for row in record["attack"]
        if row["target"] == "all"
    ]
    return ExperimentPage(
        title="Made to say something else: is it out of sync?",
        headlines=found,
        tables=_tables(record),
        pictures={"confidence.png": (_CAPTION, draw_confidence(record["clips"]))},
        explanation=_EXPLANATION,
        settings={"Dataset": record["data"], "Experiment": about, "Machine": record["machine"]},
    )
