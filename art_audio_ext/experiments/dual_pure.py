"""The DualPure paper's tables on any data: purifiers, their controls and their rivals under attacks that know them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import art_audio_ext
from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.datasets.registry import stratified_sample
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.experiments.dual_pure_summary import Cell, cell_figures, cell_table, voice_groups
from art_audio_ext.experiments.poison_likelihood_setup import fingerprint
from art_audio_ext.experiments.purification_cells import (
    cell_tasks,
    left_out,
    matching_cells,
    needed_models,
    under_all_names,
)
from art_audio_ext.experiments.purification_models import file_checksum, open_model, prepare_models
from art_audio_ext.experiments.purification_plans import MODELS
from art_audio_ext.experiments.purification_rows import PurificationContext, run_cell
from art_audio_ext.experiments.purification_sizes import Size, choose_size
from art_audio_ext.experiments.purification_timing import seconds_per_clip
from art_audio_ext.experiments.sweep import check_engine, sweep
from art_audio_ext.experiments.sweep_file import SweepFile
from art_audio_ext.functional.bootstrap import share_interval
from art_audio_ext.report.dual_pure_view import write_dual_pure
from art_audio_ext.training.classifier_settings import ClassifierSettings, resolve_settings
from art_audio_ext.training.runs import fast_precision
from art_audio_ext.training.weight_files import two_paths

_RULES = 3  # of attacks, defences and counts: raise it when cells of another time must not be mixed with new ones


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
    `table.md`, `accuracy.png` and `report.html`. What earlier calls found there on the same clips stands in the table,
    too.

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
        the time; None is the latter where the machine has it. Accuracy, worst of draws and vote are counted in float32;
        of what was never wrong, the answers that the attack saw are in this precision.
    :param seed: Of the trainings and of which clips.
    :param progress: Show progress bars.
    :param engine: `jobs`, `backend` and `scheduler` of `sweep`.
    :return: `rows`, see `cell_table`; `left_out`, what was asked for and not run, and why; `clean`, each classifier on
        all test clips; data, sizes and machine.
    :raises ValueError: If the data, a name or a number is unusable, or nothing is left to run: before any training.
    """
    begin, out, size = time.perf_counter(), Path(out), choose_size(preset, defences, attacks, clips, seeds)
    omitted = left_out(size)
    check_engine(**engine)
    loading: dict[str, Any] = {"seed": seed, "progress": progress}
    dataset = data if isinstance(data, AudioDataset) else load_dataset(str(data), **loading)
    train, test = split_dataset(dataset, seed=seed)
    some = _some(test, size.clips, seed)  # refused, if it must be, before anything is trained
    run = {**loading, "precision": fast_precision() if precision is None else precision}
    settings = resolve_settings(size.classifier, epochs=epochs, architecture=architecture)
    _models(size, train, out / "models", settings, run)
    models = _files(out / "models")
    weights = {name: file_checksum(path) for name, path in models.items()}
    context = PurificationContext(np.asarray(some.waveforms), some.labels, models)
    tasks = cell_tasks(size, weights, some, seed, run["precision"])
    cells = _cells(tasks, weights, dataset, context, out / "cells.jsonl", {"progress": progress, **engine})
    defences = list(dict.fromkeys(experiment["defence"] for experiment, _ in cells))
    used = needed_models(size).union(*(experiment["weights"] for experiment, _ in cells))
    record = {
        **{"experiment": "dual-pure", "preset": preset, "seed": seed, "precision": run["precision"]},
        **{"classifier": settings.to_dict(), "version": art_audio_ext.__version__},
        "data": {"name": dataset.name, "train": len(train), "test": len(test), "attacked": len(some)},
        "rows": cell_table(under_all_names(cells, size.attacks), voice_groups(some.speakers)),
        **{"cells": [cell_figures(*cell) for cell in cells], "left_out": omitted},
        "clean": {name: _accuracy(models[name], test) for name in _in_order(used, models)},
        "seconds_per_clip": seconds_per_clip(defences, context, size.batch_size),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "seconds": round(time.perf_counter() - begin, 1),
    }
    write_dual_pure(record, out)
    return record


def _cells(
    tasks: list[dict[str, Any]],
    weights: dict[str, str],
    dataset: AudioDataset,
    context: PurificationContext,
    path: Path,
    engine: dict[str, Any],
) -> list[Cell]:
    """Every task with its result, and those of earlier runs that can stand beside them."""
    identity = {"experiment": "dual-pure", "version": art_audio_ext.__version__, "data": fingerprint(dataset)}
    identity["rules"] = str(_RULES)
    sweep(run_cell, tasks, path, identity=identity, context=context, **engine)
    with SweepFile(path, identity) as file:
        return matching_cells(file.results, tasks, weights)


def _models(size: Size, train: AudioDataset, folder: Path, settings: ClassifierSettings, run: dict[str, Any]) -> None:
    """Train the networks that are needed."""
    prepare_models(needed_models(size), train, folder, settings, size.diffusion, **run)


def _files(folder: Path) -> dict[str, str]:
    """All networks that lie there, those of earlier runs among them."""
    paths = {name: folder / f"{name}.safetensors" for name in MODELS}
    return {name: os.fspath(path) for name, path in paths.items() if all(part.is_file() for part in two_paths(path))}


def _in_order(names: set[str], files: dict[str, str]) -> list[str]:
    """Of networks the classifiers, each after those that it starts from, which come with it."""
    while missing := {before for name in names for before in MODELS[name].before} - names:
        names = names | missing
    return [name for name in MODELS if name in names and name in files and MODELS[name].classifies]


def _some(test: AudioDataset, clips: int, seed: int) -> AudioDataset:
    """So many clips at most, in such an order that the first few are a sample, too."""
    some = stratified_sample(test, clips, seed) if clips < len(test) else test
    return some.subset(np.random.default_rng(seed).permutation(len(some)))


def _accuracy(path: str, test: AudioDataset) -> dict[str, Any]:
    """A classifier on all test clips."""
    right = open_model(path).predict(np.asarray(test.waveforms)) == test.labels
    low, high = share_interval(right, voice_groups(test.speakers))
    return {"accuracy": float(right.mean()), "low": low, "high": high}
