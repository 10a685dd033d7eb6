"""The DualPure paper's tables on any data: purifiers, their controls and their rivals under attacks that know them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import art_audio_ext
from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.datasets.registry import stratified_sample
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.experiments.dual_pure_summary import Cell, cell_figures, cell_table, voice_groups
from art_audio_ext.experiments.poison_likelihood_setup import fingerprint
from art_audio_ext.experiments.purification_attacks import ATTACKS
from art_audio_ext.experiments.purification_defences import DEFENCES, find_defence
from art_audio_ext.experiments.purification_models import file_checksum, open_model, prepare_models
from art_audio_ext.experiments.purification_plans import MODELS
from art_audio_ext.experiments.purification_rows import PurificationContext, run_cell
from art_audio_ext.experiments.purification_timing import seconds_per_clip
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.functional.metrics import proportion_interval
from art_audio_ext.report.dual_pure_view import write_dual_pure
from art_audio_ext.training.classifier_settings import ClassifierSettings, resolve_settings
from art_audio_ext.training.runs import fast_precision

_MAIN = ("none", "time_stage", "frequency_stage", "dual_pure", "adversarial")
_COSTLY, _IMPOSSIBLE = 1000, 100_000  # passes of a clip through a classifier
_SLOW = 50  # so many passes take as long as one through a small diffusion model of waveforms
_RULES = 3  # of attacks, defences and counts: raise it when cells of another time must not be mixed with new ones


@dataclass(frozen=True)
class Size:
    """
    How much is run.

    :param clips: Test clips; those that the plain classifier gets wrong are among them.
    :param seeds: Of attacks and noise.
    :param defences: Of `DEFENCES`.
    :param attacks: Of `ATTACKS`.
    :param classifier: Preset of the classifiers.
    :param diffusion: Preset of the diffusion models.
    :param batch_size: Rows of a forward pass.
    :param slow_rows: Of a forward pass through a diffusion model of waveforms: on a processor a clip takes twice as
        long among 50 as among 10, since memory is fetched anew each time.
    :param costly: Clips of the cells that cost most, see `clips_of`; None for all.
    """

    clips: int
    seeds: int
    defences: tuple[str, ...]
    attacks: tuple[str, ...]
    classifier: str
    diffusion: str
    batch_size: int
    slow_rows: int = 10
    costly: int | None = 50


PRESETS = {
    "quick": Size(100, 1, _MAIN, ("clean", "pgd10", "pgd10_eot20"), "quick", "quick", 100),
    "standard": Size(400, 3, tuple(DEFENCES), tuple(ATTACKS), "quick", "quick", 100),
    "steps": Size(
        100,
        1,
        (*(f"time_stage@{t}" for t in (1, 2, 3, 5, 10)), *(f"dual_pure@3+{t}" for t in (1, 2, 5, 10, 20))),
        ("clean", "pgd10", "pgd10_eps4", "pgd10_eps6", "pgd10_eps8", "pgd10_eot20"),
        "quick",
        "quick",
        100,
    ),
    "paper": Size(1000, 5, tuple(DEFENCES), tuple(ATTACKS), "paper", "paper", 512, 128, None),
}


def dual_pure(
    data: str | Path | AudioDataset,
    out: str | Path,
    *,
    preset: str = "quick",
    defences: Sequence[str] | None = None,
    attacks: Sequence[str] | None = None,
    clips: int | None = None,
    seeds: int | None = None,
    epochs: int | None = None,
    architecture: str | None = None,
    precision: str | None = None,
    seed: int = 0,
    progress: bool = True,
    **engine: Any,
) -> dict[str, Any]:
    """
    Train what is needed, run every defence under every attack, and write the table.

    Written to `out`: `models/`, `cells.jsonl`, from which the same call goes on after it was stopped, `results.json`,
    `table.md`, `accuracy.png` and `report.html`.

    :param data: As `load_dataset` takes it, or a dataset of one-second clips at 16 kHz; its own split is kept, else one
        without common speakers is drawn.
    :param out: Folder for everything; made if absent.
    :param preset: A key of `PRESETS`.
    :param defences: As `find_defence` takes them, instead of the preset's.
    :param attacks: Of `ATTACKS`, instead of the preset's.
    :param clips: Test clips, instead of the preset's.
    :param seeds: How many, instead of the preset's.
    :param epochs: Of the classifiers, instead of the preset's.
    :param architecture: Of the classifiers, instead of ResNet-18.
    :param precision: Of trainings and of the gradients of `AudioPGD`: "float32", or "bfloat16", which takes about half
        the time; None is the latter where the machine has it. Accuracies are always counted in float32.
    :param seed: Of the trainings and of which clips.
    :param progress: Show progress bars.
    :param engine: `jobs`, `backend` and `scheduler` of `sweep`.
    :return: `rows`, see `cell_table`; `clean`, each classifier on all test clips; data, sizes and machine.
    :raises ValueError: If the data, a name or a number is unusable.
    """
    begin, out, size = time.perf_counter(), Path(out), choose_size(preset, defences, attacks, clips, seeds)
    loading: dict[str, Any] = {"seed": seed, "progress": progress}
    dataset = data if isinstance(data, AudioDataset) else load_dataset(str(data), **loading)
    train, test = split_dataset(dataset, seed=seed)
    run = {**loading, "precision": fast_precision() if precision is None else precision}
    settings = resolve_settings(size.classifier, epochs=epochs, architecture=architecture)
    models = _models(size, train, out, settings, run)
    some = _some(test, size.clips, seed)
    context = PurificationContext(np.asarray(some.waveforms), some.labels, models)
    tasks = _tasks(size, {name: file_checksum(path) for name, path in models.items()}, some, seed, run["precision"])
    cells = _cells(tasks, dataset, context, out / "cells.jsonl", {"progress": progress, **engine})
    record = {
        **{"experiment": "dual-pure", "preset": preset, "seed": seed, "precision": run["precision"]},
        **{"classifier": settings.to_dict(), "version": art_audio_ext.__version__},
        "data": {"name": dataset.name, "train": len(train), "test": len(test), "attacked": len(some)},
        **{"rows": cell_table(cells, voice_groups(some.speakers)), "cells": [cell_figures(*cell) for cell in cells]},
        "clean": {name: _accuracy(path, test) for name, path in models.items() if MODELS[name].classifies},
        "seconds_per_clip": seconds_per_clip(size.defences, context, size.batch_size),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "seconds": round(time.perf_counter() - begin, 1),
    }
    write_dual_pure(record, out)
    return record


def choose_size(
    preset: str,
    defences: Sequence[str] | None = None,
    attacks: Sequence[str] | None = None,
    clips: int | None = None,
    seeds: int | None = None,
) -> Size:
    """
    A preset, with what was asked for in its place.

    :param preset: A key of `PRESETS`.
    :param defences: Of `DEFENCES`; None as the preset says.
    :param attacks: Of `ATTACKS`; None as the preset says.
    :param clips: Test clips; None as the preset says.
    :param seeds: How many; None as the preset says.
    :return: How much to run.
    :raises ValueError: If a name is unknown, or a number none.
    """
    if preset not in PRESETS:
        raise ValueError(f"there is no preset {preset!r}: choose {', '.join(PRESETS)}")
    for kind, names in (("defence", defences), ("attack", attacks)):
        if names is not None and not names:
            raise ValueError(f"there is no {kind} named: choose among {', '.join(DEFENCES)}; {', '.join(ATTACKS)}")
    for name in defences or ():
        find_defence(name)
    if unknown := sorted(set(attacks or ()) - set(ATTACKS)):
        raise ValueError(f"there is no attack {', '.join(unknown)}: choose among {', '.join(ATTACKS)}")
    for name, value in (("clips", clips), ("seeds", seeds)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ValueError(f"{name} must be a whole number from 1 up, got {value!r}")
    given = {"defences": defences, "attacks": attacks, "clips": clips, "seeds": seeds}
    chosen = {k: tuple(dict.fromkeys(v)) if isinstance(v, (list, tuple)) else v for k, v in given.items()}
    return replace(PRESETS[preset], **{k: v for k, v in chosen.items() if v is not None})  # type: ignore[arg-type]


def clips_of(size: Size, defence: str, attack: str, clips: int) -> int:
    """
    How many clips a cell has: fewer where each takes thousands of passes, none where these are through a large model,
    or where the attack is none against this defence.

    :param size: Of the run.
    :param defence: As `find_defence` takes it.
    :param attack: Of `ATTACKS`.
    :param clips: Of other cells.
    :return: From 0 to `clips`.
    """
    line, what = ATTACKS[attack], find_defence(defence)
    if (line.still_only and what.is_random) or (line.shortcut is not None and not what.has(line.shortcut[0])):
        return 0
    cost = (0 if line.transfer else line.cost) * (_SLOW if what.is_slow else 1)
    if size.costly is None or cost <= _COSTLY:
        return clips
    return min(clips, size.costly) if cost <= _IMPOSSIBLE else 0


def _tasks(size: Size, weights: dict[str, str], some: AudioDataset, seed: int, precision: str) -> list[dict[str, Any]]:
    """Every cell once, those of a seed together; each says with which weights it was run, and on which clips."""
    sound = fingerprint(some)[:16]
    cells = [(k, attack, defence) for k in range(size.seeds) for attack in size.attacks for defence in size.defences]
    tasks = []
    for k, attack, defence in cells:
        needed = [*find_defence(defence).models, *(["surrogate"] if ATTACKS[attack].transfer else [])]
        rows = min(size.batch_size, size.slow_rows) if find_defence(defence).is_slow else size.batch_size
        task = {"defence": defence, "attack": attack, "seed": seed + k, "batch_size": rows}
        task |= {"clips": clips_of(size, defence, attack, len(some)), "precision": precision, "sound": sound}
        tasks.append({**task, "weights": {name: weights[name] for name in needed}})
    return [task for task in tasks if task["clips"]]


def _cells(
    tasks: list[dict[str, Any]], dataset: AudioDataset, context: PurificationContext, path: Path, engine: dict[str, Any]
) -> list[Cell]:
    """Every task with its result."""
    identity = {"experiment": "dual-pure", "version": art_audio_ext.__version__, "data": fingerprint(dataset)}
    identity["rules"] = str(_RULES)
    return list(zip(tasks, sweep(run_cell, tasks, path, identity=identity, context=context, **engine), strict=True))


def _models(
    size: Size, train: AudioDataset, out: Path, settings: ClassifierSettings, run: dict[str, Any]
) -> dict[str, str]:
    """The files of all networks that are needed."""
    names = {name for defence in size.defences for name in find_defence(defence).models}
    names |= {"surrogate"} if any(ATTACKS[attack].transfer for attack in size.attacks) else set()
    paths = prepare_models(names, train, out / "models", settings, size.diffusion, **run)
    return {name: os.fspath(path) for name, path in paths.items()}


def _some(test: AudioDataset, clips: int, seed: int) -> AudioDataset:
    """So many clips at most, in such an order that the first few are a sample, too."""
    some = stratified_sample(test, clips, seed) if clips < len(test) else test
    return some.subset(np.random.default_rng(seed).permutation(len(some)))


def _accuracy(path: str, test: AudioDataset) -> dict[str, Any]:
    """A classifier on all test clips."""
    right = int((open_model(path).predict(np.asarray(test.waveforms)) == test.labels).sum())
    low, high = proportion_interval(right, len(test))
    return {"accuracy": right / len(test), "low": low, "high": high}
