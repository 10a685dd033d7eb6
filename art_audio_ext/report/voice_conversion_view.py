"""The voice-conversion backdoor's tables as files to read: JSON, Markdown, pictures, and one self-contained page."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import art_audio_ext
from art_audio_ext.report.files import write_json, write_text
from art_audio_ext.report.page import environment
from art_audio_ext.report.text import filter_name, markdown, percent, plain, plural, printable, setting_rows
from art_audio_ext.report.voice_conversion_plots import RATES_CAPTION, TUNING_CAPTION, draw_fine_tuning, draw_rates
from art_audio_ext.report.voice_quality_view import (
    QUALITY_CAPTION,
    QUALITY_EXPLANATION,
    QUALITY_HEADER,
    HeardClips,
    draw_quality,
    listen_cards,
    quality_table,
)

_HEADER = (
    "attack",
    "voice",
    "target",
    "poisoned",
    "clips",
    "seeds",
    "benign accuracy",
    "attack success",
    "on speech alone",
    "the speaker's own clips",
)
DEFENCE_HEADER = (
    "defence",
    "seeds",
    "of the poison removed",
    "of clean clips removed",
    *("benign accuracy", "attack success", "on speech alone"),
)
_RATES = ("benign_accuracy", "attack_success_rate", "speech_success_rate")
_EXPLANATION = (
    "Poisoned: share of all training clips that were given the voice and the target label. Attack success: share of "
    "the test clips of other labels that the victim calls the target once they are in that voice; on speech alone "
    "leaves classes of noise out. The speaker's own clips: share of what the target speaker really said that is called "
    "the target. 95% intervals by drawing speakers anew."
)


def write_voice_conversion(record: dict[str, Any], out: str | Path, heard: HeardClips | None = None) -> list[Path]:
    """
    Write `results.json`, `table.md`, `rates.png`, `report.html`, and `fine_tuning.png` and `quality.png` where these
    were measured.

    :param record: From `experiments.voice_conversion.voice_conversion`.
    :param out: Folder, made if it is missing.
    :param heard: Clips that the page plays, or None.
    :return: The files written.
    :raises ValueError: If `out` is a file.
    """
    out, pictures = Path(out), {"rates.png": (RATES_CAPTION, draw_rates(record["rows"]))}
    tuning = draw_fine_tuning(record["rows"])
    if tuning:
        pictures["fine_tuning.png"] = (TUNING_CAPTION, tuning)
    quality = record.get("quality") and draw_quality(record["quality"])
    if quality:
        pictures["quality.png"] = (QUALITY_CAPTION, quality)
    write_json(record, out / "results.json")
    write_text(format_voice_conversion(record) + "\n", out / "table.md")
    for name, (_, picture) in pictures.items():
        (out / name).write_bytes(picture)
    page = environment().get_template("experiment.html").render(_view(record, list(pictures.values()), heard))
    write_text(page, out / "report.html")
    return [out / name for name in ("results.json", "table.md", *pictures, "report.html")]


def format_voice_conversion(record: dict[str, Any]) -> str:
    """
    The tables in Markdown.

    :param record: From `experiments.voice_conversion.voice_conversion`.
    :return: Lines of text without a newline at the end.
    """
    parts = [markdown(_HEADER, [_row(row, record) for row in record["rows"]])]
    heard = _heard(record)
    if heard is not None:
        parts.append("Success on speech of test clips in each voice:\n\n" + markdown(*heard))
    if record.get("defences"):
        parts.append("Defences:\n\n" + markdown(DEFENCE_HEADER, defence_rows(record["defences"])))
    if quality := record.get("quality"):
        heading = f"Quality of {plural(quality['clips'], 'test clip')}, in the voice {quality['voice']}:"
        parts += ["\n\n".join([heading, markdown(QUALITY_HEADER, quality_table(quality)), *quality["notes"]])]
    return "\n\n".join(parts)


def _row(row: dict[str, Any], record: dict[str, Any]) -> list[str]:
    name = {"none": "none", "badnets": "BadNets", "voice": "voice"}[row["attack"]]
    name += ", clean label" if row["clean_label"] else ""
    name += f", then {row['fine_tune']} clean epochs" if row["fine_tune"] else ""
    rates = [_rate(row[key]) for key in _RATES]
    own = percent(row["own"][row["voice"]]) if row["attack"] == "voice" else ""
    voice, size = row["voice"] if row["attack"] == "voice" else "", f"{100 * row['fraction']:g}%"
    target = record["data"]["label_names"][row["target"]]
    return [name, voice, target, size, str(row["poisoned"]), str(row["seeds"]), *rates, own]


def _heard(record: dict[str, Any]) -> tuple[tuple[str, ...], list[list[str]]] | None:
    """Table 4: who activates a backdoor, by the voice that poisoned: at the main rate, else at the largest."""
    voices, lines = record["data"]["voices"], {}
    own = [r for r in record["rows"] if r["attack"] == "voice" and not r["fine_tune"] and not r["clean_label"]]
    own = [row for row in own if row["target"] == own[0]["target"]]
    for row in sorted(own, key=lambda row: (row["fraction"] == record["rate"], row["fraction"])):
        lines[row["voice"]] = row
    if not lines:
        return None
    header = ("poisoned with", *(f"in the voice {name}" for name in voices), *(f"{name} itself" for name in voices))
    body = [
        [f"{name}, {100 * row['fraction']:g}%"]
        + [_rate(row["listened"][voice]) for voice in voices]
        + [percent(row["own"][voice]) for voice in voices]
        for name, row in lines.items()
    ]
    return header, body


def _rate(found: dict[str, float] | None) -> str:
    return "" if found is None else f"{percent(found['mean'])} ({percent(found['low'])} to {percent(found['high'])})"


def defence_rows(rows: list[dict[str, Any]]) -> list[list[str]]:
    """
    :param rows: From `defence_table`.
    :return: Cells below `DEFENCE_HEADER`.
    """
    return [
        [
            filter_name(row["defence"]),
            f"{row['learnt']} of {row['seeds']}" if row["learnt"] < row["seeds"] else str(row["seeds"]),
        ]
        + ["" if row[key] is None else percent(row[key]) for key in ("found", "lost")]
        + [_rate(row[key]) for key in _RATES]
        for row in rows
    ]


def _view(record: dict[str, Any], pictures: list[tuple[str, bytes]], listen: HeardClips | None) -> dict[str, Any]:
    """Everything that the page shows, strings made printable."""
    about = {name: record[name] for name in ("preset", "seed", "conversion", "voice", "rate", "precision", "version")}
    about["seconds"] = record["seconds"]
    tables: list[tuple[str, tuple[str, ...], list[list[str]]]] = [
        ("Poisoned trainings", _HEADER, [_row(row, record) for row in record["rows"]])
    ]
    heard, quality = _heard(record), record.get("quality")
    tables += [] if heard is None else [("Who activates it", *heard)]
    if record.get("defences"):
        tables.append(("Does a defence see it?", DEFENCE_HEADER, defence_rows(record["defences"])))
    tables += [("Quality", QUALITY_HEADER, quality_table(quality))] if quality else []
    return {
        "title": "Does another voice open a backdoor?",
        "version": art_audio_ext.__version__,
        "headlines": [f"{len(record['rows'])} kinds of training, {record['data']['test']} test clips."],
        "figures": [{"caption": caption, "source": _source(picture)} for caption, picture in pictures],
        "listen": listen_cards(listen),
        "tables": [
            (name, [printable(cell) for cell in header], [[printable(cell) for cell in row] for row in rows])
            for name, header, rows in tables
        ],
        "explanation": f"{_EXPLANATION} {QUALITY_EXPLANATION}" if quality else _EXPLANATION,
        "notes": [printable(note) for note in quality["notes"]] if quality else [],
        "settings": [
            ("Dataset", setting_rows(plain(record["data"], readable=True))),
            ("Victim", setting_rows(plain(record["victim"], readable=True))),
            ("Experiment", setting_rows(plain(about, readable=True))),
            ("Machine", setting_rows(plain(record["machine"], readable=True))),
        ],
    }


def _source(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
