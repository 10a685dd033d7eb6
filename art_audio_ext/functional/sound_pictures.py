"""Pictures of sound events in decibels, as pure differentiable functions: mel bands, and constant-Q bands."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
import torchaudio.functional as taf
from torch import Tensor
from torch.nn.functional import pad

from art_audio_ext.functional.front_end import frame_power

EVENT_MEL_BANDS = 64
BANDS_PER_OCTAVE = 12
LOWEST_HZ = 32.703  # C1
_FLOOR = 1e-10  # of power: -100 dB, where the noise of 16 bits lies
_RING_SECONDS = 0.5  # the lowest constant-Q filter rings so long: silence between the end of a clip and its start
_LEAST_RATE, _HIGHEST_RATE = 4000, 192000


class FrameSizes(NamedTuple):
    """
    Samples of a window, from window to window, and from window to window where they lie four times as close.

    :param window: 32 ms.
    :param hop: 16 ms.
    :param fine_hop: 4 ms.
    """

    window: int
    hop: int
    fine_hop: int


def frame_sizes(sample_rate: int) -> FrameSizes:
    """
    The frames of the published front ends (1024, 512 and 128 samples at 32 kHz), as long at every sample rate.

    At 16 kHz they are 512, 256 and 64 samples, so that 128 frames are 2.05 s and bins 31 Hz apart at both rates.

    :param sample_rate: In Hz.
    :return: Sizes in samples, each a multiple of the next.
    :raises ValueError: If the rate lies outside 4 to 192 kHz.
    """
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, int) or not 0 < sample_rate <= _HIGHEST_RATE:
        raise ValueError(f"sample_rate must be a whole number of Hz up to {_HIGHEST_RATE}, got {sample_rate!r}")
    if sample_rate < _LEAST_RATE:
        raise ValueError(f"sound events need a sample rate of at least {_LEAST_RATE} Hz, got {sample_rate}")
    fine = round(sample_rate / 250)
    return FrameSizes(8 * fine, 4 * fine, fine)


def event_mel(x: Tensor, sample_rate: int, hop: int, *, magnitude: bool = False) -> Tensor:
    """
    Levels of 64 mel bands (Slaney's scale, triangles of height 1) in decibels, down to -100.

    A sine of full scale has 0 dB where a band is highest. The floor is added, not clamped at: the gradient never stops.

    Source: the note on front ends in Iqbal et al. and Jeong and Lim, DCASE 2018 task 2.

    :param x: Sound of shape (N, L) in [-1, 1].
    :param sample_rate: In Hz.
    :param hop: In samples; the window is that of `frame_sizes`.
    :param magnitude: Bands sum magnitudes (Jeong and Lim), not powers (Iqbal et al.).
    :return: Shape (N, 64, L // hop).
    """
    window = frame_sizes(sample_rate).window
    with torch.autocast(x.device.type, enabled=False):  # a product of powers in half precision loses all but 8 bits
        power = frame_power(x.float(), window, hop)[:, : x.shape[1] // hop] * (4 / window) ** 2
        bands = _event_filters(window // 2 + 1, sample_rate).to(power)
        if magnitude:  # the root of an exact zero has no gradient
            level_db = 20 * torch.log10((power + 1e-12).sqrt() @ bands + math.sqrt(_FLOOR))
        else:
            level_db = 10 * torch.log10(power @ bands + _FLOOR)
    return level_db.transpose(1, 2)


def constant_q(x: Tensor, sample_rate: int, hop: int) -> Tensor:
    """
    Levels of 12 bands an octave from 32.7 Hz to Nyquist in decibels, down to -100; each as wide as its pitch is high.

    Of our own design, after the nonstationary Gabor transform (Velasco et al., "Constructing an invertible constant-Q
    transform with nonstationary Gabor frames", 2011): one Fourier transform of the whole clip; of each band the bins
    up to the middles of its neighbours under a Hann window; their inverse transform, an octave at a time and finely
    enough that the square does not fold; its power, averaged over each hop. A sine of full scale has 0 dB.

    :param x: Sound of shape (N, L) in [-1, 1].
    :param sample_rate: In Hz.
    :param hop: In samples.
    :return: Shape (N, `constant_q_bands(sample_rate)`, L // hop).
    """
    frames = x.shape[1] // hop
    padded = frames + 1 + math.ceil(_RING_SECONDS * sample_rate / hop)
    with torch.autocast(x.device.type, enabled=False):
        x = pad(x.float(), (hop // 2, padded * hop - x.shape[1] - hop // 2))  # frames are centred, as those of mels
        spectrum = torch.fft.rfft(x)
        parts = []
        for octave in _octaves(sample_rate, hop, padded):
            bins = spectrum[:, octave.bins.to(x.device)] * octave.weights.to(x)
            # half of the length is the amplitude of a sine's bin
            sound = torch.fft.ifft(bins, octave.samples, norm="forward") * (2 / (padded * hop))
            power = sound.real.square() + sound.imag.square()
            parts.append(power.unflatten(2, (padded, -1)).mean(3)[..., :frames])
        return 10 * torch.log10(torch.cat(parts, 1) + _FLOOR)


def constant_q_bands(sample_rate: int) -> int:
    """
    :param sample_rate: In Hz.
    :return: How many bands `constant_q` has: 95 at 16 kHz, 107 at 32 kHz.
    """
    return int(BANDS_PER_OCTAVE * math.log2(sample_rate / 2 / LOWEST_HZ))


class _Octave(NamedTuple):
    """Which bins (B, W) of a clip's transform make bands, with which weights (B, W), and samples of their inverse."""

    bins: Tensor
    weights: Tensor
    samples: int


@lru_cache(maxsize=16)
def _octaves(sample_rate: int, hop: int, frames: int) -> tuple[_Octave, ...]:
    """The filters of `constant_q` for clips of so many frames, octave by octave."""
    per_hertz = frames * hop / sample_rate
    step = 2 ** (1 / BANDS_PER_OCTAVE)
    middles = LOWEST_HZ * step ** torch.arange(constant_q_bands(sample_rate), dtype=torch.float64)
    found = []
    for middle in middles.split(BANDS_PER_OCTAVE):
        first = (middle / step * per_hertz).ceil().long()
        width = int((middle * step * per_hertz).floor().long().sub(first).max()) + 1
        bins = first[:, None] + torch.arange(width)
        pitch = bins / per_hertz / middle[:, None]
        # from one neighbour's middle to the other's, in octaves: 0 to 1
        place = (torch.log2(pitch) * BANDS_PER_OCTAVE / 2 + 0.5).clamp(0, 1)
        weights = (0.5 - 0.5 * torch.cos(2 * math.pi * place)).float()
        folds = 2 ** max(0, math.ceil(math.log2(2 * width / frames)))
        found.append(_Octave(bins.clamp(max=frames * hop // 2), weights, frames * folds))
    return tuple(found)


@lru_cache(maxsize=8)
def _event_filters(bins: int, sample_rate: int) -> Tensor:
    """Mel filters of shape (bins, 64)."""
    return taf.melscale_fbanks(bins, 0.0, sample_rate / 2, EVENT_MEL_BANDS, sample_rate, mel_scale="slaney")
