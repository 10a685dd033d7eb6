"""The LightningModule of the sequential autoencoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from art_audio_ext.training.audio_vae import Autoencoder
from art_audio_ext.training.seeded_module import VALIDATION, SeededModule
from art_audio_ext.training.vae_settings import VaeSettings


class VaeModule(SeededModule):
    """
    Adam on the negative evidence lower bound. Noise is a function of (seed, epoch, step, rank) and nothing else.

    :param network: Learns in place.
    :param settings: Learning rate, weight of the reconstruction, patience.
    :param seed: Of the noise.
    :param fingerprint: What decides the result, stored in each checkpoint; plain types only.
    """

    def __init__(self, network: Autoencoder, settings: VaeSettings, seed: int, fingerprint: dict[str, Any]) -> None:
        super().__init__(seed, fingerprint, settings.patience, "VAE")
        self.network, self.settings = network, settings

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Loss of a batch of log-mels (n, bands, frames)."""
        return self._loss(batch, "train_loss", self.current_epoch, batch_idx)

    def validation_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Loss of a held-out batch."""
        return self._loss(batch, "validation_loss", VALIDATION, batch_idx)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, at a constant rate."""
        return torch.optim.Adam(self.network.parameters(), self.settings.learning_rate)

    def _loss(self, batch: Tensor, name: str, epoch: int, step: int) -> Tensor:
        loss = self.network.loss(batch, self.noise(epoch, step), self.settings.reconstruction_weight)
        self.note(name, loss, len(batch))
        return loss
