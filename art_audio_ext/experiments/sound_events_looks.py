"""What other models and channels leave of attacks, beside noise of equal energy: rows of tables, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from art_audio_ext.experiments.sound_events_summary import ALL, Flags, share_of
from art_audio_ext.functional.bootstrap import grouped_interval

Cell = tuple[dict[str, Any], dict[str, Any]]


@dataclass
class _Beside:
    """
    Of clips, whether the attack is there and whether noise of equal energy does the same.

    :param attacked: One a clip.
    :param noise: Of the same clips, in the same order.
    :param benign: Of all clips asked for, one each, whether they are called right without either.
    """

    attacked: Flags = field(default_factory=list)
    noise: Flags = field(default_factory=list)
    benign: list[bool] = field(default_factory=list)

    def add(self, result: dict[str, Any], calls: dict[str, list[int]], labels: np.ndarray) -> None:
        """One block; `result` has `rows` and maybe `targets`, `calls` the labels of each side."""
        targets = result.get("targets") or [None] * len(result["rows"])
        for k, (row, target) in enumerate(zip(result["rows"], targets, strict=True)):
            known = calls["clean"][k] == labels[row]
            self.benign.append(bool(known))
            if known:
                for flags, side in ((self.attacked, "attacked"), (self.noise, "noise")):
                    call = calls[side][k]
                    flags.append((row, bool(call != labels[row] if target is None else call == target)))

    def row(self, name: str, seed: int) -> dict[str, Any]:
        """The share of the attack, that of noise, and by how much they differ on the same clips."""
        found = share_of(self.attacked, name, seed)
        if not self.attacked:
            return found | dict.fromkeys(("noise", "more", "more_low", "more_high"))
        groups = np.array([row for row, _ in self.attacked])
        more = np.array([float(a) - float(b) for (_, a), (_, b) in zip(self.attacked, self.noise, strict=True)])
        low, high = grouped_interval(more, groups, seed)
        noise = float(np.mean([flag for _, flag in self.noise]))
        return found | {"noise": noise, "more": float(more.mean()), "more_low": low, "more_high": high}


def transfer_rows(looked: Sequence[Cell], labels: np.ndarray, seed: int = 0) -> list[dict[str, Any]]:
    """
    How many clips that fooled one model fool another, of those that the other had right.

    :param looked: Tasks of `look_tasks` with their results.
    :param labels: Of the test clips.
    :param seed: Of the bootstrap.
    :return: `attack`, `source`, `other` (both "all" in the last rows), `clips`, `fooled`
        and its 95% interval (`low`, `high`), `noise`, the same of white noise of equal energy, and `more`, the
        difference on the same clips (`more_low`, `more_high`). Of targeted attacks any wrong call counts too.
    """
    groups: dict[tuple[str, str, str], _Beside] = {}
    for task, result in looked:
        for other in task["others"] if task["kind"] == "transfer" else ():  # a file has them in another order
            for source, shown in ((task["model"], other), (ALL, ALL)):
                group = groups.setdefault((task["source"]["attack"], source, shown), _Beside())
                group.add({"rows": result["rows"]}, result["calls"][other], labels)
    return [
        {"attack": attack, "source": source, "other": other, **group.row("fooled", seed)}
        for (attack, source, other), group in sorted(groups.items(), key=lambda item: item[0][1] == ALL)
    ]


def survival_rows(looked: Sequence[Cell], labels: np.ndarray, seed: int = 0) -> list[dict[str, Any]]:
    """
    What a channel leaves of successful attacks, of those clips that are called right after it without an attack.

    :param looked: Tasks of `look_tasks` with their results.
    :param labels: Of the test clips.
    :param seed: Of the bootstrap.
    :return: `attack`, `model` (and one row for all), `channel`, `clips`, `survived` (still called wrong, in a targeted
        attack still the target) with its 95% interval, `noise`, the same of white noise of equal energy through the
        channel, `more`, the difference on the same clips (`more_low`, `more_high`), and `benign`, the share that the
        channel leaves right.
    """
    groups: dict[tuple[str, str, str], _Beside] = {}
    for task, result in looked:
        for channel in task["channels"] if task["kind"] == "survival" else ():
            for model in (task["model"], ALL):
                group = groups.setdefault((task["source"]["attack"], model, channel), _Beside())
                group.add(result, result["calls"][channel], labels)
    return [
        {
            **{"attack": attack, "model": model, "channel": channel, **group.row("survived", seed)},
            "benign": float(np.mean(group.benign)),
        }
        for (attack, model, channel), group in sorted(groups.items(), key=lambda item: item[0][1] == ALL)
    ]
