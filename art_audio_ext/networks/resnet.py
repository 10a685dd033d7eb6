"""Residual networks on spectrograms with the front end inside: waveform in, logits out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from art_audio_ext.functional.front_end import log_mel, stft_magnitude
from art_audio_ext.functional.spectrogram_augment import augment_spectrograms
from art_audio_ext.networks.residual_blocks import DEPTHS, conv, residual_stages

FRONT_ENDS = ("log_mel", "stft")


class ResidualFeatures(nn.Module):
    """
    The convolutional part: spectrograms (N, 1, H, W) to pooled features (N, `self.size`).

    Source: He et al., Deep residual learning for image recognition, 2016, Table 1.
    """

    def __init__(self, depth: int, width: int):
        super().__init__()
        self.stem = nn.Sequential(conv(1, width, 5, 2), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.layers, self.size = residual_stages(depth, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.stem(x)).mean((2, 3))


class AudioResNet(nn.Module):
    """
    ResNet-18 or ResNet-50 on the log-mel or |STFT| of a clip; the waveform goes in, so attacks act on sound.

    The feature block is registered last, because ART's activation clustering and spectral signatures read the last
    registered child module, and must see features, not logits (ART issue #1810).

    :param num_classes: Number of logits.
    :param depth: 18 or 50.
    :param width: Channels of the first stage; 64 is the published width, 16 learns a few thousand clips as well.
    :param front_end: "log_mel" (64 bands x 64 frames a second) or "stft" (log |STFT| 255/128; Armory's own is linear).
    :param sample_rate: In Hz.
    :param augment: While training, shift, mask and roughen the spectrogram at random.
    :param seed: Seed of the augmentation; weights are drawn from torch's generator as usual.
    :raises ValueError: If `depth` or `front_end` is unknown.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        depth: int = 18,
        width: int = 16,
        front_end: str = "log_mel",
        sample_rate: int = 16000,
        augment: bool = True,
        seed: int = 0,
    ):
        super().__init__()
        if depth not in DEPTHS:
            raise ValueError(f"depth must be one of {sorted(DEPTHS)}, got {depth}")
        if front_end not in FRONT_ENDS:
            raise ValueError(f"front_end must be one of {FRONT_ENDS}, got {front_end!r}")
        self.front_end, self.sample_rate, self.augment, self.seed = front_end, sample_rate, augment, seed
        self._draws = 0
        features = ResidualFeatures(depth, width)
        self.classifier = nn.Linear(features.size, num_classes)
        self.features = features

    def spectrogram(self, x: Tensor) -> Tensor:
        """
        The input picture of the network.

        :param x: Sound (N, L).
        :return: (N, 1, H, W), about zero mean and unit variance.
        """
        if self.front_end == "log_mel":
            level = log_mel(x, self.sample_rate)
            return ((level - 0.45) / 0.2).unsqueeze(1)
        return ((stft_magnitude(x) + 1e-3).log() * 0.5 + 1.5).unsqueeze(1)

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Sound (N, L) in [-1, 1].
        :return: Logits (N, num_classes).
        """
        picture = self.spectrogram(x)
        if self.training and self.augment:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self._draws)
            picture = augment_spectrograms(picture, generator)
            self._draws += 1
        return self.classifier(self.features(picture))
