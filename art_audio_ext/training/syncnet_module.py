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
    :param noise_twins: The same half once more with Gaussian noise of the power of the attack's change, in sync as
        before: what tells an attack from noise is learnt, and not that something was added.
    """

    def __init__(
        self,
        network: SyncNetwork,
        settings: SyncNetSettings,
        seed: int,
        fingerprint: dict[str, Any],
        attack: ClipAttack | None = None,
        noise_twins: bool = True,
    ) -> None:
        super().__init__(seed, fingerprint, None, "syncnet")
        self.network, self.settings, self.noise_twins = network, settings, noise_twins
        self.attack: ClipAttack | None = attack

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch of sound (n, S) and pictures (n, T, H, W) in 8 bits."""
        generator = self.noise(self.current_epoch, batch_idx)
        audio, video = cut_windows(*batch, self.settings.windows, generator)
        video = video.float() / 255
        if self.settings.augment:
            audio, video = augment_clips(audio, video, generator, self.settings.recipe)
        clean = len(audio)
        audio, video, matched = self._with_attacked(audio, video, generator)
        # in one batch: in a batch of their own, the statistics of batch norm would be what tells attacked clips
        pictures, sounds = self._embedded(audio, video)
        sharpness = self.settings.sharpness
        loss = matching_loss(pictures[:matched], sounds[:matched], sharpness=sharpness)
        with torch.no_grad():
            right = sync_offset(shift_distances(pictures[:clean], sounds[:clean])).abs() <= 1
        if matched < len(pictures):
            unmatched = unmatched_loss(pictures[matched:], sounds[matched:], sharpness=sharpness)
            self.note("attacked_loss", unmatched, len(pictures) - matched)
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

    def _with_attacked(self, audio: Tensor, video: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
        """The batch, maybe noisy twins, then attacked clips; and how many of them are in sync."""
        if self.attack is None:
            return audio, video, len(audio)
        half = slice(0, len(audio[::2]))
        attacked = self._attacked(audio[half], video[half], generator)
        batch = [(audio, video), attacked]
        if self.noise_twins:
            changes = zip((audio[half], video[half]), attacked, (-1.0, 0.0), strict=True)
            batch.insert(1, tuple(_noise_like(*change, generator) for change in changes))  # type: ignore[arg-type]
        sound, pictures = (torch.cat(parts) for parts in zip(*batch, strict=True))
        return sound, pictures, len(sound) - len(attacked[0])

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


def _noise_like(before: Tensor, after: Tensor, low: float, generator: torch.Generator) -> Tensor:
    """Of each clip the same with Gaussian noise of the power of its change, within `low` and 1."""
    level = (after - before).flatten(1).square().mean(1).sqrt().reshape(-1, *[1] * (before.dim() - 1))
    return (before + level * torch.randn(before.shape, generator=generator).to(before)).clamp(low, 1)
