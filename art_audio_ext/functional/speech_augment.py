"""Augmentation of speech for training classifiers: gain, speed, shift, background noise, and a stretch of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from art_audio_ext.functional.spectrogram_augment import masked_stretch


@dataclass(frozen=True)
class SpeechAugmentation:
    """
    How far each change may go; each is applied to half of the clips.

    Source: the recipe of the victims of "DualPure", 2024; the range of the shift is ours.

    :param gain: Least and largest factor.
    :param speed: Speed (and pitch) changes by up to this share, either way.
    :param stretch: So does the duration alone, on the picture.
    :param shift: Clips move by up to this share of their length, either way.
    :param noise: Background noise makes up to this share: x (1 - p) + noise p.
    """

    gain: tuple[float, float] = (0.7, 1.1)
    speed: float = 0.2
    stretch: float = 0.2
    shift: float = 0.1
    noise: float = 0.45


def augment_sound(
    x: Tensor, generator: torch.Generator, recipe: SpeechAugmentation, background: Tensor | None = None
) -> Tensor:
    """
    Gain, speed, shift and noise.

    :param x: Sound (N, L).
    :param generator: On the CPU.
    :param recipe: How far.
    :param background: Sound of noise (M, L) of which each clip gets one, or None.
    :return: Shape (N, L), within [-1, 1].
    """
    draw = _Draws(len(x), generator, x)
    gain = draw.uniform(*recipe.gain, other=1.0)
    rate = draw.uniform(1 - recipe.speed, 1 + recipe.speed, other=1.0)
    shift = draw.uniform(-recipe.shift, recipe.shift, other=0.0) * x.shape[1]
    changed = gain[:, None] * warp(x, rate, shift, 0.0)
    if background is not None and len(background):
        share = draw.uniform(0.0, recipe.noise, other=0.0)[:, None]
        which = torch.randint(len(background), (len(x),), generator=generator)
        changed = changed * (1 - share) + background[which.to(background.device)].to(x) * share
    return changed.clamp(-1, 1)


def stretch_pictures(pictures: Tensor, generator: torch.Generator, recipe: SpeechAugmentation) -> Tensor:
    """
    Longer or shorter speech at the same pitch: the picture's time axis, stretched about its middle.

    :param pictures: Shape (N, 1, B, T).
    :param generator: On the CPU.
    :param recipe: How far.
    :return: The same shape; beyond its ends a picture goes on as it ended.
    """
    rate = _Draws(len(pictures), generator, pictures).uniform(1 - recipe.stretch, 1 + recipe.stretch, other=1.0)
    rows = pictures.flatten(0, 2)
    each = rate.repeat_interleave(pictures.shape[1] * pictures.shape[2])
    return warp(rows, each, torch.zeros_like(each), None).view_as(pictures)


def mask_pictures(pictures: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """
    Hide a stretch of bands and a stretch of frames, each in half of the clips, under the picture's mean.

    Source: Park et al., "SpecAugment", 2019; one mask a direction here.

    :param pictures: Shape (N, 1, B, T).
    :param generator: On the CPU.
    :param share: Of the bands, or frames, that a mask hides at most.
    :return: The same shape.
    """
    draws = torch.rand((6, len(pictures)), generator=generator).to(pictures.device)
    bands, frames = (
        masked_stretch(length, start, size, share) & (chosen < 0.5)[:, None]
        for size, (length, start, chosen) in zip(pictures.shape[2:], (draws[:3], draws[3:]), strict=True)
    )
    return torch.where(bands[:, None, :, None] | frames[:, None, None], pictures.mean((2, 3), keepdim=True), pictures)


def warp(x: Tensor, rate: Tensor, shift: Tensor, fill: float | None) -> Tensor:
    """
    Rows read at another speed about their middle, then moved; linear interpolation.

    :param x: Shape (N, L).
    :param rate: How many samples are read for each that is written (N,).
    :param shift: By how many samples later (N,).
    :param fill: Beyond the ends; None repeats the last value there.
    :return: Shape (N, L).
    """
    last = x.shape[1] - 1
    times = torch.arange(x.shape[1], device=x.device, dtype=torch.float64)
    at = (times - last / 2 - shift[:, None].double()) * rate[:, None].double() + last / 2
    if fill is None:
        at = at.clamp(0, last)
    before = at.floor()
    share = (at - before).to(x)
    index = before.long().clamp(0, last)
    value = x.gather(1, index) * (1 - share) + x.gather(1, (index + 1).clamp(max=last)) * share
    return value if fill is None else value.masked_fill((at < 0) | (at > last), fill)


class _Draws:
    """A value for each clip: drawn for about half of them, another for the rest."""

    def __init__(self, count: int, generator: torch.Generator, like: Tensor) -> None:
        self.count, self.generator, self.like = count, generator, like

    def uniform(self, low: float, high: float, other: float) -> Tensor:
        """:return: Shape (N,)."""
        value = low + (high - low) * torch.rand(self.count, generator=self.generator)
        chosen = torch.rand(self.count, generator=self.generator) < 0.5
        return torch.where(chosen, value, torch.tensor(other)).to(self.like)
