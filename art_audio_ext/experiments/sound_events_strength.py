"""How much change attacks need: curves of success against ratio, and the same by what a model looks at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from art_audio_ext.attacks.evasion.minimal_snr import reported_snr
from art_audio_ext.experiments.sound_events_names import input_of, model_parts
from art_audio_ext.experiments.sound_events_plans import CURVES, TARGETED
from art_audio_ext.experiments.sound_events_summary import ALL
from art_audio_ext.functional.attack_report import ClipReport
from art_audio_ext.functional.bootstrap import difference_interval, grouped_interval, median_interval, share_interval
from art_audio_ext.functional.snr_curve import success_curve
from art_audio_ext.networks.sound_front_ends import FRONT_ENDS

Cell = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True)
class Needed:
    """
    The smallest change that broke one clip.

    :param attack: Of `ATTACKS` or `CURVES`.
    :param model: Its name.
    :param row: Of the test clips.
    :param target: Of a targeted attack.
    :param snr_db: In dB; -inf where nothing broke the clip.
    """

    attack: str
    model: str
    row: int
    target: int | None
    snr_db: float


def needed_changes(attacked: Sequence[Cell], searched: Sequence[Cell]) -> list[Needed]:
    """
    Of attacks that look for the smallest change, from their reports; of those of fixed size, from the search.

    A clip that has the answer without an attack needs none, and is left out: it is neither broken nor unbroken.

    :param attacked: Tasks of `attack_tasks` with their results.
    :param searched: Tasks of `curve_tasks` with their results.
    :return: One for each clip attacked, but for those.
    """
    found = []
    for task, result in attacked:
        if task["attack"] not in CURVES and result["clips"]:
            clips = [clip for clip in result["clips"] if not clip["already"]]
            ratios = reported_snr([ClipReport(**{k: v for k, v in clip.items() if k != "row"}) for clip in clips])
            found += [
                Needed(task["attack"], task["model"], clip["row"], clip["target"], float(ratio))
                for clip, ratio in zip(clips, ratios, strict=True)
            ]
    for task, result in searched:
        for clip in (clip for clip in result["clips"] if not clip.get("already", False)):
            ratio = -math.inf if clip["snr_db"] is None else clip["snr_db"]
            found.append(Needed(task["attack"], task["model"], clip["row"], None, ratio))
    return found


def curve_rows(needed: Sequence[Needed], at_db: np.ndarray | None = None, seed: int = 0) -> list[dict[str, Any]]:
    """
    Success against ratio, for each attack and model and for all models together.

    :param needed: From `needed_changes`.
    :param at_db: See `success_curve`.
    :param seed: Of the bootstrap.
    :return: `attack`, `model`, `targeted`, and what `SuccessCurve` has; of all clips that the model had right.
    """
    rows = []
    order = {name: place for place, name in enumerate(CURVES)}
    for attack in sorted(dict.fromkeys(one.attack for one in needed), key=lambda name: order.get(name, len(order))):
        own = [one for one in needed if one.attack == attack]
        models = list(dict.fromkeys(one.model for one in own))
        for model in [*models, ALL] if len(models) > 1 else models:
            some = [one for one in own if model in (ALL, one.model)]
            ratios, groups = np.array([one.snr_db for one in some]), np.array([one.row for one in some])
            row: dict[str, Any] = {"attack": attack, "model": model, "targeted": attack in TARGETED}
            rows.append(row | success_curve(ratios, at_db, groups, seed).as_dict())
    return rows


def input_rows(needed: Sequence[Needed], seed: int = 0) -> list[dict[str, Any]]:
    """
    What attacks need by what the models look at: among all models, and among those of one architecture.

    :param needed: From `needed_changes`.
    :param seed: Of the bootstrap.
    :return: `among` ("all", where there are several, or an architecture), `attack`, `input`, `models`, `clips`;
        `success` (of searched attacks, within the range of the search) with its 95% interval (`low`, `high`); in dB
        `snr_median` at which half of the clips attacked are broken (`median_low`, `median_high`), and `snr_mean` of
        successes (`mean_low`, `mean_high`); `more_db`, by how much the ratio is lower than with the first input (of
        which it is None), on the `pairs` of clip and target that both inputs have and that were broken with both, each
        input's models averaged (`more_low`, `more_high`), and `trainings`, the fewest of a model. Clips are drawn anew,
        for `more_db` also the trainings of each model.
    """
    architectures = {one.model: model_parts(one.model)[0] for one in needed}
    names = list(dict.fromkeys(architectures.values()))
    rows = []
    for among in [ALL, *names] if len(names) > 1 else names:
        some = [one for one in needed if among in (ALL, architectures[one.model])]
        inputs = [name for name in FRONT_ENDS if name in {input_of(one.model) for one in some}]
        for attack in dict.fromkeys(one.attack for one in some) if len(inputs) > 1 else ():
            first = None
            for name in inputs:
                own = [one for one in some if one.attack == attack and input_of(one.model) == name]
                if own:
                    row = {"among": among, "attack": attack, "input": name, **_of_input(own, seed)}
                    rows.append(row | _more(own, first or [], seed))
                    first = first or own
    return rows


def _of_input(own: Sequence[Needed], seed: int) -> dict[str, Any]:
    ratios, groups = np.array([one.snr_db for one in own]), np.array([one.row for one in own])
    broken = np.isfinite(ratios)
    low, high = share_interval(broken, groups, seed)
    row: dict[str, Any] = {"models": list(dict.fromkeys(one.model for one in own)), "clips": len(own)}
    row |= {"success": float(broken.mean()), "low": low, "high": high}
    middle = [value if math.isfinite(value) else None for value in median_interval(ratios, groups, seed)]
    row |= dict(zip(("snr_median", "median_low", "median_high"), middle, strict=True))
    return row | _mean("snr_mean", "mean", ratios[broken], groups[broken], seed)


def _more(own: Sequence[Needed], first: Sequence[Needed], seed: int) -> dict[str, Any]:
    """The same clips with both inputs: of other clips, a model that has fewer right would be asked the easier ones."""
    keys = sorted(_broken(own) & _broken(first), key=lambda key: (key[0], -1 if key[1] is None else key[1]))
    row: dict[str, Any] = {"pairs": len(keys), "trainings": min(len(m) for m in _by_architecture(own).values())}
    if not keys:
        return row | dict.fromkeys(("more_db", "more_low", "more_high"))
    rows = np.array([place for place, _ in keys])
    difference = difference_interval(_table(first, keys), _table(own, keys), rows, seed)
    return row | dict(zip(("more_db", "more_low", "more_high"), difference, strict=True))


def _broken(own: Sequence[Needed]) -> set[tuple[int, int | None]]:
    return {(one.row, one.target) for one in own if math.isfinite(one.snr_db)}


def _by_architecture(own: Sequence[Needed]) -> dict[str, list[str]]:
    """Models that differ in their training alone."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(one.model for one in own):
        found.setdefault("@".join(filter(None, model_parts(name))), []).append(name)
    return found


def _table(own: Sequence[Needed], keys: Sequence[tuple[int, int | None]]) -> tuple[np.ndarray, np.ndarray]:
    """Ratios (M, K) by model, clip and target, NaN where there is none, and which models are trainings of one (M,)."""
    places, families = {key: place for place, key in enumerate(keys)}, _by_architecture(own)
    order = {name: place for place, name in enumerate(name for names in families.values() for name in names)}
    found = np.full((len(order), len(keys)), np.nan)
    for one in own:
        if math.isfinite(one.snr_db) and (one.row, one.target) in places:
            found[order[one.model], places[one.row, one.target]] = one.snr_db
    return found, np.repeat(np.arange(len(families)), [len(names) for names in families.values()])


def _mean(name: str, ends: str, values: np.ndarray, groups: np.ndarray, seed: int) -> dict[str, Any]:
    low, high = grouped_interval(values, groups, seed) if len(values) else (None, None)
    return {name: float(values.mean()) if len(values) else None, f"{ends}_low": low, f"{ends}_high": high}
