"""The noise predictor on log-mel pictures: its sizes, steps counted from 1, and what it says without its library."""

from __future__ import annotations

import sys

import pytest
import torch

from art_audio_ext.networks.mel_diffusion import SIZES, MelUNet

TINY = {"base": 8, "multipliers": (1, 2), "blocks": 1, "attention": (16,), "heads": 2, "dropout": 0.0}


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make(**changes) -> MelUNet:
    pytest.importorskip("diffusers", reason="needs the extra [diffusion]")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MelUNet(**{**TINY, **changes})


def test_shapes_and_steps():
    network, x, t = make().eval(), draw(1, 3, 1, 32, 32), torch.tensor([1, 50, 200])
    together = network(x, t)
    assert together.shape == x.shape
    for k in range(3):
        torch.testing.assert_close(together[k : k + 1], network(x[k : k + 1], t[k : k + 1]), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(together, network(x, t.flip(0)), atol=1e-4)
    torch.testing.assert_close(together, network.unet(x, t - 1).sample)


def test_the_numbers_in_the_docstring():
    pytest.importorskip("diffusers", reason="needs the extra [diffusion]")
    for size, millions in (("full", 52.5), ("small", 1.2)):
        with torch.device("meta"):
            network = MelUNet(**SIZES[size])
        assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == millions


def test_attention_is_where_it_was_asked_for():
    """The published one: four heads of 64 at 16 x 16 and 8 x 8, and at the smallest pictures, 4 x 4."""
    pytest.importorskip("diffusers", reason="needs the extra [diffusion]")
    with torch.device("meta"):
        unet = MelUNet().unet
    down = [len(getattr(block, "attentions", [])) for block in unet.down_blocks]
    up = [len(getattr(block, "attentions", [])) for block in unet.up_blocks]
    assert (down, up) == ([0, 3, 3, 0], [0, 4, 4, 0])
    assert {attention.heads for attention in unet.down_blocks[1].attentions} == {4}
    assert [attention.heads for attention in unet.mid_block.attentions] == [4]
    small = make(attention=(32,)).unet
    assert [hasattr(block, "attentions") for block in (*small.down_blocks, *small.up_blocks)] == [True, 0, 0, True]


def test_gradients_are_exact():
    network, x = make().double().eval(), draw(1, 1, 1, 32, 32).double().requires_grad_()
    direction, t = draw(2, 1, 1, 32, 32).double(), torch.tensor([5])
    (gradient,) = torch.autograd.grad(network(x, t).square().sum(), x)
    with torch.no_grad():
        far, near = (network(x + s * 1e-5 * direction, t).square().sum() for s in (1, -1))
    torch.testing.assert_close((gradient * direction).sum(), (far - near) / 2e-5, rtol=1e-5, atol=1e-7)
    network(x, t).square().sum().backward()  # a weight that never has one would stop data-parallel training
    assert all(weight.grad is not None for weight in network.parameters())


def test_dropout_acts_in_training_alone():
    network, x, t = make(dropout=0.5), draw(1, 1, 1, 32, 32), torch.tensor([5])
    with torch.random.fork_rng():
        assert not torch.equal(network(x, t), network(x, t))
    network.eval()
    assert torch.equal(network(x, t), network(x, t))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"base": 12}, "multiple of 8"),
        ({"base": 0}, "multiple of 8"),
        ({"multipliers": ()}, "1 to 6 positive"),
        ({"multipliers": (1, 0)}, "1 to 6 positive"),
        ({"blocks": 0}, "1 to 8 blocks"),
        ({"attention": (8,)}, "no level has side 8: attention may be at 32, 16"),
        ({"heads": 0}, "heads must divide"),
        ({"heads": 3}, "heads must divide"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_sizes_that_cannot_be(sizes, message):
    with pytest.raises(ValueError, match=message):
        MelUNet(**{**TINY, **sizes})


@pytest.mark.parametrize(("x", "t"), [((2, 32, 32), (2,)), ((2, 1, 32, 31), (2,)), ((2, 1, 32, 32), (1,))])
def test_input_that_cannot_be(x, t):
    with pytest.raises(ValueError, match=r"expected x of shape \(N, 1, 32, 32\)"):
        make()(torch.zeros(x), torch.ones(t, dtype=torch.long))


def test_the_library_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ImportError, match=r'pip install "art-audio-ext\[diffusion\]"'):
        MelUNet(**TINY)
