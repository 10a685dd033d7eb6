"""Does any defence see another voice: filters before the training, and purifiers before the victim."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext import __version__
from art_audio_ext.attacks.evasion.white_box import predicted
from art_audio_ext.datasets.speakers import NOISE_LABELS
from art_audio_ext.experiments.global_seed import global_seed
from art_audio_ext.experiments.purification_defences import DEFENCES, build_purifiers, find_defence
from art_audio_ext.experiments.purification_models import file_checksum, prepare_models
from art_audio_ext.experiments.scenario_filters import FILTERS, MORE_FILTERS, SOUND_FILTERS, filter_entry
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.experiments.voice_conversion_cells import (
    VoiceContext,
    poisoned_clips,
    train_victim,
    victim_answers,
)
from art_audio_ext.experiments.voice_victims import Model, load_victim
from art_audio_ext.training.classifier_settings import ClassifierSettings

PURIFIERS = tuple(name for name, line in DEFENCES.items() if line.purifier is not None and line.model == "plain")
DEFAULT_LINES = (
    *("none", "perfect", "activation_clustering", "activation_clustering_tuned", "spectral_signatures"),
    *("spectral_signatures_tuned", "poison_likelihood", "combined", "time_stage", "frequency_stage", "dual_pure"),
)
_BATCH = 100


@dataclass(frozen=True)
class DefenceContext:
    """
    What all cells read.

    :param voices: Clips, and files of them in other voices.
    :param models: Files of diffusion models by name.
    :param victims: Folder of undefended victims: each is trained once for all defences.
    """

    voices: VoiceContext
    models: dict[str, str]
    victims: str


def check_lines(names: Sequence[str] | None, pictures: bool = True) -> tuple[str, ...]:
    """
    Defences by name, each once.

    :param names: Of `FILTERS`, `MORE_FILTERS` and `PURIFIERS`; None for `DEFAULT_LINES`, as far as the victim allows.
    :param pictures: Whether the victim takes log-mels, as classifiers of commands do, and those of speakers do not.
    :return: The same.
    :raises ValueError: If there is none, one is unknown, or one does not suit the victim.
    """
    of_mels = [name for name in PURIFIERS if DEFENCES[name].diffusion == "mel_diffusion"]
    if names is None:
        return tuple(name for name in DEFAULT_LINES if pictures or name not in of_mels)
    if not pictures and (wrong := sorted({*names} & {*of_mels})):
        raise ValueError(f"{', '.join(wrong)} gives log-mels, which a victim of speakers does not take: leave it out")
    known = (*FILTERS, *MORE_FILTERS, *PURIFIERS)
    if not names or (unknown := [name for name in names if name not in known]):
        raise ValueError(f"there is no defence {', '.join(unknown) if names else 'named'}: choose {', '.join(known)}")
    return tuple(dict.fromkeys(names))


def defend_all(
    tasks: Sequence[dict[str, Any]],
    names: Sequence[str],
    voices: VoiceContext,
    out: Path,
    *,
    identity: dict[str, Any],
    diffusion: str,
    seed: int,
    precision: str,
    progress: bool,
    **engine: Any,
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """
    Every defence against every poisoned training; what `defences.jsonl` holds is not run again.

    :param tasks: Experiments of `run_cell` that poison.
    :param names: From `check_lines`.
    :param voices: Clips and files.
    :param out: Folder of `defences.jsonl`, `victims/` and `models/`.
    :param identity: Of the data, as `sweep` takes it.
    :param diffusion: Preset of diffusion models. They learn from the poisoned clips of the first training, since a
        defender has no others; it is one model for all trainings, which differ in nothing but their draw of the poison.
    :param seed: Of their training.
    :param precision: Of their training.
    :param progress: Show progress bars.
    :param engine: `jobs`, `backend` and `scheduler` of `sweep`.
    :return: Experiments of `run_defence_cell` with their results.
    :raises ValueError: If a model lies there that was trained in another way.
    """
    needed = {find_defence(name).diffusion for name in names if name in PURIFIERS} - {""}
    run: dict[str, Any] = {"seed": seed, "precision": precision, "progress": progress}
    x, y, _ = poisoned_clips(tasks[0], voices)
    poisoned = replace(voices.train, waveforms=x, labels=y)
    paths = prepare_models(needed, poisoned, out / "models", ClassifierSettings(), diffusion, **run)
    models = {name: str(path) for name, path in paths.items()}
    weights = {name: file_checksum(path) for name, path in models.items()}
    cells = []
    for task in tasks:
        for name in names:
            own = [find_defence(name).diffusion] if name in PURIFIERS else []
            cells.append({**task, "defence": name, "weights": {key: weights[key] for key in own if key}})
    context = DefenceContext(voices, models, str(out / "victims"))
    path = out / "defences.jsonl"
    kept = {"identity": identity, "context": context, "progress": progress, **engine}
    sweep(
        train_defence_victim, list(tasks), out / "victims.jsonl", **kept
    )  # before: workers would each train their own
    found = sweep(run_defence_cell, cells, path, identity=identity, context=context, progress=progress, **engine)
    return list(zip(cells, found, strict=True))


def train_defence_victim(experiment: dict[str, Any], context: DefenceContext) -> dict[str, Any]:
    """
    The undefended victim, as a file.

    :param experiment: As `run_cell` takes it.
    :param context: Clips and files.
    :return: `victim`, the file's name.
    """
    x, y, _ = poisoned_clips(experiment, context.voices)
    _victim(x, y, experiment, context)
    return {"victim": _victim_path(x, y, experiment, context).name}


def run_defence_cell(experiment: dict[str, Any], context: DefenceContext) -> dict[str, Any]:
    """
    Poison, defend, and ask.

    :param experiment: As `run_cell` takes it, and `defence`.
    :param context: Clips and files.
    :return: `poisoned` (how many clips), `removed` and `removed_poison` (how many, None for purifiers), `clean` (how
        many training clips are), `right` and `hit` as `run_cell` gives them (None where the filter left no two labels
        to learn from, or refused the data, which `refused` then says), `defence_seconds` (without trainings of the
        victim).
    """
    name, voices = experiment["defence"], context.voices
    x, y, rows = poisoned_clips(experiment, voices)
    victim = _victim(x, y, experiment, context)
    found: dict[str, Any] = {"poisoned": len(rows), "clean": len(y) - len(rows), "removed": None}
    found |= {"removed_poison": None}
    begin = time.perf_counter()
    if name in PURIFIERS:
        model = _Purified(victim, name, context.models, int(experiment["seed"]))
        return {**found, **victim_answers(model, experiment, voices), "defence_seconds": None}
    try:
        removed = _removed(name, victim, x, y, rows, experiment, voices)
    except ValueError as error:  # such as of classes with too few clips: the other lines of the table shall stand
        return {**found, "right": None, "hit": None, "own": None, "defence_seconds": None, "refused": str(error)}
    found["defence_seconds"] = round(time.perf_counter() - begin, 2)
    found |= {"removed": int(removed.sum()), "removed_poison": int(removed[rows].sum())}
    if len(np.unique(y[~removed])) < 2:
        return {**found, "right": None, "hit": None, "own": None}
    if removed.any():
        victim = train_victim(x[~removed], y[~removed], experiment, voices)
    return {**found, **victim_answers(victim, experiment, voices)}


def _removed(
    name: str,
    victim: Model,
    x: np.ndarray,
    y: np.ndarray,
    rows: np.ndarray,
    experiment: dict[str, Any],
    context: VoiceContext,
) -> np.ndarray:
    """Which training clips a filter takes out (N,)."""
    removed = np.zeros(len(y), dtype=bool)
    if name == "none":
        return removed
    if name == "perfect":
        removed[rows] = True
        return removed
    names, seed = context.train.label_names, int(experiment["seed"])
    noise = [index for index, label in enumerate(names) if label.lower() in NOISE_LABELS]
    options = {"ignore_classes": noise} if name in SOUND_FILTERS else {}
    share = len(rows) / max(1, int(np.sum(y == experiment["target"])))
    entry, _ = filter_entry(name, seed, context.train.sample_rate, share, options)
    assert entry is not None
    build = getattr(import_module(entry["module"]), entry["name"])
    classifier = victim.as_art(length=x.shape[1])
    with global_seed(seed):
        _, kept = build(classifier, x, np.eye(len(names), dtype=np.float32)[y]).detect_poison(**entry["kwargs"])
    return np.asarray(kept) == 0


class _Purified:
    """A victim behind a purifier, with what is asked of a model."""

    def __init__(self, victim: Model, name: str, models: dict[str, str], seed: int) -> None:
        self.victim, self.purifiers = victim, build_purifiers(find_defence(name), models, seed, _BATCH)

    def predict(self, waveforms: np.ndarray) -> np.ndarray:
        """Class indices (N,) of clips (N, L)."""
        x = np.array(waveforms, dtype=np.float32)
        labels: np.ndarray = predicted(self.victim.as_art(self.purifiers, length=x.shape[1]), x, _BATCH).argmax(1)
        return labels


def _victim(x: np.ndarray, y: np.ndarray, experiment: dict[str, Any], context: DefenceContext) -> Model:
    """The undefended victim, trained unless its file is there."""
    path = _victim_path(x, y, experiment, context)
    if path.is_file() and path.with_suffix(".json").is_file():
        return load_victim(path, experiment["settings"])
    model = train_victim(x, y, experiment, context.voices)
    model.save(path)
    return model


def _victim_path(x: np.ndarray, y: np.ndarray, experiment: dict[str, Any], context: DefenceContext) -> Path:
    """Named by what it learns from and how."""
    decides = [experiment["settings"], experiment["seed"], experiment["precision"], __version__]
    key = hashlib.sha256(json.dumps(decides, sort_keys=True).encode())
    key.update(np.ascontiguousarray(x).data)
    key.update(np.ascontiguousarray(y).data)
    return Path(context.victims) / f"{key.hexdigest()[:16]}.safetensors"
