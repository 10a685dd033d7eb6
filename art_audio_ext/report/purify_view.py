"""What a purifier changed, as files to read: JSON, lines for a terminal, and one page that plays before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import art_audio_ext
from art_audio_ext.report.files import write_json, write_text
from art_audio_ext.report.page import environment
from art_audio_ext.report.sound import level_pictures, picture_address, wav_address
from art_audio_ext.report.text import number, plain, plural, printable, setting_rows

PLAYED_SECONDS = 9  # of each file: 30 players hold 9 MB of sound
_FILES_SHOWN = 15  # two players each
_ROWS_SHOWN, _FAILED_SHOWN, _FAILED_SAID = 10_000, 1_000, 20
_SOUND_HEADER = ("file", "result", "seconds", "SNR, dB", "change, dB of full scale", "peak")
_PICTURE_HEADER = ("file", "result", "seconds", "mean change, dB", "largest change, dB")
_NO_SOUND = (
    "This purifier turns sound into log-mel pictures and there is no way back, so there is no sound after it and none "
    "was made up: each result is a .npy of float32 pictures (P, 1, 32, 32), one a second, as the classifiers of this "
    "package take them."
)
_SOUND = (
    "Results are WAV files of 32-bit floats, not clipped. SNR is 10 log10(sum x^2 / sum (y - x)^2), with x the file "
    "and y the result: how much was changed, noise that the purifier itself added among it, and not whether an attack "
    "was removed. The change has the level of its effective value, 0 dB at full scale."
)
_PICTURES = (
    "Changes are magnitudes over all points of the pictures, the zeros at the end of the last second among them, in "
    "decibels of a mel band: how much was changed, noise that the purifier itself added "
    "among it, and not whether an attack was removed."
)


@dataclass(frozen=True)
class ShownFile:
    """
    A file as the page shows it, cut after `PLAYED_SECONDS`.

    :param before: Sound (L,).
    :param after: Sound (L,), if the purifier gives sound.
    :param pictures: Else the log-mels (32, 32) of the first second, before and after.
    """

    before: np.ndarray
    after: np.ndarray | None = None
    pictures: tuple[np.ndarray, np.ndarray] | None = None


def write_purify(record: dict[str, Any], out: Path, load: Callable[[dict[str, Any]], ShownFile | None]) -> None:
    """
    Write `purify.json` and `report.html`.

    :param record: From `experiments.purify_folder`.
    :param out: Folder, made if it is missing.
    :param load: The sound of a row of `files`; None where it cannot be shown. Called for the files shown alone.
    :raises ValueError: If `out` is a file.
    """
    write_json(record, out / "purify.json")
    write_text(environment().get_template("purify.html").render(_view(record, load)), out / "report.html")


def format_purify(record: dict[str, Any]) -> str:
    """
    :param record: From `experiments.purify_folder`.
    :return: Lines of text without a newline at the end: what was done, and what could not be, with the reason.
    """
    failed = record["failed"]
    lines = [_headline(record), *([_NO_SOUND] if record["pictures"] else []), *_notes(record)]
    lines += [f"Not purified: {printable(f['path'])}: {printable(f['reason'])}" for f in failed[:_FAILED_SAID]]
    if len(failed) > _FAILED_SAID:
        lines.append(f"And {len(failed) - _FAILED_SAID:,} more that could not be purified, see purify.json")
    return "\n".join(lines)


def shown_rows(rows: list[dict[str, Any]], most: int = _FILES_SHOWN) -> list[dict[str, Any]]:
    """
    The files that the page plays: from the most changed to the least, evenly spaced, both ends among them.

    :param rows: `files` of a record.
    :param most: How many.
    :return: That many, or all if there are fewer.
    """
    order = sorted(rows, key=lambda row: (_rank(row), row["path"]))
    places = np.unique(np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(int))
    return [order[place] for place in places]


def _rank(row: dict[str, Any]) -> float:
    """Less for what was changed more."""
    if "mean_change_db" in row:
        return -float(row["mean_change_db"])
    return np.inf if row["snr_db"] is None else float(row["snr_db"])


def _headline(record: dict[str, Any]) -> str:
    rows, failed = record["files"], record["failed"]
    text = f"{plural(len(rows), 'file')} purified by {record['defence']} at t = {record['steps']}"
    name, unit = ("mean_change_db", "Mean change") if record["pictures"] else ("snr_db", "SNR")
    found = [row[name] for row in rows if row[name] is not None]
    text += f", {plural(len(failed), 'file')} could not be" if failed else ""
    if not found:
        return f"{text}."
    return f"{text}. {unit}: median {median(found):.1f} dB, from {min(found):.1f} to {max(found):.1f} dB."


def _notes(record: dict[str, Any]) -> list[str]:
    """What happened to some of the files."""
    rows, rate = record["files"], record["sample_rate_hz"]
    counts = (
        (
            sum(row["input_sample_rate_hz"] != rate for row in rows),
            f"had another sample rate: results are at {rate / 1000:g} kHz",
        ),
        (sum(row["input_channels"] > 1 for row in rows), "had several channels: purified is their mean"),
        (
            sum(row["seconds"] > 1 for row in rows),
            "longer than a second: purified in pieces of a second, each by itself",
        ),
        (sum(row.get("peak", 0) > 1 for row in rows), "beyond full scale in the result: players cut that off"),
        (len(record["outdated"]), "left from earlier runs, of inputs that are gone or fail now, see purify.json"),
    )
    return [f"{plural(count, 'file')} {text}." for count, text in counts if count]


def _view(record: dict[str, Any], load: Callable[[dict[str, Any]], ShownFile | None]) -> dict[str, Any]:
    """Everything that the page shows, strings made printable."""
    rows, failed, pictures = record["files"], record["failed"], record["pictures"]
    about = {k: v for k, v in record.items() if k not in ("files", "failed", "outdated", "pictures")}
    shown = shown_rows(rows)
    return {
        "title": "What did the purifier change?",
        "version": art_audio_ext.__version__,
        "headline": printable(_headline(record)),
        "warning": _NO_SOUND if pictures else "",
        "notes": [printable(note) for note in _notes(record)],
        "cards": [_card(row, load(row), record["sample_rate_hz"]) for row in shown],
        "choice": len(shown) < len(rows),
        "played_seconds": PLAYED_SECONDS,
        "header": _PICTURE_HEADER if pictures else _SOUND_HEADER,
        "rows": [_cells(row) for row in rows[:_ROWS_SHOWN]],
        "more": f"{len(rows) - _ROWS_SHOWN:,}" if len(rows) > _ROWS_SHOWN else "",
        "failed": [(printable(entry["path"]), printable(entry["reason"])) for entry in failed[:_FAILED_SHOWN]],
        "failed_more": f"{len(failed) - _FAILED_SHOWN:,}" if len(failed) > _FAILED_SHOWN else "",
        "explanation": _PICTURES if pictures else _SOUND,
        "settings": [("Purifier", setting_rows(plain(about, readable=True)))],
    }


def _cells(row: dict[str, Any]) -> list[str]:
    """A row of the table."""
    names = [printable(row["path"]), printable(row["output"]), number(row["seconds"], 2)]
    if "mean_change_db" in row:
        return [*names, number(row["mean_change_db"], 2), number(row["largest_change_db"], 1)]
    return [*names, *(number(row[name], 1) for name in ("snr_db", "change_dbfs")), number(row["peak"], 2)]


def _card(row: dict[str, Any], shown: ShownFile | None, rate: int) -> dict[str, Any]:
    """A file with what can be heard and seen of it, before and after."""
    if "mean_change_db" in row:
        change = f"changed by {number(row['mean_change_db'], 2)} dB on average"
    else:
        change = f"SNR {number(row['snr_db'], 1)} dB, change at {number(row['change_dbfs'], 1)} dB of full scale"
    facts = f"{number(row['seconds'], 2)} s, {change}"
    sides = [] if shown is None else [_side("Before", shown, 0, rate), _side("After", shown, 1, rate)]
    return {"path": printable(row["path"]), "facts": facts, "sides": sides}


def _side(name: str, shown: ShownFile, place: int, rate: int) -> dict[str, Any]:
    """One of the two: its picture, and its sound if there is one."""
    sound = (shown.before, shown.after)[place]
    if shown.pictures is not None:
        picture = _mel_address(shown.pictures[place])
    else:
        picture = picture_address(level_pictures(np.asarray(sound)[None], rate)[0])
    return {"name": name, "picture": picture, "sound": None if sound is None else wav_address(sound, rate)}


def _mel_address(mel: np.ndarray) -> str:
    """A log-mel (32, 32) in [-1, 1] as a PNG of 96 x 256, lowest band below; all shades for -100 to 38 dB."""
    large = np.asarray(mel, np.float32).repeat(3, axis=0).repeat(8, axis=1)
    return picture_address(40 * large - 60)  # which shows -100 to -20
