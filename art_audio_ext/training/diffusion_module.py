"""The LightningModule of a diffusion model, with the running average of its weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from art_audio_ext.functional.diffusion import diffuse
from art_audio_ext.training.audio_diffusion import NoisePredictor
from art_audio_ext.training.diffusion_settings import DiffusionSettings
from art_audio_ext.training.seeded_module import VALIDATION, SeededModule, mixed_seed
from art_audio_ext.training.weight_average import follow


class DiffusionModule(SeededModule):
    """
    AdamW on the mean squared error of the predicted noise, at steps drawn evenly.

    Every draw is a function of (seed, epoch, step, rank) and nothing else. The averaged weights are part of the state,
    so they travel with checkpoints; the held-out loss is theirs.

    Source: Ho et al., "Denoising Diffusion Probabilistic Models", 2020, algorithm 1.

    :param network: Learns in place.
    :param settings: How.
    :param seed: Of the draws.
    :param fingerprint: What decides the result, stored in each checkpoint; plain types only.
    """

    def __init__(
        self, network: NoisePredictor, settings: DiffusionSettings, seed: int, fingerprint: dict[str, Any]
    ) -> None:
        super().__init__(seed, fingerprint, None, "diffusion")
        self.network, self.settings, self.schedule = network, settings, settings.schedule()
        self.average = deepcopy(network).requires_grad_(False)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Loss of a batch of sound (n, L) or pictures (n, 1, 32, 32)."""
        noised, t, noise = self._noised(batch, self.current_epoch, batch_idx)
        with _dropout_seed(mixed_seed(self.seed, self.current_epoch, batch_idx, self.global_rank, 1), batch.device):
            loss = mse_loss(self.network(noised, t), noise)
        self.note("train_loss", loss, len(batch))
        return loss

    def validation_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Loss of a held-out batch by the averaged weights."""
        noised, t, noise = self._noised(batch, VALIDATION, batch_idx)
        loss = mse_loss(self.average(noised, t), noise)
        self.note("validation_loss", loss, len(batch))
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        """Move the average a little towards the weights."""
        follow(self.average, self.network, self.settings.ema, self.global_step)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW, at a constant rate."""
        return torch.optim.AdamW(self.network.parameters(), self.settings.learning_rate, weight_decay=0.0)

    def _noised(self, batch: Tensor, epoch: int, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Noisy clips, how far they are diffused, and the noise."""
        generator = self.noise(epoch, step)
        crop = self.settings.crop
        if crop is not None and batch.ndim == 2 and crop < batch.shape[1]:
            start = torch.randint(batch.shape[1] - crop + 1, (len(batch), 1), generator=generator)
            batch = batch.gather(1, (start + torch.arange(crop)).to(batch.device))
        t = torch.randint(1, self.schedule.steps + 1, (len(batch),), generator=generator)
        noise = torch.randn(batch.shape, generator=generator).to(batch)
        t = t.to(batch.device)
        return diffuse(batch, t, noise, self.schedule), t, noise


@contextmanager
def _dropout_seed(seed: int, device: torch.device) -> Iterator[None]:
    """Dropout knows no generator of its own: seed the global one for a while, and put it back."""
    cuda = [device.index if device.index is not None else torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        for index in cuda:
            torch.cuda.default_generators[index].manual_seed(seed)
        yield
