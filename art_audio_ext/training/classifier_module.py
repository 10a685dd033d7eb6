"""The LightningModule of a speech-command classifier: augmentation, noise, and adversarial training."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from art_audio_ext.functional.projected_gradient import projected_ascent
from art_audio_ext.functional.speech_augment import (
    SpeechAugmentation,
    augment_sound,
    mask_pictures,
    stretch_pictures,
)
from art_audio_ext.networks.speech_classifiers import SpeechClassifier
from art_audio_ext.training.classifier_settings import ClassifierSettings
from art_audio_ext.training.seeded_module import SeededModule, mixed_seed
from art_audio_ext.training.weight_average import follow


class ClassifierModule(SeededModule):
    """
    Cross-entropy on changed clips. Every draw is a function of (seed, epoch, step, rank) and nothing else.

    :param network: Learns in place.
    :param settings: How.
    :param background: Sound of noise (M, L) to mix in, or None.
    :param seed: Of the draws.
    :param fingerprint: What decides the result, stored in each checkpoint; plain types only.
    """

    def __init__(
        self,
        network: SpeechClassifier,
        settings: ClassifierSettings,
        background: Tensor | None,
        seed: int,
        fingerprint: dict[str, Any],
    ) -> None:
        super().__init__(seed, fingerprint, None, "classifier")
        self.network, self.settings, self.background = network, settings, background
        self.recipe = SpeechAugmentation()
        self.average = deepcopy(network).requires_grad_(False) if settings.ema else None

    @property
    def result(self) -> SpeechClassifier:
        """What the training returns."""
        return self.network if self.average is None else self.average

    def on_train_batch_end(self, *_: Any) -> None:
        """Move the average a little towards the weights."""
        if self.average is not None:
            follow(self.average, self.network, self.settings.ema, self.global_step)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch of sound (n, L) and labels (n,)."""
        x, labels = batch
        generator = self.noise(self.current_epoch, batch_idx)
        if self.settings.augment:
            x = augment_sound(x, generator, self.recipe, self.background)
        stretch = mixed_seed(self.seed, self.current_epoch, batch_idx, self.global_rank, 1)
        if self.settings.adversarial_eps:
            x = self._attacked(x, labels, generator, stretch)
        logits = self._logits(x, generator, stretch)
        loss = cross_entropy(logits, labels)
        self.note("train_loss", loss, len(x))
        self.note("train_accuracy", (logits.argmax(1) == labels).float().mean(), len(x))
        return loss

    def configure_optimizers(self) -> Any:
        """AdamW by a cosine, or stochastic gradient descent that slows down on a plateau."""
        settings = self.settings
        weights, rate, decay = self.network.parameters(), settings.learning_rate, settings.weight_decay
        if settings.optimizer == "adamw":
            adam = torch.optim.AdamW(weights, lr=rate, weight_decay=decay)
            return [adam], [torch.optim.lr_scheduler.LambdaLR(adam, RisingCosine(settings.epochs))]
        descent = torch.optim.SGD(weights, lr=rate, momentum=0.9, weight_decay=decay)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(descent, factor=0.1, patience=5)
        return {"optimizer": descent, "lr_scheduler": {"scheduler": plateau, "monitor": "train_loss"}}

    def _logits(self, x: Tensor, generator: torch.Generator, stretch: int) -> Tensor:
        """Of clips with the noise that they are trained with; the same stretch for the same seed."""
        if self.settings.noise_sigma:
            x = x + self.settings.noise_sigma * torch.randn(x.shape, generator=generator).to(x)
        pictures = self.network.picture(x)
        draws = torch.Generator().manual_seed(stretch)
        if self.settings.augment:
            pictures = stretch_pictures(pictures, draws, self.recipe)
        if self.settings.masks:
            pictures = mask_pictures(pictures, draws, self.settings.masks)
        return self.network(pictures)

    def _attacked(self, x: Tensor, labels: Tensor, generator: torch.Generator, stretch: int) -> Tensor:
        """Clips moved to where the network errs, its batch norm left alone; new noise at every step."""

        def gradient(points: Tensor, rows: Tensor, step: int) -> tuple[Tensor, None]:
            with torch.enable_grad():
                points = points.detach().requires_grad_()
                loss = cross_entropy(self._logits(points, generator, stretch), labels, reduction="sum")
                return torch.autograd.grad(loss, points)[0], None

        eps, steps = self.settings.adversarial_eps, self.settings.adversarial_steps
        self.network.eval()
        try:
            return projected_ascent(x, gradient, eps=eps, eps_step=eps * max(0.25, 1.5 / steps), steps=steps).detach()
        finally:
            self.network.train()


class RisingCosine:
    """
    The rate at an epoch as a share of the highest: a linear rise over a fifth, then a half cosine.

    :param epochs: In all.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs, self.rise = epochs, epochs // 5

    def __call__(self, epoch: int) -> float:
        """:return: From 0 to 1."""
        if epoch < self.rise:
            return (epoch + 1) / (self.rise + 1)
        done = min((epoch - self.rise) / max(1, self.epochs - self.rise), 1.0)
        return 0.5 * (1 + math.cos(math.pi * done))
