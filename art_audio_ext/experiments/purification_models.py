"""The networks that a comparison of purifiers needs: trained once, kept as files, and opened by workers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments.train_classifier import ADVERSARIAL_EPS, background_of
from art_audio_ext.functional.diffusion import DiffusionSchedule
from art_audio_ext.training.audio_diffusion import AudioDiffusion
from art_audio_ext.training.classifier_settings import ClassifierSettings
from art_audio_ext.training.speech_model import SpeechModel

TIME_STEPS = 3  # the paper's t_w
STAGE_NOISE = float(DiffusionSchedule().noise(TIME_STEPS))


@dataclass(frozen=True)
class ModelPlan:
    """
    How one network is trained.

    :param kind: "classifier" or "diffusion".
    :param changes: To the classifier's settings.
    :param start: A classifier to go on from.
    :param share: Of the epochs of the preset.
    :param domain: Of a diffusion model.
    :param seed_shift: Added to the seed.
    """

    kind: str
    changes: tuple[tuple[str, Any], ...] = ()
    start: str | None = None
    share: float = 1.0
    domain: str = ""
    seed_shift: int = 0


_ROBUST = (("adversarial_eps", ADVERSARIAL_EPS), ("ema", 0.99))
_LONGER = (("adversarial_eps", 1.5 * ADVERSARIAL_EPS), ("masks", 0.25), ("weight_decay", 0.05), ("ema", 0.995))
MODELS: dict[str, ModelPlan] = {
    "plain": ModelPlan("classifier"),
    "surrogate": ModelPlan("classifier", seed_shift=1),
    "noisy": ModelPlan("classifier", (("noise_sigma", STAGE_NOISE),), "plain", 0.3),
    "adversarial": ModelPlan("classifier", _ROBUST, "plain", 0.5),
    "robust_noisy": ModelPlan("classifier", (*_ROBUST, ("noise_sigma", STAGE_NOISE)), "plain", 0.5),
    "hardened": ModelPlan("classifier", (*_LONGER, ("noise_sigma", STAGE_NOISE)), "robust_noisy"),
    "hardened_more": ModelPlan(
        "classifier",
        (*_LONGER, ("noise_sigma", STAGE_NOISE), ("adversarial_eps", 2 * ADVERSARIAL_EPS)),
        "hardened",
        0.5,
    ),
    "hardened_floor": ModelPlan("classifier", (*_LONGER, ("floor_sigma", STAGE_NOISE)), "adversarial"),
    "mel_diffusion": ModelPlan("diffusion", domain="mel"),
    "wave_diffusion": ModelPlan("diffusion", domain="wave"),
}


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

    :param names: Of `MODELS`.
    :param train: Clips to learn from, one second at 16 kHz.
    :param folder: Where the files go.
    :param classifier: Settings of the plain classifier, from which the others differ.
    :param diffusion_preset: Of the diffusion models.
    :param seed: Of all trainings.
    :param progress: Show bars.
    :param precision: Of all trainings, "float32" or "bfloat16".
    :return: The files by name, those that others start from among them.
    :raises ValueError: If a name is unknown, or the data or a setting will not do.
    """
    wanted = set(names)
    if unknown := sorted(wanted - set(MODELS)):
        raise ValueError(f"there is no model {', '.join(unknown)}: choose among {', '.join(MODELS)}")
    while missing := {start for name in wanted if (start := MODELS[name].start) is not None} - wanted:
        wanted |= missing
    paths = {name: folder / f"{name}.safetensors" for name in MODELS if name in wanted}
    run = {"seed": seed, "progress": progress, "precision": precision}
    for name, path in paths.items():
        if path.is_file():
            continue
        if MODELS[name].kind == "diffusion":
            _train_diffusion(MODELS[name], train, path, diffusion_preset, run)
        else:
            _train_classifier(name, train, path, classifier, paths, run)
    return paths


@lru_cache(maxsize=8)
def open_model(path: str) -> SpeechModel:
    """
    :param path: Of a classifier; opened once a process.
    :return: The classifier.
    """
    return SpeechModel.load(path)


@lru_cache(maxsize=4)
def open_diffusion(path: str) -> AudioDiffusion:
    """
    :param path: Of a diffusion model; opened once a process.
    :return: The model.
    """
    return AudioDiffusion.load(path)


def _train_classifier(
    name: str,
    train: AudioDataset,
    path: Path,
    base: ClassifierSettings,
    paths: dict[str, Path],
    run: dict[str, Any],
) -> None:
    """One classifier, from nothing or from another one with a third of the learning rate."""
    from art_audio_ext.training.classifier import train_classifier  # Lightning takes seconds to import

    plan, changes = MODELS[name], dict(MODELS[name].changes)
    rate = base.learning_rate if plan.start is None else base.learning_rate / 3
    model = train_classifier(
        train.waveforms,
        train.labels,
        train.label_names,
        train.sample_rate,
        replace(base, epochs=max(1, round(plan.share * base.epochs)), learning_rate=rate, **changes),
        background=background_of(train),
        start=None if plan.start is None else SpeechModel.load(paths[plan.start]),
        checkpoint_dir=path.with_name(f"{name}-checkpoints"),
        **{**run, "seed": run["seed"] + plan.seed_shift},
    )
    model.save(path)


def _train_diffusion(plan: ModelPlan, train: AudioDataset, path: Path, preset: str, run: dict[str, Any]) -> None:
    from art_audio_ext.training.diffusion import train_diffusion  # Lightning takes seconds to import

    folder = path.with_name(f"{path.stem}-checkpoints")
    clips = np.asarray(train.waveforms)
    train_diffusion(clips, train.sample_rate, plan.domain, preset, checkpoint_dir=folder, **run).save(path)
