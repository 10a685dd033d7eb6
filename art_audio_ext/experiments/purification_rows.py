"""One cell of the comparison of purifiers: a defence under an attack, each clip counted apart."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from art_audio_ext.attacks.evasion.white_box import predicted
from art_audio_ext.defences.preprocessor import Purifier
from art_audio_ext.experiments.global_seed import global_seed
from art_audio_ext.experiments.purification_attacks import ATTACKS, AttackLine, AttackRun
from art_audio_ext.experiments.purification_defences import build_purifiers, find_defence
from art_audio_ext.experiments.purification_models import open_model

RESUBMISSIONS = 5  # fresh draws of the noise at which the final point is tried
_AFTERWARDS = 1_000_003  # added to the seed of the noise once the attack is over
_points: dict[str, np.ndarray] = {}  # of attacks on the other network: each is made once for all defences


@dataclass(frozen=True)
class PurificationContext:
    """
    What all cells read.

    :param waveforms: Test clips float32 (N, L).
    :param labels: Their class indices (N,).
    :param models: Files by name of `MODELS`.
    """

    waveforms: np.ndarray
    labels: np.ndarray
    models: dict[str, str]


def run_cell(experiment: dict[str, Any], context: PurificationContext) -> dict[str, Any]:
    """
    A defence under an attack.

    :param experiment: `defence`, `attack`, `seed`, `clips` (how many, from the first), `batch_size`, `precision`.
    :param context: Clips and files.
    :return: For each clip: `right` (0 or 1, one string for each of the fresh draws), `ever_wrong` (in a draw that the
        attack saw; None where the attack does not say), and `queries` and `draws_seen` where it counts them. `change`,
        the largest.
    """
    defence, line = find_defence(experiment["defence"]), ATTACKS[experiment["attack"]]
    seed, batch = int(experiment["seed"]), int(experiment["batch_size"])
    x, y = np.array(context.waveforms[: experiment["clips"]]), context.labels[: experiment["clips"]]
    purifiers = build_purifiers(defence, context.models, seed, batch, line.fixed_noise)
    classifier = open_model(context.models[defence.model]).as_art(purifiers, length=x.shape[1])
    found: dict[str, Any] = {"ever_wrong": None}
    lost = np.zeros(len(y), dtype=bool)  # a wrong answer is proof where nothing is random, or noise comes again
    if line.transfer:
        x_bad = _transferred(experiment, context, x, y)
    elif line.build is None:
        x_bad = x
    else:
        run = AttackRun(batch, seed, defence.is_random, experiment.get("precision", "float32"))
        attack = line.build(classifier, run)
        with global_seed(seed), shortcut(purifiers, line):
            x_bad = attack.generate(x, y)
        ever = getattr(attack, "ever_wrong", None)
        lost = ever if ever is not None and (line.fixed_noise or not defence.is_random) else lost
        found["ever_wrong"] = None if ever is None else _bits(ever)
        found |= {name: getattr(attack, name).tolist() for name in ("queries", "draws_seen") if hasattr(attack, name)}
    for purifier in purifiers:
        purifier.set_params(seed=seed if line.fixed_noise else seed + _AFTERWARDS)
    draws = RESUBMISSIONS if defence.is_random and not line.fixed_noise else 1
    found["right"] = [_bits((_answers(classifier, x_bad, batch) == y) & ~lost) for _ in range(draws)]
    return {**found, "change": float(np.abs(x_bad - x).max())}


@contextmanager
def shortcut(purifiers: list[Purifier], line: AttackLine) -> Iterator[None]:
    """
    Gradients of another kind, for the attack alone.

    :param purifiers: Those of a defence that has the option, see `Defence.has`.
    :param line: The attack; nothing is done if it has no shortcut.
    """
    if line.shortcut is None:
        yield
        return
    name, value = line.shortcut
    before = [getattr(purifier, name) for purifier in purifiers]
    for purifier in purifiers:
        purifier.set_params(**{name: value})
    try:
        yield
    finally:
        for purifier, old in zip(purifiers, before, strict=True):
            purifier.set_params(**{name: old})


def _answers(classifier: Any, x: np.ndarray, batch: int) -> np.ndarray:
    """Labels, each batch in a call of its own: fixed noise is that of a call, and the attack went by batches."""
    return np.concatenate([predicted(classifier, x[i : i + batch], batch).argmax(1) for i in range(0, len(x), batch)])


def _transferred(experiment: dict[str, Any], context: PurificationContext, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The points of an attack on the undefended other network; a process keeps the last few."""
    surrogate, names = context.models["surrogate"], ("attack", "seed", "batch_size", "precision")
    sound = zlib.crc32(y.tobytes(), zlib.crc32(x.tobytes()))
    key = repr([experiment.get(name) for name in names] + [_checksum(experiment, surrogate), len(x), sound])
    if key not in _points:
        seed = int(experiment["seed"])
        run = AttackRun(int(experiment["batch_size"]), seed, False, experiment.get("precision", "float32"))
        build = ATTACKS[experiment["attack"]].build
        assert build is not None  # a line that transfers has an attack
        with global_seed(seed):
            made = build(open_model(surrogate).as_art(length=x.shape[1]), run).generate(x, y)
        while len(_points) > 2:
            del _points[next(iter(_points))]
        _points[key] = made
    return _points[key]


def _checksum(experiment: dict[str, Any], path: str) -> str:
    """Of the other network's weights, or at least where they lie."""
    return str(experiment.get("weights", {}).get("surrogate", path))


def _bits(flags: np.ndarray) -> str:
    return "".join(map(str, np.asarray(flags).astype(int)))
