"""A small variational autoencoder over time steps: convolutions in, a few latent numbers each, and out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from art_audio_ext.networks.dsa import gaussian_kl

SHRINK = 8  # three strides of 2, in bands and in time


@dataclass(frozen=True)
class StepOutput:
    """What one pass gives. N clips, S = T / 8 steps; log-variances are natural logarithms."""

    reconstruction: Tensor  # (N, bands, T)
    z_mean: Tensor  # (N, S, z_dim)
    z_logvar: Tensor  # (N, S, z_dim)


class StepAutoencoder(nn.Module):
    """
    Three stride-2 convolutions over bands and time, a linear layer for each step, and the mirror of both.

    Each step sees its own eighth of a second and a little of its neighbours, and nothing of the rest of the clip: that
    locality is what `novel_component_scores` needs. No batch norm: a clip's latents are its own, in training too.

    :param bands: Mel bands, a multiple of 8.
    :param frames: Time frames T, a multiple of 8; only a note of what it is trained for.
    :param z_dim: Latent numbers a step.
    :param channels: Of the first convolution; the next ones have twice and four times as many.
    :raises ValueError: If a size is not positive, or `bands` or `frames` is no multiple of 8.
    """

    def __init__(self, bands: int = 64, frames: int = 64, z_dim: int = 16, channels: int = 32) -> None:
        super().__init__()
        if min(bands, frames, z_dim, channels) < 1 or bands % SHRINK or frames % SHRINK:
            raise ValueError(
                f"every size must be positive, bands and frames multiples of {SHRINK}: got {bands} and {frames}"
            )
        self.bands, self.frames, self.z_dim = bands, frames, z_dim
        widths = (1, channels, 2 * channels, 4 * channels)
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for i, (few, many) in enumerate(pairwise(widths)):
            down += [nn.Conv2d(few, many, 3, 2, 1), nn.LeakyReLU(0.2)]
            up = [nn.ConvTranspose2d(many, few, 4, 2, 1), *([nn.LeakyReLU(0.2)] if i else []), *up]
        self.down, self.up = nn.Sequential(*down), nn.Sequential(*up)
        self.flat = widths[-1] * bands // SHRINK
        self.heads = nn.Linear(self.flat, 2 * z_dim)
        self.unfold = nn.Sequential(nn.Linear(z_dim, self.flat), nn.LeakyReLU(0.2))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """
        Means and log-variances of the latents.

        :param x: Log-mel of shape (N, bands, T), T a multiple of 8.
        :return: Two of shape (N, T / 8, z_dim).
        :raises ValueError: If the shape is another.
        """
        if x.ndim != 3 or x.shape[1] != self.bands or not x.shape[2] or x.shape[2] % SHRINK:
            raise ValueError(
                f"expected log-mels of shape (N, {self.bands}, T), T a multiple of {SHRINK}, got {tuple(x.shape)}"
            )
        codes = self.down(x[:, None]).permute(0, 3, 1, 2).flatten(2)
        mean, logvar = self.heads(codes).chunk(2, -1)
        return mean, logvar

    def decode(self, z: Tensor) -> Tensor:
        """
        Log-mels from latents.

        :param z: Shape (N, S, z_dim).
        :return: Shape (N, bands, 8 S).
        """
        codes = self.unfold(z).unflatten(2, (-1, self.bands // SHRINK)).permute(0, 2, 3, 1)
        out: Tensor = self.up(codes)
        return out[:, 0]

    def forward(self, x: Tensor, generator: torch.Generator) -> StepOutput:
        """
        Encode, sample, decode.

        :param x: Log-mel of shape (N, bands, T).
        :param generator: Where the sampling noise comes from; it may live on the CPU whatever the device of `x`.
        :return: Reconstruction and posterior.
        """
        mean, logvar = self.posterior(x)
        noise = torch.randn(mean.shape, generator=generator, device=generator.device, dtype=x.dtype).to(x.device)
        return StepOutput(self.decode(mean + noise * (0.5 * logvar).exp()), mean, logvar)

    def loss(self, x: Tensor, generator: torch.Generator, reconstruction_weight: float) -> Tensor:
        """
        Negative evidence lower bound a clip against a standard normal prior.

        :param x: Log-mel of shape (N, bands, T).
        :param generator: Of the sampling noise.
        :param reconstruction_weight: Factor of the summed squared error.
        :return: A scalar.
        """
        output = self(x, generator)
        zero = x.new_zeros(())
        error = (output.reconstruction - x).square().sum()
        return (reconstruction_weight * error + gaussian_kl(output.z_mean, output.z_logvar, zero, zero)) / len(x)

    @torch.no_grad()
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """
        Latents without noise: those of all steps side by side, which stand for the clip, and those of each step.

        :param x: Log-mel of shape (N, bands, T).
        :return: Shapes (N, S * z_dim) and (N, S, z_dim).
        """
        mean, _ = self.posterior(x)
        return mean.flatten(1), mean

    def encode_clip(self, x: Tensor) -> Tensor:
        """
        What stands for the clip: the latents of all steps side by side.

        :param x: Log-mel of shape (N, bands, T).
        :return: Shape (N, S * z_dim).
        """
        return self.posterior(x)[0].flatten(1)
