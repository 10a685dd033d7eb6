"""The study of sound-event classifiers as files to read: JSON, Markdown, pictures, and one self-contained page."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import art_audio_ext
from art_audio_ext.report.files import write_json, write_text
from art_audio_ext.report.page import environment
from art_audio_ext.report.sound_events_plots import draw_attacks, draw_spectrograms, draw_survival, draw_transfer
from art_audio_ext.report.text import markdown, number, percent, plain, plural, printable, setting_rows
from art_audio_ext.report.voice_quality_view import HeardClips, listen_cards

_EXPLANATION = (
    "Only clips that a model had right are attacked. Success: called something else, in a targeted attack the target. "
    "SNR, over the whole clip, and confidences are of successes: before, of the label; after, of the new label and of "
    "the old one. Transfer: attacked clips that fooled the model they were made for, shown to another; the share "
    "fooled of those that the other had right, beside white noise of equal energy. Survival: attacks that fooled the "
    "model, after a channel, of those clips that the model has right after the same channel without an attack. 95% "
    "intervals: Wilson's, or by drawing clips anew where a clip is there for several models."
)
_ATTACKS = (
    *("attack", "model", "clips", "success (95%)", "SNR median, dB", "SNR mean, dB (95%)"),
    *("confidence before", "of the new label", "of the old label", "iterations", "seconds a clip"),
)
_CAPTIONS = {
    "attacks": "Success, with 95% intervals, and median SNR of successes.",
    "transfer": "Of clips made for the model of a line, how many fool the model of a column.",
    "survival": "What each channel leaves of successful attacks, all models together; 95% intervals.",
    "spectrograms": "A clip as it is and after each attack; below, the change alone. From -120 dB (dark) to -20 dB.",
}
Table = tuple[str, tuple[str, ...], list[list[str]]]


def write_sound_events(record: dict[str, Any], out: str | Path, heard: HeardClips | None = None) -> list[Path]:
    """
    Write `results.json`, `table.md`, a PNG for each figure, and `report.html`.

    :param record: From `experiments.sound_events.sound_events`.
    :param out: Folder, made if it is missing.
    :param heard: Clips that the page plays, the first version without an attack; None plays none.
    :return: The files written.
    :raises ValueError: If `out` is a file.
    """
    out, pictures = Path(out), _pictures(record, heard)
    write_json(record, out / "results.json")
    write_text(format_sound_events(record) + "\n", out / "table.md")
    for name, picture in pictures.items():
        (out / f"{name}.png").write_bytes(picture)
    page = environment().get_template("experiment.html").render(_view(record, pictures, heard))
    write_text(page, out / "report.html")
    return [out / name for name in ("results.json", "table.md", *(f"{name}.png" for name in pictures), "report.html")]


def format_sound_events(record: dict[str, Any]) -> str:
    """
    The tables in Markdown.

    :param record: From `experiments.sound_events.sound_events`.
    :return: Lines of text without a newline at the end.
    """
    parts = [f"{name}:\n\n{markdown(header, rows)}" for name, header, rows in _tables(record)]
    return "\n\n".join([*parts, *record["notes"]])


def _tables(record: dict[str, Any]) -> list[Table]:
    """Those that have rows."""
    ends = ("label", "attack", "left", "reached", "share of all reached")
    labels = [
        [row["label"], row["attack"], str(row["left"]), str(row["reached"]), percent(row["share"])]
        for row in record["labels"]
        if row["left"] or row["reached"]
    ]
    found: list[Table] = [
        ("Models", ("model", "test clips", "accuracy (95%)"), [_model(row) for row in record["models"]]),
        ("Attacks", _ATTACKS, [_attack(row) for row in record["attacks"]]),
        ("Targeted, by pair", ("label", "target", "attack", "pairs", "success", "SNR median, dB"), _pairs(record)),
        ("Labels left and reached, untargeted", ends, labels),
        ("Transfer", ("made for", "shown to", "attack", "clips", "fooled (95%)", "by noise"), _transfer(record)),
        ("Survival", ("channel", "attack", "model", "clips", "survived (95%)", "benign right"), _survival(record)),
    ]
    return [table for table in found if table[2]]


def _model(row: dict[str, Any]) -> list[str]:
    return [row["model"], str(row["clips"]), _interval(row, "accuracy")]


def _attack(row: dict[str, Any]) -> list[str]:
    mean = "-" if row["snr_mean"] is None else f"{row['snr_mean']:.1f} ({row['snr_low']:.1f} to {row['snr_high']:.1f})"
    cells = [row["attack"], row["model"], str(row["clips"]), _interval(row, "success"), number(row["snr_median"], 1)]
    cells += [mean, *(percent(row[key]) for key in ("old_confidence", "new_confidence", "old_label_confidence"))]
    return [*cells, number(row["iterations"], 0), number(row["seconds_per_clip"], 2)]


def _pairs(record: dict[str, Any]) -> list[list[str]]:
    keys = ("label", "target", "attack")
    return [
        [*(row[key] for key in keys), str(row["pairs"]), percent(row["success"]), number(row["snr_median"], 1)]
        for row in record["pairs"]
    ]


def _transfer(record: dict[str, Any]) -> list[list[str]]:
    return [
        [row["source"], row["other"], row["attack"], str(row["clips"]), _interval(row, "fooled"), percent(row["noise"])]
        for row in record["transfer"]
    ]


def _survival(record: dict[str, Any]) -> list[list[str]]:
    """All models together last, as one line where there is one model alone."""
    several = len(record["models"]) > 1
    names = ("channel", "attack", "model")
    return [
        [*(row[key] for key in names), str(row["clips"]), _interval(row, "survived"), percent(row["benign"])]
        for row in record["survival"]
        if several or row["model"] != "all"
    ]


def _interval(row: dict[str, Any], key: str) -> str:
    if row[key] is None:
        return "-"
    return f"{percent(row[key])} ({percent(row['low'])} to {percent(row['high'])})"


def _pictures(record: dict[str, Any], heard: HeardClips | None) -> dict[str, bytes]:
    found = {"attacks": draw_attacks(record["attacks"])}
    if record["transfer"]:
        found["transfer"] = draw_transfer(record["transfer"])
    if record["survival"]:
        found["survival"] = draw_survival(record["survival"])
    if heard is not None:
        found["spectrograms"] = draw_spectrograms(heard)
    return found


def _view(record: dict[str, Any], pictures: dict[str, bytes], heard: HeardClips | None) -> dict[str, Any]:
    """Everything that the page shows, strings made printable."""
    about = {name: record[name] for name in ("preset", "seed", "version", "seconds")} | record["size"]
    data = record["data"]
    return {
        "title": "Attacks on sound-event classifiers",
        "version": art_audio_ext.__version__,
        "headlines": [
            f"{plural(len(data['label_names']), 'label')}, {plural(data['train'], 'clip')} to learn from, "
            f"{plural(data['attacked'], 'clip')} attacked.",
            *_headlines(record),
        ],
        "figures": [
            {"caption": _CAPTIONS[name], "source": f"data:image/png;base64,{base64.b64encode(picture).decode()}"}
            for name, picture in pictures.items()
        ],
        "tables": [
            (name, list(header), [[printable(cell) for cell in row] for row in rows])
            for name, header, rows in _tables(record)
        ],
        "listen": listen_cards(heard),
        "explanation": _EXPLANATION,
        "notes": record["notes"],
        "settings": [
            ("Dataset", setting_rows(plain(data, readable=True))),
            ("Experiment", setting_rows(plain(about, readable=True))),
            ("Machine", setting_rows(plain(record["machine"], readable=True))),
        ],
    }


def _headlines(record: dict[str, Any]) -> list[str]:
    """A sentence for each attack, of all models where there are several."""
    kind = "all" if len(record["models"]) > 1 else record["models"][0]["model"]
    return [
        f"{row['attack']}: {percent(row['success'])} of {plural(row['clips'], 'clip')} broken"
        + ("." if row["snr_median"] is None else f", median SNR {row['snr_median']:.1f} dB.")
        for row in record["attacks"]
        if row["model"] == kind
    ]
