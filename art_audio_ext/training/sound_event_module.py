"""The LightningModule of a sound-event classifier: random chunks of each clip, changed, and mixed by twos."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from art_audio_ext.functional.speaker_windows import random_crops
from art_audio_ext.functional.speech_augment import SpeechAugmentation, augment_sound, mask_pictures
from art_audio_ext.networks.sound_event_classifiers import SoundEventClassifier
from art_audio_ext.training.classifier_module import RisingCosine
from art_audio_ext.training.seeded_module import SeededModule, mixed_seed
from art_audio_ext.training.sound_event_settings import SoundEventSettings

#: How far sounds are changed. An instrument is the same a semitone or two away, and wherever in the clip it sounds.
SOUND_EVENT_CHANGES = SpeechAugmentation(gain=(0.25, 1.5), speed=0.12, shift=0.25)


class SoundEventModule(SeededModule):
    """
    Cross-entropy on chunks. Every draw is a function of (seed, epoch, step, rank) and nothing else.

    :param network: Learns in place.
    :param settings: How.
    :param seed: Of the draws.
    :param fingerprint: What decides the result, stored in each checkpoint; plain types only.
    """

    def __init__(
        self, network: SoundEventClassifier, settings: SoundEventSettings, seed: int, fingerprint: dict[str, Any]
    ) -> None:
        super().__init__(seed, fingerprint, None, "sound-event classifier")
        self.network, self.settings = network, settings

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch of sound (n, L) and labels (n,)."""
        x, labels = batch
        settings, generator = self.settings, self.noise(self.current_epoch, batch_idx)
        samples = self.network.picture.samples
        x = random_crops(pad(x, (0, max(0, samples - x.shape[1]))), samples, settings.crops, generator)
        labels = labels.repeat_interleave(settings.crops)
        if settings.augment:
            x = augment_sound(x, generator, SOUND_EVENT_CHANGES)
        picture = self.network.picture(x)
        if settings.masks and picture.ndim == 4:
            picture = mask_pictures(picture, generator, settings.masks)
        found, loss = self._mixed_loss(picture, labels, batch_idx, generator)
        self.note("train_loss", loss, len(x))
        self.note("train_accuracy", (found.argmax(1) == labels).float().mean(), len(x))
        return loss

    def _mixed_loss(
        self, picture: Tensor, labels: Tensor, step: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """
        What the network says of pictures, each mixed with another of the batch, and the loss to the labels of both.

        Source: Zhang et al., "mixup: beyond empirical risk minimization", 2018, with a share for each clip.
        """
        if not self.settings.mixup:
            found = self.network.log_probabilities(picture)
            return found, -found.gather(1, labels[:, None]).mean()
        order = torch.randperm(len(labels), generator=generator).to(labels.device)
        draws = np.random.default_rng(mixed_seed(self.seed, self.current_epoch, step, self.global_rank, 1))
        drawn = np.maximum(*(lambda b: (b, 1 - b))(draws.beta(self.settings.mixup, self.settings.mixup, len(labels))))
        share = torch.from_numpy(drawn).to(picture)
        spread = share.view(-1, *[1] * (picture.ndim - 1))
        found = self.network.log_probabilities(spread * picture + (1 - spread) * picture[order])
        own, other = (found.gather(1, which[:, None])[:, 0] for which in (labels, labels[order]))
        return found, -(share * own + (1 - share) * other).mean()

    def configure_optimizers(self) -> Any:
        """Adam whose rate falls by a tenth every two epochs, or AdamW by a cosine."""
        settings, weights = self.settings, self.network.parameters()
        rate, decay = settings.learning_rate, settings.weight_decay
        if settings.optimizer == "adam":
            adam: torch.optim.Optimizer = torch.optim.Adam(weights, lr=rate, weight_decay=decay)
            return [adam], [torch.optim.lr_scheduler.StepLR(adam, step_size=2, gamma=0.9)]
        adam = torch.optim.AdamW(weights, lr=rate, weight_decay=decay)
        return [adam], [torch.optim.lr_scheduler.LambdaLR(adam, RisingCosine(settings.epochs))]
