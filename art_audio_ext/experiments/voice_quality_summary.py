"""From measures of clips to the rows of the quality table: means, intervals, and what changed from the clean clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from art_audio_ext.experiments.dual_pure_summary import voice_groups
from art_audio_ext.functional.bootstrap import grouped_interval


def quality_rows(
    found: Mapping[str, dict[str, Any]], missing: Mapping[str, str], speakers: np.ndarray
) -> list[dict[str, Any]]:
    """
    One row for each metric and version.

    :param found: By measure, what `run_measure` returned.
    :param missing: By measure, why it was not taken.
    :param speakers: Of the clips (N,).
    :return: `metric`, `version`, `method`, `mean`, `low` and `high` (95%, by drawing speakers anew), `clips` with an
        answer, `unanswered` (how many, by reason), `change` from the clean clip (mean, low, high, over clips that have
        both) or None, and `missing`, "" or what is missing and the remedy.
    """
    groups, rows = voice_groups(speakers), []
    for result in found.values():
        for metric, versions in result["columns"].items():
            clean = _values(versions["clean"]) if "clean" in versions else None
            for version, column in versions.items():
                values = _values(column)
                change = None if clean is None or version == "clean" else _interval(values - clean, groups)
                about = {"metric": metric, "version": version, "method": result["method"]}
                reasons = dict(Counter(reason for reason in column["reasons"] if reason))
                counts = {"clips": int(np.isfinite(values).sum()), "unanswered": reasons}
                rows.append(about | _interval(values, groups) | counts | {"change": change, "missing": ""})
    empty: dict[str, Any] = {
        "version": "",
        "method": "",
        "mean": None,
        "low": None,
        "high": None,
        "clips": 0,
        "unanswered": {},
    }
    rows += [{"metric": name, **empty, "change": None, "missing": reason} for name, reason in missing.items()]
    return rows


def _values(column: Mapping[str, Any]) -> np.ndarray:
    """Numbers (N,); what JSON has as null is NaN."""
    return np.array([np.nan if value is None else value for value in column["values"]], np.float64)


def _interval(values: np.ndarray, groups: np.ndarray) -> dict[str, float | None]:
    """Mean of the finite ones with its interval."""
    there = np.isfinite(values)
    if not there.any():
        return {"mean": None, "low": None, "high": None}
    low, high = grouped_interval(values[there], groups[there])
    return {"mean": float(values[there].mean()), "low": low, "high": high}
