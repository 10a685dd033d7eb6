"""The sequential autoencoder: sizes, both forms against each other, divergences, gradients, sampling."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from art_audio_ext.networks.dsa import DisentangledSequentialAutoencoder, dsa_loss, gaussian_kl

SMALL = {"bands": 16, "frames": 4, "f_dim": 5, "z_dim": 3, "conv_channels": 6, "conv_dim": 8, "hidden_dim": 7}


def make(seed: int = 0, **changes) -> DisentangledSequentialAutoencoder:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return DisentangledSequentialAutoencoder(**{**SMALL, **changes})


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def spectrograms(count: int = 3, frames: int = 4, bands: int = 16) -> torch.Tensor:
    return torch.rand(count, bands, frames, generator=noise(9)) * 1.2


@pytest.mark.parametrize(
    ("arguments", "millions"),
    [({"literal": True, "frames": 8}, 27.9), ({}, 5.3), ({"conv_channels": 64}, 1.9)],
)
def test_size_is_that_of_the_paper(arguments, millions):
    with torch.device("meta"):
        network = DisentangledSequentialAutoencoder(**arguments)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, rel=0.03)


@pytest.mark.parametrize("literal", [False, True])
def test_shapes(literal):
    network, x = make(literal=literal), spectrograms()
    output = network(x, noise())
    pixels = (3, 16, 16) if literal else (1, 16)
    assert network.to_frames(x).shape == output.reconstruction.shape == (3, 4, *pixels)
    assert output.f_mean.shape == output.f_logvar.shape == (3, 5)
    for part in (output.z_mean, output.z_logvar, output.prior_mean, output.prior_logvar):
        assert part.shape == (3, 4, 3)
    f, z = network.eval().encode(x)
    assert f.shape == (3, 5)
    assert z.shape == (3, 4, 3)


def test_literal_frame_repeats_its_column():
    x = spectrograms()
    image = make(literal=True).to_frames(x)
    assert torch.equal(image[1, 2, 0, :, 5], x[1, :, 2])
    assert torch.equal(image, image[..., :1, :, :1].expand_as(image))


def test_literal_convolutions_equal_native_ones_away_from_the_edges():
    images, columns = make(literal=True, bands=64), make(bands=64)
    for flat, square in zip(columns.encoder.conv, images.encoder.conv, strict=True):
        if isinstance(flat, nn.Conv1d):
            kernel = square.weight.detach().sum(-1)  # constant in width: the kernel acts by its sum across
            flat.weight.data = kernel.sum(1, keepdim=True) if flat.in_channels == 1 else kernel
            flat.bias.data = square.bias.detach().clone()
    x = spectrograms(bands=64)
    with torch.no_grad():
        wide = images.eval().encoder.conv(images.to_frames(x).flatten(0, 1))
        narrow = columns.eval().encoder.conv(columns.to_frames(x).flatten(0, 1))
    assert wide.shape == (12, 6, 8, 8)
    torch.testing.assert_close(wide[..., 3:5], narrow[..., None].expand(-1, -1, -1, 2), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(wide[..., 0], narrow, atol=1e-3)  # the padding shows at the edge


def test_divergence_is_that_of_torch_distributions():
    mean_q, logvar_q, mean_p, logvar_p = torch.randn(4, 6, 5, generator=noise(1))
    expected = kl_divergence(Normal(mean_q, (logvar_q / 2).exp()), Normal(mean_p, (logvar_p / 2).exp())).sum()
    torch.testing.assert_close(gaussian_kl(mean_q, logvar_q, mean_p, logvar_p), expected)


def test_loss_is_the_sum_of_its_parts_a_clip():
    network, x = make(), spectrograms()
    output = network(x, noise())
    loss = dsa_loss(output, network.to_frames(x), reconstruction_weight=7.0)
    error = ((output.reconstruction - x.transpose(1, 2)[:, :, None]) ** 2).sum() / 3
    torch.testing.assert_close(loss["squared_error"], error)
    torch.testing.assert_close(loss["loss"], 7 * error + loss["kl_f"] + loss["kl_z"])
    standard = Normal(torch.zeros(3, 5), torch.ones(3, 5))
    expected = kl_divergence(Normal(output.f_mean, (output.f_logvar / 2).exp()), standard).sum() / 3
    torch.testing.assert_close(loss["kl_f"], expected)


def test_prior_is_rolled_on_its_own_samples():
    network = make()
    draws = torch.randn(2, 4, 3, generator=noise(3))
    changed = draws.clone()
    changed[:, 1] += 1
    mean, other = network.step_prior(draws)[0], network.step_prior(changed)[0]
    assert torch.equal(mean[:, :2], other[:, :2])
    assert not torch.allclose(mean[:, 2:], other[:, 2:])


def test_every_parameter_learns_and_the_loss_falls():
    network, x = make(), spectrograms(8)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for step in range(25):
        optimizer.zero_grad()
        loss = dsa_loss(network(x, noise(step)), network.to_frames(x), 10.0)["loss"]
        loss.backward()
        if step == 0:
            still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
            # a bias before a batch norm, and the prior's input weights at its first, zero, step, may stay still
            assert all(n.endswith("bias") for n in still), still
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_noise_comes_from_the_generator_alone():
    network, x = make().eval(), spectrograms()
    before = torch.random.get_rng_state()
    first, again, other = (network(x, noise(seed)).reconstruction for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_encoding_is_each_clips_own():
    network, x = make().eval(), spectrograms(6)
    together = network.encode(x)
    alone = [network.encode(clip[None]) for clip in x]
    for part in (0, 1):
        torch.testing.assert_close(together[part], torch.cat([a[part] for a in alone]), atol=1e-6, rtol=1e-5)


def test_misuse_is_refused():
    with pytest.raises(ValueError, match="multiple of 8"):
        make(bands=20)
    with pytest.raises(ValueError, match=r"\(N, 16, T\)"):
        make()(torch.zeros(2, 12, 4), noise())
    with pytest.raises(RuntimeError, match="eval mode"):
        make().encode(spectrograms())
