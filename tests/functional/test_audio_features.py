"""Features at 100 frames a second: the recipe of the reference, restated with NumPy and SciPy, and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.fft import dct

from art_audio_ext.functional.audio_features import centred_log_mel, feature_frames, mfcc_100


def restated(samples: np.ndarray) -> np.ndarray:
    """The recipe step by step in 64 bits: (frames, 13) of int16 samples."""
    x = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    count = 1 if len(x) <= 400 else 1 + int(np.ceil((len(x) - 400) / 160))
    x = np.append(x, np.zeros((count - 1) * 160 + 400 - len(x)))
    power = np.stack([np.abs(np.fft.rfft(x[k * 160 : k * 160 + 400], 512)) ** 2 / 512 for k in range(count)])
    mels = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    corners = np.floor(513 * 700 * (10 ** (mels / 2595) - 1) / 16000).astype(int)
    filters = np.zeros((26, 257))
    for k in range(26):
        low, mid, high = corners[k : k + 3]
        filters[k, low:mid] = (np.arange(low, mid) - low) / (mid - low)
        filters[k, mid:high] = (high - np.arange(mid, high)) / (high - mid)
    cepstrum = dct(np.log(power @ filters.T), type=2, norm="ortho")[:, :13]
    cepstrum = cepstrum * (1 + 11 * np.sin(np.pi * np.arange(13) / 22))
    cepstrum[:, 0] = np.log(power.sum(1))
    return cepstrum


@pytest.mark.parametrize("length", [300, 401, 18560, 47648])
def test_mfcc_is_that_of_the_reference(length):
    samples = (3000 * np.random.default_rng(length).standard_normal(length)).astype(np.int16)
    ours = mfcc_100(torch.from_numpy(samples / 32768).float()[None])[0].T
    assert len(ours) == feature_frames(length)
    np.testing.assert_allclose(ours, restated(samples.astype(float)), atol=1e-3)


def test_mfcc_has_the_numbers_that_python_speech_features_gave():
    time = np.arange(1600)
    samples = (8000 * np.sin(time * 0.3) + 1000 * np.sin(time * 1.7)).astype(np.int16)
    ours = mfcc_100(torch.from_numpy(samples / 32768).float()[None])[0].T[5]
    expected = [20.47, 7.698, 6.355, -22.484, -53.686, 33.95, -6.867, 35.847, 20.56, -37.634, 6.048, -33.974, 11.214]
    np.testing.assert_allclose(ours, expected, atol=2e-3)


def test_log_mel_knows_neither_level_nor_colour():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(0.1 * rng.standard_normal((2, 8000))).float()
    mel = centred_log_mel(x)
    assert mel.shape == (2, 40, feature_frames(8000))
    torch.testing.assert_close(mel.mean(2), torch.zeros(2, 40), atol=1e-5, rtol=0)
    torch.testing.assert_close(centred_log_mel(4 * x), mel, atol=1e-2, rtol=0)


@pytest.mark.parametrize("feature", [mfcc_100, centred_log_mel])
def test_gradients(feature):
    rng = torch.Generator().manual_seed(0)
    x = (0.1 * torch.randn(1, 700, generator=rng, dtype=torch.float64)).requires_grad_()
    weights = torch.randn(feature(x).shape, generator=rng, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: (feature(x) * weights).sum(), x, fast_mode=True, atol=1e-4, rtol=1e-3)
    silence = torch.zeros(1, 2000, requires_grad=True)
    feature(silence).sum().backward()
    assert silence.grad.isfinite().all()
