"""From many experiments to the numbers of a table and the data of its figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import roc_curve

from art_audio_ext.experiments.attack_plans import LINES
from art_audio_ext.functional.metrics import roc_auc

FRACTIONS = "fractions"  # the line of the attacks with more and less poison
HIGH_ARI = 0.95  # agreement that the paper counts as found
_CURVE_POINTS = 200

Finished = tuple[dict[str, Any], dict[str, Any]]  # an experiment and its result


def line_table(finished: list[Finished], scores: list[str]) -> list[dict[str, Any]]:
    """
    One row a line of attacks and score.

    :param finished: Experiments with their results.
    :param scores: In the order wanted.
    :return: Rows; a figure that does not apply is None.
    """
    return [
        {"line": line, "about": LINES[line].about, "score": score, **_attack_summary(results)}
        for line in LINES
        for score in scores
        if (results := of_line(finished, line, score))
    ]


def clean_table(finished: list[Finished], scores: list[str]) -> list[dict[str, Any]]:
    """
    False alarms, one row a score.

    :param finished: Experiments with their results.
    :param scores: In the order wanted.
    :return: Rows: `runs`, `alarms` (clean datasets of which any class was flagged), `seconds`.
    """
    rows = []
    for score in scores:
        results = [found for experiment, found in finished if "clean" in experiment and experiment["score"] == score]
        alarms = sum(any(found["flagged"]) for found in results)
        rows.append(
            {
                "score": score,
                "runs": len(results),
                "alarms": alarms,
                "alarm_rate": alarms / len(results) if results else None,
                "seconds": _median(found["seconds"] for found in results),
            }
        )
    return rows


def roc_of(finished: list[Finished], lines: tuple[str, ...], score: str) -> dict[str, Any] | None:
    """
    Target classes against all benign classes, those of clean datasets too (Figure 4).

    :param finished: Experiments with their results.
    :param lines: Whose attacks count.
    :param score: Name of the score.
    :return: `auc`, `false_positive_rate` and `true_positive_rate` along the curve, `attacks`, `clean`; None if there
        is nothing to compare.
    """
    attacked = [found for line in lines for found in of_line(finished, line, score)]
    clean = [found for experiment, found in finished if "clean" in experiment and experiment["score"] == score]
    is_target, values = _class_scores(attacked + clean)
    if not is_target.any() or is_target.all():
        return None
    false_rate, true_rate, _ = roc_curve(is_target, values)
    kept = np.unique(np.linspace(0, len(false_rate) - 1, _CURVE_POINTS).round().astype(int))
    return {
        "auc": roc_auc(is_target, values),
        "false_positive_rate": np.round(false_rate[kept], 5).tolist(),
        "true_positive_rate": np.round(true_rate[kept], 5).tolist(),
        "attacks": len(attacked),
        "clean": len(clean),
    }


def pair_map(finished: list[Finished], line: str, score: str, classes: list[int]) -> dict[str, Any] | None:
    """
    Agreement for every pair of source and target (Figure 6).

    :param finished: Experiments with their results.
    :param line: Of one trigger from one class to another.
    :param score: Name of the score.
    :param classes: Class indices, in the order of the rows and columns.
    :return: `ari` and `right_class`, rows are sources and columns targets, None where nothing was run; None if nothing
        was at all.
    """
    cells: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for experiment, found in finished:
        if _is_of(experiment, line, score):
            (part,) = experiment["attack"]["parts"]
            cells.setdefault((part["source"], part["target"]), []).append(found)

    def table(value: Callable[[list[dict[str, Any]]], Any]) -> list[list[Any]]:
        return [[value(cells[s, t]) if (s, t) in cells else None for t in classes] for s in classes]

    return (
        {
            "line": line,
            "score": score,
            "ari": table(lambda found: _median(result["ari"] for result in found)),
            "right_class": table(lambda found: all(result["right_class"] for result in found)),
        }
        if cells
        else None
    )


def fraction_table(finished: list[Finished], scores: list[str]) -> list[dict[str, Any]]:
    """
    What more or less poison changes (Figure 7).

    :param finished: Experiments with their results.
    :param scores: In the order wanted.
    :return: Rows, by score and rising `poison_fraction`.
    """
    groups: dict[tuple[int, float], list[dict[str, Any]]] = {}
    for experiment, found in finished:
        if experiment["score"] in scores and _is_of(experiment, FRACTIONS, experiment["score"]):
            fraction = experiment["attack"]["parts"][0]["poison_fraction"]
            groups.setdefault((scores.index(experiment["score"]), fraction), []).append(found)
    return [
        {"score": scores[place], "poison_fraction": fraction, **_attack_summary(groups[place, fraction])}
        for place, fraction in sorted(groups)
    ]


def of_line(finished: list[Finished], line: str, score: str) -> list[dict[str, Any]]:
    """
    :param finished: Experiments with their results.
    :param line: Name of the line.
    :param score: Name of the score.
    :return: Results of its attacks, without those that only the maps show.
    """
    return [found for e, found in finished if _is_of(e, line, score) and not e.get("for_map")]


def _is_of(experiment: dict[str, Any], line: str, score: str) -> bool:
    return experiment["score"] == score and experiment.get("attack", {}).get("line") == line


def _attack_summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """What a row says of its attacks."""
    is_target, values = _class_scores(results)
    return {
        "attacks": len(results),
        "class_auc": roc_auc(is_target, values) if is_target.any() and not is_target.all() else None,
        "right_class": float(np.mean([found["right_class"] for found in results])),
        "target_flagged": float(np.mean([found["target_flagged"] for found in results])),
        "others_flagged": float(np.mean([found["others_flagged"] > 0 for found in results])),
        "ari": _median(found["ari"] for found in results),
        "ari_high": float(np.mean([found["ari"] >= HIGH_ARI for found in results])),
        "precision": _median(found["precision"] for found in results),
        "recall": _median(found["recall"] for found in results),
        "seconds": _median(found["seconds"] for found in results),
    }


def _class_scores(results: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Of every class that was scored in every run: whether it was a target, and its score."""
    rows = [
        (label in found.get("targets", []), value)
        for found in results
        for label, value in zip(found["classes"], found["class_scores"], strict=True)
        if value is not None
    ]
    return np.array([row[0] for row in rows], dtype=bool), np.array([row[1] for row in rows], dtype=np.float64)


def _median(values: Any) -> float | None:
    """The median of those that are there."""
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None
