"""The networks of sound-event classifiers, from chunks of pictures or of sound to features."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

_STAGES = (1, 2, 4, 8, 8)  # channels of the five blocks, in widths
_DENSE_BLOCKS, _WIDEST = 8, 32  # a dense block adds at most 32 widths of channels
_SQUEEZE = 8
_WAVE_KERNEL = 9


class BlockNetwork(nn.Module):
    """
    Five blocks of two 3 x 3 convolutions and a max-pool of 2 x 2 each, and the mean over what is left.

    Source: Iqbal et al., "Stacked convolutional neural networks for general-purpose audio tagging", DCASE 2018: blocks
    of 64, 128, 256, 512 and 512 channels; convolution, ReLU, batch norm. `gated` (GCNN) has twice the channels in
    each convolution, one half times the sigmoid of the other, batch norm, no ReLU. `recurrent` (CRNN) takes the mean
    over bands alone, then a bidirectional GRU of 512 units each way, then the mean over time.

    :param width: Channels of the first block; the rest keep their proportion. 64 is published.
    :param gated: Gates for ReLUs.
    :param recurrent: A recurrent layer on the blocks.
    """

    def __init__(self, width: int, *, gated: bool = False, recurrent: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for factor in _STAGES:
            out = factor * width
            layers += [*_convolution(channels, out, gated), *_convolution(out, out, gated), nn.MaxPool2d(2)]
            channels = out
        self.blocks = nn.Sequential(*layers)
        self.recurrent = nn.GRU(channels, channels, batch_first=True, bidirectional=True) if recurrent else None
        self.size = 2 * channels if recurrent else channels

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Pictures (M, 1, bands, T), at least 32 x 32.
        :return: Features (M, self.size).
        """
        found = self.blocks(x)
        if self.recurrent is None:
            return found.mean((2, 3))
        # cuDNN has no gradient of a recurrent layer outside of training, and attacks need one
        with torch.backends.cudnn.flags(enabled=self.training and torch.backends.cudnn.enabled):
            return self.recurrent(found.mean(2).transpose(1, 2))[0].mean(1)


class DenseNetwork(nn.Module):
    """
    A convolution, then eight blocks that add channels to what they are given, each followed by a max-pool.

    Source: Jeong and Lim, "Audio tagging system using densely connected convolutional networks", DCASE 2018: 16
    channels; block i adds f = min(512, 16 x 2^i) by batch norm, ReLU, 1 x 1, batch norm, ReLU, 3 x 3, squeeze and
    excite. Ours where it says nothing: an eighth of the channels in the squeeze, max-pools, which stop where a side has
    one place left, and a batch norm and ReLU at the end.

    `flat` is dense-wav, of which no definition is public. It is the same network in one dimension, of our own design:
    convolutions of 9 samples for 3 x 3, the first of which starts every quarter of a millisecond, pools of 4 places
    in the first two blocks (as 2 x 2 has) and of 2 in the rest, so that 8192 places of a chunk become 8.

    :param width: Channels of the first convolution; the rest keep their proportion. 16 is published.
    :param stride: Of the first convolution, in samples; of a flat network.
    :param flat: On sound, not pictures.
    """

    def __init__(self, width: int, *, stride: int = 1, flat: bool = False) -> None:
        super().__init__()
        kind = nn.Conv1d if flat else nn.Conv2d
        size = max(_WAVE_KERNEL, 2 * stride + 1) if flat else 3
        layers: list[nn.Module] = [kind(1, width, size, stride if flat else 1, size // 2, bias=False)]
        channels = width
        for index in range(_DENSE_BLOCKS):
            out = min(_WIDEST * width, width * 2**index)
            layers += [DenseBlock(channels, out, flat), _Pool(4 if flat and index < 2 else 2)]
            channels += out
        self.blocks = nn.Sequential(*layers, _norm(channels, flat), nn.ReLU())
        self.size = channels

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Pictures (M, 1, bands, T), or sound (M, 1, T).
        :return: Features (M, self.size).
        """
        return self.blocks(x).flatten(2).mean(2)


class DenseBlock(nn.Module):
    """
    New channels beside the old: (M, C, ...) -> (M, C + out, ...).

    :param channels: C.
    :param out: Added.
    :param flat: In one dimension.
    """

    def __init__(self, channels: int, out: int, flat: bool) -> None:
        super().__init__()
        kind: Callable[..., nn.Module] = nn.Conv1d if flat else nn.Conv2d
        size = _WAVE_KERNEL if flat else 3
        self.body = nn.Sequential(
            _norm(channels, flat),
            nn.ReLU(),
            kind(channels, out, 1, bias=False),
            _norm(out, flat),
            nn.ReLU(),
            kind(out, out, size, padding=size // 2, bias=False),
        )
        inner = max(1, out // _SQUEEZE)
        self.excite = nn.Sequential(nn.Linear(out, inner), nn.ReLU(), nn.Linear(inner, out), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        new = self.body(x)
        share = self.excite(new.flatten(2).mean(2))
        return torch.cat([x, new * share.view(*share.shape, *[1] * (new.ndim - 2))], 1)


class _Pool(nn.Module):
    """Max-pool of every side that is long enough."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        sizes = [self.size if side >= self.size else 1 for side in x.shape[2:]]
        pool = nn.functional.max_pool1d if len(sizes) == 1 else nn.functional.max_pool2d
        return pool(x, sizes)


class _Gate(nn.Module):
    """One half of the channels times the sigmoid of the other."""

    def forward(self, x: Tensor) -> Tensor:
        linear, gate = x.chunk(2, 1)
        return linear * torch.sigmoid(gate)


def _convolution(channels: int, out: int, gated: bool) -> list[nn.Module]:
    """3 x 3 convolution, its nonlinearity, batch norm."""
    factor, bend = (2, _Gate()) if gated else (1, nn.ReLU())
    return [nn.Conv2d(channels, factor * out, 3, padding=1), bend, nn.BatchNorm2d(out)]


def _norm(channels: int, flat: bool) -> nn.Module:
    return nn.BatchNorm1d(channels) if flat else nn.BatchNorm2d(channels)
