"""DiffWave: the published names, the published arithmetic, what a sample sees, and files that are none of it."""

from __future__ import annotations

import math
import pickle
import random

import pytest
import torch
from torch import nn
from torch.nn.functional import conv1d, linear, silu

from art_audio_ext.networks.diffwave import SIZES, DiffWave, NormedConv
from art_audio_ext.training.diffwave_checkpoint import read_public_checkpoint

SMALL = {"residual_channels": 6, "layers": 4, "dilation_cycle": 3, "skip_channels": 5, "embedding": (8, 10, 12)}


def draw(seed: int, *shape: int, dtype=torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def make(**changes) -> DiffWave:
    """With weights that are nowhere zero: fresh ones predict no noise at all."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = DiffWave(**{**SMALL, **changes})
    with torch.no_grad():
        for k, weight in enumerate(network.parameters()):
            weight.copy_(draw(k, *weight.shape) * 0.5)
    return network


def published(channels: int, layers: int, skip: int, embedding: tuple[int, int, int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the published file, in its order."""

    def normed(name: str, many: int, few: int, kernel: int) -> dict[str, tuple[int, ...]]:
        return {f"{name}.bias": (many,), f"{name}.weight_g": (many, 1, 1), f"{name}.weight_v": (many, few, kernel)}

    def full(name: str, many: int, few: int) -> dict[str, tuple[int, ...]]:
        return {f"{name}.weight": (many, few), f"{name}.bias": (many,)}

    sines, middle, width = embedding
    shapes = normed("init_conv.0.conv", channels, 1, 1)
    shapes |= full("residual_layer.fc_t1", middle, sines) | full("residual_layer.fc_t2", width, middle)
    for k in range(layers):
        block = f"residual_layer.residual_blocks.{k}"
        shapes |= full(f"{block}.fc_t", channels, width)
        shapes |= normed(f"{block}.dilated_conv_layer.conv", 2 * channels, channels, 3)
        shapes |= normed(f"{block}.res_conv", channels, channels, 1)
        shapes |= normed(f"{block}.skip_conv", skip, channels, 1)
    shapes |= normed("final_conv.0.conv", skip, skip, 1)
    return shapes | {"final_conv.2.conv.weight": (1, skip, 1), "final_conv.2.conv.bias": (1,)}


def by_hand(state: dict[str, torch.Tensor], x: torch.Tensor, step: int, cycle: int) -> torch.Tensor:
    """The published network as formulas; `step` counts from 0."""

    def conv(name: str, x: torch.Tensor, dilation: int = 1) -> torch.Tensor:
        weight = torch._weight_norm(state[f"{name}.weight_v"], state[f"{name}.weight_g"], 0)
        reach = dilation * (weight.shape[2] // 2)
        return conv1d(x, weight, state[f"{name}.bias"], padding=reach, dilation=dilation)

    def full(name: str, x: torch.Tensor) -> torch.Tensor:
        return linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    half = state["residual_layer.fc_t1.weight"].shape[1] // 2
    angles = [step * 10 ** (-4 * k / (half - 1)) for k in range(half)]
    code = torch.tensor([[*map(math.sin, angles), *map(math.cos, angles)]], dtype=x.dtype)
    code = silu(full("residual_layer.fc_t2", silu(full("residual_layer.fc_t1", code))))
    h, layers, total = conv("init_conv.0.conv", x[:, None]).relu(), 0, 0.0
    while f"residual_layer.residual_blocks.{layers}.fc_t.weight" in state:
        block = f"residual_layer.residual_blocks.{layers}"
        h = h + full(f"{block}.fc_t", code)[..., None]  # in place there: the residual has it too
        both = conv(f"{block}.dilated_conv_layer.conv", h, 2 ** (layers % cycle))
        out = both[:, : h.shape[1]].tanh() * both[:, h.shape[1] :].sigmoid()
        total = total + conv(f"{block}.skip_conv", out)
        h = (h + conv(f"{block}.res_conv", out)) / math.sqrt(2)
        layers += 1
    end = conv("final_conv.0.conv", total / math.sqrt(layers)).relu()
    return conv1d(end, state["final_conv.2.conv.weight"], state["final_conv.2.conv.bias"])[:, 0]


@pytest.mark.parametrize("size", [*SIZES, "tiny"])
def test_names_and_shapes_are_the_published_ones(size):
    sizes = {"embedding": (128, 512, 512), **(SMALL if size == "tiny" else SIZES[size])}
    with torch.device("meta"):
        state = DiffWave(**sizes).state_dict()
    expected = published(sizes["residual_channels"], sizes["layers"], sizes["skip_channels"], sizes["embedding"])
    assert [(name, tuple(value.shape)) for name, value in state.items()] == list(expected.items())


def test_the_numbers_in_the_docstring():
    for size, thousands, reach in (("full", 24072, 12285), ("small", 853, 126), ("tiny", 466, 255)):
        with torch.device("meta"):
            network = DiffWave(**SIZES[size])
        assert round(sum(p.numel() for p in network.parameters()) / 1000) == thousands
        blocks = network.residual_layer.residual_blocks
        assert sum(block.dilated_conv_layer.conv.dilation for block in blocks) == reach


@pytest.mark.parametrize("t", [1, 2, 200])
def test_the_arithmetic_is_the_published_one(t):
    network, x = make().double(), draw(1, 3, 40, dtype=torch.float64)
    expected = by_hand(network.state_dict(), x, t - 1, 3)
    torch.testing.assert_close(network(x, torch.full((3,), t)), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weight_norm_is_that_of_the_published_code():
    """Which is torch's old one."""
    with torch.random.fork_rng():
        theirs, ours = nn.utils.weight_norm(nn.Conv1d(2, 3, 3, padding=4, dilation=4)), NormedConv(2, 3, 3, 4)
    x = draw(1, 2, 2, 20)
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(x[:, :, None])[:, :, 0], theirs(x))


def test_each_clip_has_its_own_step():
    network, x, t = make(), draw(1, 3, 40), torch.tensor([1, 50, 200])
    together = network(x, t)
    for k in range(3):
        torch.testing.assert_close(together[k : k + 1], network(x[k : k + 1], t[k : k + 1]))
    assert not torch.allclose(network(x, t), network(x, t.flip(0)), atol=1e-3)


def test_fresh_weights_predict_no_noise():
    with torch.random.fork_rng():
        network = DiffWave(**SMALL)
    assert torch.equal(network(draw(1, 2, 30), torch.tensor([1, 2])), torch.zeros(2, 30))


def test_what_a_sample_sees():
    """Dilations 1, 2, 4, 1: a change is seen by the 8 samples to either side, and by no other."""
    network, x = make().double(), draw(1, 1, 61, dtype=torch.float64)
    changed = x.clone()
    changed[0, 30] += 1
    t = torch.tensor([7])
    moved = (network(x, t) != network(changed, t))[0].nonzero()[:, 0].tolist()
    assert (moved[0], moved[-1]) == (22, 38)


def test_gradients_are_exact_and_reach_all_that_learns():
    network, x, t = make().double(), draw(1, 2, 9, dtype=torch.float64).requires_grad_(), torch.tensor([1, 120])
    assert torch.autograd.gradcheck(lambda x: network(x, t), x)
    network(x, t).square().sum().backward()
    assert all((weight.grad is not None) == weight.requires_grad for weight in network.parameters())
    assert sum(weight.requires_grad for weight in network.parameters()) == len(list(network.parameters())) - 3


def test_the_loss_falls():
    """A tone in noise: the network learns to tell them apart."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = DiffWave(**{**SMALL, "residual_channels": 16, "skip_channels": 16})
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    tone, t, losses = torch.sin(torch.arange(200) / 8), torch.full((8,), 200), []
    for step in range(60):
        noise = draw(step, 8, 200)
        loss = (network(0.4 * tone + 0.9 * noise, t) - noise).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] > 0.9
    assert losses[-1] < 0.4


def test_sizes_that_cannot_be():
    for bad in ({"layers": 0}, {"dilation_cycle": 21}, {"skip_channels": -1}):
        with pytest.raises(ValueError, match="every size must be positive"):
            DiffWave(**{**SMALL, **bad})
    for embedding in ((7, 8, 8), (2, 8, 8), (8, 8)):
        with pytest.raises(ValueError, match="the first of embedding even"):
            DiffWave(**{**SMALL, "embedding": embedding})


@pytest.mark.parametrize(("x", "t"), [((2, 1, 30), (2,)), ((2, 30), (1,)), ((2, 30), (2, 1)), ((30,), ())])
def test_input_that_cannot_be(x, t):
    with pytest.raises(ValueError, match=r"expected x of shape \(N, L\)"):
        make()(torch.zeros(x), torch.ones(t, dtype=torch.long))


def a_public_file(path, **changes) -> dict[str, torch.Tensor]:
    """As the public one: weights beside the state of an optimizer."""
    sizes = (SMALL["residual_channels"], SMALL["layers"], SMALL["skip_channels"], SMALL["embedding"])
    state = {name: draw(k, *shape) for k, (name, shape) in enumerate(published(*sizes).items())}
    state |= changes
    optimizer = {"state": {0: {"step": 3, "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 2e-4}]}
    torch.save({"model_state_dict": state, "optimizer_state_dict": optimizer}, path)
    return state


def test_a_public_checkpoint_is_read(tmp_path):
    state = a_public_file(tmp_path / "1000000.pkl")
    network = read_public_checkpoint(tmp_path / "1000000.pkl", dilation_cycle=3)
    sizes = {name: getattr(network, name) for name in SMALL}
    assert sizes == SMALL
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
    x = draw(1, 2, 50)
    torch.testing.assert_close(network(x, torch.tensor([4, 4])), by_hand(state, x, 3, 3), atol=1e-4, rtol=1e-4)
    assert sum(not weight.requires_grad for weight in network.parameters()) == 3


def test_an_old_file_in_another_type_is_read_too(tmp_path):
    state = {name: value.half() for name, value in make().state_dict().items()}
    torch.save({"model_state_dict": state}, tmp_path / "old.pkl", _use_new_zipfile_serialization=False)
    network = read_public_checkpoint(tmp_path / "old.pkl", dilation_cycle=3)
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}


def test_files_that_are_damaged_or_hostile(tmp_path):
    with pytest.raises(FileNotFoundError, match="no DiffWave checkpoint at"):
        read_public_checkpoint(tmp_path / "absent.pkl")
    path = tmp_path / "c.pkl"
    a_public_file(path)
    whole = path.read_bytes()
    hostile = pickle.dumps(random.Random(0))
    for content in (whole[: len(whole) // 2], b"", b"version https://git-lfs.github.com/spec/v1\n", hostile):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"c\.pkl is damaged or no checkpoint of torch"):
            read_public_checkpoint(path)
    torch.save({"model_state_dict": make().state_dict(), "x": random.Random(0)}, path)
    with pytest.raises(ValueError, match=r"c\.pkl is damaged or no checkpoint of torch"):
        read_public_checkpoint(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"init_conv.0.conv.weight_v": torch.zeros(6, 2, 1)}, r"weight_v has shape \(6, 2, 1\), expected \(6, 1, 1\)"),
        ({"init_conv.0.conv.bias": torch.tensor(1.0)}, "missing or has no such shape"),
        ({"mel_conv.weight": torch.zeros(3)}, r"mel_conv\.weight has shape \(3,\), expected None"),
        ({"final_conv.2.conv.bias": torch.tensor([float("nan")])}, "not finite"),
        ({"final_conv.2.conv.bias": torch.tensor([1])}, "no tensor of floats"),
        ({"final_conv.2.conv.bias": 3}, "no tensor of floats"),
    ],
)
def test_weights_that_are_of_something_else(tmp_path, change, message):
    a_public_file(tmp_path / "c.pkl", **change)
    with pytest.raises(ValueError, match=rf"not those of a DiffWave without conditions: .*{message}"):
        read_public_checkpoint(tmp_path / "c.pkl", dilation_cycle=3)


@pytest.mark.parametrize("content", [{"state_dict": {}}, [1], {"model_state_dict": 3}, {"model_state_dict": {}}])
def test_checkpoints_of_something_else(tmp_path, content):
    torch.save(content, tmp_path / "c.pkl")
    with pytest.raises(ValueError, match=r"holds no model_state_dict|init_conv\.0\.conv\.bias' is missing"):
        read_public_checkpoint(tmp_path / "c.pkl")
