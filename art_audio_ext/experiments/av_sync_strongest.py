"""The attack that a detector withstands least, clip by clip, of all that know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from art_audio_ext.experiments.av_sync_plans import Change

Cell = tuple[dict[str, Any], dict[str, Any]]


def strongest_attacks(cells: Sequence[Cell]) -> list[Cell]:
    """
    What is left of a detector if the attacker keeps the best of what he tried.

    Of the attacks that know a detector and have one goal, each clip gets the one that fooled the victim and that this
    detector likes best: the highest confidence, or the nearest to the clip's own. A clip that none fooled keeps the
    first of them. It is the attacker's best case: to choose so he must ask the detector itself.

    :param cells: Experiments of `run_cell` with their results.
    :return: A cell of the same form for each fold, detector and goal of which there are two attacks or more; its
        `confidence` is that detector's alone.
    """
    benign = {task["fold"]: result for task, result in cells if task["change"]["kind"] == "none"}
    groups: dict[tuple[int, str, str], list[Cell]] = {}
    for task, result in cells:
        change = Change(**task["change"])
        if change.kind == "adaptive" and change.detector in result["confidence"]:
            groups.setdefault((task["fold"], change.detector, change.goal), []).append((task, result))
    return [
        _best(group, benign[fold]["confidence"][detector], detector, goal)
        for (fold, detector, goal), group in groups.items()
        if len(group) > 1
    ]


def _best(group: Sequence[Cell], own: Sequence[float], detector: str, goal: str) -> Cell:
    """Of one fold, as one cell."""
    results = [result for _, result in group]
    trust = np.array([result["confidence"][detector] for result in results])
    wish = trust if goal == "highest" else -np.abs(trust - np.asarray(own))
    fooled = np.array([[sign == "0" for sign in result["right"]] for result in results])
    chosen = np.where(fooled, wish, -np.inf).argmax(0)  # the first where nothing fooled
    task, change = group[0][0], group[0][0]["change"]
    wanted = "the highest confidence" if goal == "highest" else "the clip's own confidence"
    name = (
        f"adaptive {change['audio']}/{change['video']}, clip by clip the strongest of those for {wanted} of {detector}"
    )
    picked = [results[k] for k in chosen]
    noise = [result["noise"] for result in picked]
    return {**task, "name": name, "change": {**change, "kind": "strongest"}}, {
        "right": "".join(result["right"][at] for at, result in enumerate(picked)),
        "confidence": {detector: [result["confidence"][detector][at] for at, result in enumerate(picked)]},
        "distortion": {
            key: [result["distortion"][key][at] for at, result in enumerate(picked)] for key in results[0]["distortion"]
        },
        "noise": {
            "right": "".join(one["right"][at] for at, one in enumerate(noise)),
            "confidence": {detector: [one["confidence"][detector][at] for at, one in enumerate(noise)]},
            "distortion": {},
        },
    }
