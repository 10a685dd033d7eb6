"""Pictures of sound events: levels of sines, places of clicks, and independent references."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torchaudio

from art_audio_ext.functional.sound_pictures import (
    BANDS_PER_OCTAVE,
    LOWEST_HZ,
    constant_q,
    constant_q_bands,
    event_mel,
    frame_sizes,
)


def sine(hertz: float, rate: int, seconds: float = 2.0, level: float = 1.0) -> torch.Tensor:
    time = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return (level * torch.sin(2 * math.pi * hertz * time))[None].float()


@pytest.mark.parametrize(
    ("rate", "sizes"), [(32000, (1024, 512, 128)), (16000, (512, 256, 64)), (44100, (1408, 704, 176))]
)
def test_windows_last_as_long_at_every_rate(rate, sizes):
    assert frame_sizes(rate) == sizes


@pytest.mark.parametrize("rate", [0, -1, 3999, 200000, True, 16000.0])
def test_rates_that_will_not_do(rate):
    with pytest.raises(ValueError, match="sample"):
        frame_sizes(rate)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_mel_levels_are_those_of_torchaudio(power):
    x = torch.rand((2, 16000), generator=torch.Generator().manual_seed(0)) - 0.5
    reference = torchaudio.transforms.MelSpectrogram(
        16000, 512, hop_length=64, n_mels=64, power=power, mel_scale="slaney", pad_mode="constant"
    )
    expected = 20 / power * torch.log10(reference(x) * (4 / 512) ** power + 1e-5**power)[..., :250]
    torch.testing.assert_close(event_mel(x, 16000, 64, magnitude=power == 1), expected, atol=2e-2, rtol=0)


@pytest.mark.parametrize("rate", [8000, 16000, 32000])
def test_a_sine_lies_in_its_band_of_constant_q_and_nowhere_else(rate):
    assert constant_q_bands(rate) == {8000: 83, 16000: 95, 32000: 107}[rate]
    for band in (12, 45, constant_q_bands(rate) - 1):
        hertz = LOWEST_HZ * 2 ** (band / BANDS_PER_OCTAVE)
        levels = constant_q(sine(hertz, rate, level=0.1), rate, rate // 62)[0, :, 40:80]
        assert levels[band].numpy() == pytest.approx(-20, abs=0.1)
        away = [k for k in range(len(levels)) if abs(k - band) > 2]
        assert levels[away].max() < -60
    halfway = LOWEST_HZ * 2 ** (45.5 / BANDS_PER_OCTAVE)
    levels = constant_q(sine(halfway, rate), rate, rate // 62)[0, :, 60]
    assert levels[45:47].numpy() == pytest.approx(-6, abs=0.5)  # the middle of two Hann windows


def test_constant_q_by_a_sum_over_samples():
    """One band and frame against the definition: the clip times an analytic filter, squared, averaged over a hop."""
    rate, hop, band, frame = 8000, 128, 60, 20
    x = torch.rand((1, 6000), generator=torch.Generator().manual_seed(3)) - 0.5
    middle = LOWEST_HZ * 2 ** (band / 12)
    size = (6000 // hop + 1 + math.ceil(0.5 * rate / hop)) * hop
    padded = np.zeros(size)
    padded[hop // 2 : hop // 2 + 6000] = x[0].double().numpy()
    hertz = np.fft.fftfreq(size, 1 / rate)
    place = np.clip(np.log2(np.maximum(hertz, 1e-9) / middle) * 6 + 0.5, 0, 1)
    filtered = np.fft.ifft(np.fft.fft(padded) * (0.5 - 0.5 * np.cos(2 * np.pi * place)) * 2)
    expected = 10 * np.log10(np.mean(np.abs(filtered[frame * hop : (frame + 1) * hop]) ** 2))
    assert constant_q(x, rate, hop)[0, band, frame].item() == pytest.approx(expected, abs=1.0)


def test_clicks_lie_where_they_are_and_ends_do_not_meet():
    x = torch.zeros(1, 32000)
    x[0, 31000] = 1
    for levels, hop in ((constant_q(x, 16000, 256), 256), (event_mel(x, 16000, 256), 256)):
        high = levels[0, 50]
        assert abs(int(high.argmax()) - 31000 / hop) <= 1
        assert high[:60].max() < -90
    low = constant_q(x, 16000, 256)[0, 0]
    assert low[:60].max() < -90  # the end does not ring on at the start


@pytest.mark.parametrize("make", [event_mel, constant_q])
def test_gradients_agree_with_differences(make):
    x = (0.2 * torch.randn((1, 4000), generator=torch.Generator().manual_seed(0))).requires_grad_()
    weights = torch.randn(make(x, 8000, 128).shape, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((make(x, 8000, 128) * weights).sum(), x)
    step = 1e-3 * gradient / gradient.norm()
    with torch.no_grad():
        ahead, behind = ((make(x + sign * step, 8000, 128).double() * weights).sum() for sign in (1, -1))
    assert ((ahead - behind) / 2e-3).item() == pytest.approx(gradient.norm().item(), rel=0.05)
