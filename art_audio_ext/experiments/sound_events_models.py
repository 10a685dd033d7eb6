"""The networks of the study of sound-event classifiers: trained once on the training clips, kept as files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments.purification_models import file_checksum
from art_audio_ext.experiments.sound_events_names import input_of, model_parts, training_of
from art_audio_ext.functional.metrics import proportion_interval
from art_audio_ext.training.sound_event_model import SoundEventModel
from art_audio_ext.training.sound_event_settings import SoundEventSettings, resolve_settings


def prepare_models(
    names: Sequence[str],
    train: AudioDataset,
    folder: Path,
    preset: str,
    *,
    seed: int,
    epochs: int | None,
    progress: bool,
) -> dict[str, dict[str, Any]]:
    """
    Train what is not there yet; each training goes on where it was stopped.

    :param names: As `model_parts` takes them.
    :param train: Clips to learn from.
    :param folder: Where the files go, named by all that decides them.
    :param preset: Of the training.
    :param seed: Of the first trainings; each further one has the next.
    :param epochs: Instead of the preset's.
    :param progress: Show bars.
    :return: By name, `path` and `checksum`.
    :raises ValueError: If a name is unknown or the clips will not do.
    """
    found = {}
    for name in names:
        architecture, front_end = model_parts(name)
        settings = resolve_settings(architecture, preset, epochs=epochs, front_end=front_end)
        own_seed = seed + training_of(name) - 1
        path = folder / f"{name}-{_digest(train, settings, own_seed)}.safetensors"
        if not path.is_file():
            from art_audio_ext.training.sound_event import train_sound_event_classifier  # Lightning takes seconds

            sound = (train.waveforms, train.labels, train.label_names, train.sample_rate)
            kept = path.with_suffix(".checkpoints")
            run: dict[str, Any] = {"seed": own_seed, "checkpoint_dir": kept, "progress": progress}
            train_sound_event_classifier(*sound, settings, **run).save(path)
        found[name] = {"path": str(path), "checksum": file_checksum(path)}
    return found


def model_rows(models: dict[str, dict[str, Any]], test: AudioDataset) -> list[dict[str, Any]]:
    """
    How well each model does on clips that it was not trained on.

    :param models: From `prepare_models`.
    :param test: The clips.
    :return: `model`, its `input`, `clips`, `accuracy` and its 95% interval (`low`, `high`), and the `checksum` of its
        files.
    """
    rows = []
    for name, about in models.items():
        right = int((SoundEventModel.load(about["path"]).predict(np.asarray(test.waveforms)) == test.labels).sum())
        low, high = proportion_interval(right, len(test))
        row: dict[str, Any] = {"model": name, "input": input_of(name), "clips": len(test)}
        row["accuracy"] = right / len(test)
        rows.append({**row, "low": low, "high": high, "checksum": about["checksum"]})
    return rows


def _digest(train: AudioDataset, settings: SoundEventSettings, seed: int) -> str:
    """Names a file by all that decides it."""
    decided = (sorted(settings.to_dict().items()), seed, train.sample_rate, train.label_names)
    digest = hashlib.sha256(repr(decided).encode())
    for array in (train.waveforms, train.labels):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:12]
