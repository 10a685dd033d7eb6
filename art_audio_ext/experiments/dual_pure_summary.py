"""From many cells, a defence under an attack each, to the rows of a table with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from art_audio_ext.experiments.purification_attacks import ATTACKS
from art_audio_ext.experiments.purification_defences import DEFENCES, find_defence, varies
from art_audio_ext.functional.bootstrap import gap_interval, share_interval
from art_audio_ext.report.dual_pure_view import BASELINES

Cell = tuple[dict[str, Any], dict[str, Any]]  # an experiment and its result
_ANY = -1  # the seed of what is the same under every seed


def cell_table(cells: list[Cell], voices: np.ndarray | None = None) -> list[dict[str, Any]]:
    """
    One row a defence and attack, over all seeds.

    :param cells: Experiments of `run_cell` with their results.
    :param voices: From `voice_groups`, for each clip; None takes each clip for a voice of its own.
    :return: Rows: `accuracy` at the final point under fresh noise with its 95% interval (`low`, `high`; voices are
        drawn anew, all clips of a voice together, and seeds, see `share_interval`), `never_wrong` (right in every draw
        that the attack saw and in the last: the count of the paper; None where the attack does not say), `draws_seen`
        (most draws that the attack saw of a clip, the paper's K), `worst_of` (right in each of so many fresh draws,
        `draws`), `vote` (right by majority of these), `differences` to each of `BASELINES` on the same clips and seeds
        (`mean`, `low`, `high`; what no seed changes stands beside all), `clips`, `seeds`, `queries_median`.
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


def _place(defence: str) -> tuple[int, str, list[int]]:
    """Where a defence stands in a table: by kind, then by its way back and its steps."""
    rest, _, reverse = defence.partition(":")
    base, _, said = rest.partition("@")
    return list(DEFENCES).index(base), reverse, [int(part) for part in said.split("+") if part]


def _row(
    group: list[Cell], right: dict[int, np.ndarray], bases: dict[str, dict[int, np.ndarray]], voices: np.ndarray | None
) -> dict[str, Any]:
    """The figures of one row."""
    draws = [np.array([_bits(line) for line in result["right"]]) for _, result in group]
    table = np.stack([right[seed] for seed in sorted(right)])
    low, high = share_interval(table, _voices(table, voices))
    known = [(_bits(r["ever_wrong"]), d) for (_, r), d in zip(group, draws, strict=True) if r["ever_wrong"] is not None]
    seen = [count for _, result in group for count in result.get("draws_seen", [])]
    queries = [count for _, result in group for count in result.get("queries", [])]
    return {
        "accuracy": float(table.mean()),
        "low": low,
        "high": high,
        "never_wrong": float(np.mean([~ever & d[0] for ever, d in known])) if known else None,
        "draws_seen": max(seen) if seen else None,
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
    seeds = sorted(seed for seed in {*right, *base} if all(seed in side or _ANY in side for side in (right, base)))
    shared = [seed for seed in seeds if seed != _ANY] or seeds
    if not shared:
        return None
    pairs = [tuple(side[seed if seed in side else _ANY] for side in (right, base)) for seed in shared]
    both = min(len(bits) for pair in pairs for bits in pair)  # costly cells have the first clips alone
    gap = np.stack([ours[:both].astype(float) - theirs[:both] for ours, theirs in pairs])
    low, high = gap_interval(gap, _voices(gap, voices))
    return {"mean": float(gap.mean()), "low": low, "high": high}


def _first_draws(group: list[Cell]) -> dict[int, np.ndarray]:
    """Right or not at the first fresh draw, by seed; by `_ANY` where every seed gives the same."""
    return {
        experiment["seed"] if varies(experiment["defence"], experiment["attack"]) else _ANY: _bits(result["right"][0])
        for experiment, result in group
    }


def _bits(line: str) -> np.ndarray:
    return np.array([sign == "1" for sign in line])


def _voices(table: np.ndarray, voices: np.ndarray | None) -> np.ndarray:
    """The voices of the columns (clips) of a table; costly cells have the first clips alone."""
    return np.arange(table.shape[1]) if voices is None else voices[: table.shape[1]]
