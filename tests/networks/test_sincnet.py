"""SincNet: published sizes, filters that are band-passes in any precision, and what it says without its library."""

from __future__ import annotations

import sys

import pytest
import torch

from art_audio_ext.networks.sincnet import SincNet, sinc_convolution

pytest.importorskip("speechbrain", reason="needs the extra [voice]")


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make(**sizes) -> SincNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SincNet(**sizes)


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_sizes_in_the_docstring():
    with torch.device("meta"):
        published, reduced = SincNet(), SincNet(width=20)
    assert count(published) / 1e6 == pytest.approx(21.8, abs=0.05)
    assert count(reduced) / 1e6 == pytest.approx(1.4, abs=0.05)
    # By hand: the edges of 80 filters; two convolutions; 6420 features of 60 x 107; three layers of 2048.
    norms = 2 * (80 * 983 + 60 * 326 + 60 * 107)
    convolutions = 60 * 80 * 5 + 60 + 60 * 60 * 5 + 60
    dense = 2 * 6420 + 6420 * 2048 + 2 * 2048 * 2048 + 3 * 2 * 2048
    # frames: (3200 - 250) // 3 = 983, (983 - 4) // 3 = 326, (326 - 4) // 3 = 107
    assert count(published) == 2 * 80 + norms + convolutions + dense


def test_windows_become_features_that_do_not_hear_loudness():
    network, x = make(window=1200, width=4).eval(), 0.1 * draw(1, 3, 1200)
    found = network(x)
    assert found.shape == (3, network.size)
    torch.testing.assert_close(network(x[1:2]), found[1:2], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(network(0.5 * x), found, atol=1e-2, rtol=1e-2)
    assert not torch.allclose(found[0], found[1], atol=1e-3)


def test_gradients_reach_the_sound_and_the_edges_of_the_filters():
    network, x = make(window=1200, width=4), (0.1 * draw(1, 3, 1200)).requires_grad_()
    network(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().amax(1).min() > 0
    for edge in (network.sinc.low_hz_, network.sinc.band_hz_):
        assert edge.grad.abs().max() > 0


def test_filters_pass_their_band_and_nothing_else():
    sinc = sinc_convolution(8, 16000)
    low = 50 + sinc.low_hz_.detach().abs()[4, 0]
    high = low + 50 + sinc.band_hz_.detach().abs()[4, 0]
    time = torch.arange(1600) / 16000

    def passed(frequency: float) -> float:
        return float(sinc(torch.sin(2 * torch.pi * frequency * time)[None, :, None])[0, :, 4].detach().std())

    assert passed(float((low + high) / 2)) > 10 * passed(float(high) + 500)


def test_half_precision_keeps_the_frequencies():
    network, x = make(window=1200, width=4).eval(), 0.1 * draw(1, 2, 1200)
    full = network(x)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(x)
    assert (half.float() - full).norm() < 0.05 * full.norm()


def test_what_it_cannot_be(monkeypatch):
    for width in (0, 6, -4):
        with pytest.raises(ValueError, match="multiple of 4"):
            SincNet(width=width)
    with pytest.raises(ValueError, match="too short"):
        SincNet(window=300, width=4)
    monkeypatch.setitem(sys.modules, "speechbrain.nnet.CNN", None)
    with pytest.raises(ImportError, match=r"art-audio-ext\[voice\]"):
        SincNet(width=4)
