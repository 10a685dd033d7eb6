"""What was found about the sync of video files: JSON, a table for a terminal, and one page with the distance curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from art_audio_ext.report.experiment_page import ExperimentPage, Table
from art_audio_ext.report.files import write_json, write_text
from art_audio_ext.report.pictures import png
from art_audio_ext.report.text import markdown, number, plural, printable

CURVES_SHOWN = 300  # 20 kB each
_HEADER = ("file", "seconds", "offset, ms", "confidence", "verdict")
_FAILED_HEADER = ("file", "reason")
_EXPLANATION = (
    "The curve is the mean distance of what the network makes of pictures to what it makes of sound that is shifted by "
    "so much. Offset: the shift at the minimum, positive where the sound comes late, in steps of a frame (40 ms); up "
    "to one frame counts as in sync, for that is how well it can be told. Confidence: the median of the curve less its "
    "minimum. Suspicious: confidence below the threshold, as of sound that does not belong to the pictures, of "
    "pictures that do not move, and of some attacks; an attack that knows the detector can keep it high. A file is "
    "suspicious by its whole curve, or by pieces of it."
)
_EDGE = 15


def write_check(record: dict[str, Any], out: Path) -> None:
    """
    Write `results.json` and `report.html`.

    :param record: From `experiments.check_sync.check_sync`.
    :param out: Folder, made if it is missing.
    :raises ValueError: If `out` is a file.
    """
    write_json(record, out / "results.json")
    write_text(_page(record).html(), out / "report.html")


def format_check(record: dict[str, Any]) -> str:
    """
    :param record: From `experiments.check_sync.check_sync`.
    :return: Lines of text without a newline at the end: a table, what to know of it, and what could not be used.
    """
    lines = [markdown(_HEADER, _rows(record)), ""] if record["files"] else []
    lines += [*_notes(record), _headline(record)]
    lines += [f"Not usable: {printable(entry['path'])}: {printable(entry['reason'])}" for entry in record["failed"]]
    return "\n".join(lines)


def draw_curve(row: dict[str, Any], threshold: float | None) -> bytes:
    """
    The distance curve of a file and, thin, those of its pieces.

    :param row: Of `files` of the record.
    :param threshold: Drawn as the level to which the minimum must reach; None draws none.
    :return: A PNG.
    """
    figure = Figure(figsize=(5, 2.2), dpi=100, layout="constrained")
    panel, curve = figure.subplots(), np.asarray(row["curve"], float)
    shifts = 40 * (np.arange(len(curve)) - len(curve) // 2)
    for piece in row["pieces"] if len(row["pieces"]) > 1 else ():
        panel.plot(shifts, piece["curve"], color="#2457b8", linewidth=0.6, alpha=0.35)
    panel.plot(shifts, curve, color="#2457b8", linewidth=2)
    panel.plot(row["offset_ms"], np.nanmin(curve), "o", color="#b3261e")
    middle = np.nanmin(curve) + row["confidence"]
    panel.axhline(middle, color="#666", linewidth=0.8, linestyle="--")
    if threshold is not None:
        panel.axhline(middle - threshold, color="#b3261e", linewidth=0.8, linestyle=":")
    panel.set_xlabel("sound comes late by, ms")
    panel.set_ylabel("distance")
    return png(figure)


def _rows(record: dict[str, Any]) -> list[list[str]]:
    """A line for each file, and below it one for each of its pieces where there are several."""
    rows = []
    for row in record["files"]:
        rows.append([row["path"], number(row["seconds"], 2), *_cells(row)])
        for piece in row["pieces"] if len(row["pieces"]) > 1 else ():
            rows.append([f"- from {piece['start_seconds']:.2f} s", "", *_cells(piece)])
    return rows


def _cells(row: dict[str, Any]) -> list[str]:
    return [f"{row['offset_ms']:+d}" if row["offset_ms"] else "0", number(row["confidence"]), row["verdict"]]


def _headline(record: dict[str, Any]) -> str:
    rows, counts = record["files"], dict[str, int]()
    for row in rows:
        kind = "suspicious" if row["suspicious"] else row["verdict"].split(" by ")[0]
        counts[kind] = counts.get(kind, 0) + 1
    text = f"{plural(len(rows), 'file')} looked at"
    text += "".join(f", {count} {kind}" for kind, count in sorted(counts.items()))
    return text + (f"; {plural(len(record['failed']), 'file')} could not be used." if record["failed"] else ".")


def _notes(record: dict[str, Any]) -> list[str]:
    """What a reader must know of these files."""
    rows, frames = record["files"], record["piece_frames"]
    notes = []
    if record["threshold"] is None:
        notes.append("No threshold is known for this model, so nothing is called suspicious: give --threshold.")
    if short := sum(row["seconds"] < frames / 25 for row in rows):
        notes.append(
            f"{plural(short, 'file')} shorter than {frames / 25:g} s, the length that the model is used to: confidence "
            f"does not mean the same there."
        )
    if any(len(row["pieces"]) > 1 for row in rows):
        notes.append(
            f"Longer files are looked at in pieces of {frames / 25:g} s, the last of which may overlap; the line of "
            f"the whole is by the mean of their curves."
        )
    notes += _piece_notes(rows)
    if parts := sum(bool(row.get("faceless")) for row in rows):
        notes.append(
            f"{plural(parts, 'file')} with spans that show no face, which were not looked at: see results.json."
        )
    if edge := sum(abs(row["offset_frames"]) == _EDGE and not row["suspicious"] for row in rows):
        notes.append(f"{plural(edge, 'file')} apart by 600 ms, the most that is looked for: it may be more.")
    return notes


def _piece_notes(rows: list[dict[str, Any]]) -> list[str]:
    """What limit pieces were held to, and those that say less than it takes."""
    held = [row for row in rows if row["piece_limit"] is not None]
    notes = []
    if held:
        limits = [row["piece_limit"] for row in held]
        most = max(row["pieces_needed"] for row in held)
        between = f"{min(limits):.3f}" + (f" to {max(limits):.3f}" if max(limits) - min(limits) > 0.0005 else "")
        notes.append(
            f"A file of several pieces is suspicious by {'one piece' if most == 1 else f'up to {most} pieces'} too, "
            f"of a confidence below {between}: as its number of pieces is, so that at most 5% of benign files would be."
        )
    inside = sum(not row["suspicious"] and any(piece["suspicious"] for piece in row["pieces"]) for row in held)
    if inside:
        notes.append(f"{plural(inside, 'file')} not suspicious, with pieces below the threshold as chance may have it.")
    return notes


def _page(record: dict[str, Any]) -> ExperimentPage:
    """What the page shows; its curves are too many to be files as well."""
    shown = sorted(record["files"], key=lambda row: row["confidence"])[:CURVES_SHOWN]
    curves = {}
    for place, row in enumerate(shown):
        caption = f"{row['path']}: {row['offset_ms']:+d} ms, confidence {row['confidence']:.3f}, {row['verdict']}"
        curves[f"curve_{place}.png"] = (caption, draw_curve(row, record["threshold"]))
    tables: list[Table] = [("Files", _HEADER, _rows(record))]
    if record["failed"]:
        tables.append(("Not usable", _FAILED_HEADER, [[entry["path"], entry["reason"]] for entry in record["failed"]]))
    notes = _notes(record)
    if len(shown) < len(record["files"]):
        notes.append(f"Curves of the {len(shown)} files of least confidence are drawn; all are in results.json.")
    notes.append(
        "Figures: files of least confidence first. The thick line is the whole, thin ones are pieces; the dot is the "
        "minimum, the dashed line the median, and a minimum above the dotted line is suspicious."
    )
    about = ("model", "architecture", "piece_frames", "edges", "threshold", "version")
    return ExperimentPage(
        title="Are sound and pictures in sync?",
        headlines=[_headline(record)],
        tables=tables,
        pictures=curves,
        explanation=_EXPLANATION,
        settings={"Check": {name: record[name] for name in about}},
        notes=notes,
    )
