"""DiffWave without conditions: predicts the noise in a waveform."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, silu

SIZES: dict[str, dict[str, Any]] = {
    "full": {"residual_channels": 256, "layers": 36, "dilation_cycle": 12, "skip_channels": 256},
    "small": {"residual_channels": 48, "layers": 12, "dilation_cycle": 6, "skip_channels": 48},
    "tiny": {"residual_channels": 24, "layers": 8, "dilation_cycle": 8, "skip_channels": 24},
}
_PERIOD = 10000.0  # of the slowest sine of the step embedding, over 2 pi
_LONGEST_CYCLE = 20  # a dilation of half a million samples: no clip is as long


class DiffWave(nn.Module):
    """
    Residual layers of dilated convolutions, gated, that are told the diffusion step; their skips make the output.

    The names and shapes in `state_dict` are those of the published weights for spoken digits, weight norm included.
    Two habits of that code are kept, because the weights were trained with them: the step is embedded counted from 0,
    and the residual path of a layer carries on its embedding too.

    | "full": 24.1 million parameters, 606 GFLOP a second of sound at 16 kHz, sees 12,285 samples to either side.
    | "small": 853 thousand, 7.2 GFLOP, sees 126 to either side.
    | "tiny": 466 thousand, most of them in the embedding of the step, 1.2 GFLOP, sees 255 to either side.

    Source: Kong et al., "DiffWave: A Versatile Diffusion Model for Audio Synthesis", 2021, section 3.

    :param residual_channels: Width of the layers.
    :param layers: How many.
    :param dilation_cycle: The dilation doubles from layer to layer, and starts again at 1 after so many.
    :param skip_channels: Width of the output path.
    :param embedding: Numbers that the step becomes: sines and cosines, then two linear layers.
    :raises ValueError: If a size cannot be.
    """

    def __init__(
        self,
        residual_channels: int = 256,
        layers: int = 36,
        dilation_cycle: int = 12,
        skip_channels: int = 256,
        embedding: tuple[int, int, int] = (128, 512, 512),
    ) -> None:
        super().__init__()
        sizes = (residual_channels, layers, dilation_cycle, skip_channels, *embedding)
        odd = len(embedding) != 3 or embedding[0] < 4 or embedding[0] % 2
        if odd or min(sizes) < 1 or dilation_cycle > _LONGEST_CYCLE:
            raise ValueError(
                f"every size must be positive, the cycle at most {_LONGEST_CYCLE}, the first of embedding even and at "
                f"least 4: got {sizes}"
            )
        self.residual_channels, self.layers, self.dilation_cycle = residual_channels, layers, dilation_cycle
        self.skip_channels, self.embedding = skip_channels, embedding
        self.init_conv = nn.Sequential(_named(NormedConv(1, residual_channels)), nn.ReLU())
        self.residual_layer = _ResidualLayers(residual_channels, layers, dilation_cycle, skip_channels, embedding)
        last = _LastConv(skip_channels, 1, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.final_conv = nn.Sequential(_named(NormedConv(skip_channels, skip_channels)), nn.ReLU(), _named(last))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """
        The noise in x.

        :param x: Noisy sound of shape (N, L), any L.
        :param t: Diffusion steps, integers of shape (N,), counted from 1.
        :return: Shape (N, L).
        :raises ValueError: If a shape is another.
        """
        if x.ndim != 2 or t.shape != x.shape[:1]:
            raise ValueError(f"expected x of shape (N, L) and t of (N,), got {tuple(x.shape)} and {tuple(t.shape)}")
        h = x[:, None, None].to(memory_format=torch.channels_last)  # twice as fast on a processor as (N, channels, L)
        out: Tensor = self.final_conv(self.residual_layer(self.init_conv(h), t - 1))
        return out[:, 0, 0]


class NormedConv(nn.Module):
    """
    A convolution that keeps the length, its kernels stored as length times direction.

    Source: Salimans and Kingma, "Weight Normalization", 2016.

    :param few: Channels in.
    :param many: Channels out.
    :param kernel: Odd.
    :param dilation: Distance of its taps.
    """

    def __init__(self, few: int, many: int, kernel: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.dilation, self.padding = dilation, dilation * (kernel - 1) // 2
        direction = nn.init.kaiming_normal_(torch.empty(many, few, kernel))
        self.bias = nn.Parameter(torch.zeros(many))
        self.weight_g = nn.Parameter(direction.norm(dim=(1, 2), keepdim=True))
        self.weight_v = nn.Parameter(direction)

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Shape (N, few, 1, L).
        :return: Shape (N, many, 1, L).
        """
        weight = self.weight_v * (self.weight_g / self.weight_v.norm(dim=(1, 2), keepdim=True))
        kernels = weight[:, :, None].to(memory_format=torch.channels_last)
        return conv2d(x, kernels, self.bias, padding=(0, self.padding), dilation=(1, self.dilation))


class _ResidualLayers(nn.Module):
    """All layers, and what they share: the embedding of the step."""

    def __init__(self, channels: int, layers: int, cycle: int, skip: int, embedding: tuple[int, int, int]) -> None:
        super().__init__()
        sines, middle, width = embedding
        self.sines = sines
        self.fc_t1, self.fc_t2 = nn.Linear(sines, middle), nn.Linear(middle, width)
        self.residual_blocks = nn.ModuleList(
            _ResidualLayer(channels, skip, 2 ** (layer % cycle), width) for layer in range(layers)
        )
        # the last way on leads nowhere; weights that never have a gradient stop data-parallel training
        self.residual_blocks[-1].res_conv.requires_grad_(False)

    def forward(self, h: Tensor, step: Tensor) -> Tensor:
        """Features (N, channels, 1, L) and steps (N,) from 0 to the scaled sum of skips (N, skip, 1, L)."""
        half = self.sines // 2
        rates = torch.exp(torch.arange(half, device=h.device) * (-math.log(_PERIOD) / (half - 1)))
        angles = step[:, None] * rates
        code = torch.cat([angles.sin(), angles.cos()], 1).to(h.dtype)
        code = silu(self.fc_t2(silu(self.fc_t1(code))))
        total: Tensor | float = 0.0
        for layer in self.residual_blocks:
            h, skip = layer(h, code)
            total = total + skip
        assert isinstance(total, Tensor)
        return total * math.sqrt(1 / len(self.residual_blocks))


class _ResidualLayer(nn.Module):
    """One dilated convolution, gated, with a way on and a way out."""

    def __init__(self, channels: int, skip: int, dilation: int, width: int) -> None:
        super().__init__()
        self.fc_t = nn.Linear(width, channels)
        self.dilated_conv_layer = _named(NormedConv(channels, 2 * channels, 3, dilation))
        self.res_conv, self.skip_conv = NormedConv(channels, channels), NormedConv(channels, skip)

    def forward(self, h: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, channels, 1, L), step codes (N, width) to the next features and a skip (N, skip, 1, L)."""
        h = h + self.fc_t(code)[:, :, None, None]
        # halves of their own: strided ones are slow to squash
        halves = self.dilated_conv_layer(h).chunk(2, 1)
        wave, gate = (half.contiguous(memory_format=torch.channels_last) for half in halves)
        out = wave.tanh() * gate.sigmoid()
        return (h + self.res_conv(out)) * math.sqrt(0.5), self.skip_conv(out)


class _LastConv(nn.Conv1d):
    """Kernels of one dimension, as they are stored, on sound that has one more."""

    def forward(self, x: Tensor) -> Tensor:
        """Shape (N, channels, 1, L) to (N, 1, 1, L)."""
        return conv2d(x, self.weight[:, :, None], self.bias)


def _named(conv: nn.Module) -> nn.Sequential:
    """The published names have one `conv` more."""
    return nn.Sequential(OrderedDict(conv=conv))
