"""Training of speech-command classifiers, from waveforms and labels to a `SpeechModel`; resumable, no global state."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from art_audio_ext.functional.checks import class_indices
from art_audio_ext.functional.front_end import SPEECH_MEL_RATE
from art_audio_ext.functional.streaming import release_pages
from art_audio_ext.networks.speech_classifiers import SpeechClassifier
from art_audio_ext.training.classifier_settings import ClassifierSettings, resolve_settings
from art_audio_ext.training.runs import check_seed, loader, run_training, seeded
from art_audio_ext.training.speech_model import SpeechModel
from art_audio_ext.training.vae_data import checked_batches


def train_classifier(
    waveforms: np.ndarray,
    labels: np.ndarray,
    label_names: Sequence[str],
    sample_rate: int,
    settings: ClassifierSettings | str = "quick",
    *,
    seed: int,
    background: np.ndarray | None = None,
    start: SpeechModel | None = None,
    epochs: int | None = None,
    checkpoint_dir: Path | None = None,
    progress: bool = True,
    accelerator: str = "auto",
    devices: int = 1,
    precision: str = "float32",
) -> SpeechModel:
    """
    Train a classifier of speech commands.

    With `checkpoint_dir`, every epoch is kept, and the same call after an interruption goes on from the last whole
    epoch to the same weights, bit for bit on the CPU with as many threads.

    :param waveforms: Sound of shape (N, L) in [-1, 1]; an array or a memory map.
    :param labels: Class indices (N,), or one-hot rows (N, C).
    :param label_names: By class index.
    :param sample_rate: In Hz; 16000, the rate of the front end.
    :param settings: A `ClassifierSettings`, or a key of `PRESETS`.
    :param seed: Of the first weights, the order, augmentation and noise; not negative.
    :param background: Sound of noise (M, L) to mix into clips; None mixes none.
    :param start: A model to go on from (fine-tuning) instead of fresh weights; its sizes are kept.
    :param epochs: Replaces the number in the settings.
    :param checkpoint_dir: Where checkpoints lie; None keeps none.
    :param progress: Show a bar.
    :param accelerator: "auto", "cpu", "gpu" or another that Lightning knows.
    :param devices: How many of them; more than one trains data-parallel.
    :param precision: Of the arithmetic, "float32" or "bfloat16"; weights are kept in 32 bits.
    :return: The trained model, on the CPU, with the weights of the last epoch.
    :raises ValueError: If the sound, the labels, the settings, the device or the checkpoints will not do.
    """
    number, chosen = check_seed(seed), resolve_settings(settings, epochs=epochs)
    if sample_rate != SPEECH_MEL_RATE:
        raise ValueError(f"clips are at {sample_rate} Hz, the front end at {SPEECH_MEL_RATE}: load them at that rate")
    rows = LabelledClips(waveforms, class_indices(labels, len(waveforms)), len(label_names))
    noise = None if background is None else torch.from_numpy(np.array(next(checked_batches(background, 1 << 12))))
    build = partial(SpeechClassifier, chosen.architecture, len(label_names), chosen.width, chosen.floor_sigma)
    network = seeded(build, number)
    if start is not None:
        chosen = replace(chosen, architecture=start.settings.architecture, width=start.settings.width)
        network = start.copy_network(len(label_names), chosen.floor_sigma)
    fingerprint = _fingerprint(chosen, number, rows, noise, start)
    from art_audio_ext.training.classifier_module import ClassifierModule  # Lightning takes seconds to import

    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a sixth faster on a processor
    module = ClassifierModule(network, chosen, noise, number, fingerprint)
    batches = loader(rows, np.arange(len(rows)), number, chosen.batch_size)
    run: dict = {"progress": progress, "accelerator": accelerator, "devices": devices, "precision": precision}
    run_training(module, batches, None, epochs=chosen.epochs, folder=checkpoint_dir, **run)
    trained = module.result.cpu()
    trained.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # as files of weights want it
    return SpeechModel(trained, chosen, tuple(label_names), module.history)


def _fingerprint(
    settings: ClassifierSettings, seed: int, rows: LabelledClips, noise: Tensor | None, start: SpeechModel | None
) -> dict[str, Any]:
    """What decides the weights; with SGD, a training may be continued for longer."""
    return {
        "settings": {**settings.to_dict(), "epochs": None if settings.optimizer == "sgd" else settings.epochs},
        "seed": seed,
        "data": f"{len(rows)} clips, checksum {rows.checksum:08x}",
        "background": 0 if noise is None else zlib.crc32(noise.numpy().tobytes()),
        "start": 0 if start is None else start.checksum(),
    }


class LabelledClips(Dataset):
    """
    Sound and labels by row number, whole batches at a time, read from where they lie.

    :param waveforms: Sound of shape (N, L) in [-1, 1]; an array or a memory map.
    :param labels: Class indices (N,).
    :param classes: How many there are.
    :raises ValueError: If the sound is not acceptable, a label is too large, or there is one class alone.
    """

    def __init__(self, waveforms: np.ndarray, labels: np.ndarray, classes: int) -> None:
        if labels.max() >= classes:
            raise ValueError(f"a label is {labels.max()}, but there are {classes} names: labels count from 0")
        if len(np.unique(labels)) < 2:
            raise ValueError("all clips have one label: a classifier needs two")
        self.waveforms, self.labels = waveforms, torch.from_numpy(labels)
        self.checksum = zlib.crc32(labels.tobytes())
        for batch in checked_batches(waveforms, 256):
            self.checksum = zlib.crc32(np.ascontiguousarray(batch).data, self.checksum)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        batch = torch.from_numpy(np.asarray(self.waveforms[rows], dtype=np.float32))
        release_pages(self.waveforms)
        return batch, self.labels[rows]

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        sound, label = self.__getitems__([row])
        return sound[0], label[0]
