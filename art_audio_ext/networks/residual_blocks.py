"""Residual blocks that classifiers are built of: basic, bottleneck (also grouped or widened), and pre-activated."""

from __future__ import annotations

import torch
from torch import Tensor, nn

DEPTHS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}  # layers -> blocks a stage


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut: (N, in, H, W) -> (N, width, H / stride, W / stride)."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.shortcut = shortcut(channels, width, stride)
        self.body = nn.Sequential(
            conv(channels, width, 3, stride),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            conv(width, width, 3),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class Bottleneck(nn.Module):
    """
    1 x 1, 3 x 3, 1 x 1 convolutions and a shortcut: (N, in, H, W) -> (N, 4 width, H / stride, W / stride).

    :param channels: Coming in.
    :param width: A quarter of those going out.
    :param stride: Of the 3 x 3 convolution.
    :param inner: Channels of the 3 x 3 convolution; `width` unless given (wide residual networks, ResNeXt).
    :param groups: Of the 3 x 3 convolution (ResNeXt's cardinality).
    """

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int, inner: int | None = None, groups: int = 1):
        super().__init__()
        out, inner = width * self.expansion, inner or width
        self.shortcut = shortcut(channels, out, stride)
        self.body = nn.Sequential(
            conv(channels, inner, 1),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            conv(inner, inner, 3, stride, groups),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            conv(inner, out, 1),
            nn.BatchNorm2d(out),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class PreActivationBlock(nn.Module):
    """
    Norm and ReLU before each of two 3 x 3 convolutions: (N, in, H, W) -> (N, width, H / stride, W / stride).

    Source: Zagoruyko and Komodakis, Wide residual networks, 2016, Figure 1.
    """

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        same = channels == width and stride == 1
        self.first = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
        self.body = nn.Sequential(
            conv(channels, width, 3, stride), nn.BatchNorm2d(width), nn.ReLU(), conv(width, width, 3)
        )
        self.shortcut = nn.Identity() if same else conv(channels, width, 1, stride)
        self.same = same

    def forward(self, x: Tensor) -> Tensor:
        active = self.first(x)
        return self.body(active) + self.shortcut(x if self.same else active)


def residual_stages(depth: int, width: int) -> tuple[nn.Sequential, int]:
    """
    The four stages of a residual network after its stem: (N, width, H, W) -> (N, C, H / 8, W / 8).

    Source: He et al., Deep residual learning for image recognition, 2016, Table 1.

    :param depth: A key of `DEPTHS`.
    :param width: Channels of the first stage; 64 is the published width.
    :return: The stages, and C.
    """
    block = BasicBlock if depth == 18 else Bottleneck
    layers: list[nn.Module] = []
    channels = width
    for stage, blocks in enumerate(DEPTHS[depth]):
        for index in range(blocks):
            stride = 2 if stage > 0 and index == 0 else 1
            layers.append(block(channels, width * 2**stage, stride))
            channels = width * 2**stage * block.expansion
    return nn.Sequential(*layers), channels


def conv(channels: int, out: int, size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution of odd size that keeps H and W at stride 1, without a bias since a norm follows."""
    return nn.Conv2d(channels, out, size, stride, size // 2, groups=groups, bias=False)


def shortcut(channels: int, out: int, stride: int) -> nn.Module:
    """The identity, or a 1 x 1 convolution where the shape changes."""
    if channels == out and stride == 1:
        return nn.Identity()
    return nn.Sequential(conv(channels, out, 1, stride), nn.BatchNorm2d(out))
