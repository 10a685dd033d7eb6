"""Training of diffusion models: learning, exact resume, the averaged weights, no traces."""

from __future__ import annotations

import os
import pickle
import random
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from art_audio_ext.functional.diffusion import diffuse
from art_audio_ext.networks.diffwave import DiffWave
from art_audio_ext.training import diffusion_module
from art_audio_ext.training.diffusion import AudioDiffusion, ClipRows, DiffusionSettings, train_diffusion
from art_audio_ext.training.diffusion_module import DiffusionModule

RATE = 16000
WAVE = DiffusionSettings(
    "wave",
    residual_channels=8,
    layers=3,
    dilation_cycle=3,
    skip_channels=8,
    embedding=(8, 8, 8),
    crop=300,
    epochs=3,
    batch_size=8,
    learning_rate=1e-2,
    ema=0.5,
)
MEL = DiffusionSettings(
    base=8, multipliers=(1, 1), attention=(), heads=2, dropout=0.2, epochs=2, batch_size=8, learning_rate=3e-3, ema=0.5
)


@pytest.fixture(scope="session")
def clips(tiny_dataset) -> np.ndarray:
    """32 clips of a second at 16 kHz."""
    return np.ascontiguousarray(tiny_dataset.waveforms[:32, :16000])


@pytest.fixture(scope="session")
def wave(clips) -> AudioDiffusion:
    return train_diffusion(clips, RATE, "wave", WAVE, seed=1, progress=False)


@pytest.fixture(scope="session")
def mel(clips) -> AudioDiffusion:
    pytest.importorskip("diffusers", reason="needs the extra [diffusion]")
    return train_diffusion(clips, RATE, "mel", MEL, seed=1, progress=False)


def same_weights(one: AudioDiffusion, other: AudioDiffusion) -> bool:
    ours, theirs = one.network.state_dict(), other.network.state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("domain", "settings"), [("wave", WAVE), ("mel", MEL)])
def test_it_learns_and_only_the_seed_decides(clips, request, domain, settings):
    model = request.getfixturevalue(domain)
    losses = [epoch["train_loss"] for epoch in model.history]
    assert len(losses) == settings.epochs
    assert losses[-1] < 0.85 * losses[0]
    with torch.random.fork_rng():
        torch.manual_seed(5)  # dropout draws from the global state, and must not depend on it
        assert same_weights(model, train_diffusion(clips, RATE, domain, settings, seed=1, progress=False))
    assert not same_weights(model, train_diffusion(clips, RATE, domain, settings, seed=2, epochs=1, progress=False))


@pytest.mark.parametrize(("domain", "settings"), [("wave", WAVE), ("mel", MEL)])
def test_interrupted_training_resumes_to_the_same_weights(clips, request, tmp_path, monkeypatch, domain, settings):
    def until(module, batch, batch_idx):
        if next(steps) == 6:
            raise KeyboardInterrupt
        return whole(module, batch, batch_idx)

    model = request.getfixturevalue(domain)
    steps, whole = count(), DiffusionModule.training_step
    monkeypatch.setattr(DiffusionModule, "training_step", until)
    with pytest.raises(KeyboardInterrupt):
        train_diffusion(clips, RATE, domain, settings, seed=1, checkpoint_dir=tmp_path, progress=False)
    monkeypatch.setattr(DiffusionModule, "training_step", whole)
    assert [p.name for p in tmp_path.glob("*.ckpt")] == ["epoch-0001.ckpt"]  # 32 clips are four steps an epoch
    with torch.random.fork_rng():
        torch.manual_seed(6)
        resumed = train_diffusion(clips, RATE, domain, settings, seed=1, checkpoint_dir=tmp_path, progress=False)
    assert same_weights(model, resumed)
    assert resumed.history == model.history


def test_the_weights_are_averaged_over_steps(clips, wave, monkeypatch):
    seen, whole = [], DiffusionModule.on_train_batch_end

    def spy(module, *rest):
        whole(module, *rest)
        seen.append([w.detach().clone() for w in module.network.parameters()])

    first = [w.detach().clone() for w in _fresh().parameters()]
    monkeypatch.setattr(DiffusionModule, "on_train_batch_end", spy)
    trained = train_diffusion(clips, RATE, "wave", WAVE, seed=1, progress=False)
    expected = first
    for k, weights in enumerate(seen, 1):
        decay = min(0.5, (1 + k) / (10 + k))
        expected = [decay * kept + (1 - decay) * now for kept, now in zip(expected, weights, strict=True)]
    assert len(seen) == 12
    for kept, weight in zip(expected, trained.network.parameters(), strict=True):
        torch.testing.assert_close(weight, kept, atol=1e-6, rtol=1e-5)
    assert any(not torch.allclose(a, b) for a, b in zip(seen[-1], trained.network.parameters(), strict=True))


def _fresh() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return DiffWave(**WAVE.network_arguments())


def test_the_loss_is_that_of_the_noise_at_all_steps(clips, monkeypatch):
    """What goes into the network is the clip diffused to the step it is told, by the noise it is to find."""
    steps, losses = [], []
    whole = DiffusionModule._noised

    def spy(module, batch, epoch, step):
        noised, t, noise = whole(module, batch, epoch, step)
        torch.testing.assert_close(noised, diffuse(batch, t, noise, module.schedule))
        losses.append(float(noise.square().mean()))
        steps.extend(t.tolist())
        return noised, t, noise

    monkeypatch.setattr(DiffusionModule, "_noised", spy)
    silent = replace(WAVE, crop=None, steps=5, learning_rate=1e-9)  # fresh weights predict 0
    model = train_diffusion(np.tile(clips, (4, 1))[:, :500], RATE, "wave", silent, seed=1, epochs=1, progress=False)
    assert set(steps) == {1, 2, 3, 4, 5}
    assert model.history[0]["train_loss"] == pytest.approx(np.mean(losses), rel=1e-4)


def test_a_crop_is_a_piece_of_the_clip(clips):
    module = DiffusionModule(_fresh(), WAVE, 1, {})
    ramp = torch.arange(1000.0).repeat(6, 1)
    noised, t, noise = module._noised(ramp, 0, 0)
    table = module.schedule
    clean = (noised - table.noise(t)[:, None] * noise) / table.signal(t)[:, None]
    assert clean.shape == (6, 300)
    torch.testing.assert_close(clean.diff(dim=1), torch.ones(6, 299).double(), atol=1e-2, rtol=0)
    assert len({round(float(row[0])) for row in clean}) > 3


def test_global_state_and_the_current_folder_are_left_alone(clips, tmp_path, monkeypatch, capfd):
    pytest.importorskip("diffusers", reason="needs the extra [diffusion]")
    monkeypatch.chdir(tmp_path)
    before = torch.random.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()  # noqa: NPY002
    train_diffusion(clips, RATE, "mel", MEL, seed=3, epochs=1, progress=False)
    after = torch.random.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert os.listdir(tmp_path) == []
    assert "".join(capfd.readouterr()) == ""


def test_dropout_is_new_at_every_step(clips, monkeypatch):
    seeds, drawn, whole = [], [], diffusion_module._dropout_seed

    def spy(seed, device):
        seeds.append(seed)
        with whole(seed, device):
            drawn.append(float(torch.rand(1)))
        return whole(seed, device)

    monkeypatch.setattr(diffusion_module, "_dropout_seed", spy)
    train_diffusion(clips, RATE, "wave", WAVE, seed=1, progress=False)
    assert len(set(seeds)) == len(set(drawn)) == 12


def test_held_out_loss_and_progress(clips, capfd):
    many = np.tile(clips, (7, 1))[:, :400]
    model = train_diffusion(many, RATE, "wave", WAVE, seed=1, epochs=1)
    assert set(model.history[0]) == {"train_loss", "validation_loss"}
    assert "diffusion epoch 1/1, loss" in capfd.readouterr().err


def test_checkpoints_of_another_training_are_refused(clips, tmp_path):
    def train(settings=WAVE, seed=1, epochs=1):
        keep = {"checkpoint_dir": tmp_path, "progress": False}
        return train_diffusion(clips[:8], RATE, "wave", settings, seed=seed, epochs=epochs, **keep)

    train()
    with pytest.raises(ValueError, match="another seed"):
        train(seed=2)
    with pytest.raises(ValueError, match="another settings"):
        train(settings=replace(WAVE, ema=0.9))
    assert len(train(epochs=2).history) == 2


def test_memory_map_is_streamed_to_the_same_rows(clips, tmp_path):
    np.save(tmp_path / "sound.npy", clips)
    mapped = np.load(tmp_path / "sound.npy", mmap_mode="r")
    rows = [5, 3, 31]
    for settings in (WAVE, MEL):
        kept, read = ClipRows(clips, RATE, settings), ClipRows(mapped, RATE, settings, cache_bytes=0)
        assert kept.checksum == read.checksum
        assert len(kept) == len(read) == 32
        torch.testing.assert_close(kept.__getitems__(rows), read.__getitems__(rows), atol=1e-6, rtol=1e-5)
        travelled = pickle.dumps(read)
        assert len(travelled) < 5000
        assert torch.equal(pickle.loads(travelled).__getitems__(rows), read.__getitems__(rows))
    assert torch.equal(ClipRows(clips, RATE, WAVE).__getitems__(rows), torch.from_numpy(clips[rows]))
    assert ClipRows(clips, RATE, MEL).__getitems__(rows).shape == (3, 1, 32, 32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"domain": "image"}, "unknown diffusion domain 'image': choose mel, wave"),
        ({"domain": "mel"}, "for domain 'wave', not 'mel'"),
        ({"settings": "fast"}, "choose quick, standard, paper"),
        ({"epochs": 0}, "epochs"),
        ({"seed": -1}, "seed"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"devices": 0}, "devices"),
        ({"x": np.full((4, 500), 2.0)}, "outside"),
        ({"x": np.zeros((4, 500), np.int16)}, "int16"),
        ({"x": np.zeros((0, 500))}, "empty"),
    ],
)
def test_bad_arguments_are_refused(clips, arguments, message):
    given = {"x": clips[:8], "sample_rate": RATE, "domain": "wave", "settings": WAVE, "seed": 1, **arguments}
    sound, rate, domain, settings = (given.pop(name) for name in ("x", "sample_rate", "domain", "settings"))
    with pytest.raises(ValueError, match=message):
        train_diffusion(sound, rate, domain, settings, progress=False, **given)


@pytest.mark.parametrize(("length", "rate"), [(8000, RATE), (16384, RATE), (16000, 8000)])
def test_clips_that_give_no_picture_are_refused(length, rate):
    with pytest.raises(ValueError, match=r"give no 32 x 32 pictures: load them as one second"):
        ClipRows(np.zeros((4, length), np.float32), rate, MEL)


def test_divergence_is_said(clips):
    with pytest.raises(ValueError, match="diffusion training diverged in epoch 1: lower learning_rate"):
        train_diffusion(clips, RATE, "wave", replace(WAVE, learning_rate=1e30), seed=1, progress=False)
