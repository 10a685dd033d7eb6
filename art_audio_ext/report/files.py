"""Results to files that other programs read: JSON and CSV, each written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from art_audio_ext.report.records import AuditResult, ComparisonResult, SampleResult
from art_audio_ext.report.text import plain

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_audit(result: AuditResult, out: Path) -> None:
    """
    Write `audit.json` (the whole result) and `suspects.csv` (the suspects of flagged classes, most suspicious first).

    In the CSV a path or label that a spreadsheet would run as a formula (a leading `=`, `+`, `-`, `@`, tab or
    carriage return) has a single quote before it; the JSON has every name as it is.

    :param result: The audit.
    :param out: Folder, made if it is missing.
    :raises ValueError: If `out` is a file.
    """
    table = io.StringIO()
    # quote every name: left to itself, the writer of Python 3.11 and older lets a bare carriage return end a row
    writer = csv.writer(table, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(["path", "label", "score"])
    for sample in suspects_of_flagged(result):
        writer.writerow([_cell(sample.path), _cell(sample.label), plain(sample.score)])
    write_json(result.to_dict(), Path(out) / "audit.json")
    write_text(table.getvalue(), Path(out) / "suspects.csv")


def write_comparison(result: ComparisonResult, out: Path) -> None:
    """
    Write `results.json`, the whole comparison.

    :param result: The comparison.
    :param out: Folder, made if it is missing.
    :raises ValueError: If `out` is a file.
    """
    write_json(result.to_dict(), Path(out) / "results.json")


def suspects_of_flagged(result: AuditResult) -> list[SampleResult]:
    """The suspects of flagged classes: the highest score first, then by path."""
    flagged = {entry.label for entry in result.classes if entry.flagged}
    found = [sample for sample in result.samples if sample.suspect and sample.label in flagged]
    return sorted(found, key=lambda sample: (-sample.score, sample.path))


def write_json(value: dict[str, Any], path: Path) -> None:
    """Write a record as strict JSON (numbers that are not finite become null), whole or not at all."""
    write_text(json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """
    Write UTF-8 text, whole or not at all: a reader never sees half a file, and a failure leaves the old one.

    :param text: May hold lone surrogates (file names that are not UTF-8): they are written as `\\udcff`.
    :param path: Its folder is made if it is missing.
    :raises ValueError: If the folder, or a part of its path, is a file.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(f"{path.parent} is not a folder: give another place for the results") from error
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(text.encode("utf-8", errors="backslashreplace"))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _cell(text: str) -> str:
    """A CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
