"""RawNet3: published sizes, embeddings of stretches of any length, and what it says without its library."""

from __future__ import annotations

import sys

import pytest
import torch

from art_audio_ext.networks.rawnet3 import SHORTEST, ContextAttention, RawNet3, Res2Block

pytest.importorskip("asteroid_filterbanks", reason="needs the extra [voice]")


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make(build):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build()


@pytest.mark.parametrize(("width", "count"), [(1024, 16_279_810), (128, 259_106), (64, 66_130)])
def test_the_sizes_in_the_docstring(width, count):
    with torch.device("meta"):
        network = RawNet3(width)
    assert sum(p.numel() for p in network.parameters()) == count
    assert network.size == width // 4


def test_stretches_become_embeddings():
    network, x = make(lambda: RawNet3(16)).eval(), 0.1 * draw(1, 3, 4000)
    found = network(x)
    assert found.shape == (3, 4)
    torch.testing.assert_close(network(x[1:2]), found[1:2], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(found[0], found[1], atol=1e-4)
    assert network(x[:, :SHORTEST]).isfinite().all()
    assert network(torch.zeros(1, 4000)).isfinite().all()


def test_gradients_reach_the_sound_and_the_edges_of_the_filters():
    network, x = make(lambda: RawNet3(16)), (0.1 * draw(1, 3, 4000)).requires_grad_()
    network(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().amax(1).min() > 0
    assert x.grad.isfinite().all()
    assert network.bank.filterbank.low_hz_.grad.abs().max() > 0


def test_half_precision_keeps_the_frequencies():
    network, x = make(lambda: RawNet3(16)).eval(), 0.1 * draw(1, 2, 4000)
    full = network._log_bands(x)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(network._log_bands(x), full)


def test_a_group_of_a_block_sees_the_groups_before_it_and_none_after():
    block = make(lambda: Res2Block(16, 16, 1, 1)).eval()
    middle: list[torch.Tensor] = []
    for layer in block.groups:
        layer.register_forward_hook(lambda module, given, out: middle.append(out))
    x = draw(2, 1, 16, 20)
    with torch.no_grad():
        block(x)
        before = [value.clone() for value in middle]
        middle.clear()
        block.enter = torch.nn.Sequential(block.enter, _Add(group=3))
        block(x)
    changed = [not torch.equal(a, b) for a, b in zip(before, middle, strict=True)]
    assert changed == [False] * 3 + [True] * 4


class _Add(torch.nn.Module):
    """Adds one to a group of two channels."""

    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x[:, : 2 * self.group], x[:, 2 * self.group : 2 * self.group + 2] + 1, x[:, 8:]], 1)


def test_even_attention_is_mean_and_deviation():
    pooling = make(lambda: ContextAttention(6, 4)).eval()
    torch.nn.init.zeros_(pooling.weigh[-1].weight)
    x = draw(3, 2, 6, 50)
    expected = torch.cat([x.mean(2), x.std(2, unbiased=False)], 1)
    torch.testing.assert_close(pooling(x), expected, atol=1e-5, rtol=1e-4)


def test_what_it_cannot_be_or_hear(monkeypatch):
    for width in (0, 24, -16):
        with pytest.raises(ValueError, match="multiple of 16"):
            RawNet3(width)
    network = make(lambda: RawNet3(16))
    for shape in ((1, SHORTEST - 1), (4000,), (1, 1, 4000)):
        with pytest.raises(ValueError, match="RawNet3 needs sound"):
            network(torch.zeros(shape))
    monkeypatch.setitem(sys.modules, "asteroid_filterbanks", None)
    with pytest.raises(ImportError, match=r"art-audio-ext\[voice\]"):
        RawNet3(16)
