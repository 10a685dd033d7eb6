"""The front ends: levels, shapes, pooling, gradients, and torchaudio as the independent reference."""

from __future__ import annotations

import math

import pytest
import torch
import torchaudio

from art_audio_ext.functional.front_end import FLOOR_POWER, log_mel, mfcc, speech_mel, stft_magnitude


def sound(count: int = 3, length: int = 16000, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(count, length, generator=torch.Generator().manual_seed(seed))


def reference_mel(x: torch.Tensor) -> torch.Tensor:
    transform = torchaudio.transforms.MelSpectrogram(
        16000, n_fft=512, hop_length=250, n_mels=64, power=2.0, pad_mode="constant", f_max=8000.0
    )
    return transform(x)[..., :64]


def test_log_mel_matches_torchaudio():
    x = sound()
    expected = ((10 * torch.log10(reference_mel(x) + FLOOR_POWER) + 60) / 100).clamp(0, 1.2)
    assert log_mel(x).shape == (3, 64, 64)
    torch.testing.assert_close(log_mel(x), expected, atol=1e-5, rtol=1e-5)


def test_silence_is_zero_and_twenty_decibels_are_a_fifth():
    assert torch.equal(log_mel(torch.zeros(1, 16000)), torch.zeros(1, 64, 64))
    loud, soft = log_mel(sound()), log_mel(sound() / 10)
    torch.testing.assert_close(loud - soft, torch.full_like(loud, 0.2), atol=2e-3, rtol=0)


def test_frames_average_neighbours():
    x = sound()
    torch.testing.assert_close(log_mel(x, frames=16), log_mel(x).unflatten(-1, (16, 4)).mean(-1))
    assert log_mel(x[:, :100], frames=16).shape == (3, 64, 16)
    assert log_mel(sound(length=37001), frames=16).shape == (3, 64, 16)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_tone_lands_in_its_band_at_every_rate(rate):
    tone = 0.5 * torch.sin(2 * math.pi * 1000 * torch.arange(rate) / rate)[None]
    level = log_mel(tone, rate, n_mels=40)
    assert level.shape == (1, 40, 64)
    top_mel = 2595 * math.log10(1 + rate / 2 / 700)
    expected = 2595 * math.log10(1 + 1000 / 700) / (top_mel / 41) - 1  # centres lie evenly on the mel scale
    assert abs(int(level.mean(-1).argmax()) - expected) <= 1


def test_mfcc_is_the_cosine_transform_of_log_mel():
    x = sound()
    level = log_mel(x)
    k, m = torch.arange(20)[:, None], torch.arange(64)[None]
    basis = torch.cos(math.pi / 64 * (m + 0.5) * k) * math.sqrt(2 / 64)
    basis[0] /= math.sqrt(2)
    torch.testing.assert_close(mfcc(x), basis @ level, atol=1e-5, rtol=1e-5)


def test_stft_has_armorys_shape_and_scale():
    x = sound()
    assert stft_magnitude(x).shape == (3, 128, 125)
    expected = torch.fft.rfft(x[:, 1280 - 127 : 1280 + 128] * torch.hann_window(255)).abs()
    torch.testing.assert_close(stft_magnitude(x)[..., 10], expected, atol=1e-5, rtol=1e-4)


def test_gradients_flow_and_are_right():
    x = sound(1, 600).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: log_mel(s, 16000, n_mels=4), (x,), atol=1e-4, fast_mode=True)
    (stft_magnitude(x).sum() + mfcc(x).sum()).backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0


def test_each_clip_is_its_own():
    x = sound(5)
    torch.testing.assert_close(log_mel(x), torch.cat([log_mel(clip[None]) for clip in x]), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("length", [100, 512, 16000, 20001])
def test_speech_mel_matches_torchaudio_at_any_length(length):
    x = sound(length=length)
    transform = torchaudio.transforms.MelSpectrogram(
        16000, n_fft=2048, hop_length=512, n_mels=32, norm="slaney", mel_scale="slaney", pad_mode="constant"
    )
    level_db = 10 * torch.log10(transform(x).clamp(min=1e-10))
    picture = speech_mel(x)
    assert picture.shape == (3, 1, 32, length // 512 + 1)
    torch.testing.assert_close(picture[:, 0], 2 * (level_db + 100) / 138.22 - 1, atol=1e-5, rtol=1e-5)


def test_gradients_of_speech_mel_are_right():
    x = sound(1, 1500).double().requires_grad_()
    assert torch.autograd.gradcheck(speech_mel, (x,), fast_mode=True, atol=1e-6)
    weights = torch.randn(1, 1, 32, 3, generator=torch.Generator().manual_seed(0)).double()
    (mine,) = torch.autograd.grad((weights * speech_mel(x)).sum(), x)
    spectrum = torch.stft(
        x, 2048, 512, window=torch.hann_window(2048).double(), center=True, pad_mode="constant", return_complex=True
    )
    filters = torchaudio.functional.melscale_fbanks(1025, 0.0, 8000.0, 32, 16000, norm="slaney", mel_scale="slaney")
    level_db = 10 * torch.log10((filters.T.double() @ spectrum.abs().square()).clamp(min=1e-10))
    (expected,) = torch.autograd.grad((weights * (2 * (level_db[:, None] + 100) / 138.22 - 1)).sum(), x)
    torch.testing.assert_close(mine, expected)
    (slope,) = torch.autograd.grad(speech_mel(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_speech_mel_keeps_its_precision_where_networks_do_not():
    x = sound()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(speech_mel(x), speech_mel(x.clone()))
        half = speech_mel(x)
    assert torch.equal(half, speech_mel(x))


def test_a_floor_is_what_noise_adds_on_average():
    x = sound(1)
    noise = 0.0245 * torch.randn(400, 16000, generator=torch.Generator().manual_seed(1))

    def powers(picture: torch.Tensor) -> torch.Tensor:
        return 10 ** (((picture + 1) * 138.22 / 2 - 100) / 10)

    measured = powers(speech_mel(0.1 * x + noise)).mean(0)[0, :, 2:-2]
    expected = powers(speech_mel(0.1 * x, 0.0245))[0, 0, :, 2:-2]
    torch.testing.assert_close(measured.mean(), expected.mean(), rtol=0.02, atol=0)
    torch.testing.assert_close(measured, expected, rtol=0.4, atol=0)
    silent = speech_mel(torch.zeros(1, 16000), 0.0245)
    assert silent.min() > speech_mel(torch.zeros(1, 16000)).max() + 0.5
    torch.testing.assert_close(silent, silent[..., :1].expand_as(silent))
