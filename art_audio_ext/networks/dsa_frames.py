"""Encoder and decoder of one frame for the sequential autoencoder: a column of a spectrogram, or a square image."""

from __future__ import annotations

from torch import Tensor, nn

SHRINK = 8  # strides 1, 2, 2, 2
LITERAL_CHANNELS = 3
_SLOPE = 0.2


class FrameEncoder(nn.Module):
    """
    Four convolutions (kernel 5, strides 1, 2, 2, 2) and two linear layers, each with batch norm and LeakyReLU 0.2.

    :param bands: Mel bands, a multiple of 8; with `literal` also the width of the image.
    :param channels: Channels of every convolution.
    :param code_dim: Length of the code of one frame.
    :param literal: Square images of three channels and `Conv2d`, instead of one column and `Conv1d`.
    """

    def __init__(self, bands: int, channels: int, code_dim: int, literal: bool = False) -> None:
        super().__init__()
        conv, norm = (nn.Conv2d, nn.BatchNorm2d) if literal else (nn.Conv1d, nn.BatchNorm1d)
        layers: list[nn.Module] = []
        inputs = LITERAL_CHANNELS if literal else 1
        for stride in (1, 2, 2, 2):
            layers += [conv(inputs, channels, 5, stride, 2), norm(channels), nn.LeakyReLU(_SLOPE)]
            inputs = channels
        self.conv = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Linear(flat_size(bands, channels, literal), 2 * code_dim),
            nn.BatchNorm1d(2 * code_dim),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(2 * code_dim, code_dim),
            nn.BatchNorm1d(code_dim),
            nn.LeakyReLU(_SLOPE),
        )

    def forward(self, frames: Tensor) -> Tensor:
        """
        Codes of frames.

        :param frames: Shape (M, 1, bands), or (M, 3, bands, bands) in the literal form.
        :return: Shape (M, code_dim).
        """
        return self.head(self.conv(frames).flatten(1))


class FrameDecoder(nn.Module):
    """
    The mirror of `FrameEncoder`, from the latents of one time step.

    The output is linear: log-mels reach 1.2, beyond a tanh, and a batch norm there (as in the public code) would tie
    every clip's level to its batch.

    :param bands: Mel bands, a multiple of 8.
    :param channels: Channels of every convolution.
    :param latent_dim: Length of the per-clip and per-step latents together.
    :param code_dim: Half the width of the hidden linear layer.
    :param literal: Square images of three channels.
    """

    def __init__(self, bands: int, channels: int, latent_dim: int, code_dim: int, literal: bool = False) -> None:
        super().__init__()
        conv, norm = (nn.ConvTranspose2d, nn.BatchNorm2d) if literal else (nn.ConvTranspose1d, nn.BatchNorm1d)
        small = bands // SHRINK
        self.shape = (channels, small, small) if literal else (channels, small)
        self.head = nn.Sequential(
            nn.Linear(latent_dim, 2 * code_dim),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(2 * code_dim, flat_size(bands, channels, literal)),
            nn.LeakyReLU(_SLOPE),
        )
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [conv(channels, channels, 5, 2, 2, 1), norm(channels), nn.LeakyReLU(_SLOPE)]
        layers.append(conv(channels, LITERAL_CHANNELS if literal else 1, 5, 1, 2))
        self.conv = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        """
        Frames from latents.

        :param latents: Shape (M, latent_dim).
        :return: Shape (M, 1, bands), or (M, 3, bands, bands) in the literal form.
        """
        return self.conv(self.head(latents).unflatten(1, self.shape))


def flat_size(bands: int, channels: int, literal: bool) -> int:
    """How many values the last convolution leaves of one frame."""
    small = bands // SHRINK
    return channels * small * (small if literal else 1)
