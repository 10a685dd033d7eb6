"""What every LightningModule here is: seeded noise, losses that travel with checkpoints, an early stop, a bar."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from tqdm import tqdm

_LOSSES: tuple[str, ...] = ("train_loss", "validation_loss", "attacked_loss")
VALIDATION = 2**32 - 1  # stands where the epoch stands: validation noise is the same in every epoch


class SeededModule(LightningModule):
    """
    Keeps its losses, stops when they no longer fall, and says in each checkpoint what it belongs to.

    :param seed: Of all noise.
    :param fingerprint: What decides the result, stored in each checkpoint; plain types only.
    :param patience: Epochs without a better loss after which training stops; None never stops.
    :param name: What is trained, for messages and the bar.
    """

    def __init__(self, seed: int, fingerprint: dict[str, Any], patience: int | None, name: str) -> None:
        super().__init__()
        self.seed, self.fingerprint, self.patience, self.name = seed, fingerprint, patience, name
        self.history: list[dict[str, float]] = []

    def noise(self, epoch: int, step: int) -> torch.Generator:
        """
        A generator that is a function of (seed, epoch, step, rank) and nothing else.

        :param epoch: The epoch, or `VALIDATION`.
        :param step: Of the epoch.
        """
        return torch.Generator().manual_seed(mixed_seed(self.seed, epoch, step, self.global_rank))

    def note(self, name: str, value: torch.Tensor, clips: int) -> None:
        """
        Log a figure of a batch; it is averaged over the epoch.

        :param name: Of the figure.
        :param value: A scalar.
        :param clips: In the batch.
        """
        self.log(name, value, on_step=False, on_epoch=True, batch_size=clips, sync_dist=self.trainer.world_size > 1)

    def on_train_start(self) -> None:
        """A training that had already stopped early stays stopped when it is resumed."""
        self.trainer.should_stop = stale(self.history, self.patience)

    def on_train_epoch_end(self) -> None:
        """
        Note the losses, and stop if they no longer fall.

        :raises ValueError: If the loss is not finite.
        """
        metrics = self.trainer.callback_metrics
        losses = {name: float(value) for name, value in metrics.items() if name in _LOSSES or name.endswith("accuracy")}
        if not all(map(math.isfinite, losses.values())):
            rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            raise ValueError(
                f"{self.name} training diverged in epoch {self.current_epoch + 1}: lower learning_rate "
                f"(it is {rate:g})"
            )
        self.history.append(losses)
        self.trainer.should_stop = stale(self.history, self.patience)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say in the checkpoint what it belongs to."""
        checkpoint["fingerprint"] = self.fingerprint

    def get_extra_state(self) -> dict[str, Any]:
        """The losses travel with the weights, through checkpoints and between processes."""
        return {"history": self.history}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the losses back."""
        self.history = list(state["history"])


class EpochBar(Callback):
    """
    One line of progress for the whole training.

    :param name: What is trained.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.bar: tqdm | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar where a resumed training goes on."""
        if trainer.is_global_zero:
            steps, epochs = int(trainer.num_training_batches), trainer.max_epochs or 0
            self.bar = tqdm(total=steps * epochs, initial=steps * trainer.current_epoch, desc=self.name, unit="step")

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """One step further."""
        if self.bar is not None:
            self.bar.update()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say which epoch, and the loss."""
        if self.bar is not None:
            loss = float(trainer.callback_metrics["train_loss"])
            self.bar.set_description(
                f"{self.name} epoch {trainer.current_epoch + 1}/{trainer.max_epochs}, loss {loss:.4g}"
            )

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the line as it stands."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def stale(history: list[dict[str, float]], patience: int | None) -> bool:
    """
    Whether the loss (held-out where there is one) has not improved for `patience` epochs.

    :param history: Losses of each epoch.
    :param patience: Epochs; None is for ever.
    """
    if patience is None:
        return False
    losses = [epoch.get("validation_loss", epoch.get("train_loss", math.inf)) for epoch in history]
    return bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= patience


def mixed_seed(*parts: int) -> int:
    """
    One seed from several whole numbers, such that neighbours are unrelated.

    :param parts: Non-negative.
    :return: Below 2**63, as torch wants it.
    """
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)
