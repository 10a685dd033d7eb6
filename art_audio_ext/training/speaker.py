"""Training of speaker classifiers, from waveforms and labels to a `SpeakerModel`; resumable, no global state."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.functional.checks import class_indices
from art_audio_ext.networks.speaker_classifier import SpeakerClassifier
from art_audio_ext.training.classifier import LabelledClips
from art_audio_ext.training.runs import check_seed, loader, run_training, seeded
from art_audio_ext.training.speaker_model import SpeakerModel
from art_audio_ext.training.speaker_settings import SPEAKER_RATE, SpeakerSettings, resolve_settings


def train_speaker(
    waveforms: np.ndarray,
    labels: np.ndarray,
    label_names: Sequence[str],
    sample_rate: int,
    settings: SpeakerSettings | str = "quick",
    *,
    seed: int,
    architecture: str | None = None,
    start: SpeakerModel | None = None,
    epochs: int | None = None,
    checkpoint_dir: Path | None = None,
    progress: bool = True,
    accelerator: str = "auto",
    devices: int = 1,
    precision: str = "float32",
) -> SpeakerModel:
    """
    Train a classifier that names the speaker.

    With `checkpoint_dir`, every epoch is kept, and the same call after an interruption goes on from the last whole
    epoch to the same weights, bit for bit on the CPU with as many threads.

    :param waveforms: Sound of shape (N, L) in [-1, 1]; an array or a memory map. Zeros at the end are padding.
    :param labels: Class indices (N,), or one-hot rows (N, C).
    :param label_names: The speakers, by class index.
    :param sample_rate: In Hz; 16000, the rate of the filters.
    :param settings: A `SpeakerSettings`, or "quick", "standard" or "paper".
    :param seed: Of the first weights, the order, the windows and their loudness; not negative.
    :param architecture: A key of `SPEAKER_NETWORKS`; None is that of the settings, "sincnet" for a preset's name.
    :param start: A model of the same sizes and speakers to go on from (fine-tuning) instead of fresh weights.
    :param epochs: Replaces the number in the settings.
    :param checkpoint_dir: Where checkpoints lie; None keeps none.
    :param progress: Show a bar.
    :param accelerator: "auto", "cpu", "gpu" or another that Lightning knows.
    :param devices: How many of them; more than one trains data-parallel.
    :param precision: Of the arithmetic, "float32" or "bfloat16"; weights are kept in 32 bits.
    :return: The trained model, on the CPU, with the weights of the last epoch.
    :raises ValueError: If the sound, the labels, the settings, the device or the checkpoints will not do.
    :raises ImportError: If the library of the filters is missing.
    """
    if architecture is None:
        architecture = settings.architecture if isinstance(settings, SpeakerSettings) else "sincnet"
    number, chosen = check_seed(seed), resolve_settings(architecture, settings, epochs=epochs)
    if sample_rate != SPEAKER_RATE:
        raise ValueError(f"clips are at {sample_rate} Hz, the filters at {SPEAKER_RATE}: load them at that rate")
    rows = LabelledClips(waveforms, class_indices(labels, len(waveforms)), len(label_names))
    if architecture == "sincnet" and waveforms.shape[1] < chosen.window:
        raise ValueError(f"clips have {waveforms.shape[1]} samples, a window {chosen.window}: load longer clips")
    build = partial(SpeakerClassifier, architecture, len(label_names), chosen.window, chosen.hop, chosen.width)
    network = seeded(build, number)
    if start is not None:
        _check_start(start, chosen, label_names)
        network.load_state_dict(start.network.state_dict())
    fingerprint = _fingerprint(chosen, number, rows, start)
    from art_audio_ext.training.speaker_module import SpeakerModule  # Lightning takes seconds to import

    module = SpeakerModule(network, chosen, number, fingerprint)
    batches = loader(rows, np.arange(len(rows)), number, chosen.batch_size)
    run: dict = {"progress": progress, "accelerator": accelerator, "devices": devices, "precision": precision}
    run_training(module, batches, None, epochs=chosen.epochs, folder=checkpoint_dir, **run)
    return SpeakerModel(module.network.cpu(), chosen, tuple(label_names), module.history)


def _check_start(start: SpeakerModel, settings: SpeakerSettings, label_names: Sequence[str]) -> None:
    """Refuse a model of other sizes or speakers."""
    for name in ("architecture", "width"):
        if getattr(start.settings, name) != getattr(settings, name):
            raise ValueError(f"the model to go on from has another {name}: {getattr(start.settings, name)!r}")
    if start.label_names != tuple(label_names):
        raise ValueError("the model to go on from knows other speakers: give the data that it learnt from")


def _fingerprint(
    settings: SpeakerSettings, seed: int, rows: LabelledClips, start: SpeakerModel | None
) -> dict[str, Any]:
    """What decides the weights; with RMSprop, a training may be continued for longer."""
    found = {
        "settings": {**settings.to_dict(), "epochs": None if settings.optimizer == "rmsprop" else settings.epochs},
        "seed": seed,
        "data": f"{len(rows)} clips, checksum {rows.checksum:08x}",
    }
    return found if start is None else {**found, "start": start.checksum()}
