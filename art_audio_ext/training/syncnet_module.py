"""The LightningModule of a synchronisation network: multi-way matching within clips that are changed at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from art_audio_ext.functional.sync import matching_loss, shift_distances, sync_offset, unmatched_loss
from art_audio_ext.functional.sync_views import augment_clips, cut_windows
from art_audio_ext.networks.syncnet import SyncNetwork
from art_audio_ext.training.classifier_module import RisingCosine
from art_audio_ext.training.seeded_module import SeededModule
from art_audio_ext.training.syncnet_settings import SyncNetSettings

#: Of the network in eval mode, sound (n, S), pictures (n, T, H, W) and a generator: both, attacked
ClipAttack = Callable[[SyncNetwork, Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]


class SyncNetModule(SeededModule):
    """
    Every draw is a function of (seed, epoch, step, rank) and nothing else.

    :param network: Learns in place.
    :param settings: How.
    :param seed: Of the draws.
    :param fingerprint: What decides the result, stored in each checkpoint; plain types only.
    :param attack: Of half of the clips of each step, which then shall have no offset; None for no such clips.
    """

    def __init__(
        self,
        network: SyncNetwork,
        settings: SyncNetSettings,
        seed: int,
        fingerprint: dict[str, Any],
        attack: ClipAttack | None = None,
    ) -> None:
        super().__init__(seed, fingerprint, None, "syncnet")
        self.network, self.settings = network, settings
        self.attack: ClipAttack | None = attack

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch of sound (n, S) and pictures (n, T, H, W) in 8 bits."""
        generator = self.noise(self.current_epoch, batch_idx)
        audio, video = cut_windows(*batch, self.settings.windows, generator)
        video = video.float() / 255
        if self.settings.augment:
            audio, video = augment_clips(audio, video, generator, self.settings.recipe)
        clean, attacked = len(audio), len(audio[::2]) if self.attack is not None else 0
        if attacked:
            more = self._attacked(audio[:attacked], video[:attacked], generator)
            audio, video = (torch.cat(pair) for pair in zip((audio, video), more, strict=True))
        # in one batch: in a batch of their own, the statistics of batch norm would be what tells attacked clips
        pictures, sounds = self._embedded(audio, video)
        sharpness = self.settings.sharpness
        loss = matching_loss(pictures[:clean], sounds[:clean], sharpness=sharpness)
        with torch.no_grad():
            right = sync_offset(shift_distances(pictures[:clean], sounds[:clean])).abs() <= 1
        if attacked:
            unmatched = unmatched_loss(pictures[clean:], sounds[clean:], sharpness=sharpness)
            self.note("attacked_loss", unmatched, attacked)
            loss = loss + self.settings.attack_weight * unmatched
        self.note("train_loss", loss, clean)
        self.note("train_accuracy", right.float().mean(), clean)
        return loss

    def configure_optimizers(self) -> Any:
        """AdamW by a cosine."""
        settings = self.settings
        adam = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        return [adam], [torch.optim.lr_scheduler.LambdaLR(adam, RisingCosine(settings.epochs))]

    def _embedded(self, audio: Tensor, video: Tensor) -> tuple[Tensor, Tensor]:
        """Windows of pictures and of sound, as many of both."""
        pictures, sounds, *_ = self.network(audio, video)
        both = min(pictures.shape[1], sounds.shape[1])
        return pictures[:, :both], sounds[:, :both]

    def _attacked(self, audio: Tensor, video: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Clips moved by the attack, the network's batch norm left alone."""
        assert self.attack is not None
        self.network.eval()
        try:
            with torch.enable_grad():
                sound, pictures = self.attack(self.network, audio, video, generator)
            return sound.detach(), pictures.detach()
        finally:
            self.network.train()
