"""The LightningModule of the sequential autoencoder, and its progress bar."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from tqdm import tqdm

from art_audio_ext.training.audio_vae import Autoencoder
from art_audio_ext.training.vae_settings import VaeSettings

_LOSSES: tuple[str, ...] = ("train_loss", "validation_loss")
_VALIDATION = 2**32 - 1  # stands where the epoch stands: validation noise is the same in every epoch


class VaeModule(LightningModule):
    """
    Adam on the negative evidence lower bound. Noise is a function of (seed, epoch, step, rank) and nothing else.

    :param network: Learns in place.
    :param settings: Learning rate, weight of the reconstruction, patience.
    :param seed: Of the noise.
    :param fingerprint: What decides the result, stored in each checkpoint; plain types only.
    """

    def __init__(
        self,
        network: Autoencoder,
        settings: VaeSettings,
        seed: int,
        fingerprint: dict[str, Any],
    ) -> None:
        super().__init__()
        self.network, self.settings, self.seed, self.fingerprint = network, settings, seed, fingerprint
        self.history: list[dict[str, float]] = []

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Loss of a batch of log-mels (n, bands, frames)."""
        return self._loss(batch, "train_loss", self.current_epoch, batch_idx)

    def validation_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Loss of a held-out batch."""
        return self._loss(batch, "validation_loss", _VALIDATION, batch_idx)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, at a constant rate."""
        return torch.optim.Adam(self.network.parameters(), self.settings.learning_rate)

    def on_train_start(self) -> None:
        """A training that had already stopped early stays stopped when it is resumed."""
        self.trainer.should_stop = stale(self.history, self.settings.patience)

    def on_train_epoch_end(self) -> None:
        """
        Note the losses, and stop if they no longer fall.

        :raises ValueError: If the loss is not finite.
        """
        metrics = self.trainer.callback_metrics
        losses = {name: float(metrics[name]) for name in _LOSSES if name in metrics}
        if not all(map(math.isfinite, losses.values())):
            raise ValueError(
                f"VAE training diverged in epoch {self.current_epoch + 1}: lower learning_rate "
                f"(it is {self.settings.learning_rate:g})"
            )
        self.history.append(losses)
        self.trainer.should_stop = stale(self.history, self.settings.patience)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say in the checkpoint what it belongs to."""
        checkpoint["fingerprint"] = self.fingerprint

    def get_extra_state(self) -> dict[str, Any]:
        """The losses travel with the weights, through checkpoints and between processes."""
        return {"history": self.history}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the losses back."""
        self.history = list(state["history"])

    def _loss(self, batch: Tensor, name: str, epoch: int, step: int) -> Tensor:
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch, step, self.global_rank))
        loss = self.network.loss(batch, generator, self.settings.reconstruction_weight)
        self.log(name, loss, on_step=False, on_epoch=True, batch_size=len(batch), sync_dist=self.trainer.world_size > 1)
        return loss


class EpochBar(Callback):
    """One line of progress for the whole training."""

    def __init__(self) -> None:
        self.bar: tqdm | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar where a resumed training goes on."""
        if trainer.is_global_zero:
            steps, epochs = int(trainer.num_training_batches), trainer.max_epochs or 0
            self.bar = tqdm(total=steps * epochs, initial=steps * trainer.current_epoch, desc="VAE", unit="step")

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """One step further."""
        if self.bar is not None:
            self.bar.update()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say which epoch, and the loss."""
        if self.bar is not None:
            loss = float(trainer.callback_metrics["train_loss"])
            self.bar.set_description(f"VAE epoch {trainer.current_epoch + 1}/{trainer.max_epochs}, loss {loss:.4g}")

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the line as it stands."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def stale(history: list[dict[str, float]], patience: int) -> bool:
    """
    Whether the loss (held-out where there is one) has not improved for `patience` epochs.

    :param history: Losses of each epoch.
    :param patience: Epochs.
    """
    losses = [epoch.get("validation_loss", epoch.get("train_loss", math.inf)) for epoch in history]
    return bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= patience


def mixed_seed(*parts: int) -> int:
    """
    One seed from several whole numbers, such that neighbours are unrelated.

    :param parts: Non-negative.
    :return: Below 2**63, as torch wants it.
    """
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)
