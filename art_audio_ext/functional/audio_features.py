"""Features of sound at 100 frames a second that synchronisation networks listen to, differentiable."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torchaudio.functional as taf
from torch import Tensor
from torch.nn.functional import pad

FEATURE_SAMPLE_RATE, FEATURE_HOP, FEATURE_WINDOW = 16000, 160, 400  # 100 frames a second of 25 ms
_FFT, _STEP = 512, 80  # window and hop are whole numbers of steps
_INT16, _PREEMPHASIS, _FILTERS, _LIFTER = 32768.0, 0.97, 26, 22
_LEAST_POWER = 2.220446049250313e-16  # what the reference puts in the place of no power
_FLOOR_POWER = 1e-6


def feature_frames(samples: int) -> int:
    """
    :param samples: Of a clip at 16 kHz.
    :return: Frames of features that it has; the last one may reach over the end, into silence.
    """
    return 1 + max(0, math.ceil((samples - FEATURE_WINDOW) / FEATURE_HOP))


def mfcc_100(x: Tensor, n_mfcc: int = 13) -> Tensor:
    """
    Cepstral coefficients as the public SyncNet takes them: those of `python_speech_features.mfcc` by its defaults.

    Sound scaled to 16 bits, pre-emphasis .97 over the whole clip, 25 ms rectangular windows, 512 points, 26 triangular
    filters between whole bins, logarithm, orthonormal cosine transform, lifter 22; the first coefficient is the
    logarithm of the window's energy.

    :param x: Sound (N, L) in [-1, 1] at 16 kHz.
    :param n_mfcc: Coefficients, at most 26.
    :return: Shape (N, n_mfcc, frames).
    """
    with torch.autocast(x.device.type, enabled=False):
        scaled = x * _INT16
        emphasised = torch.cat([scaled[:, :1], scaled[:, 1:] - _PREEMPHASIS * scaled[:, :-1]], 1)
        power = _power(_frames(emphasised)) / _FFT
        energy = power.sum(-1).clamp(min=_LEAST_POWER).log()
        bands = (power @ _whole_bin_filters().T.to(power)).clamp(min=_LEAST_POWER).log()
        cepstrum = bands @ taf.create_dct(n_mfcc, _FILTERS, norm="ortho").to(bands)
        order = torch.arange(n_mfcc, device=x.device, dtype=x.dtype)
        cepstrum = cepstrum * (1 + _LIFTER / 2 * torch.sin(math.pi * order / _LIFTER))
        return torch.cat([energy[..., None], cepstrum[..., 1:]], -1).transpose(1, 2)


def centred_log_mel(x: Tensor, n_mels: int = 40) -> Tensor:
    """
    Logarithms of mel powers less each band's mean over the clip, so that neither level nor microphone matter.

    :param x: Sound (N, L) in [-1, 1] at 16 kHz.
    :param n_mels: Bands.
    :return: Shape (N, n_mels, frames), natural logarithms.
    """
    with torch.autocast(x.device.type, enabled=False):
        window = torch.hann_window(FEATURE_WINDOW, dtype=x.dtype, device=x.device)
        power = _power(_frames(x) * window)
        level = (power @ _mel_filters(n_mels).T.to(power) + _FLOOR_POWER).log()
        return (level - level.mean(1, keepdim=True)).transpose(1, 2)


def _frames(x: Tensor) -> Tensor:
    """Windows (N, frames, 400) of (N, L) every 160 samples; silence behind the end."""
    count, apart, steps = feature_frames(x.shape[-1]), FEATURE_HOP // _STEP, FEATURE_WINDOW // _STEP
    blocks = pad(x, (0, ((count - 1) * apart + steps) * _STEP - x.shape[-1])).unflatten(-1, (-1, _STEP))
    # steps side by side: the gradient is a few sums, where that of `unfold` adds sample by sample
    return torch.cat([blocks[:, k : k + apart * (count - 1) + 1 : apart] for k in range(steps)], -1)


def _power(frames: Tensor) -> Tensor:
    """Of (..., 400): (..., 257)."""
    spectrum = torch.fft.rfft(frames, _FFT)
    return spectrum.real.square() + spectrum.imag.square()


@lru_cache(maxsize=1)
def _whole_bin_filters() -> Tensor:
    """Triangles (26, 257) whose corners are whole bins, equally far apart in mel from 0 Hz to half the rate."""
    mels = torch.linspace(0, _mel(FEATURE_SAMPLE_RATE / 2), _FILTERS + 2, dtype=torch.float64)
    corners = ((_FFT + 1) * 700 * (10 ** (mels / 2595) - 1) / FEATURE_SAMPLE_RATE).floor()
    corners[-1] = (_FFT + 1) // 2  # exact, where rounding could put the last corner a bin below
    bins = torch.arange(_FFT // 2 + 1, dtype=torch.float64)
    left, middle, right = (corners[k : k + _FILTERS, None] for k in range(3))
    rise, fall = (bins - left) / (middle - left), (right - bins) / (right - middle)
    return torch.where(bins < middle, rise, fall).clamp(min=0).nan_to_num().float()


def _mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


@lru_cache(maxsize=4)
def _mel_filters(n_mels: int) -> Tensor:
    """Triangular HTK mel filters (n_mels, 257)."""
    return taf.melscale_fbanks(_FFT // 2 + 1, 0.0, FEATURE_SAMPLE_RATE / 2, n_mels, FEATURE_SAMPLE_RATE).T.contiguous()
