"""Classifiers of speech commands on 32 x 32 log-mels, front end inside: waveform or picture in, logits out."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from art_audio_ext.functional.front_end import SPEECH_MEL_BANDS, speech_mel
from art_audio_ext.networks.residual_blocks import BasicBlock, Bottleneck, PreActivationBlock, conv

_VGG19 = (1, 1, 0, 2, 2, 0, 4, 4, 4, 4, 0, 8, 8, 8, 8, 0, 8, 8, 8, 8, 0)  # channels in widths; 0 halves the picture


class SpeechClassifier(nn.Module):
    """
    A convolutional network on the picture of `speech_mel`.

    What stands before it decides what it is given: a waveform, or the picture where a purifier has already made it
    (`FrequencyDomainPurifier`). So a pipeline of ART, waveform in and label out, may purify in both domains.

    The feature block is registered last, because ART's activation clustering and spectral signatures read the last
    registered child module, and must see features, not logits (ART issue #1810).

    :param architecture: A key of `ARCHITECTURES`.
    :param num_classes: Number of logits.
    :param width: Channels of the first stage; None is the published width.
    :param floor_sigma: The picture that it makes of sound stands on the power of white noise, see `speech_mel`.
    :raises ValueError: If the architecture is unknown or the width no positive number.
    """

    def __init__(self, architecture: str, num_classes: int, width: int | None = None, floor_sigma: float = 0.0):
        super().__init__()
        if architecture not in ARCHITECTURES:
            raise ValueError(f"unknown architecture {architecture!r}: choose {', '.join(ARCHITECTURES)}")
        build, published = ARCHITECTURES[architecture]
        width = published if width is None else width
        if width < 1 or (architecture == "resnext29_8x64" and width % 8):
            raise ValueError(f"width must be positive, of ResNeXt a multiple of 8, got {width}")
        features, size = build(width)
        self.architecture, self.width, self.num_classes = architecture, width, num_classes
        self.floor_sigma = floor_sigma
        self.classifier = nn.Linear(size, num_classes)
        self.features = features

    def picture(self, x: Tensor) -> Tensor:
        """
        What the network looks at.

        :param x: Sound (N, L) in [-1, 1] at 16 kHz, or pictures (N, 1, 32, T), which stay as they are.
        :return: Shape (N, 1, 32, T).
        :raises ValueError: If the shape is another.
        """
        if x.ndim == 2:
            return speech_mel(x, self.floor_sigma)
        if x.ndim != 4 or x.shape[1] != 1 or x.shape[2] != SPEECH_MEL_BANDS:
            raise ValueError(f"expected sound (N, L) or pictures (N, 1, {SPEECH_MEL_BANDS}, T), got {tuple(x.shape)}")
        return x

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: As for `picture`.
        :return: Logits (N, num_classes).
        """
        return self.classifier(self.features(self.picture(x)))


def _stages(block: Callable[[int, int, int], nn.Module], channels: int, plan: list[tuple[int, int, int, int]]) -> list:
    """Blocks of (width, channels out, how many, stride) after each other."""
    layers: list[nn.Module] = []
    for width, out, count, stride in plan:
        for index in range(count):
            layers.append(block(channels, width, stride if index == 0 else 1))
            channels = out
    return layers


def _pooled(layers: list[nn.Module]) -> nn.Sequential:
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _stem(width: int) -> list[nn.Module]:
    return [conv(1, width, 3), nn.BatchNorm2d(width), nn.ReLU()]


def _resnet18(width: int) -> tuple[nn.Module, int]:
    """He et al., 2016, with the 3 x 3 stem for 32 x 32 pictures."""
    plan = [(width * 2**i, width * 2**i, 2, 1 if i == 0 else 2) for i in range(4)]
    return _pooled([*_stem(width), *_stages(BasicBlock, width, plan)]), width * 8


def _vgg19_bn(width: int) -> tuple[nn.Module, int]:
    """Simonyan and Zisserman, 2015, configuration E with batch norm, one linear layer instead of three."""
    layers: list[nn.Module] = []
    channels = 1
    for factor in _VGG19:
        if factor:
            layers += [conv(channels, factor * width, 3), nn.BatchNorm2d(factor * width), nn.ReLU()]
            channels = factor * width
        else:
            layers.append(nn.MaxPool2d(2))
    return _pooled(layers), channels


def _resnext29(width: int) -> tuple[nn.Module, int]:
    """Xie et al., 2017: 29 layers, 8 groups of `width` channels each in the first stage (8 x 64 as published)."""

    def block(channels: int, out: int, stride: int) -> nn.Module:
        return Bottleneck(channels, out, stride, inner=8 * out, groups=8)

    plan = [(width * 2**i, width * 2**i * 4, 3, 1 if i == 0 else 2) for i in range(3)]
    return _pooled([*_stem(width), *_stages(block, width, plan)]), width * 16


def _wide_resnet28(width: int) -> tuple[nn.Module, int]:
    """Zagoruyko and Komodakis, 2016: 28 layers; the published width of 160 is 10 times 16."""
    plan = [(width * 2**i, width * 2**i, 4, 1 if i == 0 else 2) for i in range(3)]
    layers = [conv(1, 16, 3), *_stages(PreActivationBlock, 16, plan), nn.BatchNorm2d(width * 4), nn.ReLU()]
    return _pooled(layers), width * 4


def _wide_resnet50(width: int) -> tuple[nn.Module, int]:
    """Zagoruyko and Komodakis, 2016: ResNet-50 with inner layers twice as wide."""

    def block(channels: int, out: int, stride: int) -> nn.Module:
        return Bottleneck(channels, out, stride, inner=2 * out)

    plan = [(width * 2**i, width * 2**i * 4, count, 1 if i == 0 else 2) for i, count in enumerate((3, 4, 6, 3))]
    return _pooled([*_stem(width), *_stages(block, width, plan)]), width * 32


#: Name -> how it is built from a width, and the published width.
ARCHITECTURES: dict[str, tuple[Callable[[int], tuple[nn.Module, int]], int]] = {
    "resnet18": (_resnet18, 64),
    "vgg19_bn": (_vgg19_bn, 64),
    "resnext29_8x64": (_resnext29, 64),
    "wide_resnet28_10": (_wide_resnet28, 160),
    "wide_resnet50": (_wide_resnet50, 64),
}
