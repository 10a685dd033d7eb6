"""The networks of a scenario of talking clips, trained once and kept in the cache."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.datasets.cache import cache_dir
from art_audio_ext.experiments.armory_networks import epoch_seconds, trained_once
from art_audio_ext.networks.audiovisual_recogniser import AudioVisualRecogniser
from art_audio_ext.training import audiovisual_settings, syncnet_settings
from art_audio_ext.training.audiovisual_model import RecogniserModel
from art_audio_ext.training.sync_model import SyncModel

_VERSION = 1  # raise it when the same settings, seed and clips give another network
_EXAMPLES = 4  # clips on which the time of a training is measured


def recogniser_for(train: AudioVisualDataset, preset: str = "small", seed: int = 0, **changes: Any) -> RecogniserModel:
    """
    A recogniser of words trained on these clips: at the first call it is trained, later it is opened.

    :param train: Word clips.
    :param preset: A key of `audiovisual_settings.PRESETS`.
    :param seed: Of the training.
    :param changes: Of `RecogniserSettings`, by name.
    :raises ValueError: If a setting or the clips will not do.
    """
    settings = audiovisual_settings.resolve_settings(preset, **changes)

    def make(folder: Path) -> RecogniserModel:
        from art_audio_ext.training.audiovisual_recogniser import train_recogniser  # Lightning takes seconds to import

        return train_recogniser(train, settings, seed=seed, checkpoint_dir=folder)

    def seconds() -> float:
        sizes = settings.sizes()
        return settings.epochs * epoch_seconds(
            lambda: AudioVisualRecogniser(len(train.label_names), head="word", **sizes), _examples(train), len(train)
        )

    path = _path("recogniser", train, settings.to_dict(), seed)
    what = f"a recogniser ({len(train)} clips, epochs: {settings.epochs})"
    return trained_once(path, RecogniserModel.load, make, what, seconds)


def sync_for(train: AudioVisualDataset, preset: str = "quick", seed: int = 0, **changes: Any) -> SyncModel:
    """
    A sync network trained on these clips: at the first call it is trained, later it is opened.

    :param train: Word clips.
    :param preset: A key of `syncnet_settings.PRESETS`.
    :param seed: Of the training.
    :param changes: Of `SyncNetSettings`, by name.
    :raises ValueError: If a setting or the clips will not do.
    """
    settings = syncnet_settings.resolve_settings(preset, **changes)

    def make(folder: Path) -> SyncModel:
        from art_audio_ext.training.syncnet import train_syncnet  # Lightning takes seconds to import

        return train_syncnet(train, settings, seed=seed, checkpoint_dir=folder)

    def seconds() -> float:
        sound, pictures = _examples(train)
        begun = epoch_seconds(lambda: _Summed(settings.build()), [sound, pictures], len(train))
        return settings.epochs * begun

    path = _path("sync", train, settings.to_dict(), seed)
    what = f"a sync network ({len(train)} clips, epochs: {settings.epochs})"
    return trained_once(path, SyncModel.load, make, what, seconds)


class _Summed(torch.nn.Module):
    """A sync network with one tensor for an answer, as the measurement of its time asks."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, audio: torch.Tensor, video: torch.Tensor) -> torch.Tensor:
        found = self.network(audio, video)
        return found.video.sum() + found.audio.sum()


def _examples(train: AudioVisualDataset) -> list[torch.Tensor]:
    rows = torch.from_numpy(train.rows(np.arange(min(_EXAMPLES, len(train)))))
    return list(train.layout.unpack(rows))


def _path(kind: str, train: AudioVisualDataset, settings: dict[str, Any], seed: int) -> Path:
    """Where a network lies, by everything that decides what it learns."""
    made_of = (_VERSION, seed, sorted(settings.items()), train.layout.to_dict(), train.label_names)
    digest = hashlib.blake2b(repr(made_of).encode(), digest_size=16)
    for array in (train.audio, train.video, train.labels):
        digest.update(np.ascontiguousarray(array).data)
    return cache_dir() / "networks" / f"{kind}-{digest.hexdigest()}.safetensors"
