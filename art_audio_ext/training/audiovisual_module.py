"""The LightningModule of an audiovisual recogniser: cross-entropy or CTC on clips that may lose a modality."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from art_audio_ext.functional.audiovisual_augment import augment_frames, drop_modalities
from art_audio_ext.functional.ctc import greedy_decode
from art_audio_ext.functional.ctc_loss import clip_ctc_losses
from art_audio_ext.networks.audiovisual_recogniser import AudioVisualRecogniser
from art_audio_ext.training.audiovisual_settings import RecogniserSettings
from art_audio_ext.training.classifier_module import RisingCosine
from art_audio_ext.training.runs import seeded
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
        outputs = network.classifier.out_features
        sizes = (network.video.size, network.audio.size)
        self.helpers = seeded(lambda: nn.ModuleList([nn.Linear(size, outputs) for size in sizes]), seed)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of a batch; the accuracy is that of clips as they are changed."""
        audio, pixels, codes, lengths = batch
        generator = self.noise(self.current_epoch, batch_idx)
        video = pixels.float() / 255
        if self.settings.augment:
            video = augment_frames(video, self.network.crop, generator)
        streams = self.network.streams(*drop_modalities(audio, video, self.settings.dropout, generator))
        logits = self.network.join(*streams)
        loss = self._loss(logits, codes, lengths)
        self.note("train_accuracy", self._right(logits.detach(), codes, lengths), len(audio))
        if self.settings.stream_loss:
            alone = [self.network.summed(helper(x)) for helper, x in zip(self.helpers, streams, strict=True)]
            loss = loss + self.settings.stream_loss * sum(self._loss(one, codes, lengths) for one in alone)
        self.note("train_loss", loss, len(audio))
        return loss

    def _loss(self, logits: Tensor, codes: Tensor, lengths: Tensor) -> Tensor:
        """Cross-entropy of words, CTC of sentences."""
        if self.network.head == "word":
            return cross_entropy(logits, codes[:, 0])
        return clip_ctc_losses(logits, codes, lengths).mean()

    def _right(self, logits: Tensor, codes: Tensor, lengths: Tensor) -> Tensor:
        """Share of clips that are recognised, sentences as a whole."""
        if self.network.head == "word":
            return (logits.argmax(1) == codes[:, 0]).float().mean()
        said = [greedy_decode(clip) for clip in logits.float().cpu().numpy()]
        wanted = [row[:count].tolist() for row, count in zip(codes, lengths.tolist(), strict=True)]
        return torch.tensor([one == other for one, other in zip(said, wanted, strict=True)]).float().mean()

    def configure_optimizers(self) -> Any:
        """AdamW; the rate rises, then falls by a half cosine."""
        settings = self.settings
        adam = torch.optim.AdamW(self.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
        return [adam], [torch.optim.lr_scheduler.LambdaLR(adam, RisingCosine(settings.epochs))]

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Recurrent layers now and then have a gradient out of all proportion."""
        torch.nn.utils.clip_grad_norm_(self.parameters(), 5.0)
