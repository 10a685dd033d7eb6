"""RawNet3: a learnt filter bank, three multi-scale residual blocks and attention over time, waveform to embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

PUBLISHED_WIDTH = 1024
SHORTEST = 1000  # samples that leave a frame after the filters and both poolings
_FILTER_LENGTH, _STRIDE = 251, 10
_SCALE = 8
_DILATIONS, _POOLS = (2, 3, 4), (5, 3, 1)
_PRE_EMPHASIS = 0.97


class RawNet3(nn.Module):
    """
    Embeddings of stretches of sound.

    Source: Jung, Kim, Heo, Lee and Chung, "Pushing the limits of raw waveform speaker recognition", 2022: 256
    parametric analytic filters of length 251 and stride 10 (asteroid-filterbanks), three Res2 blocks of 1024 channels,
    attention that sees mean and deviation of the whole stretch, 256 numbers out. At the published width it has 16.3
    million parameters; width 128, for a CPU, has 259 thousand, width 64 has 66 thousand.

    :param width: Channels of a block, a multiple of 16; the other sizes keep their proportion to it. 1024 is published.
    :param sample_rate: In Hz.
    :raises ValueError: If the width will not do.
    :raises ImportError: If asteroid-filterbanks is missing.
    """

    def __init__(self, width: int = PUBLISHED_WIDTH, sample_rate: int = 16000) -> None:
        super().__init__()
        if width < 16 or width % 16:
            raise ValueError(f"width of RawNet3 must be a positive multiple of 16, got {width}")
        self.size, filters, wide = width // 4, width // 4, width * 3 // 2
        self.input_norm = nn.InstanceNorm1d(1, eps=1e-4, affine=True)
        self.bank = sinc_bank(filters, sample_rate)
        self.bank_norm = nn.BatchNorm1d(filters)
        self.blocks = nn.ModuleList(
            Res2Block(filters if i == 0 else width, width, dilation, pool)
            for i, (dilation, pool) in enumerate(zip(_DILATIONS, _POOLS, strict=True))
        )
        self.shorten = nn.MaxPool1d(_POOLS[1])
        self.gather = nn.Sequential(nn.Conv1d(3 * width, wide, 1), nn.ReLU())
        self.pooling = ContextAttention(wide, width // 8)
        self.embed = nn.Sequential(nn.BatchNorm1d(2 * wide), nn.Linear(2 * wide, self.size))

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Sound (N, L), L at least `SHORTEST`.
        :return: Embeddings (N, self.size).
        :raises ValueError: If the sound is shorter.
        """
        if x.ndim != 2 or x.shape[1] < SHORTEST:
            raise ValueError(f"RawNet3 needs sound (N, L) of {SHORTEST} samples or more, got {tuple(x.shape)}")
        x = self.bank_norm(self._log_bands(x))
        first = self.blocks[0](x)
        short = self.shorten(first)
        second = self.blocks[1](first)
        third = self.blocks[2](short + second)
        return self.embed(self.pooling(self.gather(torch.cat([short, second, third], 1))))

    def _log_bands(self, x: Tensor) -> Tensor:
        """Log magnitudes of the filters (N, filters, T), without the mean of each over time."""
        with torch.autocast(x.device.type, enabled=False):  # frequencies in half precision are other frequencies
            x = x.float()
            x = x - _PRE_EMPHASIS * pad(x, (1, 0), value=0.0)[:, :-1]
            bands = (self.bank(self.input_norm(x.unsqueeze(1))).abs() + 1e-6).log()
        return bands - bands.mean(2, keepdim=True)


class Res2Block(nn.Module):
    """
    A residual block of eight groups of channels, each of which sees the one before it too, and scaled feature maps.

    Sources: Gao et al., "Res2Net", 2019; Jung et al., "Improved RawNet with feature map scaling", 2020.

    :param channels: Coming in.
    :param width: Going out, a multiple of 8.
    :param dilation: Of the convolutions of length 3.
    :param pool: Frames of which the largest stays; 1 keeps all.
    """

    def __init__(self, channels: int, width: int, dilation: int, pool: int) -> None:
        super().__init__()
        group = width // _SCALE
        self.enter = nn.Sequential(nn.Conv1d(channels, width, 1), nn.ReLU(), nn.BatchNorm1d(width))
        self.groups = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(group, group, 3, dilation=dilation, padding=dilation), nn.ReLU(), nn.BatchNorm1d(group)
            )
            for _ in range(_SCALE - 1)
        )
        self.leave = nn.Sequential(nn.Conv1d(width, width, 1), nn.ReLU(), nn.BatchNorm1d(width))
        self.shortcut = nn.Identity() if channels == width else nn.Conv1d(channels, width, 1, bias=False)
        self.pool = nn.MaxPool1d(pool) if pool > 1 else nn.Identity()
        self.offset = nn.Parameter(torch.ones(width, 1))
        self.scale = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Shape (N, channels, T).
        :return: Shape (N, width, T // pool).
        """
        *some, last = self.enter(x).chunk(_SCALE, 1)
        parts: list[Tensor] = []
        for part, layer in zip(some, self.groups, strict=True):
            parts.append(layer(part if not parts else part + parts[-1]))
        out = self.pool(self.leave(torch.cat([*parts, last], 1)) + self.shortcut(x))
        return (out + self.offset) * self.scale(out.mean(2)).sigmoid().unsqueeze(2)


class ContextAttention(nn.Module):
    """
    Weighted mean and deviation over time, channel by channel; the weights see those of the whole stretch.

    Source: Desplanques et al., "ECAPA-TDNN", 2020, section 3.1.

    :param channels: Coming in.
    :param inner: Of the layer between.
    """

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.Conv1d(3 * channels, inner, 1), nn.ReLU(), nn.BatchNorm1d(inner), nn.Conv1d(inner, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Shape (N, channels, T).
        :return: Shape (N, 2 * channels).
        """
        deviation = x.var(2, keepdim=True, unbiased=False).clamp(min=1e-4).sqrt()
        context = torch.cat([x, x.mean(2, keepdim=True).expand_as(x), deviation.expand_as(x)], 1)
        weights = self.weigh(context).softmax(2)
        mean = (weights * x).sum(2)
        return torch.cat([mean, ((weights * x.square()).sum(2) - mean.square()).clamp(1e-4, 1e4).sqrt()], 1)


def sinc_bank(filters: int, sample_rate: int) -> nn.Module:
    """
    A bank of band-pass filters of which the edges are learnt, half of them a quarter of a period behind.

    :param filters: How many, an even number.
    :param sample_rate: In Hz.
    :return: asteroid's `Encoder` of a `ParamSincFB`: (N, 1, L) to (N, filters, T).
    :raises ImportError: If asteroid-filterbanks is missing.
    """
    try:
        from asteroid_filterbanks import Encoder, ParamSincFB
    except ImportError as error:
        raise ImportError(
            f'RawNet3 needs asteroid-filterbanks ({error}): pip install "art-audio-ext[voice]"'
        ) from error
    with torch.device("cpu"):  # half of it is made by numpy, on the CPU whatever the device in force
        return Encoder(ParamSincFB(filters, _FILTER_LENGTH, stride=_STRIDE, sample_rate=sample_rate))
