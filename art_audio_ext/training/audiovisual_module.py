"""The LightningModule of an audiovisual recogniser: cross-entropy or CTC on clips that may lose a modality."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from art_audio_ext.functional.audiovisual_augment import augment_frames, drop_modalities
from art_audio_ext.functional.ctc import greedy_decode
from art_audio_ext.functional.ctc_loss import clip_ctc_losses
from art_audio_ext.networks.audiovisual_recogniser import AudioVisualRecogniser
from art_audio_ext.training.audiovisual_settings import RecogniserSettings
from art_audio_ext.training.classifier_module import RisingCosine
from art_audio_ext.training.seeded_module import SeededModule

#: Sound (n, S), frames uint8 (n, T, H, W), codes (n, L) that zeros fill up, and how many codes each clip has (n,).
Batch = tuple[Tensor, Tensor, Tensor, Tensor]


class RecogniserModule(SeededModule):
    """
    Every draw is a function of (seed, epoch, step, rank) and nothing else.

    :param network: Learns in place.
    :param settings: How.
    :param seed: Of the draws.
    :param fingerprint: What decides the result, stored in each checkpoint; plain types only.
    """

    def __init__(
        self, network: AudioVisualRecogniser, settings: RecogniserSettings, seed: int, fingerprint: dict[str, Any]
    ) -> None:
        super().__init__(seed, fingerprint, None, "recogniser")
        self.network, self.settings = network, settings

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of a batch; the accuracy is that of clips as they are changed."""
        audio, pixels, codes, lengths = batch
        generator = self.noise(self.current_epoch, batch_idx)
        video = pixels.float() / 255
        if self.settings.augment:
            video = augment_frames(video, self.network.crop, generator)
        logits = self.network(*drop_modalities(audio, video, self.settings.dropout, generator))
        if self.network.head == "word":
            loss = cross_entropy(logits, codes[:, 0])
            right = logits.detach().argmax(1) == codes[:, 0]
        else:
            loss = clip_ctc_losses(logits, codes, lengths).mean()
            said = [greedy_decode(clip) for clip in logits.detach().float().cpu().numpy()]
            wanted = [row[:count].tolist() for row, count in zip(codes, lengths.tolist(), strict=True)]
            right = torch.tensor([one == other for one, other in zip(said, wanted, strict=True)])
        self.note("train_loss", loss, len(audio))
        self.note("train_accuracy", right.float().mean(), len(audio))
        return loss

    def configure_optimizers(self) -> Any:
        """AdamW; the rate rises, then falls by a half cosine."""
        settings = self.settings
        adam = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        return [adam], [torch.optim.lr_scheduler.LambdaLR(adam, RisingCosine(settings.epochs))]

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Recurrent layers now and then have a gradient out of all proportion."""
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
