"""Training of sound-event classifiers, from waveforms and labels to a `SoundEventModel`; resumable, no global state."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from art_audio_ext.functional.checks import class_indices
from art_audio_ext.training.classifier import LabelledClips
from art_audio_ext.training.runs import check_seed, loader, run_training, seeded
from art_audio_ext.training.sound_event_model import SoundEventModel, build_network
from art_audio_ext.training.sound_event_settings import SoundEventSettings, resolve_settings


def train_sound_event_classifier(
    waveforms: np.ndarray,
    labels: np.ndarray,
    label_names: Sequence[str],
    sample_rate: int,
    settings: SoundEventSettings | str = "quick",
    *,
    seed: int,
    architecture: str | None = None,
    start: SoundEventModel | None = None,
    epochs: int | None = None,
    checkpoint_dir: Path | None = None,
    progress: bool = True,
    accelerator: str = "auto",
    devices: int = 1,
    precision: str = "float32",
) -> SoundEventModel:
    """
    Train a classifier of sound events.

    With `checkpoint_dir`, every epoch is kept, and the same call after an interruption goes on from the last whole
    epoch to the same weights, bit for bit on the CPU with as many threads.

    :param waveforms: Sound of shape (N, L) in [-1, 1]; an array or a memory map. Zeros at the end are padding.
    :param labels: Class indices (N,), or one-hot rows (N, C).
    :param label_names: By class index.
    :param sample_rate: In Hz; the front end follows it.
    :param settings: A `SoundEventSettings`, or "quick" or "paper".
    :param seed: Of the first weights, the order, the chunks, their changes and mixtures; not negative.
    :param architecture: A key of `ARCHITECTURES`; None is that of the settings, "vgg13" for a preset's name.
    :param start: A model of the same sizes, labels and rate to go on from (fine-tuning) instead of fresh weights.
    :param epochs: Replaces the number in the settings.
    :param checkpoint_dir: Where checkpoints lie; None keeps none.
    :param progress: Show a bar.
    :param accelerator: "auto", "cpu", "gpu" or another that Lightning knows.
    :param devices: How many of them; more than one trains data-parallel.
    :param precision: Of the arithmetic, "float32" or "bfloat16"; weights are kept in 32 bits.
    :return: The trained model, on the CPU, with the weights of the last epoch.
    :raises ValueError: If the sound, the labels, the settings, the device or the checkpoints will not do.
    """
    if architecture is None:
        architecture = settings.architecture if isinstance(settings, SoundEventSettings) else "vgg13"
    number, chosen = check_seed(seed), resolve_settings(architecture, settings, epochs=epochs)
    rows = LabelledClips(waveforms, class_indices(labels, len(waveforms)), len(label_names))
    network = seeded(partial(build_network, chosen, len(label_names), sample_rate), number)
    window = network.picture.window
    if waveforms.shape[1] < window:
        raise ValueError(f"clips have {waveforms.shape[1]} samples, a window {window}: load longer clips")
    if start is not None:
        _check_start(start, chosen, label_names, sample_rate)
        network.load_state_dict(start.network.state_dict())
    fingerprint = _fingerprint(chosen, number, rows, sample_rate, start)
    from art_audio_ext.training.sound_event_module import SoundEventModule  # Lightning takes seconds to import

    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as in `train_classifier`
    module = SoundEventModule(network, chosen, number, fingerprint)
    batches = loader(rows, np.arange(len(rows)), number, chosen.batch_size)
    run: dict = {"progress": progress, "accelerator": accelerator, "devices": devices, "precision": precision}
    run_training(module, batches, None, epochs=chosen.epochs, folder=checkpoint_dir, **run)
    trained = module.network.cpu()
    trained.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # as files of weights want it
    return SoundEventModel(trained, chosen, tuple(label_names), module.history)


def _check_start(
    start: SoundEventModel, settings: SoundEventSettings, label_names: Sequence[str], sample_rate: int
) -> None:
    """Refuse a model of other sizes, labels or rate."""
    for name in ("architecture", "width", "front_end"):
        if getattr(start.network, name) != getattr(build_network(settings, 2, sample_rate), name):
            raise ValueError(f"the model to go on from has another {name}: {getattr(start.network, name)!r}")
    if start.label_names != tuple(label_names) or start.sample_rate != sample_rate:
        raise ValueError("the model to go on from has other labels or another rate: give the data that it learnt from")


def _fingerprint(
    settings: SoundEventSettings, seed: int, rows: LabelledClips, sample_rate: int, start: SoundEventModel | None
) -> dict[str, Any]:
    """What decides the weights; with Adam, a training may be continued for longer."""
    found = {
        "settings": {**settings.to_dict(), "epochs": None if settings.optimizer == "adam" else settings.epochs},
        "seed": seed,
        "data": f"{len(rows)} clips at {sample_rate} Hz, checksum {rows.checksum:08x}",
    }
    return found if start is None else {**found, "start": start.checksum()}
