"""Attacks on classifiers of sound events: tables, transfer between models, and what channels leave; resumable cells."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import art_audio_ext
from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.experiments.lossy_codecs import missing_codecs
from art_audio_ext.experiments.poison_likelihood_setup import fingerprint
from art_audio_ext.experiments.sound_events_cells import EventContext, attacked_clips, run_cell
from art_audio_ext.experiments.sound_events_looks import survival_rows, transfer_rows
from art_audio_ext.experiments.sound_events_models import model_rows, prepare_models
from art_audio_ext.experiments.sound_events_names import MODELS, each_training, model_parts
from art_audio_ext.experiments.sound_events_options import with_options
from art_audio_ext.experiments.sound_events_plans import ATTACKS, CHANNELS, LOSSY, PARTS, PRESETS, Size
from art_audio_ext.experiments.sound_events_strength import curve_rows, input_rows, needed_changes
from art_audio_ext.experiments.sound_events_summary import (
    Cell,
    attack_rows,
    distribution_rows,
    move_rows,
    pair_rows,
)
from art_audio_ext.experiments.sound_events_tasks import (
    attack_tasks,
    chosen_clips,
    chosen_labels,
    curve_tasks,
    look_tasks,
)
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.report.sound_events_view import write_sound_events
from art_audio_ext.report.voice_quality_view import HeardClips

_RULES = 5  # raise it when cells of another time must not be mixed with new ones
_HEARD, _AIMED = 6, 3  # clips that the page plays after untargeted attacks, and after targeted ones


def sound_events(
    data: str | AudioDataset,
    out: str | Path,
    *,
    preset: str = "quick",
    models: Sequence[str] | None = None,
    attacks: Sequence[str] | None = None,
    parts: Sequence[str] | None = None,
    options: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    trainings: int = 1,
    clips: int | None = None,
    epochs: int | None = None,
    seconds: float = 3.0,
    sample_rate: int = 16000,
    speaker_pattern: str | None = None,
    seed: int = 0,
    progress: bool = True,
    **engine: Any,
) -> dict[str, Any]:
    """
    Train, attack, and look at what attacks leave; the same call goes on where it was stopped.

    Written to `out`: `models/`, `clips/`, `cells.jsonl`, `results.json`, `table.md`, pictures and `report.html`.

    :param data: As `load_dataset` takes it, or a dataset. Its own split is kept, else one is drawn.
    :param out: Folder for everything; made if absent.
    :param preset: A key of `PRESETS`; "paper" is as published with a `sample_rate` of 32000.
    :param models: Of `MODELS`, instead of the preset's.
    :param attacks: Of `ATTACKS`, instead of the preset's.
    :param parts: Of `PARTS`, instead of the preset's.
    :param options: Of attacks, such as `["lbfgs.restarts=0"]`, instead of their own; see `attack_options`.
    :param labels: From which targeted attacks start and at which they aim, at least two; None for all.
    :param trainings: Of each model, each with a seed of its own; the first are those of one training.
    :param clips: Test clips at most, instead of the preset's number.
    :param epochs: Of the models, instead of the preset's.
    :param seconds: Cut or pad every clip to this many; unused with a dataset.
    :param sample_rate: Resample to this many Hz; unused with a dataset.
    :param speaker_pattern: See `load_dataset`; unused with a dataset.
    :param seed: Of everything.
    :param progress: Show progress bars.
    :param engine: `jobs`, `backend` and `scheduler` of `sweep`.
    :return: `models`, `attacks`, `pairs`, `labels`, `moves`, `transfer` and `survival`, lists of rows of
        `sound_events_summary`, `inputs` and `curves` of `sound_events_strength`; data, sizes, notes and machine.
    :raises ValueError: If the data, a name or a number is unusable.
    """
    begin, out = time.perf_counter(), Path(out)
    size = choose_size(preset, models, attacks, parts, clips, trainings, options)
    loading: dict[str, Any] = {"seconds": seconds, "sample_rate": sample_rate, "seed": seed, "progress": progress}
    loading["speaker_pattern"] = speaker_pattern
    dataset = data if isinstance(data, AudioDataset) else load_dataset(data, **loading)
    train, test = split_dataset(dataset, seed=seed)
    size = replace(size, labels=chosen_labels(labels, chosen_clips(test, size.clips, seed)))
    run: dict[str, Any] = {"seed": seed, "epochs": epochs, "progress": progress}
    files = prepare_models(size.models, train, out / "models", size.training, **run)
    judged = model_rows(files, test)
    context = EventContext(chosen_clips(test, size.clips, seed), files, out / "clips")
    note = missing_codecs() if "survival" in size.parts else ""
    attacked, searched, looked = _cells(size, context, out, note, seed, {"progress": progress, **engine})
    record = {
        **{"experiment": "sound-events", "preset": preset, "seed": seed, "version": art_audio_ext.__version__},
        "data": _about(dataset, train, test, context.test),
        "size": _size(size, dataset.label_names),
        **{"models": judged, **_tables(size, attacked, searched, looked, context.test, seed)},
        "notes": [note] if note else [],
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "seconds": round(time.perf_counter() - begin, 1),
    }
    write_sound_events(record, out, _heard(attacked, context, False), _heard(attacked, context, True))
    return record


def choose_size(
    preset: str,
    models: Sequence[str] | None = None,
    attacks: Sequence[str] | None = None,
    parts: Sequence[str] | None = None,
    clips: int | None = None,
    trainings: int = 1,
    options: Sequence[str] | None = None,
) -> Size:
    """
    A preset, with what was asked for in its place.

    :param preset: A key of `PRESETS`.
    :param models: Of `MODELS`; None as the preset says.
    :param attacks: Of `ATTACKS`; None as the preset says.
    :param parts: Of `PARTS`; None as the preset says.
    :param clips: Test clips at most; None as the preset says.
    :param trainings: Of each model.
    :param options: Of attacks, see `attack_options`.
    :return: How much to run.
    :raises ValueError: If a name is unknown, or a number out of its range.
    """
    if preset not in PRESETS:
        raise ValueError(f"there is no preset {preset!r}: choose {', '.join(PRESETS)}")
    size = PRESETS[preset]
    asked = {"models": (models, MODELS), "attacks": (attacks, ATTACKS), "parts": (parts, PARTS)}
    for name in models or ():
        if "@" in name:
            model_parts(name)  # says more of a wrong pair than a list of names
    for name, (given, known) in asked.items():
        if unknown := sorted(set(given or ()) - set(known)):
            raise ValueError(f"{name}: there is no {', '.join(unknown)}: choose among {', '.join(known)}")
        if given is not None and not given and name != "parts":
            raise ValueError(f"{name}: name at least one of {', '.join(known)}")
        if given is not None:
            size = replace(size, **{name: tuple(dict.fromkeys(given))})  # type: ignore[arg-type]
    for name, count in (("clips", clips), ("trainings", trainings)):
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise ValueError(f"{name} must be a whole number from 1 up, got {count!r}")
    size = replace(size, models=each_training(size.models, trainings), options=with_options(size, options or ()))
    return size if clips is None else replace(size, clips=clips)


def _cells(
    size: Size, context: EventContext, out: Path, note: str, seed: int, engine: dict[str, Any]
) -> tuple[list[Cell], list[Cell], list[Cell]]:
    """Attacks first, then attacks over ratios, then what is asked of the clips that the first broke."""
    checksums = {name: about["checksum"] for name, about in context.models.items()}
    identity = {"experiment": "sound-events", "version": art_audio_ext.__version__, "rules": str(_RULES)}
    identity["data"] = fingerprint(context.test)
    channels = [name for name in CHANNELS if not (note and name.startswith(LOSSY))]

    def results(tasks: list[dict[str, Any]]) -> list[Cell]:
        found = sweep(run_cell, tasks, out / "cells.jsonl", identity=identity, context=context, **engine)
        return list(zip(tasks, found, strict=True))

    attacked = results(attack_tasks(size, context.test, checksums, seed))
    searched = results(curve_tasks(size, context.test, checksums, seed)) if "curves" in size.parts else []
    return attacked, searched, results(look_tasks(attacked, size, checksums, channels))


def _tables(
    size: Size, attacked: list[Cell], searched: list[Cell], looked: list[Cell], test: AudioDataset, seed: int
) -> dict[str, list[dict[str, Any]]]:
    """What attacks reach, what is left of it elsewhere, and what they need."""
    return {
        "attacks": attack_rows(attacked, seed),
        "pairs": pair_rows(attacked, test.label_names),
        "labels": distribution_rows(attacked, test.label_names),
        "moves": move_rows(attacked, test.label_names),
        "transfer": transfer_rows(looked, test.labels, seed),
        "survival": survival_rows(looked, test.labels, seed),
        **_strength(size, attacked, searched, seed),
    }


def _size(size: Size, label_names: Sequence[str]) -> dict[str, Any]:
    """What was run."""
    return {
        "models": list(size.models),
        "attacks": list(size.attacks),
        "parts": list(size.parts),
        "options": {name: dict(values) for name, values in size.options},
        "targeted_labels": list(size.labels or label_names),
    }


def _strength(size: Size, attacked: list[Cell], searched: list[Cell], seed: int) -> dict[str, list[dict[str, Any]]]:
    """What attacks need, as far as asked for."""
    needed, ends = needed_changes(attacked, searched), dict(size.search)
    grid = np.arange(ends["low_db"], ends["high_db"] + 1.0, 2.0)
    found = {"inputs": input_rows(needed, seed) if "inputs" in size.parts else []}
    return {**found, "curves": curve_rows(needed, grid, seed) if "curves" in size.parts else []}


def _heard(attacked: list[Cell], context: EventContext, aimed: bool) -> HeardClips | None:
    """Some clips as they are and after each untargeted, or each targeted (`aimed`), attack of the first model."""
    first = [cell for cell in attacked if cell[0]["model"] == attacked[0][0]["model"]]
    first = [cell for cell in first if (cell[0]["targets"] is not None) == aimed]
    sounds: dict[str, dict[tuple[int, int | None], np.ndarray]] = {}
    for task, result in first:
        if result["clips"]:
            pairs = zip(result["clips"], attacked_clips(task, context), strict=True)
            sounds.setdefault(task["attack"], {}).update({(clip["row"], clip["target"]): s for clip, s in pairs})
    if not sounds:
        return None
    keys = sorted(set.intersection(*(set(found) for found in sounds.values())))
    if not keys:
        return None
    keys = [keys[k] for k in np.unique(np.linspace(0, len(keys) - 1, _AIMED if aimed else _HEARD).astype(int))]
    test = context.test
    versions = {"as it is": np.asarray(test.waveforms)[[row for row, _ in keys]]}
    versions |= {f"{name}, {first[0][0]['model']}": np.stack([s[key] for key in keys]) for name, s in sounds.items()}
    aims: dict[int | None, str] = {k: f", to be called {name}" for k, name in enumerate(test.label_names)}
    names = [f"{test.label_names[test.labels[row]]}{aims.get(target, '')}: {test.paths[row]}" for row, target in keys]
    return HeardClips(names, versions, test.sample_rate)


def _about(dataset: AudioDataset, train: AudioDataset, test: AudioDataset, attacked: AudioDataset) -> dict[str, Any]:
    """What a report says of the data."""
    return {
        "name": dataset.name,
        "label_names": list(dataset.label_names),
        "train": len(train),
        "test": len(test),
        "attacked": len(attacked),
        "seconds_per_clip": dataset.waveforms.shape[1] / dataset.sample_rate,
        "sample_rate": dataset.sample_rate,
    }
