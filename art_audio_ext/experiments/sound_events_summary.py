"""From the cells of the study of sound events to the rows of its tables, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from art_audio_ext.functional.bootstrap import grouped_interval, median_interval, share_interval

Cell = tuple[dict[str, Any], dict[str, Any]]
Flags = list[tuple[int, bool]]  # of a clip's row, whether something is so
ALL = "all"
_CONFIDENCES = ("old_confidence", "new_confidence", "old_label_confidence")


def attack_rows(attacked: Sequence[Cell], seed: int = 0) -> list[dict[str, Any]]:
    """
    Tables 2 and 3: one row for each attack and model, and one for all models together.

    :param attacked: Tasks of attacks with their results.
    :param seed: Of the bootstrap.
    :return: `attack`, `model`, `clips` that were right before and had not the answer already, `success` with its 95%
        interval (`low`, `high`; clips shown to several models stand or fall together); of successes `snr_median`
        (`median_low`, `median_high`), `snr_mean` (`snr_low`, `snr_high`) in dB and mean confidences; of all
        `iterations`, `queries` and `seconds_per_clip`.
    """
    rows = []
    for attack in _names(attacked, "attack"):
        own = [cell for cell in attacked if cell[0]["attack"] == attack]
        models = _names(own, "model")
        for model in [*models, ALL] if len(models) > 1 else models:
            rows.append(_attack_row(attack, model, [c for c in own if model in (ALL, c[0]["model"])], seed))
    return rows


def pair_rows(attacked: Sequence[Cell], label_names: Sequence[str]) -> list[dict[str, Any]]:
    """
    Tables 4 and 5: one row for each targeted attack and pair of labels, over all models.

    :param attacked: Tasks of attacks with their results.
    :param label_names: By class index.
    :return: `attack`, `label`, `target`, `pairs`, `success`, `snr_median` in dB of successes.
    """
    groups: dict[tuple[str, int, int], list[dict[str, Any]]] = {}
    for task, result in attacked:
        for clip in _asked(result):
            if clip["target"] is not None:
                groups.setdefault((task["attack"], clip["label"], clip["target"]), []).append(clip)
    rows = []
    for (attack, label, target), clips in sorted(groups.items()):
        row: dict[str, Any] = {"attack": attack, "label": label_names[label], "target": label_names[target]}
        row |= {"pairs": len(clips), "success": float(np.mean([clip["success"] for clip in clips]))}
        rows.append({**row, "snr_median": _median(_ratios(clips))})
    return rows


def distribution_rows(attacked: Sequence[Cell], label_names: Sequence[str]) -> list[dict[str, Any]]:
    """
    What untargeted attacks make of clips: how often a label was left and how often one was reached.

    :param attacked: Tasks of attacks with their results.
    :param label_names: By class index.
    :return: `attack`, `label`, `left`, `reached`, and `share` of all that were reached.
    """
    rows = []
    for attack in _names(attacked, "attack"):
        clips = _moved(attacked, attack)
        reached, left = (Counter(clip[key] for clip in clips) for key in ("new_label", "label"))
        for label, name in enumerate(label_names) if clips else ():
            row: dict[str, Any] = {"attack": attack, "label": name, "left": left[label], "reached": reached[label]}
            rows.append({**row, "share": reached[label] / len(clips)})
    return rows


def move_rows(attacked: Sequence[Cell], label_names: Sequence[str]) -> list[dict[str, Any]]:
    """
    Figure 1: from which label to which untargeted attacks moved clips, over all models.

    :param attacked: Tasks of attacks with their results.
    :param label_names: By class index.
    :return: `attack`, `label`, `new_label`, `clips`, where there are any.
    """
    rows = []
    for attack in _names(attacked, "attack"):
        ways = Counter((clip["label"], clip["new_label"]) for clip in _moved(attacked, attack))
        for (label, new), clips in sorted(ways.items()):
            row = {"attack": attack, "label": label_names[label], "new_label": label_names[new]}
            rows.append({**row, "clips": clips})
    return rows


def _moved(attacked: Sequence[Cell], attack: str) -> list[dict[str, Any]]:
    """Clips that an attack broke; none of a targeted one."""
    clips = [clip for task, result in attacked if task["attack"] == attack for clip in _asked(result)]
    return [clip for clip in clips if clip["success"] and clip["target"] is None]


def _asked(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Clips of a cell without those that had the answer before the attack, which deserves no credit for them."""
    return [clip for clip in result["clips"] if not clip["already"]]


def _attack_row(attack: str, model: str, cells: Sequence[Cell], seed: int) -> dict[str, Any]:
    clips = [clip for _, result in cells for clip in _asked(result)]
    broken = [clip for clip in clips if clip["success"]]
    row: dict[str, Any] = {"attack": attack, "model": model}
    row |= share_of([(clip["row"], clip["success"]) for clip in clips], "success", seed)
    row |= _ratio_of([clip for clip in broken if clip["snr_db"] is not None], seed)
    row |= {key: _of(np.mean, [clip[key] for clip in broken]) for key in _CONFIDENCES}
    row |= {key: _of(np.mean, [c[key] for c in clips if c[key] is not None]) for key in ("iterations", "queries")}
    return {**row, "seconds_per_clip": sum(result["seconds"] for _, result in cells) / max(1, len(clips))}


def _ratio_of(heard: Sequence[dict[str, Any]], seed: int) -> dict[str, Any]:
    """Median and mean of ratios, each with its interval."""
    names = ("snr_median", "median_low", "median_high", "snr_mean", "snr_low", "snr_high")
    if not heard:
        return dict.fromkeys(names)
    values, groups = np.array(_ratios(heard)), np.array([clip["row"] for clip in heard])
    middle, mean = median_interval(values, groups, seed)[1:], grouped_interval(values, groups, seed)
    found = (float(np.median(values)), *middle, float(values.mean()), *mean)
    return dict(zip(names, found, strict=True))


def share_of(flags: Flags, name: str, seed: int = 0) -> dict[str, Any]:
    """
    A share and its 95% interval: Wilson's, or by drawing clips anew where a clip is there more than once.

    :param flags: Of clips.
    :param name: What the share is called.
    :param seed: Of the bootstrap.
    :return: `clips`, the share, `low` and `high`; None where there are no clips.
    """
    if not flags:
        return {"clips": 0, name: None, "low": None, "high": None}
    rows, values = np.array([row for row, _ in flags]), np.array([value for _, value in flags], bool)
    low, high = share_interval(values, rows, seed)
    return {"clips": len(values), name: float(values.mean()), "low": low, "high": high}


def _names(cells: Sequence[Cell], key: str) -> list[str]:
    return list(dict.fromkeys(task[key] for task, _ in cells))


def _ratios(clips: Sequence[dict[str, Any]]) -> list[float]:
    return [clip["snr_db"] for clip in clips if clip["success"] and clip["snr_db"] is not None]


def _median(values: Sequence[float]) -> float | None:
    return _of(np.median, values)


def _of(measure: Callable[[Sequence[float]], Any], values: Sequence[float]) -> float | None:
    return float(measure(values)) if len(values) else None
