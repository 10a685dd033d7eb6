"""The DualPure paper's tables on any data: purifiers, their controls and their rivals under attacks that know them."""

from __future__ import annotations

import hashlib
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
from art_audio_ext.experiments.dual_pure_summary import cell_table
from art_audio_ext.experiments.poison_likelihood_setup import fingerprint
from art_audio_ext.experiments.purification_models import MODELS, open_model, prepare_models
from art_audio_ext.experiments.purification_rows import ATTACKS, DEFENCES, PurificationContext, run_cell
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.functional.metrics import proportion_interval
from art_audio_ext.report.dual_pure_view import write_dual_pure
from art_audio_ext.training.classifier_settings import PRESETS as CLASSIFIERS

_MAIN = ("none", "time_stage", "frequency_stage", "dual_pure", "noise_matched", "adversarial", "robust_noisy")
_WAVE = ("ddpm", "diff_rev", "one_shot", "audio_pure")


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
    """

    clips: int
    seeds: int
    defences: tuple[str, ...]
    attacks: tuple[str, ...]
    classifier: str
    diffusion: str
    batch_size: int


PRESETS = {
    "quick": Size(100, 1, _MAIN, ("clean", "pgd10", "pgd10_eot20"), "quick", "quick", 100),
    "standard": Size(400, 3, (*_MAIN, *_WAVE), tuple(ATTACKS), "quick", "quick", 100),
    "paper": Size(1000, 5, (*_MAIN, *_WAVE), tuple(ATTACKS), "paper", "paper", 512),
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
    :param defences: Of `DEFENCES`, instead of the preset's.
    :param attacks: Of `ATTACKS`, instead of the preset's.
    :param clips: Test clips, instead of the preset's.
    :param seeds: How many, instead of the preset's.
    :param epochs: Of the classifiers, instead of the preset's.
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
    models = _models(size, train, out, epochs, seed, progress)
    some = stratified_sample(test, size.clips, seed) if size.clips < len(test) else test
    context = PurificationContext(np.asarray(some.waveforms), some.labels, models)
    tasks = _tasks(size, {name: _checksum(path) for name, path in models.items()}, len(some), seed)
    identity = {"experiment": "dual-pure", "version": art_audio_ext.__version__, "data": fingerprint(dataset)}
    found = sweep(run_cell, tasks, out / "cells.jsonl", identity=identity, context=context, progress=progress, **engine)
    record = {
        "experiment": "dual-pure",
        "preset": preset,
        "seed": seed,
        "version": art_audio_ext.__version__,
        "data": {"name": dataset.name, "train": len(train), "test": len(test), "attacked": len(some)},
        "rows": cell_table(list(zip(tasks, found, strict=True))),
        "clean": {name: _accuracy(path, test) for name, path in models.items() if _classifies(name)},
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
    for kind, names, known in (("defence", defences, DEFENCES), ("attack", attacks, ATTACKS)):
        if names is not None and (not names or set(names) - set(known)):
            wrong = ", ".join(sorted(set(names) - set(known))) or "named"
            raise ValueError(f"there is no {kind} {wrong}: choose among {', '.join(known)}")
    for name, value in (("clips", clips), ("seeds", seeds)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ValueError(f"{name} must be a whole number from 1 up, got {value!r}")
    given = {"defences": defences, "attacks": attacks, "clips": clips, "seeds": seeds}
    chosen = {k: tuple(dict.fromkeys(v)) if isinstance(v, (list, tuple)) else v for k, v in given.items()}
    return replace(PRESETS[preset], **{k: v for k, v in chosen.items() if v is not None})  # type: ignore[arg-type]


def _tasks(size: Size, weights: dict[str, str], clips: int, seed: int) -> list[dict[str, Any]]:
    """Every cell once, those of a seed together; each says which weights it was run with."""
    cells = [(k, attack, defence) for k in range(size.seeds) for attack in size.attacks for defence in size.defences]
    tasks = []
    for k, attack, defence in cells:
        needed = [*DEFENCES[defence].models, *(["surrogate"] if ATTACKS[attack].transfer else [])]
        used = {name: weights[name] for name in needed}
        task = {"defence": defence, "attack": attack, "seed": seed + k, "clips": clips, "batch_size": size.batch_size}
        tasks.append({**task, "weights": used})
    return tasks


def _checksum(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def _models(
    size: Size, train: AudioDataset, out: Path, epochs: int | None, seed: int, progress: bool
) -> dict[str, str]:
    """The files of all networks that are needed."""
    names = {name for defence in size.defences for name in DEFENCES[defence].models}
    names |= {"surrogate"} if any(ATTACKS[attack].transfer for attack in size.attacks) else set()
    settings = CLASSIFIERS[size.classifier].changed(epochs=epochs)
    paths = prepare_models(names, train, out / "models", settings, size.diffusion, seed, progress)
    return {name: os.fspath(path) for name, path in paths.items()}


def _classifies(name: str) -> bool:
    return MODELS[name].kind == "classifier"


def _accuracy(path: str, test: AudioDataset) -> dict[str, Any]:
    """A classifier on all test clips."""
    right = int((open_model(path).predict(np.asarray(test.waveforms)) == test.labels).sum())
    low, high = proportion_interval(right, len(test))
    return {"accuracy": right / len(test), "low": low, "high": high}
