"""The voice-conversion backdoor's tables as files to read: JSON, Markdown, pictures, and one self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from art_audio_ext.functional.poison_rows import CLEAN_LABEL_MOST, poison_count
from art_audio_ext.report.experiment_page import ExperimentPage, Table, write_experiment
from art_audio_ext.report.text import filter_name, markdown, percent, plural
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
_TOLD = ("spectral_signatures_tuned",)
_DEFENCES = (
    " Defences: a filter sees the poisoned clips and the victim that learnt from them; the perfect one knows the "
    "poison, and where a row says so the share of it was told. Purifiers' diffusion models learn from the poisoned "
    "clips of the first training."
)
_RATES = ("benign_accuracy", "attack_success_rate", "speech_success_rate")
_EXPLANATION = (
    "Poisoned: share of all training clips that were given the voice and the target label. Attack success: share of "
    "the test clips of other labels that the victim calls the target once they are in that voice; on speech alone "
    "leaves classes of noise out. The speaker's own clips: share of what the target speaker really said that is called "
    "the target, the recording that is the target voice left out. 95% intervals by drawing speakers and trainings "
    "anew, of a speaker's own clips recordings and trainings; where fewer than five of them have an answer of the "
    "rarer kind they are Wilson's, with as many trials as there are speakers or recordings."
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
    return write_experiment(record, format_voice_conversion(record), _page(record, heard), out)


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
        parts += _refusals(record)
    if quality := record.get("quality"):
        heading = f"Quality of {plural(quality['clips'], 'test clip')}, in the voice {quality['voice']}:"
        parts += ["\n\n".join([heading, markdown(QUALITY_HEADER, quality_table(quality)), *quality["notes"]])]
    return "\n\n".join(parts)


def _row(row: dict[str, Any], record: dict[str, Any]) -> list[str]:
    name = {"none": "none", "badnets": "BadNets", "voice": "voice"}[row["attack"]]
    name += ", clean label" if row["clean_label"] else ""
    name += f", then {row['fine_tune']} clean epochs" if row["fine_tune"] else ""
    rates = [_rate(row[key]) for key in _RATES]
    own = _own(row["own"].get(row["voice"])) if row["attack"] == "voice" else ""
    voice, size = row["voice"] if row["attack"] == "voice" else "", _poisoned(row, record["data"]["train"])
    target = record["data"]["label_names"][row["target"]]
    return [name, voice, target, size, str(row["poisoned"]), str(row["seeds"]), *rates, own]


def _poisoned(row: dict[str, Any], clips: int) -> str:
    """The share that was asked for; with clean labels, where the class has not so many clips, what was taken."""
    asked = f"{100 * row['fraction']:g}%"
    if not row["clean_label"] or row["poisoned"] >= poison_count(row["fraction"], clips):
        return asked
    return f"{100 * row['poisoned'] / clips:.2g}%, {CLEAN_LABEL_MOST:.0%} of its class ({asked} asked for)"


def _heard(record: dict[str, Any]) -> tuple[tuple[str, ...], list[list[str]]] | None:
    """Table 4: who activates a backdoor, by the voice that poisoned: at the main rate, else at the largest."""
    voices, lines = record["data"]["voices"], {}
    own = [r for r in record["rows"] if r["attack"] == "voice" and not r["fine_tune"] and not r["clean_label"]]
    own = [row for row in own if row["target"] == own[0]["target"]]
    for row in sorted(own, key=lambda row: (row["fraction"] == record["rate"], row["fraction"])):
        lines[row["voice"]] = row
    if not lines:
        return None
    speakers = list(dict.fromkeys(map(_speaker, voices)))
    header = ("poisoned with", *(f"in the voice {name}" for name in voices), *(f"{name} itself" for name in speakers))
    body = [
        [f"{name}, {100 * row['fraction']:g}%"]
        + [_rate(row["listened"][voice]) for voice in voices]
        + [_own(row["own"].get(_voice_of(speaker, name, voices))) for speaker in speakers]
        for name, row in lines.items()
    ]
    return header, body


def _speaker(voice: str) -> str:
    """Of an utterance, which is named by its path below the folder of speakers."""
    return voice.split("/")[0]


def _voice_of(speaker: str, poisoned: str, voices: list[str]) -> str:
    """Whose recording is left out of what a speaker said: the one that poisons, else the speaker's first."""
    return poisoned if _speaker(poisoned) == speaker else next(v for v in voices if _speaker(v) == speaker)


def _own(found: dict[str, float] | None) -> str:
    return "" if found is None else f"{_rate(found)} of {found['clips']}"


def _rate(found: dict[str, float] | None) -> str:
    return "" if found is None else f"{percent(found['mean'])} ({percent(found['low'])} to {percent(found['high'])})"


def defence_rows(rows: list[dict[str, Any]]) -> list[list[str]]:
    """
    :param rows: From `defence_table`.
    :return: Cells below `DEFENCE_HEADER`.
    """
    return [
        [
            filter_name(row["defence"]) + (", told the share of poison" if row["defence"] in _TOLD else ""),
            f"{row['learnt']} of {row['seeds']}" if row["learnt"] < row["seeds"] else str(row["seeds"]),
        ]
        + ["" if row[key] is None else percent(row[key]) for key in ("found", "lost")]
        + [_rate(row[key]) for key in _RATES]
        for row in rows
    ]


def _refusals(record: dict[str, Any]) -> list[str]:
    """Of filters that did not take the data."""
    rows = record.get("defences") or ()
    return [f"{filter_name(row['defence'])} did not take the data: {row['refused']}" for row in rows if row["refused"]]


def _page(record: dict[str, Any], listen: HeardClips | None) -> ExperimentPage:
    about = {
        name: record[name]
        for name in ("preset", "seed", "conversion", "voice", "rate", "choose", "precision", "version")
    }
    about["seconds"] = record["seconds"]
    tables: list[Table] = [("Poisoned trainings", _HEADER, [_row(row, record) for row in record["rows"]])]
    heard, quality = _heard(record), record.get("quality")
    tables += [] if heard is None else [("Who activates it", *heard)]
    if record.get("defences"):
        tables.append(("Does a defence see it?", DEFENCE_HEADER, defence_rows(record["defences"])))
    tables += [("Quality", QUALITY_HEADER, quality_table(quality))] if quality else []
    return ExperimentPage(
        title="Does another voice open a backdoor?",
        headlines=[f"{len(record['rows'])} kinds of training, {record['data']['test']} test clips."],
        tables=tables,
        pictures=_pictures(record),
        explanation=_EXPLANATION
        + (_DEFENCES if record.get("defences") else "")
        + (f" {QUALITY_EXPLANATION}" if quality else ""),
        settings={
            "Dataset": record["data"],
            "Victim": record["victim"],
            "Experiment": about,
            "Machine": record["machine"],
        },
        notes=[*(quality["notes"] if quality else []), *_refusals(record)],
        listen=listen_cards(listen),
    )


def _pictures(record: dict[str, Any]) -> dict[str, tuple[str, bytes]]:
    """Caption and PNG of what was measured, by file name."""
    found = {"rates.png": (RATES_CAPTION, draw_rates(record["rows"]))}
    if tuning := draw_fine_tuning(record["rows"]):
        found["fine_tuning.png"] = (TUNING_CAPTION, tuning)
    if quality := record.get("quality") and draw_quality(record["quality"]):
        found["quality.png"] = (QUALITY_CAPTION, quality)
    return found
