"""Which cells a comparison of purifiers has: each once, those left out and why, and those of earlier runs."""

from __future__ import annotations

import json
from typing import Any

from art_audio_ext.datasets import AudioDataset
from art_audio_ext.experiments.dual_pure_summary import Cell
from art_audio_ext.experiments.poison_likelihood_setup import fingerprint
from art_audio_ext.experiments.purification_attacks import ATTACKS
from art_audio_ext.experiments.purification_defences import find_defence, measured_as, varies
from art_audio_ext.experiments.purification_sizes import Size

_COSTLY, _IMPOSSIBLE = 1000, 100_000  # passes of a clip through a classifier
_SLOW = 50  # so many passes take as long as one through a small diffusion model of waveforms


def clips_of(size: Size, defence: str, attack: str, clips: int) -> int:
    """
    How many clips a cell has: fewer where each takes thousands of passes, none where it is left out.

    :param size: Of the run.
    :param defence: As `find_defence` takes it.
    :param attack: Of `ATTACKS`.
    :param clips: Of other cells.
    :return: From 0 to `clips`.
    """
    if _why_not(size, defence, attack):
        return 0
    return clips if size.costly is None or _cost(defence, attack) <= _COSTLY else min(clips, size.costly)


def left_out(size: Size) -> list[dict[str, str]]:
    """
    What was asked for and is not run.

    :param size: Of the run.
    :return: `defence`, `attack` and `why` of each.
    :raises ValueError: If that is everything.
    """
    pairs = [(defence, attack) for attack in size.attacks for defence in size.defences]
    found = [{"defence": d, "attack": a, "why": why} for d, a in pairs if (why := _why_not(size, d, a))]
    if len(found) == len(pairs):
        said = "; ".join(f"{line['attack']} against {line['defence']}: {line['why']}" for line in found)
        raise ValueError(f"nothing is left to run ({said}): name other attacks or defences")
    return found


def needed_models(size: Size) -> set[str]:
    """
    :param size: Of the run.
    :return: The names of all networks that its cells need.
    """
    return {name for _, attack, defence in _wanted(size) for name in _models_of(defence, attack)}


def cell_tasks(
    size: Size, weights: dict[str, str], some: AudioDataset, seed: int, precision: str
) -> list[dict[str, Any]]:
    """
    Every cell once, those of a seed together; each says with which weights it is run, and on which clips.

    Attacks that are the same where nothing is random are one cell there, and so are all seeds.

    :param size: Of the run.
    :param weights: Checksums of the networks by name.
    :param some: The clips.
    :param seed: The first.
    :param precision: Of the gradients.
    :return: Experiments as `run_cell` takes them.
    """
    sound, tasks = fingerprint(some)[:16], []
    for k, attack, defence in _wanted(size):
        rows = min(size.batch_size, size.slow_rows) if find_defence(defence).is_slow else size.batch_size
        task = {"defence": defence, "attack": attack, "seed": seed + k, "batch_size": rows}
        task |= {"clips": clips_of(size, defence, attack, len(some)), "precision": precision, "sound": sound}
        tasks.append({**task, "weights": {name: weights[name] for name in _models_of(defence, attack)}})
    return tasks


def matching_cells(
    results: dict[str, dict[str, Any]], tasks: list[dict[str, Any]], weights: dict[str, str]
) -> list[Cell]:
    """
    The cells of this run and of earlier ones that can stand in one table: same clips, precision and networks.

    Of a defence under an attack those count that are as large as this run's, or, if it has none, as the last.

    :param results: By `experiment_key`, in the order in which they were found.
    :param tasks: Of this run.
    :param weights: Checksums of all networks that lie there now, by name.
    :return: Experiments with their results, this run's among them.
    """
    groups: dict[tuple[str, str], list[Cell]] = {}
    for key, result in results.items():
        experiment = json.loads(key)
        same = all(experiment[name] == tasks[0][name] for name in ("sound", "precision"))
        if same and all(weights.get(name) == value for name, value in experiment["weights"].items()):
            groups.setdefault((experiment["defence"], experiment["attack"]), []).append((experiment, result))
    ours = {(task["defence"], task["attack"]): task for task in tasks}
    kept = []
    for pair, group in groups.items():
        like = ours.get(pair, group[-1][0])
        kept += [cell for cell in group if all(cell[0][name] == like[name] for name in ("clips", "batch_size"))]
    return kept


def under_all_names(cells: list[Cell], attacks: tuple[str, ...]) -> list[Cell]:
    """
    Cells under each attack that they are the answer to.

    :param cells: Each once.
    :param attacks: That were asked for; those of the cells come with them.
    :return: The same, and copies whose experiment names the other attack.
    """
    shown = {*attacks, *(experiment["attack"] for experiment, _ in cells)}
    return [
        (experiment | {"attack": attack}, result)
        for experiment, result in cells
        for attack in ATTACKS
        if attack in shown and measured_as(experiment["defence"], attack) == experiment["attack"]
    ]


def _wanted(size: Size) -> list[tuple[int, str, str]]:
    """Seed from 0, attack and defence of each cell, once."""
    asked = [
        (k, measured_as(defence, attack), defence)
        for k in range(size.seeds)
        for attack in size.attacks
        for defence in size.defences
        if not _why_not(size, defence, attack)
    ]
    return [cell for cell in dict.fromkeys(asked) if cell[0] == 0 or varies(cell[2], cell[1])]


def _models_of(defence: str, attack: str) -> list[str]:
    return [*find_defence(defence).models, *(["surrogate"] if ATTACKS[attack].transfer else [])]


def _cost(defence: str, attack: str) -> int:
    """Passes of a clip; those of an attack that is made on another network are not the defence's."""
    line, what = ATTACKS[attack], find_defence(defence)
    return (0 if line.transfer else line.passes(what.is_random)) * (_SLOW if what.is_slow else 1)


def _why_not(size: Size, defence: str, attack: str) -> str:
    """Why a cell is left out, or ""."""
    line, what = ATTACKS[attack], find_defence(defence)
    if line.still_only and what.is_random:
        return "it keeps or drops a point by one answer, which against noise is no attack; logit_ratio has its loss"
    if line.shortcut is not None and not what.has(line.shortcut[0]):
        return f"it sets {line.shortcut[0]}, which this defence has not"
    if size.costly is not None and _cost(defence, attack) > _IMPOSSIBLE:
        return "it takes too long but for the preset paper"
    return ""
