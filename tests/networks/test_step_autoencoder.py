"""The small autoencoder over time steps: shapes, locality, the loss, and sizes that are refused."""

from __future__ import annotations

import pytest
import torch

from art_audio_ext.networks.step_autoencoder import StepAutoencoder


def make(**changes) -> StepAutoencoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StepAutoencoder(**{"bands": 16, "frames": 32, "z_dim": 4, "channels": 4, **changes})


def noise(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


X = torch.randn(3, 16, 32, generator=noise(1))


def test_shapes():
    network = make()
    output = network(X, noise(0))
    assert output.reconstruction.shape == X.shape
    assert output.z_mean.shape == output.z_logvar.shape == (3, 4, 4)
    clip, steps = network.encode(X)
    assert clip.shape == (3, 16)
    assert torch.equal(clip, network.encode_clip(X))
    assert torch.equal(steps.flatten(1), clip)


def test_a_step_sees_its_neighbours_at_most():
    """Three stride-2 convolutions of kernel 3 see 15 frames: step 3 begins to look at frame 17."""
    network, changed = make(), X.clone()
    changed[:, :, :16] += 1
    before, after = network.encode(X)[1], network.encode(changed)[1]
    assert torch.equal(before[:, 3], after[:, 3])
    assert not torch.allclose(before[:, 0], after[:, 0])


def test_the_loss_is_the_evidence_bound_and_falls():
    network = make()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    output = network(X, noise(0))
    divergence = 0.5 * (output.z_logvar.exp() + output.z_mean**2 - 1 - output.z_logvar).sum() / 3
    error = (output.reconstruction - X).square().sum() / 3
    assert torch.allclose(network.loss(X, noise(0), 7.0), 7 * error + divergence)
    losses = []
    for step in range(60):
        loss = network.loss(X, noise(step), 10.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("sizes", [{"bands": 12}, {"frames": 12}, {"z_dim": 0}, {"channels": 0}])
def test_sizes_that_cannot_be(sizes):
    with pytest.raises(ValueError, match="multiples of 8"):
        make(**sizes)


@pytest.mark.parametrize("shape", [(3, 8, 32), (3, 16, 30), (3, 16, 0), (16, 32)])
def test_input_that_cannot_be(shape):
    with pytest.raises(ValueError, match="expected log-mels"):
        make().posterior(torch.zeros(shape))
