"""Random shifts and masks of spectrograms for training; every draw comes from the generator handed in."""

from __future__ import annotations

import torch
from torch import Tensor


def augment_spectrograms(
    x: Tensor,
    generator: torch.Generator,
    *,
    time_shift: float = 0.12,
    band_shift: int = 2,
    time_mask: float = 0.2,
    band_mask: float = 0.15,
    gain: float = 0.3,
) -> Tensor:
    """
    Shift in time and frequency, mask one stretch of each, and change the level: each clip its own draw.

    Source of the masks: Park et al., SpecAugment, 2019.

    :param x: Spectrograms (N, 1, bands, frames), about zero mean and unit variance.
    :param generator: On the CPU.
    :param time_shift: Largest shift in time, as a share of the frames; what leaves on one side comes back on the other,
        so that no sound is lost.
    :param band_shift: Largest shift in frequency, in bands; the edge is repeated.
    :param time_mask: Longest masked stretch, as a share of the frames.
    :param band_mask: Widest masked band, as a share of the bands.
    :param gain: Largest change of level, in standard deviations of the input.
    :return: The same shape.
    """
    n, _, bands, frames = x.shape
    draws = torch.rand((n, 7), generator=generator).to(x.device)
    shift_t = ((2 * draws[:, 0] - 1) * time_shift * frames).round().long()
    shift_b = ((2 * draws[:, 1] - 1) * band_shift).round().long()
    rows = (torch.arange(bands, device=x.device)[None] + shift_b[:, None]).clamp(0, bands - 1)
    columns = (torch.arange(frames, device=x.device)[None] + shift_t[:, None]) % frames
    clip = torch.arange(n, device=x.device)[:, None, None]
    out = x[clip, 0, rows[:, :, None], columns[:, None, :]]
    keep_t = ~masked_stretch(draws[:, 2], draws[:, 3], frames, time_mask)
    keep_b = ~masked_stretch(draws[:, 4], draws[:, 5], bands, band_mask)
    out = (out + gain * (2 * draws[:, 6, None, None] - 1)) * keep_t[:, None, :] * keep_b[:, :, None]
    return out.unsqueeze(1)


def masked_stretch(length: Tensor, start: Tensor, size: int, share: float) -> Tensor:
    """
    One stretch for each clip.

    :param length: Uniform draws from 0 to 1 (N,).
    :param start: The same, of where it begins.
    :param size: Places.
    :param share: Of the places, the longest stretch.
    :return: Which places are in it, boolean (N, size).
    """
    length = (length * share * size).floor()
    start = (start * (size - length)).floor()
    position = torch.arange(size, device=length.device)[None]
    return (position >= start[:, None]) & (position < (start + length)[:, None])
