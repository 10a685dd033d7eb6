"""Training of the sequential autoencoder: exact resume, early stop, no traces; the trained object and its files."""

from __future__ import annotations

import json
import os
import pickle
import random
import signal
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from art_audio_ext.training.checkpoints import _read
from art_audio_ext.training.seeded_module import stale
from art_audio_ext.training.vae import PRESETS, AudioVae, VaeSettings, train_vae
from art_audio_ext.training.vae_data import EpochOrder, hold_out
from art_audio_ext.training.vae_module import VaeModule

RATE = 16000


def same_weights(one: AudioVae, other: AudioVae) -> bool:
    ours, theirs = one.network.state_dict(), other.network.state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)


def truncate(path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


def test_it_learns_and_only_the_seed_decides(sound, vae, small):
    losses = [epoch["train_loss"] for epoch in vae.history]
    assert len(losses) == 3
    assert losses[2] < 0.8 * losses[0]
    assert same_weights(vae, train_vae(sound, RATE, small, seed=1, progress=False))
    assert not same_weights(vae, train_vae(sound, RATE, small, seed=2, epochs=1, progress=False))


def test_global_state_and_the_current_folder_are_left_alone(sound, small, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    before = torch.random.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()  # noqa: NPY002
    train_vae(sound, RATE, small, seed=3, epochs=1, progress=False).encode(sound)
    after = torch.random.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert os.listdir(tmp_path) == []
    assert "".join(capfd.readouterr()) == ""


def test_progress_is_one_bar(sound, small, capfd):
    train_vae(sound, RATE, small, seed=3, epochs=1)
    shown = capfd.readouterr().err
    assert "VAE epoch 1/1, loss" in shown
    assert "Lightning" not in shown


@pytest.mark.parametrize("step", [5, 9])
def test_interrupted_training_resumes_to_the_same_weights(sound, vae, small, tmp_path, monkeypatch, step):
    def until(module, batch, batch_idx):
        if next(steps) == step:
            raise KeyboardInterrupt
        return whole(module, batch, batch_idx)

    steps, whole, handler = count(), VaeModule.training_step, signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(VaeModule, "training_step", until)
    with pytest.raises(KeyboardInterrupt):
        train_vae(sound, RATE, small, seed=1, checkpoint_dir=tmp_path, progress=False)
    monkeypatch.setattr(VaeModule, "training_step", whole)
    assert signal.getsignal(signal.SIGINT) is handler
    done = step // 4  # 120 clips are four steps an epoch
    assert [p.name for p in sorted(tmp_path.glob("*.ckpt"))][-1] == f"epoch-{done:04d}.ckpt"
    resumed = train_vae(sound, RATE, small, seed=1, checkpoint_dir=tmp_path, progress=False)
    assert same_weights(vae, resumed)
    assert resumed.history == vae.history
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch-0002.ckpt", "epoch-0003.ckpt"]
    state = torch.load(tmp_path / "epoch-0003.ckpt", weights_only=True)
    assert state["fingerprint"]["seed"] == 1


def test_damaged_checkpoint_falls_back_to_the_one_before(sound, vae, small, tmp_path, caplog):
    train_vae(sound, RATE, small, seed=1, checkpoint_dir=tmp_path, progress=False)
    truncate(tmp_path / "epoch-0003.ckpt")
    assert same_weights(vae, train_vae(sound, RATE, small, seed=1, checkpoint_dir=tmp_path, progress=False))
    assert "epoch-0003.ckpt is damaged" in caplog.text
    for path in tmp_path.glob("*.ckpt"):
        truncate(path)
    with pytest.raises(ValueError, match=r"2 damaged\): delete it"):
        train_vae(sound, RATE, small, seed=1, checkpoint_dir=tmp_path, progress=False)


def test_a_checkpoint_with_any_damage_is_noticed(sound, small, tmp_path):
    """Flipped bytes break torch's reader at many places, each with an error of its own kind."""
    train_vae(sound, RATE, small, seed=1, epochs=1, checkpoint_dir=tmp_path, progress=False)
    whole = (tmp_path / "epoch-0001.ckpt").read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "epoch-0001.ckpt"
    for _ in range(100):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 40):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        found = _read(path)
        assert found is None or found["epoch"] == 0


def test_checkpoints_of_another_training_are_refused(sound, small, tmp_path):
    def train(x=sound, settings=small, seed=1, epochs=2):
        return train_vae(x, RATE, settings, seed=seed, epochs=epochs, checkpoint_dir=tmp_path, progress=False)

    train()
    with pytest.raises(ValueError, match="another seed"):
        train(seed=2)
    with pytest.raises(ValueError, match="another settings"):
        train(settings=replace(small, learning_rate=1e-4))
    with pytest.raises(ValueError, match="another data"):
        train(x=sound * np.float32(0.5))
    with pytest.raises(ValueError, match="has 2 epochs already"):
        train(epochs=1)
    assert len(train(epochs=3).history) == 3


def test_hostile_checkpoint_is_not_unpickled(sound, small, tmp_path):
    (tmp_path / "epoch-0001.ckpt").write_bytes(pickle.dumps(random.Random(0)))
    torch.save({"epoch": 0, "fingerprint": {}, "state_dict": {}, "x": random.Random(0)}, tmp_path / "epoch-0002.ckpt")
    with pytest.raises(ValueError, match="2 damaged"):
        train_vae(sound, RATE, small, seed=1, checkpoint_dir=tmp_path, progress=False)


def test_early_stop_is_kept_on_resume(sound, small, tmp_path):
    stuck = replace(small, learning_rate=1e-12, patience=1, epochs=30)
    first = train_vae(sound, RATE, stuck, seed=1, checkpoint_dir=tmp_path, progress=False)
    assert 2 <= len(first.history) < 30
    again = train_vae(sound, RATE, stuck, seed=1, checkpoint_dir=tmp_path, progress=False)
    assert again.history == first.history
    assert same_weights(first, again)


def test_stale():
    falling = [{"train_loss": 3.0 - k, "validation_loss": v} for k, v in enumerate((2.0, 1.0, 1.5, 1.2))]
    assert stale(falling, 2)
    assert not stale(falling, 3)
    assert not stale([{"train_loss": e["train_loss"]} for e in falling], 1)
    assert not stale([], 1)


def test_clips_are_held_out_of_large_sets_only(sound, small):
    learn, judge = hold_out(1000, 0.05, 0)
    assert (len(learn), len(judge)) == (950, 50)
    assert sorted([*learn, *judge]) == list(range(1000))
    assert len(hold_out(199, 0.05, 0)[1]) == 0
    held = train_vae(np.concatenate([sound, sound[:100]]), RATE, small, seed=1, epochs=1, progress=False)
    assert set(held.history[0]) == {"train_loss", "validation_loss"}


def test_order_is_a_function_of_seed_and_epoch():
    order = EpochOrder(np.arange(50), 4)
    first = list(order)
    order.set_epoch(1)
    second = list(order)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    again = EpochOrder(np.arange(50), 4)
    again.set_epoch(1)
    assert list(again) == second
    assert list(EpochOrder(np.arange(50), 5)) != first
    assert list(EpochOrder(np.arange(5), None)) == [0, 1, 2, 3, 4]


def test_divergence_is_said(sound, small):
    with pytest.raises(ValueError, match="diverged in epoch 1: lower learning_rate"):
        train_vae(sound, RATE, replace(small, learning_rate=1e30), seed=1, progress=False)


def test_literal_form_trains_and_encodes(sound, small):
    literal = replace(small, literal=True, frames=2, conv_channels=2)
    trained = train_vae(sound[:24], RATE, literal, seed=1, epochs=1, progress=False)
    assert trained.encode_steps(sound[:5]).shape == (2, 5, 3)


def test_bad_sound_is_refused_by_row(sound, vae, small):
    broken = sound.copy()
    broken[70, 5] = np.nan
    with pytest.raises(ValueError, match="row 70 is nan at sample 5"):
        vae.encode(broken, batch_size=16)
    with pytest.raises(ValueError, match="row 70"):
        train_vae(broken, RATE, small, seed=1, progress=False)
    for x, message in (
        ((sound * 1000).astype(np.int16), "int16"),
        (sound * 9, "outside"),
        (sound[:0], "empty"),
        (sound[0], "shape"),
        ([[0.0, 0.1], [0.0]], "not rectangular"),
    ):
        with pytest.raises(ValueError, match=message):
            vae.encode(x)
        with pytest.raises(ValueError, match=message):
            train_vae(x, RATE, small, seed=1, progress=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"settings": "fast"}, "choose quick, steps, standard, paper"),
        ({"epochs": 0}, "epochs"),
        ({"seed": -1}, "seed"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"devices": 0}, "devices"),
        ({"accelerator": "abacus"}, "cannot train on 1 x 'abacus'"),
    ],
)
def test_bad_arguments_are_refused(sound, small, arguments, message):
    given = {"settings": small, "sample_rate": RATE, "seed": 1, "progress": False, **arguments}
    with pytest.raises(ValueError, match=message):
        train_vae(sound, given.pop("sample_rate"), given.pop("settings"), **given)


def test_settings_are_checked_and_round_trip():
    assert set(PRESETS) == {"quick", "steps", "standard", "paper"}
    for preset in PRESETS.values():
        assert VaeSettings.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset
    assert PRESETS["paper"].literal
    for bad in (
        {"architecture": "cnn"},
        {"bands": 20},
        {"frames": 1},
        {"literal": 1},
        {"learning_rate": float("nan")},
        {"patience": 2.0},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            VaeSettings(**bad)
    with pytest.raises(ValueError, match="frames must be a multiple of 8"):
        VaeSettings(architecture="steps", frames=12)
