"""The Disentangled Sequential Autoencoder (Li and Mandt, 2018): one latent for the clip, one for each time step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from art_audio_ext.networks.dsa_frames import LITERAL_CHANNELS, SHRINK, FrameDecoder, FrameEncoder


@dataclass(frozen=True)
class DsaOutput:
    """What one pass gives. N clips, T frames; log-variances are natural logarithms."""

    reconstruction: Tensor  # (N, T, 1, bands), or (N, T, 3, bands, bands) in the literal form
    f_mean: Tensor  # (N, f_dim)
    f_logvar: Tensor  # (N, f_dim)
    z_mean: Tensor  # (N, T, z_dim)
    z_logvar: Tensor  # (N, T, z_dim)
    prior_mean: Tensor  # (N, T, z_dim)
    prior_logvar: Tensor  # (N, T, z_dim)


class DisentangledSequentialAutoencoder(nn.Module):
    """
    The network of Mehlman et al., "Detecting Poisoning Attacks against Speech Datasets using VAEs", Table 1.

    The audio-native form convolves each time step over frequency. The literal form makes of each time step an image,
    the column repeated over width and three channels, as the paper did; a convolution of an image that is constant
    in width is a convolution over frequency, so both compute the same kind of function, apart from the edges.

    :param bands: Mel bands, a multiple of 8.
    :param frames: Time steps T; only a note of what it is trained for, any number can be passed.
    :param f_dim: Length of the latent of the clip.
    :param z_dim: Length of the latent of a time step.
    :param conv_channels: Channels of every convolution.
    :param conv_dim: Length of the code of a frame.
    :param hidden_dim: Width of the recurrent layers, in each direction.
    :param literal: Images and `Conv2d`, at about a hundred times the cost.
    :raises ValueError: If a size is not positive or `bands` is not a multiple of 8.
    """

    def __init__(
        self,
        bands: int = 64,
        frames: int = 64,
        f_dim: int = 64,
        z_dim: int = 24,
        conv_channels: int = 256,
        conv_dim: int = 256,
        hidden_dim: int = 128,
        literal: bool = False,
    ) -> None:
        super().__init__()
        if min(bands, frames, f_dim, z_dim, conv_channels, conv_dim, hidden_dim) < 1 or bands % SHRINK:
            raise ValueError(f"every size must be positive and bands a multiple of {SHRINK}, got bands={bands}")
        self.bands, self.frames, self.literal = bands, frames, literal
        self.f_dim, self.z_dim = f_dim, z_dim
        self.encoder = FrameEncoder(bands, conv_channels, conv_dim, literal)
        self.f_lstm = nn.LSTM(conv_dim, hidden_dim, batch_first=True, bidirectional=True)
        self.f_heads = nn.Linear(2 * hidden_dim, 2 * f_dim)  # mean and log-variance, both linear
        self.z_lstm = nn.LSTM(conv_dim + f_dim, hidden_dim, batch_first=True, bidirectional=True)
        self.z_rnn = nn.RNN(2 * hidden_dim, hidden_dim, batch_first=True)
        self.z_heads = nn.Linear(hidden_dim, 2 * z_dim)
        self.prior_cell = nn.LSTMCell(z_dim, hidden_dim)
        self.prior_heads = nn.Linear(hidden_dim, 2 * z_dim)
        self.decoder = FrameDecoder(bands, conv_channels, f_dim + z_dim, conv_dim, literal)

    def to_frames(self, x: Tensor) -> Tensor:
        """
        What the network sees, and is asked to give back: single columns, or images in the literal form.

        :param x: Log-mel of shape (N, bands, T).
        :return: Shape (N, T, 1, bands), or (N, T, 3, bands, bands): bands down, the repeated width across.
        :raises ValueError: If the shape is another.
        """
        if x.ndim != 3 or x.shape[1] != self.bands:
            raise ValueError(f"expected log-mels of shape (N, {self.bands}, T), got {tuple(x.shape)}")
        columns = x.transpose(1, 2)[:, :, None]
        if not self.literal:
            return columns
        return columns[..., None].expand(-1, -1, LITERAL_CHANNELS, -1, self.bands)

    def codes(self, x: Tensor) -> Tensor:
        """
        Codes of all frames.

        :param x: Log-mel of shape (N, bands, T).
        :return: Shape (N, T, conv_dim).
        """
        frames = self.to_frames(x)
        return self.encoder(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])

    def clip_posterior(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """
        Mean and log-variance of f given the codes: the last states of both directions, one linear layer.

        :param codes: Shape (N, T, conv_dim).
        :return: Two of shape (N, f_dim).
        """
        _, (last, _) = self.f_lstm(codes)
        mean, logvar = self.f_heads(torch.cat([last[0], last[1]], 1)).chunk(2, -1)
        return mean, logvar

    def step_posterior(self, codes: Tensor, f: Tensor) -> tuple[Tensor, Tensor]:
        """
        Means and log-variances of z given the codes and f.

        :param codes: Shape (N, T, conv_dim).
        :param f: Shape (N, f_dim).
        :return: Two of shape (N, T, z_dim).
        """
        hidden, _ = self.z_lstm(torch.cat([codes, self._at_every_step(f, codes.shape[1])], -1))
        hidden, _ = self.z_rnn(hidden)
        mean, logvar = self.z_heads(hidden).chunk(2, -1)
        return mean, logvar

    def step_prior(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """
        Prior of z: an LSTM cell rolled on its own samples, from zero.

        :param noise: Standard normal, shape (N, T, z_dim).
        :return: Means and log-variances, each of shape (N, T, z_dim).
        """
        sample = noise.new_zeros(noise.shape[0], self.z_dim)
        state = None
        means, logvars = [], []
        for step in noise.unbind(1):
            state = self.prior_cell(sample, state)
            mean, logvar = self.prior_heads(state[0]).chunk(2, -1)
            sample = mean + step * (0.5 * logvar).exp()
            means.append(mean)
            logvars.append(logvar)
        return torch.stack(means, 1), torch.stack(logvars, 1)

    def decode(self, z: Tensor, f: Tensor) -> Tensor:
        """
        Frames from latents.

        :param z: Shape (N, T, z_dim).
        :param f: Shape (N, f_dim).
        :return: As `to_frames` gives them.
        """
        latents = torch.cat([z, self._at_every_step(f, z.shape[1])], -1)
        return self.decoder(latents.flatten(0, 1)).unflatten(0, z.shape[:2])

    def forward(self, x: Tensor, generator: torch.Generator) -> DsaOutput:
        """
        Encode, sample, decode.

        :param x: Log-mel of shape (N, bands, T).
        :param generator: Where the sampling noise comes from; it may live on the CPU whatever the device of `x`.
        :return: Reconstruction, posteriors and the prior of z.
        """
        count, steps = x.shape[0], x.shape[2]
        codes = self.codes(x)
        f_mean, f_logvar = self.clip_posterior(codes)
        f = f_mean + self._noise((count, self.f_dim), x, generator) * (0.5 * f_logvar).exp()
        z_mean, z_logvar = self.step_posterior(codes, f)
        z = z_mean + self._noise((count, steps, self.z_dim), x, generator) * (0.5 * z_logvar).exp()
        prior_mean, prior_logvar = self.step_prior(self._noise((count, steps, self.z_dim), x, generator))
        return DsaOutput(self.decode(z, f), f_mean, f_logvar, z_mean, z_logvar, prior_mean, prior_logvar)

    def loss(self, x: Tensor, generator: torch.Generator, reconstruction_weight: float) -> Tensor:
        """
        The scalar that training lowers, see `dsa_loss`.

        :param x: Log-mel of shape (N, bands, T).
        :param generator: Of the sampling noise.
        :param reconstruction_weight: Factor of the squared error.
        :return: Negative evidence lower bound a clip.
        """
        return dsa_loss(self(x, generator), self.to_frames(x), reconstruction_weight)["loss"]

    @torch.no_grad()
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """
        Latents without noise: the mean of f, and the means of z given it. Call it in eval mode.

        :param x: Log-mel of shape (N, bands, T).
        :return: Shapes (N, f_dim) and (N, T, z_dim).
        :raises RuntimeError: In training mode, where batch norm would mix the clips of a batch.
        """
        if self.training:
            raise RuntimeError("encode needs eval mode: call network.eval() first")
        codes = self.codes(x)
        f_mean, _ = self.clip_posterior(codes)
        return f_mean, self.step_posterior(codes, f_mean)[0]

    def encode_clip(self, x: Tensor) -> Tensor:
        """
        The mean of f alone, without the work for the steps.

        :param x: Log-mel of shape (N, bands, T).
        :return: Shape (N, f_dim).
        """
        return self.clip_posterior(self.codes(x))[0]

    @staticmethod
    def _at_every_step(f: Tensor, steps: int) -> Tensor:
        return f[:, None].expand(-1, steps, -1)

    @staticmethod
    def _noise(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
        # Drawn where the generator lives, so that a seed means the same noise on every device.
        return torch.randn(shape, generator=generator, device=generator.device, dtype=like.dtype).to(like.device)


def gaussian_kl(mean_q: Tensor, logvar_q: Tensor, mean_p: Tensor, logvar_p: Tensor) -> Tensor:
    """
    Kullback-Leibler divergence of diagonal Gaussians, KL(q || p), summed over every element, in nats.

    :param mean_q: Any shape.
    :param logvar_q: Log-variance, the same shape.
    :param mean_p: A shape that broadcasts to it.
    :param logvar_p: A shape that broadcasts to it.
    :return: A scalar.
    """
    terms = logvar_p - logvar_q - 1 + (logvar_q - logvar_p).exp() + (mean_q - mean_p).square() * (-logvar_p).exp()
    return 0.5 * terms.sum()


def dsa_loss(output: DsaOutput, target: Tensor, reconstruction_weight: float = 1.0) -> dict[str, Tensor]:
    """
    Negative evidence lower bound a clip: weighted summed squared error, and the two divergences.

    :param output: What the network gave.
    :param target: What `to_frames` gave for the same clips.
    :param reconstruction_weight: Factor of the squared error. The literal form repeats each value 3 x bands times,
        so the audio-native form weighs its error about the same with 3 x bands (192 for 64 bands).
    :return: Scalars `loss`, `squared_error`, `kl_f`, `kl_z`, each divided by the number of clips.
    """
    clips = len(target)
    zero = output.f_mean.new_zeros(())
    parts = {
        "squared_error": (output.reconstruction - target).square().sum() / clips,
        "kl_f": gaussian_kl(output.f_mean, output.f_logvar, zero, zero) / clips,
        "kl_z": gaussian_kl(output.z_mean, output.z_logvar, output.prior_mean, output.prior_logvar) / clips,
    }
    return {"loss": reconstruction_weight * parts["squared_error"] + parts["kl_f"] + parts["kl_z"], **parts}
