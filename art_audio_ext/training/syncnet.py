"""Training of synchronisation networks, from talking clips to a `SyncModel`; resumable, no global state."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.training.runs import check_seed, loader, run_training, seeded
from art_audio_ext.training.sync_model import SyncModel, check_sync_layout
from art_audio_ext.training.syncnet_settings import SyncNetSettings, resolve_settings

if TYPE_CHECKING:
    from art_audio_ext.training.syncnet_module import ClipAttack

_CLIPS_AT_ONCE = 64


def train_syncnet(
    dataset: AudioVisualDataset,
    settings: SyncNetSettings | str = "standard",
    *,
    seed: int,
    start: SyncModel | None = None,
    attack: ClipAttack | None = None,
    attack_name: str = "",
    noise_twins: bool = True,
    epochs: int | None = None,
    checkpoint_dir: Path | None = None,
    progress: bool = True,
    accelerator: str = "auto",
    devices: int = 1,
    precision: str = "float32",
) -> SyncModel:
    """
    Train a network that tells whether sound and pictures belong together, and by how much they are apart.

    It needs no labels: within a clip, the windows at the same time match and all others do not. With `checkpoint_dir`,
    every epoch is kept, and the same call after an interruption goes on from the last whole epoch to the same weights,
    bit for bit on the CPU with as many threads.

    :param dataset: Clips in sync, at 16 kHz and 25 frames a second.
    :param settings: A `SyncNetSettings`, or a key of `PRESETS`.
    :param seed: Of the first weights, the order and all changes of clips; not negative.
    :param start: A model of the same network to go on from (fine-tuning) instead of fresh weights.
    :param attack: Trains against attacked clips: a function (network, sound, pictures, generator) that gives both
        attacked, called at each step with half of the clips; these shall come to have no offset.
    :param attack_name: Says which attack it is, so that checkpoints of another are not taken for this one's.
    :param noise_twins: With an attack, have the same clips with Gaussian noise of the same power stay in sync. Without,
        noise is taken for an attack.
    :param epochs: Replaces the number in the settings.
    :param checkpoint_dir: Where checkpoints lie; None keeps none.
    :param progress: Show a bar.
    :param accelerator: "auto", "cpu", "gpu" or another that Lightning knows.
    :param devices: How many of them; more than one trains data-parallel.
    :param precision: Of the arithmetic, "float32" or "bfloat16"; weights are kept in 32 bits.
    :return: The trained model, on the CPU, with the weights of the last epoch.
    :raises ValueError: If the clips, the settings, the device or the checkpoints will not do.
    """
    number, chosen = check_seed(seed), resolve_settings(settings, epochs=epochs)
    check_sync_layout(dataset.layout, chosen)
    rows = TalkingClips(dataset)
    network = seeded(chosen.build, number)
    fingerprint = {
        "settings": chosen.to_dict(),
        "seed": number,
        "data": f"{len(rows)} clips, checksum {rows.checksum:08x}",
        "start": 0 if start is None else start.checksum(),
        "attack": "" if attack is None else f"{attack_name or 'unnamed'}{', noise twins' if noise_twins else ''}",
    }
    if start is not None:
        _check_start(start.settings, chosen)
        network.load_state_dict(start.network.state_dict())
    from art_audio_ext.training.syncnet_module import SyncNetModule  # Lightning takes seconds to import

    module = SyncNetModule(network, chosen, number, fingerprint, attack, noise_twins)
    batches = loader(rows, np.arange(len(rows)), number, chosen.batch_size)
    run: dict = {"progress": progress, "accelerator": accelerator, "devices": devices, "precision": precision}
    run_training(module, batches, None, epochs=chosen.epochs, folder=checkpoint_dir, **run)
    return SyncModel(module.network.cpu(), chosen, dataset.layout, module.history)


class TalkingClips(Dataset):
    """
    Sound and pictures by clip number, whole batches at a time, read from where they lie.

    :param dataset: The clips.
    :raises ValueError: If there is none, or the sound of one is not acceptable.
    """

    def __init__(self, dataset: AudioVisualDataset) -> None:
        self.audio, self.video, self.checksum = dataset.audio, dataset.video, 0
        if not len(dataset):
            raise ValueError("there is no clip to learn from")
        check_waveforms(self.audio, "audio")
        for start in range(0, len(dataset), _CLIPS_AT_ONCE):
            for part in (self.audio, self.video):
                block = np.ascontiguousarray(part[start : start + _CLIPS_AT_ONCE])
                self.checksum = zlib.crc32(block.data, self.checksum)

    def __len__(self) -> int:
        return len(self.audio)

    def __getitems__(self, rows: list[int]) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(np.array(self.audio[rows])), torch.from_numpy(np.array(self.video[rows]))

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        audio, video = self.__getitems__([row])
        return audio[0], video[0]


def _check_start(old: SyncNetSettings, new: SyncNetSettings) -> None:
    """Refuse weights of another network."""
    for name in ("architecture", "size", "crop", "sound", "pictures"):
        if getattr(old, name) != getattr(new, name):
            raise ValueError(f"the model to go on from has another {name}: {getattr(old, name)!r}")
