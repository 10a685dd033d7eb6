"""From many cells, a defence under an attack each, to the rows of a table with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from art_audio_ext.experiments.purification_attacks import ATTACKS
from art_audio_ext.experiments.purification_defences import DEFENCES, find_defence

BASELINE = "time_stage"  # what others are held against, clip by clip
_DRAWS = 2000  # of the bootstrap
_PERCENT = (2.5, 97.5)

Cell = tuple[dict[str, Any], dict[str, Any]]  # an experiment and its result


def cell_table(cells: list[Cell]) -> list[dict[str, Any]]:
    """
    One row a defence and attack, over all seeds.

    :param cells: Experiments of `run_cell` with their results.
    :return: Rows: `accuracy` at the final point under fresh noise with its 95% interval (`low`, `high`; clips are
        drawn anew, a clip's seeds together), `never_wrong` (right in every draw that the attack saw and in the last:
        the count of the paper; None where the attack does not say), `worst_of` (right in each of so many fresh draws,
        `draws`), `vote` (right by majority of these), `difference` to the time stage on the same clips and seeds with
        its interval (`difference_low`, `difference_high`), `clips`, `seeds`, `queries_median`.
    """
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell[0]["defence"], cell[0]["attack"]), []).append(cell)
    first = {key: _first_draws(group) for key, group in groups.items()}
    rows = []
    for attack in ATTACKS:
        for defence in sorted({name for name, line in groups if line == attack}, key=_place):
            base = first.get((BASELINE, attack)) if defence != BASELINE else None
            names = {"defence": defence, "about": find_defence(defence).about}
            names |= {"attack": attack, "line": ATTACKS[attack].about}
            rows.append(names | _row(groups[defence, attack], first[defence, attack], base))
    return rows


def _place(defence: str) -> tuple[int, list[int]]:
    """Where a defence stands in a table: by kind, then by its steps."""
    base, _, said = defence.partition("@")
    return list(DEFENCES).index(base), [int(part) for part in said.split("+") if part]


def _row(group: list[Cell], right: dict[int, np.ndarray], base: dict[int, np.ndarray] | None) -> dict[str, Any]:
    """The figures of one row."""
    draws = [np.array([_bits(line) for line in result["right"]]) for _, result in group]
    table = np.stack([right[seed] for seed in sorted(right)])
    low, high = _interval(table)
    known = [(_bits(r["ever_wrong"]), d) for (_, r), d in zip(group, draws, strict=True) if r["ever_wrong"] is not None]
    queries = [count for _, result in group for count in result.get("queries", [])]
    row: dict[str, Any] = {
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
        "difference": None,
        "difference_low": None,
        "difference_high": None,
    }
    shared = sorted(set(right) & set(base or {}))
    if base is not None and shared:
        both = min(table.shape[1], *(len(base[seed]) for seed in shared))  # costly cells have the first clips alone
        gap = np.stack([right[seed][:both].astype(float) - base[seed][:both] for seed in shared])
        low, high = _interval(gap)
        row |= {"difference": float(gap.mean()), "difference_low": low, "difference_high": high}
    return row


def _first_draws(group: list[Cell]) -> dict[int, np.ndarray]:
    """Right or not at the first fresh draw, by seed."""
    return {experiment["seed"]: _bits(result["right"][0]) for experiment, result in group}


def _bits(line: str) -> np.ndarray:
    return np.array([sign == "1" for sign in line])


def _interval(table: np.ndarray) -> tuple[float, float]:
    """95% interval of a mean of (seeds, clips) by drawing clips anew: a clip's seeds are no independent clips."""
    each, rng = table.mean(0), np.random.default_rng(0)
    means = each[rng.integers(len(each), size=(_DRAWS, len(each)))].mean(1)
    low, high = np.percentile(means, _PERCENT)
    return float(low), float(high)
