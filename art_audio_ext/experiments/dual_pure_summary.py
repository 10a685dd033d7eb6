"""From many cells, a defence under an attack each, to the rows of a table with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from art_audio_ext.experiments.purification_attacks import ATTACKS
from art_audio_ext.experiments.purification_defences import DEFENCES, find_defence
from art_audio_ext.functional.bootstrap import grouped_interval
from art_audio_ext.functional.metrics import proportion_interval
from art_audio_ext.report.dual_pure_view import BASELINES

Cell = tuple[dict[str, Any], dict[str, Any]]  # an experiment and its result


def cell_table(cells: list[Cell], voices: np.ndarray | None = None) -> list[dict[str, Any]]:
    """
    One row a defence and attack, over all seeds.

    :param cells: Experiments of `run_cell` with their results.
    :param voices: From `voice_groups`, for each clip; None takes each clip for a voice of its own.
    :return: Rows: `accuracy` at the final point under fresh noise with its 95% interval (`low`, `high`; voices are
        drawn anew, all clips and seeds of a voice together), `never_wrong` (right in every draw that the attack saw and
        in the last: the count of the paper; None where the attack does not say), `worst_of` (right in each of so many
        fresh draws, `draws`), `vote` (right by majority of these), `differences` to each of `BASELINES` on the same
        clips and seeds (`mean`, `low`, `high`), `clips`, `seeds`, `queries_median`.
    """
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell[0]["defence"], cell[0]["attack"]), []).append(cell)
    first = {key: _first_draws(group) for key, group in groups.items()}
    rows = []
    for attack in ATTACKS:
        for defence in sorted({name for name, line in groups if line == attack}, key=_place):
            bases = {name: first[name, attack] for name in BASELINES if name != defence and (name, attack) in first}
            names = {"defence": defence, "about": find_defence(defence).about}
            names |= {"attack": attack, "line": ATTACKS[attack].about}
            rows.append(names | _row(groups[defence, attack], first[defence, attack], bases, voices))
    return rows


def cell_figures(experiment: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """
    The figures of one cell by itself.

    :param experiment: As `run_cell` takes it.
    :param result: What that gave.
    :return: `defence`, `attack`, `seed`, `clips`, `accuracy` in each fresh draw, `ever_wrong` as a share, `change`.
    """
    ever = result["ever_wrong"]
    return {
        **{name: experiment[name] for name in ("defence", "attack", "seed", "clips", "precision")},
        "accuracy": [float(_bits(line).mean()) for line in result["right"]],
        "ever_wrong": None if ever is None else float(_bits(ever).mean()),
        "change": result["change"],
    }


def voice_groups(speakers: np.ndarray) -> np.ndarray:
    """
    Which clips are of one voice.

    :param speakers: Of each clip (N,); "" where unknown: such a clip is a voice of its own.
    :return: Numbers from 0 (N,).
    """
    names = [str(name) or f"\0{row}" for row, name in enumerate(speakers)]
    return np.unique(names, return_inverse=True)[1]


def _place(defence: str) -> tuple[int, list[int]]:
    """Where a defence stands in a table: by kind, then by its steps."""
    base, _, said = defence.partition("@")
    return list(DEFENCES).index(base), [int(part) for part in said.split("+") if part]


def _row(
    group: list[Cell], right: dict[int, np.ndarray], bases: dict[str, dict[int, np.ndarray]], voices: np.ndarray | None
) -> dict[str, Any]:
    """The figures of one row."""
    draws = [np.array([_bits(line) for line in result["right"]]) for _, result in group]
    table = np.stack([right[seed] for seed in sorted(right)])
    low, high = _interval(table, voices)
    known = [(_bits(r["ever_wrong"]), d) for (_, r), d in zip(group, draws, strict=True) if r["ever_wrong"] is not None]
    queries = [count for _, result in group for count in result.get("queries", [])]
    return {
        "accuracy": float(table.mean()),
        "low": low,
        "high": high,
        "never_wrong": float(np.mean([~ever & d[0] for ever, d in known])) if known else None,
        "worst_of": float(np.mean([d.all(0) for d in draws])),
        "vote": float(np.mean([d.mean(0) > 0.5 for d in draws])),
        "draws": len(draws[0]),
        "clips": table.shape[1],
        "seeds": len(table),
        "queries_median": float(np.median(queries)) if queries else None,
        "differences": {name: gap for name, base in bases.items() if (gap := _difference(right, base, voices))},
    }


def _difference(
    right: dict[int, np.ndarray], base: dict[int, np.ndarray], voices: np.ndarray | None
) -> dict[str, float] | None:
    """How much more often right than a baseline, where both have the clip and the seed."""
    shared = sorted(set(right) & set(base))
    if not shared:
        return None
    both = min(len(side[seed]) for side in (right, base) for seed in shared)  # costly cells have the first clips alone
    gap = np.stack([right[seed][:both].astype(float) - base[seed][:both] for seed in shared])
    low, high = _interval(gap, voices)
    return {"mean": float(gap.mean()), "low": low, "high": high}


def _first_draws(group: list[Cell]) -> dict[int, np.ndarray]:
    """Right or not at the first fresh draw, by seed."""
    return {experiment["seed"]: _bits(result["right"][0]) for experiment, result in group}


def _bits(line: str) -> np.ndarray:
    return np.array([sign == "1" for sign in line])


def _interval(table: np.ndarray, voices: np.ndarray | None) -> tuple[float, float]:
    """95% interval of a mean of (seeds, clips) by drawing voices anew: clips of one voice fail together."""
    each = table.mean(0)
    if table.dtype == bool and each.min() == each.max() and each[0] in (0.0, 1.0):
        return proportion_interval(int(each.sum()), len(each))  # a bootstrap would see no doubt at all
    return grouped_interval(each, np.arange(len(each)) if voices is None else voices[: len(each)])
