"""A trained sequential autoencoder as an object that turns sound into latents, and its two files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from art_audio_ext.functional.checks import check_sample_rate
from art_audio_ext.networks.dsa import DisentangledSequentialAutoencoder
from art_audio_ext.networks.step_autoencoder import StepAutoencoder
from art_audio_ext.training.vae_data import checked_batches, log_mels
from art_audio_ext.training.vae_settings import VaeSettings
from art_audio_ext.training.weight_files import read_weights, write_weights

Autoencoder = DisentangledSequentialAutoencoder | StepAutoencoder
_FORMAT = "art_audio_ext.AudioVae"
_VALUES_AT_ONCE = 1 << 24  # of the widest layer, 64 MB: memory stays bounded whatever the batch size


def build_network(settings: VaeSettings) -> Autoencoder:
    """
    :param settings: Say which network, and its sizes.
    :return: The network with fresh weights.
    """
    if settings.architecture == "steps":
        return StepAutoencoder(**settings.network_arguments())
    return DisentangledSequentialAutoencoder(**settings.network_arguments())


class AudioVae:
    """
    A trained autoencoder. Clips of any length are accepted: their frames are averaged to `settings.frames`.

    :param network: Trained; it is put in eval mode.
    :param settings: What it was built and trained with.
    :param sample_rate: Of the sound it knows, in Hz.
    :param history: Losses of each epoch.
    """

    def __init__(
        self,
        network: Autoencoder,
        settings: VaeSettings,
        sample_rate: int,
        history: list[dict[str, float]] | None = None,
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.settings = settings
        self.sample_rate = check_sample_rate(sample_rate)
        self.history = list(history or [])

    def to(self, device: str | torch.device) -> AudioVae:
        """
        Move the network to a device, where `encode` then runs.

        :return: Itself.
        """
        self.network.to(device)
        return self

    def encode(self, waveforms: np.ndarray, *, batch_size: int = 256, progress: bool = False) -> np.ndarray:
        """
        Per-clip latents: the posterior mean of f, without noise; of a `StepAutoencoder` those of all steps.
        Each clip's are its own, whatever the batch.

        :param waveforms: Sound of shape (N, L) in [-1, 1] at `sample_rate`; an array or a memory map, which is
            streamed.
        :param batch_size: Clips read at once.
        :param progress: Show a bar.
        :return: float32 of shape (N, f_dim), or (N, T * z_dim).
        :raises ValueError: If the sound is not finite, floating, rectangular and within [-1, 1].
        """
        parts = [
            self.network.encode_clip(x).float().cpu().numpy() for x in self._inputs(waveforms, batch_size, progress)
        ]
        return np.concatenate(parts)

    def encode_steps(self, waveforms: np.ndarray, *, batch_size: int = 256, progress: bool = False) -> np.ndarray:
        """
        Per-step latents: the posterior means of z, given the mean of f.

        :param waveforms: As for `encode`.
        :param batch_size: Clips read at once.
        :param progress: Show a bar.
        :return: float32 of shape (T, N, z_dim), T = `settings.frames`, an eighth of it with a
            `StepAutoencoder`.
        :raises ValueError: As `encode`.
        """
        parts = [
            self.network.encode(x)[1].transpose(0, 1).float().cpu().numpy()
            for x in self._inputs(waveforms, batch_size, progress)
        ]
        return np.concatenate(parts, axis=1)

    def save(self, path: str | Path) -> Path:
        """
        Write the weights as safetensors, and beside them a JSON of what is needed to rebuild the object.

        :param path: With or without `.safetensors`; the folder is made if absent.
        :return: The path of the weights.
        """
        about = {"sample_rate": self.sample_rate, "settings": self.settings.to_dict(), "history": self.history}
        return write_weights(self.network, path, _FORMAT, about)

    @classmethod
    def load(cls, path: str | Path) -> AudioVae:
        """
        Read what `save` wrote.

        :param path: With or without `.safetensors`.
        :raises FileNotFoundError: If the weights are not there.
        :raises ValueError: If the JSON is missing or either file is damaged or of something else.
        """

        def build(about: dict[str, Any]) -> Autoencoder:
            check_sample_rate(about["sample_rate"])
            return build_network(VaeSettings.from_dict(about["settings"]))

        needed = ("sample_rate", "settings")
        network, about = read_weights(path, _FORMAT, build, needed, kind="VAE", source="`art-audio train vae`")
        return cls(network, VaeSettings.from_dict(about["settings"]), about["sample_rate"], about["history"])

    def _inputs(self, waveforms: np.ndarray, batch_size: int, progress: bool) -> Iterator[Tensor]:
        """Log-mels on the network's device, in pieces whose widest layer is bounded."""
        width = self.settings.bands ** (2 if self.settings.literal else 1)
        rows = max(1, _VALUES_AT_ONCE // (self.settings.frames * self.settings.conv_channels * width))
        device = next(self.network.parameters()).device
        total = len(waveforms) if hasattr(waveforms, "__len__") else None
        with tqdm(total=total, desc="Encoding", unit="clip", disable=not progress) as bar:
            for batch in checked_batches(waveforms, batch_size):
                for x in log_mels(batch, self.sample_rate, self.settings).split(rows):
                    yield x.to(device)
                bar.update(len(batch))
