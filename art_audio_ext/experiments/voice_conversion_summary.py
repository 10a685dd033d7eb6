"""From poisoned trainings to the rows of the voice-conversion tables, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from art_audio_ext.experiments.dual_pure_summary import voice_groups
from art_audio_ext.functional.bootstrap import grouped_interval

Cell = tuple[dict[str, Any], dict[str, Any]]
KEYS = ("attack", "voice", "target", "fraction", "clean_label", "fine_tune")  # what a row is of; seeds are within it


def voice_table(cells: list[Cell], labels: np.ndarray, speakers: np.ndarray, noise: np.ndarray) -> list[dict[str, Any]]:
    """
    One row for each attack, voice, target label and share of poison, over all seeds.

    :param cells: Experiments of `run_cell` with their results.
    :param labels: Of the test clips (N,).
    :param speakers: Of the test clips (N,).
    :param noise: Which test clips are of a class of noise (N,).
    :return: Rows: `benign_accuracy`, `attack_success_rate` (over all test clips but those of the target), and
        `speech_success_rate` (those of noise left out, too), each with `low` and `high`, 95% by drawing speakers anew;
        `poisoned`, `seeds`; `listened` by voice, and `own` by voice.
    """
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(tuple(cell[0].get(key) for key in KEYS), []).append(cell)
    voices = voice_groups(speakers)
    rows = []
    for key, group in groups.items():
        row = dict(zip(KEYS, key, strict=True))
        others = labels != row["target"]
        results = [result.get("tuned", result) for _, result in group]
        row |= {"seeds": len(group), "poisoned": group[0][1]["poisoned"]}
        row["benign_accuracy"] = _rate([_bits(found["right"]) for found in results], np.ones(len(labels), bool), voices)
        names = list(results[0]["hit"])
        heard = row["voice"] if row["voice"] in names else names[0]
        hits = [_bits(found["hit"][heard]) for found in results]
        row["attack_success_rate"] = _rate(hits, others, voices)
        row["speech_success_rate"] = _rate(hits, others & ~noise, voices)
        row["listened"] = {
            name: _rate([_bits(found["hit"][name]) for found in results], others & ~noise, voices) for name in names
        }
        row["own"] = {name: float(np.mean([found["own"][name] for found in results])) for name in results[0]["own"]}
        rows.append(row)
    return rows


def _rate(flags: list[np.ndarray], which: np.ndarray, voices: np.ndarray) -> dict[str, float]:
    """Mean over seeds and clips with its interval."""
    each = np.mean(flags, 0)[which]
    low, high = grouped_interval(each, voices[which])
    return {"mean": float(each.mean()), "low": low, "high": high}


def _bits(line: str) -> np.ndarray:
    return np.array([sign == "1" for sign in line])
