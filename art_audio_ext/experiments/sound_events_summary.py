"""From the cells of the study of sound events to the rows of its tables, with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from art_audio_ext.functional.bootstrap import grouped_interval, share_interval

Cell = tuple[dict[str, Any], dict[str, Any]]
Flags = list[tuple[int, bool]]  # of a clip's row, whether something is so
ALL = "all"
_CONFIDENCES = ("old_confidence", "new_confidence", "old_label_confidence")


def attack_rows(attacked: Sequence[Cell], seed: int = 0) -> list[dict[str, Any]]:
    """
    Tables 2 and 3: one row for each attack and model, and one for all models together.

    :param attacked: Tasks of attacks with their results.
    :param seed: Of the bootstrap.
    :return: `attack`, `model`, `clips` that were right before, `success` with its 95% interval (`low`, `high`; clips
        shown to several models stand or fall together); of successes `snr_median`, `snr_mean` (`snr_low`, `snr_high`)
        in dB and mean confidences; `iterations` and `seconds_per_clip` of all.
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
        for clip in result["clips"]:
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
        clips = [c for task, result in attacked if task["attack"] == attack for c in result["clips"] if c["success"]]
        clips = [clip for clip in clips if clip["target"] is None]
        reached, left = (Counter(clip[key] for clip in clips) for key in ("new_label", "label"))
        for label, name in enumerate(label_names) if clips else ():
            row: dict[str, Any] = {"attack": attack, "label": name, "left": left[label], "reached": reached[label]}
            rows.append({**row, "share": reached[label] / len(clips)})
    return rows


def transfer_rows(looked: Sequence[Cell], labels: np.ndarray) -> list[dict[str, Any]]:
    """
    How many clips that fooled one model fool another, of those that the other had right.

    :param looked: Tasks of `look_tasks` with their results.
    :param labels: Of the test clips.
    :return: `attack`, `source`, `other`, `clips`, `fooled` and its 95% interval (`low`, `high`), and `noise`, the same
        of white noise of equal energy.
    """
    groups: dict[tuple[str, str, str], list[tuple[Flags, Flags]]] = {}
    for task, result in looked:
        for other in task["others"] if task["kind"] == "transfer" else ():  # a file has them in another order
            calls = result["calls"][other]
            own = labels[result["rows"]]
            known = np.flatnonzero(np.array(calls["clean"]) == own)
            wrong = [
                [(int(result["rows"][k]), bool(calls[side][k] != own[k])) for k in known]
                for side in ("attacked", "noise")
            ]
            groups.setdefault((task["source"]["attack"], task["model"], other), []).append((wrong[0], wrong[1]))
    rows = []
    for (attack, source, other), parts in groups.items():
        fooled, noise = ([flag for part in parts for flag in part[side]] for side in (0, 1))
        row = {"attack": attack, "source": source, "other": other, **_share(fooled, "fooled")}
        rows.append({**row, "noise": _share(noise, "noise")["noise"]})
    return rows


def survival_rows(looked: Sequence[Cell], labels: np.ndarray) -> list[dict[str, Any]]:
    """
    What a channel leaves of successful attacks, of those clips that are called right after it without an attack.

    :param looked: Tasks of `look_tasks` with their results.
    :param labels: Of the test clips.
    :return: `attack`, `model` (and one row for all), `channel`, `clips`, `survived` (still called wrong, in a targeted
        attack still the target) with its 95% interval, and `benign`, the share that the channel leaves right.
    """
    parts: dict[tuple[str, str, str], list[tuple[Flags, Flags]]] = {}
    for task, result in looked:
        for channel in task["channels"] if task["kind"] == "survival" else ():
            flags = _survivors(result, result["calls"][channel], labels)
            for model in (task["model"], ALL):
                parts.setdefault((task["source"]["attack"], model, channel), []).append(flags)
    rows = []
    for (attack, model, channel), some in sorted(parts.items(), key=lambda item: item[0][1] == ALL):
        kept, benign = ([flag for part in some for flag in part[side]] for side in (0, 1))
        row = {"attack": attack, "model": model, "channel": channel, **_share(kept, "survived")}
        rows.append({**row, "benign": _share(benign, "benign")["benign"]})
    return rows


def _survivors(result: dict[str, Any], calls: dict[str, list[int]], labels: np.ndarray) -> tuple[Flags, Flags]:
    """Of clips that the channel leaves right, whether the attack is still there; of all, whether it leaves them so."""
    kept, benign = [], []
    rows = zip(result["rows"], result["targets"], calls["clean"], calls["attacked"], strict=True)
    for row, target, clean, attacked in rows:
        benign.append((row, bool(clean == labels[row])))
        if clean == labels[row]:
            kept.append((row, bool(attacked != labels[row] if target is None else attacked == target)))
    return kept, benign


def _attack_row(attack: str, model: str, cells: Sequence[Cell], seed: int) -> dict[str, Any]:
    clips = [clip for _, result in cells for clip in result["clips"]]
    broken = [clip for clip in clips if clip["success"]]
    row: dict[str, Any] = {"attack": attack, "model": model}
    row |= _share([(clip["row"], clip["success"]) for clip in clips], "success", seed)
    heard = [clip for clip in broken if clip["snr_db"] is not None]
    low, high = (None, None)
    if heard:
        groups = np.array([clip["row"] for clip in heard])
        low, high = grouped_interval(np.array(_ratios(heard)), groups, seed)
    row |= {"snr_median": _median(_ratios(heard)), "snr_mean": _of(np.mean, _ratios(heard))}
    row |= {"snr_low": low, "snr_high": high}
    row |= {key: _of(np.mean, [clip[key] for clip in broken]) for key in _CONFIDENCES}
    row["iterations"] = _of(np.mean, [c["iterations"] for c in clips if c["iterations"] is not None])
    return {**row, "seconds_per_clip": sum(result["seconds"] for _, result in cells) / max(1, len(clips))}


def _share(flags: Flags, name: str, seed: int = 0) -> dict[str, Any]:
    """A share and its interval: Wilson's, or by drawing clips anew where a clip is there more than once."""
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
