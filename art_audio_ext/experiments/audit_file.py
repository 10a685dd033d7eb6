"""An `audit.json` read back: which files it suspects, and where in them it found what; every field of it checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LARGEST_RATE, _LONGEST = 1_000_000, 3600.0  # beyond these it is no rate in Hz, and no clip in seconds
Place = tuple[float, float]


@dataclass(frozen=True)
class AuditedFolder:
    """
    What a repair needs to know of an audit.

    :param labels: Label of every audited file, by path.
    :param suspects: Paths of the suspects of flagged classes, sorted.
    :param places: Start and end in seconds of what was found, by label, where it has one place in all clips.
    :param seconds: Length to which clips were cut or padded.
    :param sample_rate: In Hz.
    :param verdict: "clean" or "poisoned".
    :param score: Its name.
    """

    labels: dict[str, str]
    suspects: list[str]
    places: dict[str, Place]
    seconds: float
    sample_rate: int
    verdict: str
    score: str


def read_audit(path: Path) -> AuditedFolder:
    """
    Read an `audit.json`; it may come from anyone.

    :param path: The file.
    :return: What it says.
    :raises FileNotFoundError: If it does not exist.
    :raises ValueError: If it is not an audit, or a field is not what it must be.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: give an audit.json written by art-audio audit")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return _parse(record)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not an audit ({type(error).__name__}: {error}): give an audit.json written by art-audio audit"
        ) from error


def place_of(found: Any) -> Place | None:
    """
    Where in its clips something was found in a class.

    :param found: What a score says of the class in its details, see `coherent_component_scores`,
        `novel_component_scores` and `combined_component_scores`.
    :return: Start and end in seconds; None where its place differs from clip to clip, or is not known.
    """
    if not isinstance(found, dict):
        return None
    if isinstance(found.get("decided_by"), str):
        return place_of(found.get(found["decided_by"]))
    place = found.get("seconds", found.get("window_seconds"))
    if not isinstance(place, list) or len(place) != 2 or not all(_is_number(value) for value in place):
        return None
    start, end = (float(value) for value in place)
    return (start, end) if 0 <= start < end <= _LONGEST else None


def _parse(record: dict[str, Any]) -> AuditedFolder:
    """The fields, each of its type."""
    data, method = record["dataset"], record["method"]
    seconds, rate = data["seconds_per_clip"], data["sample_rate_hz"]
    if not _is_number(seconds) or not 0 < seconds <= _LONGEST:
        raise ValueError(f"seconds_per_clip must be a length in seconds, got {str(seconds)[:80]}")
    if not isinstance(rate, int) or isinstance(rate, bool) or not 0 < rate <= _LARGEST_RATE:
        raise ValueError(f"sample_rate_hz must be a rate in Hz, got {str(rate)[:80]}")
    flagged = {_text(entry["label"]) for entry in record["classes"] if entry["flagged"] is True}
    samples = [(_text(entry["path"]), _text(entry["label"]), entry["suspect"] is True) for entry in record["samples"]]
    found = method.get("classes", {})
    places = {label: place_of(found.get(label)) for label in flagged}
    return AuditedFolder(
        labels={path: label for path, label, _ in samples},
        suspects=sorted(path for path, label, suspect in samples if suspect and label in flagged),
        places={label: place for label, place in places.items() if place is not None},
        seconds=float(seconds),
        sample_rate=rate,
        verdict=_text(record["verdict"]),
        score=_text(method["name"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {str(value)[:80]}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**31  # NaN is not less
