"""Results as aligned plain text for the terminal."""

from __future__ import annotations

import math
import textwrap
import unicodedata

from art_audio_ext.report.records import AuditResult, ClassResult, ComparisonResult
from art_audio_ext.report.text import number, printable

_WIDEST_NAME = 40


def format_audit_table(result: AuditResult) -> str:
    """
    The verdict, the classes, the most suspicious first, and what a reader must know.

    :param result: The audit.
    :return: Lines of text without a newline at the end.
    """
    tested = any(entry.p_value is not None for entry in result.classes)
    header = [["", "", "", "", "" if tested else "MADs above", "", ""]]
    header += [["class", "clips", "score", *_figures(tested), "suspects", "verdict"]]
    rows = [
        [
            entry.label,
            str(entry.clips),
            number(entry.score),
            *([_p_value(entry.p_value)] if tested else [number(entry.score_spread), number(entry.outlier)]),
            str(entry.suspects),
            "POISONED" if entry.flagged else "",
        ]
        for entry in sorted(result.classes, key=_most_suspicious)
    ]
    header = header[1:] if tested else header
    notes = [
        textwrap.fill(printable(note), 100, initial_indent="Note: ", subsequent_indent="      ")
        for note in result.notes
    ]
    return "\n".join([_align(header, rows, left={0, len(header[0]) - 1}), "", *notes, _verdict(result)])


def _figures(tested: bool) -> list[str]:
    """The columns that say how far a class stands out."""
    return ["p-value"] if tested else ["spread", "the median"]


def _p_value(value: float | None) -> str:
    """A p-value as people read it: 0.02, 3e-07, or nothing."""
    return "" if value is None else f"{value:.2f}" if value >= 0.005 else f"{value:.0e}"


def _verdict(result: AuditResult) -> str:
    """One line: the verdict, and what it rests on."""
    flagged = [entry for entry in result.classes if entry.flagged]
    if not flagged:
        return f"Verdict: {result.verdict.upper()}: no class stands out from the others."
    names = ", ".join(printable(entry.label) for entry in flagged)
    suspects = sum(entry.suspects for entry in flagged)
    return f"Verdict: {result.verdict.upper()}: {names}; {suspects} suspect clips, listed in suspects.csv."


def _most_suspicious(entry: ClassResult) -> tuple[bool, float, str]:
    """Flagged classes first, then by score; those without one last."""
    return not entry.flagged, math.inf if entry.score is None else -entry.score, entry.label


def format_comparison_table(result: ComparisonResult) -> str:
    """
    The filters of a comparison, in the order they ran.

    :param result: The comparison.
    :return: Lines of text without a newline at the end.
    """
    header = [
        ["", "true pos.", "false pos.", "", "", "adj. Rand", "attack", "benign", ""],
        ["filter", "rate", "rate", "precision", "removed", "index", "success", "accuracy", "seconds"],
    ]
    rows = [
        [
            entry.name,
            number(entry.true_positive_rate),
            number(entry.false_positive_rate),
            number(entry.precision),
            str(entry.removed),
            number(entry.adjusted_rand_index),
            number(entry.attack_success_rate),
            number(entry.benign_accuracy),
            number(entry.seconds, 1),
        ]
        for entry in result.filters
    ]
    return _align(header, rows, left={0})


def _align(header: list[list[str]], rows: list[list[str]], left: set[int]) -> str:
    """Columns two spaces apart, a rule under the header; the columns in `left` are words, the others numbers."""
    rows = [[_shorten(printable(cell)) for cell in row] for row in rows]
    widths = [max(_width(line[column]) for line in header + rows) for column in range(len(header[0]))]
    lines = ["  ".join(_pad(cell, widths[c], c in left) for c, cell in enumerate(line)) for line in header + rows]
    lines.insert(len(header), "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _shorten(text: str) -> str:
    """At most `_WIDEST_NAME` characters."""
    return text if len(text) <= _WIDEST_NAME else text[: _WIDEST_NAME - 1] + "…"


def _width(text: str) -> int:
    """Columns of a terminal that the text takes: wide letters two, combining marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _pad(text: str, width: int, left: bool) -> str:
    """The text with spaces up to `width` columns."""
    space = " " * (width - _width(text))
    return text + space if left else space + text
