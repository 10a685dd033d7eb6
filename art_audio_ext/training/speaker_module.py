"""The LightningModule of a speaker classifier: random windows of each clip, at a random loudness."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from art_audio_ext.functional.speaker_windows import SILENCE, random_crops
from art_audio_ext.networks.speaker_classifier import SpeakerClassifier
from art_audio_ext.training.classifier_module import RisingCosine
from art_audio_ext.training.seeded_module import SeededModule
from art_audio_ext.training.speaker_settings import SpeakerSettings

_SMOOTHING = 0.95  # of RMSprop, as SincNet was published


class SpeakerModule(SeededModule):
    """
    Cross-entropy on windows. Every draw is a function of (seed, epoch, step, rank) and nothing else.

    :param network: Learns in place.
    :param settings: How.
    :param seed: Of the draws.
    :param fingerprint: What decides the result, stored in each checkpoint; plain types only.
    """

    def __init__(
        self, network: SpeakerClassifier, settings: SpeakerSettings, seed: int, fingerprint: dict[str, Any]
    ) -> None:
        super().__init__(seed, fingerprint, None, "speaker classifier")
        self.network, self.settings = network, settings

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch of sound (n, L) and labels (n,)."""
        x, labels = batch
        settings, generator = self.settings, self.noise(self.current_epoch, batch_idx)
        window = self.network.window_length(x.shape[1])
        windows = random_crops(x, window, settings.crops, generator, SILENCE)
        gains = 1 + settings.gain * (2 * torch.rand((len(windows), 1), generator=generator) - 1)
        logits = self.network.window_logits(windows * gains.to(windows))
        labels = labels.repeat_interleave(settings.crops)
        loss = cross_entropy(logits, labels)
        self.note("train_loss", loss, len(windows))
        self.note("train_accuracy", (logits.argmax(1) == labels).float().mean(), len(windows))
        return loss

    def configure_optimizers(self) -> Any:
        """RMSprop at a constant rate, or AdamW by a cosine."""
        settings, weights = self.settings, self.network.parameters()
        rate, decay = settings.learning_rate, settings.weight_decay
        if settings.optimizer == "rmsprop":
            return torch.optim.RMSprop(weights, lr=rate, alpha=_SMOOTHING, weight_decay=decay)
        adam = torch.optim.AdamW(weights, lr=rate, weight_decay=decay)
        return [adam], [torch.optim.lr_scheduler.LambdaLR(adam, RisingCosine(settings.epochs))]
