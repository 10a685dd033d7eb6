"""The trained diffusion model: noise that is each clip's own, exact gradients, its two files, and its settings."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from safetensors.torch import load, save

from art_audio_ext.networks.diffwave import DiffWave
from art_audio_ext.training.audio_diffusion import AudioDiffusion, build_network
from art_audio_ext.training.diffusion_settings import PRESETS, DiffusionSettings, resolve_settings

RATE = 16000


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make(settings: DiffusionSettings) -> AudioDiffusion:
    """With weights that are nowhere zero: fresh ones predict no noise at all."""
    with torch.random.fork_rng():
        network = build_network(settings)
    for k, weight in enumerate(network.parameters()):
        weight.data = 0.3 * draw(k, *weight.shape)
    return AudioDiffusion(network, settings, RATE, [{"train_loss": 0.5}])


@pytest.fixture(scope="module")
def wave() -> AudioDiffusion:
    sizes = {"residual_channels": 8, "layers": 3, "dilation_cycle": 3, "skip_channels": 8, "embedding": (8, 8, 8)}
    return make(DiffusionSettings("wave", **sizes, crop=300))


@pytest.fixture(scope="module")
def mel() -> AudioDiffusion:
    pytest.importorskip("diffusers", reason="needs the extra [diffusion]")
    return make(DiffusionSettings("mel", base=8, multipliers=(1, 1), attention=(), heads=2, dropout=0.5))


def same_weights(one: AudioDiffusion, other: AudioDiffusion) -> bool:
    ours, theirs = one.network.state_dict(), other.network.state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_predicted_noise_is_differentiable_and_each_clips_own(wave):
    x, t = draw(0, 3, 200), torch.tensor([3, 1, 200])
    together = wave.predict_noise(x, t)
    assert not any(weight.requires_grad for weight in wave.network.parameters())
    for k, step in enumerate(t.tolist()):
        torch.testing.assert_close(together[k : k + 1], wave.predict_noise(x[k : k + 1], step))
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(wave.predict_noise(x, 3).square().sum(), x)
    assert gradient.abs().min() > 0
    for bad in (0, 201, True, 1.0, torch.tensor([1, 2, 0]), torch.tensor(1)):
        with pytest.raises(ValueError, match="t must be a whole number from 1 to 200"):
            wave.predict_noise(x, bad)
    with pytest.raises(ValueError, match="expected x of shape"):
        wave.predict_noise(x[:, None], 1)


@pytest.mark.parametrize("domain", ["wave", "mel"])
def test_round_trip_through_files(request, tmp_path, domain):
    model = request.getfixturevalue(domain)
    weights = model.save(tmp_path / "deep" / "my.model")
    assert sorted(p.name for p in weights.parent.iterdir()) == ["my.model.json", "my.model.safetensors"]
    loaded = AudioDiffusion.load(tmp_path / "deep" / "my.model")
    assert same_weights(model, loaded)
    assert (loaded.settings, loaded.sample_rate, loaded.history) == (model.settings, RATE, model.history)
    assert loaded.schedule == model.schedule
    x = draw(0, 2, 200) if domain == "wave" else draw(0, 2, 1, 32, 32)
    assert torch.equal(loaded.to("cpu").predict_noise(x, 2), model.predict_noise(x, 2))
    assert torch.equal(pickle.loads(pickle.dumps(loaded)).predict_noise(x, 2), model.predict_noise(x, 2))


def test_files_that_will_not_do_are_refused(wave, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no diffusion model at \S+absent: "):
        AudioDiffusion.load(tmp_path / "absent")
    (tmp_path / "model.py").write_text("")
    with pytest.raises(FileNotFoundError, match=r"^\S+model\.py is no diffusion model: give the \.safetensors"):
        AudioDiffusion.load(tmp_path / "model.py")
    weights = wave.save(tmp_path / "d")
    about, whole = tmp_path / "d.json", weights.read_bytes()
    record = json.loads(about.read_text())
    halved = save({name: value.half() for name, value in load(whole).items()})
    for content in (whole[: len(whole) // 2], b"RIFF not weights", b"", pickle.dumps([1]), halved):
        weights.write_bytes(content)
        with pytest.raises(ValueError, match="not a whole safetensors file of this diffusion model"):
            AudioDiffusion.load(weights)
    weights.write_bytes(save({name: value * float("nan") for name, value in load(whole).items()}))
    with pytest.raises(ValueError, match="not finite"):
        AudioDiffusion.load(weights)
    weights.write_bytes(whole)
    for change, message in (
        ({"settings": {**record["settings"], "layers": 4}}, "do not fit"),
        ({"settings": {**record["settings"], "layers": 10**12}}, "from 1 to 4096"),
        ({"settings": {**record["settings"], "embedding": [7, 8, 8]}}, "every size must be positive"),
        ({"settings": {**record["settings"], "colour": 1}}, "unknown diffusion setting colour"),
        ({"settings": 3}, "must be a dictionary"),
        ({"format": "other"}, "does not describe"),
        ({"sample_rate": -1}, "sample_rate"),
    ):
        about.write_text(json.dumps({**record, **change}))
        with pytest.raises(ValueError, match=message):
            AudioDiffusion.load(weights)
    about.unlink()
    with pytest.raises(ValueError, match="missing"):
        AudioDiffusion.load(weights)


def test_the_public_checkpoint_becomes_such_a_model(tmp_path):
    sizes = {"residual_channels": 4, "layers": 14, "skip_channels": 6, "embedding": (8, 6, 5)}
    with torch.random.fork_rng():
        state = DiffWave(**sizes, dilation_cycle=12).state_dict()
    state["final_conv.2.conv.weight"] = torch.ones(1, 6, 1)
    torch.save({"model_state_dict": state}, tmp_path / "public.pkl")
    model = AudioDiffusion.from_diffwave_checkpoint(tmp_path / "public.pkl")
    assert (model.sample_rate, model.schedule.steps, model.settings.dilation_cycle) == (RATE, 200, 12)
    assert not any(weight.requires_grad for weight in model.network.parameters())
    again, x = AudioDiffusion.load(model.save(tmp_path / "ours")), draw(0, 2, 100)
    assert torch.equal(again.predict_noise(x, 7), model.predict_noise(x, 7))
    assert model.predict_noise(x, 7).abs().max() > 0
    with pytest.raises(ValueError, match="damaged"):
        AudioDiffusion.from_diffwave_checkpoint(tmp_path / "ours.safetensors")


def test_settings_are_checked_and_round_trip():
    assert {name for _, name in PRESETS} == {"quick", "standard", "paper"}
    for (domain, name), settings in PRESETS.items():
        assert settings.domain == domain
        assert resolve_settings(domain, name) is not None
        assert DiffusionSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    for bad in (
        {"domain": "image"},
        {"multipliers": 3},
        {"multipliers": (1.5,)},
        {"attention": (0,)},
        {"embedding": (1, 2)},
        {"crop": 0},
        {"ema": 1.0},
        {"dropout": -0.1},
        {"learning_rate": float("nan")},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            DiffusionSettings(**bad)
    with pytest.raises(ValueError, match="of a schedule"):
        DiffusionSettings(steps=0)
