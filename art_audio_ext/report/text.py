"""Words and numbers as a reader sees them: escaped control characters, rounded figures, names of filters."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import numpy as np

FILTER_NAMES = {
    "none": "No filter",
    "perfect": "Perfect filter",
    "activation_clustering": "Activation clustering",
    "spectral_signatures": "Spectral signatures",
    "poison_likelihood": "Poison likelihood",
    "novel_component": "Novel component",
    "coherent_component": "Coherent component",
    "combined": "Coherent and novel component",
}
# Controls, formats (which hold the marks that reverse reading order), lone surrogates and line separators.
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Joiners are formats too, but several scripts and most emoji cannot be written without them.
_KEEP = "\u200c\u200d"


def printable(text: str) -> str:
    """
    The text with everything invisible written out (a newline as `\\n`), so that no name can hide or reorder itself.

    :param text: A label, a path or a sentence; lone surrogates (file names that are not UTF-8) are allowed.
    :return: Text that encodes as UTF-8 and stays on its line.
    """
    return "".join(
        (
            char.encode("unicode_escape").decode("ascii")
            if unicodedata.category(char) in _UNSAFE and char not in _KEEP
            else char
        )
        for char in text
    )


def plot_text(text: Any) -> str:
    """
    Text that matplotlib draws as it is, not as a formula.

    :param text: A label, a path or a sentence.
    :return: `printable`, with dollar signs escaped.
    """
    return printable(str(text)).replace("$", r"\$")


def plain(value: Any, *, readable: bool = False) -> Any:
    """
    A value as JSON can hold it: dictionaries, lists, strings, whole numbers, finite floats, true, false and null.

    :param value: Anything that reports hold: also numpy scalars and arrays, tuples, sets and paths.
    :param readable: Pass every string through :func:`printable` too.
    :return: The same; floats that are not finite become None, unknown objects their text.
    """
    if isinstance(value, dict):
        return {plain(str(key), readable=readable): plain(item, readable=readable) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, readable=readable) for item in value]
    if isinstance(value, (set, frozenset)):
        return [plain(item, readable=readable) for item in sorted(value, key=str)]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist(), readable=readable)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int)):
        return value
    return printable(str(value)) if readable else str(value)


def number(value: float | None, digits: int = 3) -> str:
    """
    A figure for a table.

    :param value: The figure; None, NaN and infinity count as none.
    :param digits: Decimals.
    :return: With exponent where it is huge, "-" where there is none.
    """
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.{digits}e}" if abs(value) >= 1e6 else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """
    A share for a table.

    :param value: In [0, 1]; None, NaN and infinity count as none.
    :return: A percentage with one decimal, "-" where there is none.
    """
    return "-" if value is None or not math.isfinite(value) else f"{100 * value:.1f}%"


def markdown(header: tuple[str, ...], rows: list[list[str]]) -> str:
    """
    A table in Markdown, with columns of equal width, so that it also reads as plain text.

    :param header: Names of the columns.
    :param rows: As many cells each.
    :return: Lines without a newline at the end.
    """
    cells = [[printable(cell).replace("|", r"\|") for cell in row] for row in [list(header), *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def plural(count: int, noun: str, nouns: str = "") -> str:
    """
    A count with its noun: "1 clip", "2,653 clips".

    :param count: How many.
    :param noun: Of one.
    :param nouns: Of several; "" adds an s to `noun`.
    :return: Both, with commas in the thousands.
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def filter_name(name: str) -> str:
    """What a person calls a filter; unknown ones have their underscores removed."""
    return FILTER_NAMES.get(name) or name.replace("_", " ").strip().capitalize()


def setting_rows(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """
    Nested settings as (name, value) rows, inner names after a dot.

    :param settings: Plain values, as :func:`plain` leaves them.
    :return: One row a leaf, in order.
    """
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, dict):
            rows += setting_rows(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", _leaf(value)))
    return rows


def _leaf(value: Any) -> str:
    """One setting's value in words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        shown = ", ".join(_leaf(item) for item in value[:24])
        return f"{shown} and {len(value) - 24} more" if len(value) > 24 else shown or "none"
    return str(value)
