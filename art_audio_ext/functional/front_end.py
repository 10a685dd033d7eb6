"""Log-mel, MFCC and short-time Fourier front ends as pure differentiable functions, with their constants."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torchaudio.functional as taf
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

WINDOW_SECONDS = 0.032  # 512 samples at 16 kHz
HOP_SECONDS = 1 / 64  # 250 samples at 16 kHz: 64 frames a second
FLOOR_POWER = 1e-6  # -60 dB: below it a recording is silent
RANGE_DB = 100.0
SPEECH_MEL_RATE, SPEECH_MEL_BANDS, SPEECH_MEL_HOP = 16000, 32, 512
_HANN_ENERGY = 0.375  # mean square of a Hann window
_SPEECH_MEL_FFT, _SPEECH_MEL_FLOOR, _SPEECH_MEL_SPAN_DB = 2048, 1e-10, 138.22


def log_mel(x: Tensor, sample_rate: int = 16000, n_mels: int = 64, frames: int | None = None) -> Tensor:
    """
    Log-mel spectrogram, 0 at -60 dB and 1 at +40 dB, clamped to [0, 1.2]; 64 frames a second.

    :param x: Sound of shape (N, L) in [-1, 1].
    :param sample_rate: In Hz.
    :param n_mels: Mel bands.
    :param frames: Average neighbouring frames down (or repeat them up) to this number; None leaves L / hop.
    :return: Shape (N, n_mels, frames).
    """
    n_fft = max(16, round(WINDOW_SECONDS * sample_rate))
    hop = max(1, round(HOP_SECONDS * sample_rate))
    power = _stft(x, n_fft, hop).abs().square()
    mel = _mel_filters(n_fft // 2 + 1, n_mels, sample_rate).to(power) @ power
    level = ((10 * torch.log10(mel + FLOOR_POWER) + 60) / RANGE_DB).clamp(0, 1.2)
    level = level[..., : max(1, x.shape[-1] // hop)]  # the centred transform gives one frame more
    if frames is not None and frames != level.shape[-1]:
        level = torch.nn.functional.adaptive_avg_pool1d(level, frames)
    return level


def mfcc(x: Tensor, sample_rate: int = 16000, n_mfcc: int = 20, n_mels: int = 64) -> Tensor:
    """
    Mel-frequency cepstral coefficients: the orthonormal cosine transform of `log_mel` over bands.

    :param x: Sound of shape (N, L) in [-1, 1].
    :param sample_rate: In Hz.
    :param n_mfcc: Coefficients kept, at most `n_mels`.
    :param n_mels: Mel bands.
    :return: Shape (N, n_mfcc, frames).
    """
    basis = taf.create_dct(n_mfcc, n_mels, norm="ortho").to(x)
    return torch.einsum("mc,nmt->nct", basis, log_mel(x, sample_rate, n_mels))


def speech_mel(x: Tensor, floor_sigma: float = 0.0) -> Tensor:
    """
    The 32 x 32 log-mel picture of a second of speech that classifiers and diffusion models of commands look at.

    Power by a Hann window of 2048 samples every 512, Slaney's mel scale and area normalisation, decibels above -100,
    scaled so that -100 dB is -1 and 38.22 dB is 1.

    Source: Tan et al., "DualPure: An Efficient Adversarial Purification Method for Speech Command Recognition", 2024.

    :param x: Sound of shape (N, L) in [-1, 1] at 16 kHz.
    :param floor_sigma: Add to each power what white noise of this standard deviation would add on average.
    :return: Shape (N, 1, 32, L // 512 + 1): 16,000 samples give exactly 32 frames.
    """
    with torch.autocast(x.device.type, enabled=False):  # the matrix product of powers would lose all but 8 bits
        power = frame_power(x, _SPEECH_MEL_FFT, SPEECH_MEL_HOP)
        if floor_sigma:
            power = power + floor_sigma**2 * _HANN_ENERGY * _SPEECH_MEL_FFT
        mel = power @ _slaney_filters().T.to(power)
        level_db = 10 * torch.log10(mel.clamp(min=_SPEECH_MEL_FLOOR))
    return (2 * (level_db + 100) / _SPEECH_MEL_SPAN_DB - 1).transpose(1, 2).unsqueeze(1)


def frame_power(x: Tensor, n_fft: int, hop: int) -> Tensor:
    """
    Power spectrum of Hann-windowed frames, centred on every `hop` samples, zeros beyond the ends; a cheap gradient.

    :param x: Sound of shape (N, L).
    :param n_fft: Window and transform length in samples, even and a multiple of `hop`.
    :param hop: In samples.
    :return: Shape (N, L // hop + 1, n_fft // 2 + 1).
    """
    return _FramePower.apply(_frames(x, n_fft, hop))


def stft_magnitude(x: Tensor, n_fft: int = 255, hop: int = 128) -> Tensor:
    """
    Magnitude of the short-time Fourier transform, by default with the window and hop of Armory's audio scenarios.

    :param x: Sound of shape (N, L) in [-1, 1].
    :param n_fft: Window and transform length in samples.
    :param hop: Hop in samples.
    :return: Shape (N, n_fft // 2 + 1, L // hop): (N, 128, 125) for one second at 16 kHz.
    """
    return _stft(x, n_fft, hop).abs()[..., : max(1, x.shape[-1] // hop)]


def _stft(x: Tensor, n_fft: int, hop: int) -> Tensor:
    """Hann-windowed, centred, zero-padded transform of (N, L)."""
    window = torch.hann_window(n_fft, dtype=x.dtype, device=x.device)
    return torch.stft(x, n_fft, hop, window=window, center=True, pad_mode="constant", return_complex=True)


def _frames(x: Tensor, n_fft: int, hop: int) -> Tensor:
    """Hann-windowed frames (N, L // hop + 1, n_fft) of (N, L), centred, padded with zeros; `hop` divides `n_fft`."""
    count, apart = x.shape[-1] // hop + 1, n_fft // hop
    behind = (count + apart - 1) * hop - n_fft // 2 - x.shape[-1]
    blocks = pad(x, (n_fft // 2, behind)).unflatten(-1, (count + apart - 1, hop))
    # neighbouring blocks side by side: the gradient is a few sums, where that of `unfold` adds sample by sample
    frames = torch.cat([blocks[:, k : k + count] for k in range(apart)], -1)
    return frames * torch.hann_window(n_fft, dtype=x.dtype, device=x.device)


class _FramePower(torch.autograd.Function):
    """Power spectrum of real frames; the gradient takes one inverse real transform, half of what torch's own takes."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor) -> Tensor:
        """Of (..., n): (..., n // 2 + 1), n even."""
        spectrum = torch.fft.rfft(frames)
        ctx.save_for_backward(spectrum)
        ctx.length = frames.shape[-1]
        return spectrum.real.square() + spectrum.imag.square()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """The inverse transform counts each inner frequency twice, its ends once."""
        (spectrum,) = ctx.saved_tensors
        twice = torch.ones(gradient.shape[-1], dtype=gradient.dtype, device=gradient.device)
        twice[0] = twice[-1] = 2
        return torch.fft.irfft(spectrum * (gradient * twice), ctx.length, norm="forward")


@lru_cache(maxsize=1)
def _slaney_filters() -> Tensor:
    """Filters of `speech_mel`, shape (32, 1025)."""
    return taf.melscale_fbanks(
        _SPEECH_MEL_FFT // 2 + 1,
        0.0,
        SPEECH_MEL_RATE / 2,
        SPEECH_MEL_BANDS,
        SPEECH_MEL_RATE,
        norm="slaney",
        mel_scale="slaney",
    ).T.contiguous()


@lru_cache(maxsize=16)
def _mel_filters(n_freqs: int, n_mels: int, sample_rate: int) -> Tensor:
    """Triangular HTK mel filters of shape (n_mels, n_freqs)."""
    return taf.melscale_fbanks(n_freqs, 0.0, sample_rate / 2, n_mels, sample_rate).T.contiguous()
