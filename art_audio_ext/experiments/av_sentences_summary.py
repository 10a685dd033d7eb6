"""From what was heard in clips under the sentence attack to the rows of its tables, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from art_audio_ext.experiments.av_sync_summary import MEASURES
from art_audio_ext.functional.bootstrap import share_interval

Cell = tuple[dict[str, Any], dict[str, Any]]
Attack = tuple[str, int, int]  # aim, and half the sides of the first box


def success_table(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """
    What the attack achieves, and by how much it changes clips.

    :param cells: Experiments of `av_sentences_cells.run_cell` with their results.
    :return: For each aim and box a row for each sentence wanted and one for "all": `aim`, `audio`, `video`, `target`,
        `clips`; `partial` (word error rate to it below one half) and `full` (nought) with its 95% interval (`low`,
        `high`; one clip asked for several sentences stands or falls together); `word_error_rate`, the mean;
        `iterations` until the clips that are returned were found, and medians of the distortions of `MEASURES`, over
        the clips that succeeded as the aim has it, None where there is none.
    """
    rows = []
    for (aim, audio, video), texts in by_attack(cells).items():
        about: dict[str, Any] = {"aim": aim, "audio": audio, "video": video}
        for target, groups in [*((name, [group]) for name, group in texts.items()), ("all", list(texts.values()))]:
            rows.append({**about, "target": target, **_success(groups, aim)})
    return rows


def by_attack(cells: Sequence[Cell]) -> dict[Attack, dict[str, list[dict[str, Any]]]]:
    """
    :param cells: Experiments of `av_sentences_cells.run_cell` with their results.
    :return: By aim and box, by wanted sentence, the results of the attack in the order of the clips.
    """
    found: dict[Attack, dict[str, list[dict[str, Any]]]] = {}
    for task, result in sorted(cells, key=lambda cell: cell[0]["first"]):
        if task["text"]:
            attack = (task.get("aim", "full"), task["audio"], task["video"])
            found.setdefault(attack, {}).setdefault(task["text"], []).append(result)
    order = list(dict.fromkeys((t.get("aim", "full"), t["audio"], t["video"]) for t, _ in cells if t["text"]))
    return {attack: found[attack] for attack in order}


def _success(groups: Sequence[Sequence[dict[str, Any]]], aim: str) -> dict[str, Any]:
    """Of the results of one sentence, or of several asked of the same clips."""
    group = [cell for results in groups for cell in results]
    results = [one for cell in group for one in cell["results"]]
    clips = np.concatenate([np.arange(sum(len(cell["results"]) for cell in results)) for results in groups])
    partial, full = (np.array([one[name] for one in results], bool) for name in ("partial", "full"))
    (low, high), reached = share_interval(full, clips), full if aim == "full" else partial
    row: dict[str, Any] = {"clips": len(results), "partial": float(partial.mean())}
    row |= {"full": float(full.mean()), "low": low, "high": high}
    row["word_error_rate"] = float(np.mean([one["word_error_rate"] for one in results]))
    row["iterations"] = _median([one["iterations"] for one in results], reached)
    for name in MEASURES:
        row[name] = _median([value for cell in group for value in cell["distortion"][name]], reached)
    return row


def _median(values: Sequence[float | None], chosen: np.ndarray) -> float | None:
    found = [value for value, taken in zip(values, chosen, strict=True) if taken and value is not None]
    return float(np.median(found)) if found else None
