"""The networks that a comparison of purifiers needs: trained once, kept as files, and opened by workers."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments.poison_likelihood_setup import fingerprint
from art_audio_ext.experiments.purification_plans import MODELS
from art_audio_ext.experiments.train_classifier import background_of
from art_audio_ext.networks.speech_classifiers import SpeechClassifier
from art_audio_ext.report.files import write_json
from art_audio_ext.training.audio_diffusion import AudioDiffusion
from art_audio_ext.training.classifier_settings import ClassifierSettings
from art_audio_ext.training.diffusion_settings import PRESETS as DIFFUSIONS
from art_audio_ext.training.diffusion_settings import DiffusionSettings
from art_audio_ext.training.speech_model import SpeechModel
from art_audio_ext.training.weight_average import mean_network
from art_audio_ext.training.weight_files import two_paths


def prepare_models(
    names: Collection[str],
    train: AudioDataset,
    folder: Path,
    classifier: ClassifierSettings,
    diffusion_preset: str,
    *,
    seed: int,
    progress: bool,
    precision: str = "float32",
) -> dict[str, Path]:
    """
    Train what is not there yet; each training goes on where it was stopped.

    Beside each model `<name>-training.json` says what decided it: settings, seed, precision, clips, and where it began.

    :param names: Of `MODELS`.
    :param train: Clips to learn from, one second at 16 kHz.
    :param folder: Where the files go.
    :param classifier: Settings of the plain classifier, from which the others differ.
    :param diffusion_preset: Of the diffusion models.
    :param seed: Of all trainings.
    :param progress: Show bars.
    :param precision: Of all trainings, "float32" or "bfloat16".
    :return: The files by name, those that others start from among them.
    :raises ValueError: If a name is unknown, the data or a setting will not do, or a model lies there that was trained
        in another way.
    """
    wanted = set(names)
    if unknown := sorted(wanted - set(MODELS)):
        raise ValueError(f"there is no model {', '.join(unknown)}: choose among {', '.join(MODELS)}")
    while missing := {before for name in wanted for before in MODELS[name].before} - wanted:
        wanted |= missing
    paths = {name: folder / f"{name}.safetensors" for name in MODELS if name in wanted}
    run: dict[str, Any] = {"seed": seed, "progress": progress, "precision": precision}
    data = fingerprint(train)
    for name, path in paths.items():  # in the order of `MODELS`: those that others start from come first
        plan, settings = MODELS[name], _settings(name, classifier, diffusion_preset)
        begin = [file_checksum(paths[before]) for before in plan.before] or None
        identity = {**run, "settings": settings.to_dict(), "seed": seed + plan.seed_shift, "data": data, "start": begin}
        del identity["progress"]
        note = path.with_name(f"{name}-training.json")
        if path.is_file():
            _check_same(path, note, identity)
            continue
        write_json(identity, note)
        _train(name, train, path, settings, paths, {**run, "seed": identity["seed"]})
    return paths


def open_model(path: str) -> SpeechModel:
    """
    :param path: Of a classifier; opened once a process, and again when the file has changed.
    :return: The classifier.
    """
    return _open_model(path, os.stat(path).st_mtime_ns)


def open_diffusion(path: str) -> AudioDiffusion:
    """
    :param path: Of a diffusion model; opened once a process, and again when the file has changed.
    :return: The model.
    """
    return _open_diffusion(path, os.stat(path).st_mtime_ns)


def file_checksum(path: str | Path) -> str:
    """
    :param path: Of a model's weights.
    :return: Hexadecimal; tells them, and the JSON beside them, from others.
    """
    digest = hashlib.sha256()
    for part in two_paths(path):
        digest.update(part.read_bytes())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=8)
def _open_model(path: str, changed: int) -> SpeechModel:
    return SpeechModel.load(path)


@lru_cache(maxsize=4)
def _open_diffusion(path: str, changed: int) -> AudioDiffusion:
    return AudioDiffusion.load(path)


def _settings(name: str, base: ClassifierSettings, diffusion_preset: str) -> ClassifierSettings | DiffusionSettings:
    """What a network is trained with; a mean has the settings of its first part."""
    plan = MODELS[name]
    if plan.kind == "diffusion":
        return DIFFUSIONS[plan.domain, diffusion_preset]
    if plan.kind == "mean":
        return _settings(plan.parts[0], base, diffusion_preset)
    epochs, rate = max(1, round(plan.share * base.epochs)), plan.rate * base.learning_rate
    return replace(base, epochs=epochs, learning_rate=rate, **dict(plan.changes))


def _check_same(path: Path, note: Path, identity: dict[str, Any]) -> None:
    """Refuse a model that was trained in another way than this call would train it."""
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = {}
    expected = json.loads(json.dumps(identity))  # as it comes back from a file
    if found != expected:
        differ = ", ".join(
            sorted(key for key in expected if not isinstance(found, dict) or found.get(key) != expected[key])
        )
        raise ValueError(
            f"{path} was trained in another way ({differ} differ): name another folder, or delete that file"
        )


def _train(
    name: str,
    train: AudioDataset,
    path: Path,
    settings: ClassifierSettings | DiffusionSettings,
    paths: dict[str, Path],
    run: dict[str, Any],
) -> None:
    """One network, from nothing or from others."""
    plan, folder = MODELS[name], path.with_name(f"{name}-checkpoints")
    if plan.kind == "mean":
        models = [SpeechModel.load(paths[part]) for part in plan.parts]
        mean = cast(SpeechClassifier, mean_network([model.network for model in models]))
        SpeechModel(mean, models[0].settings, models[0].label_names).save(path)
        return
    if isinstance(settings, DiffusionSettings):
        from art_audio_ext.training.diffusion import train_diffusion  # Lightning takes seconds to import

        clips = np.asarray(train.waveforms)
        train_diffusion(clips, train.sample_rate, plan.domain, settings, checkpoint_dir=folder, **run).save(path)
        return
    from art_audio_ext.training.classifier import train_classifier

    model = train_classifier(
        train.waveforms,
        train.labels,
        train.label_names,
        train.sample_rate,
        settings,
        background=background_of(train),
        start=None if plan.start is None else SpeechModel.load(paths[plan.start]),
        checkpoint_dir=folder,
        **run,
    )
    model.save(path)
