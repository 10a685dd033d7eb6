"""Synchronisation networks: they learn from clips alone, resume, and refuse what they cannot see."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.networks.syncnet import CompactSyncNet
from art_audio_ext.training.runs import seeded
from art_audio_ext.training.sync_model import SyncModel
from art_audio_ext.training.syncnet import train_syncnet
from art_audio_ext.training.syncnet_attack import ConfidenceClimb
from art_audio_ext.training.syncnet_settings import PRESETS, SyncNetSettings, resolve_settings

TINY = SyncNetSettings(size=32, epochs=8, windows=24, jitter=1)


def train(data, settings=TINY, *, seed=0, **options) -> SyncModel:
    return train_syncnet(data, settings, seed=seed, progress=False, **options)


def weights(model: SyncModel) -> bytes:
    return b"".join(v.numpy().tobytes() for v in model.network.state_dict().values())


def test_it_finds_the_offset_of_clips_that_it_has_not_seen(model, unseen):
    assert model.history[-1]["train_loss"] < 0.3 * model.history[0]["train_loss"]
    layout = unseen.layout
    for frames in (-7, 0, 6):
        moved = layout.pack(np.roll(unseen.audio, 640 * frames, 1), unseen.video)
        assert np.abs(model.offset(moved) - frames).max() <= 1
    others = layout.pack(np.roll(unseen.audio, 1, 0), unseen.video)
    assert model.confidence(others).mean() < 0.6 * model.confidence(unseen.rows()).mean()


def test_only_the_seed_decides_and_the_global_state_stays(seen, model):
    short = replace(TINY, epochs=1)
    state = torch.get_rng_state()
    first = train(seen, short)
    assert torch.equal(torch.get_rng_state(), state)
    assert weights(train(seen, short)) == weights(first)
    assert weights(train(seen, short, seed=1)) != weights(first)
    assert weights(train(seen, replace(short, augment=False))) != weights(first)


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(seen, tmp_path, monkeypatch):
    from art_audio_ext.training.syncnet_module import SyncNetModule

    short, step = replace(TINY, epochs=3), SyncNetModule.training_step

    def stops(self, batch, index):
        if self.current_epoch == 2:
            raise KeyboardInterrupt
        return step(self, batch, index)

    expected = train(seen, short)
    monkeypatch.setattr(SyncNetModule, "training_step", stops)
    with pytest.raises(KeyboardInterrupt):
        train(seen, short, checkpoint_dir=tmp_path)
    monkeypatch.undo()
    assert weights(train(seen, short, checkpoint_dir=tmp_path)) == weights(expected)
    with pytest.raises(ValueError, match="another data"):
        train(seen.subset(np.arange(9)), short, checkpoint_dir=tmp_path)


def test_attacked_clips_come_to_have_no_offset(model, seen, unseen):
    slant = torch.arange(32)[None, :] + 2 * torch.arange(32)[:, None]  # stripes that wander
    stripes = 0.1 * (slant % 8 < 4)[:, None, :].float()

    def striped(network, audio, video, generator):
        assert not network.training
        return audio, (video + stripes[: video.shape[1]]).clamp(0, 1)

    hardened = train(seen, replace(TINY, epochs=4), start=model, attack=striped)
    attacked = unseen.layout.pack(unseen.audio, (unseen.video / 255 + stripes.numpy()).clip(0, 1))
    kept = [one.confidence(attacked).mean() / one.confidence(unseen.rows()).mean() for one in (model, hardened)]
    assert kept[1] < 0.4 * kept[0]
    assert np.abs(hardened.offset(unseen.rows())).max() <= 1


def test_attacked_clips_share_a_batch_with_the_others(model, seen, monkeypatch):
    """Apart, batch norm would tell them by the statistics of their batch, and nothing would be learnt of the clips."""
    forward, batches = CompactSyncNet.forward, []
    monkeypatch.setattr(
        CompactSyncNet, "forward", lambda self, *clips: batches.append(len(clips[0])) or forward(self, *clips)
    )
    short, run = replace(TINY, epochs=1), {
        "start": model,
        "attack": lambda network, audio, video, generator: (audio, video),
    }
    tuned = train(seen, short, noise_twins=False, **run)
    assert batches == [12] * 3  # of eight clips four again
    assert tuned.history[0]["attacked_loss"] > 1  # clips in sync are no attacked ones
    batches.clear()
    train(seen, short, **run)
    assert batches == [16] * 3  # and four with noise


def test_a_noise_twin_has_the_power_of_the_attack_and_stays_in_sync(seen):
    from art_audio_ext.training.syncnet_module import SyncNetModule

    audio, video = torch.from_numpy(seen.audio[:4].copy()), torch.from_numpy(seen.video[:4] / 255).float()
    audio *= 0.5 / audio.abs().max()
    video = 0.2 + 0.6 * video

    def louder(network, audio, video, generator):
        return audio + 0.1 * torch.arange(1, 3)[:, None], video - 0.05

    module = SyncNetModule(seeded(TINY.build, 0), TINY, 0, {}, louder)
    sound, pictures, matched = module._with_attacked(audio, video, torch.Generator().manual_seed(0))
    assert (len(sound), len(pictures), matched) == (8, 8, 6)
    assert torch.equal(sound[:4], audio)
    noise = (sound[4:6] - audio[:2], pictures[4:6] - video[:2])
    for part, power in zip(noise, ([0.1, 0.2], [0.05, 0.05]), strict=True):
        measured = part.flatten(1).square().mean(1).sqrt()
        torch.testing.assert_close(measured, torch.tensor(power), rtol=0.03, atol=0)
        assert part.mean().abs() < 0.02  # noise, not the change itself
    torch.testing.assert_close(sound[6:], audio[:2] + 0.1 * torch.arange(1, 3)[:, None])
    again = module._with_attacked(audio, video, torch.Generator().manual_seed(0))
    assert torch.equal(again[0], sound)


def test_the_attack_of_the_training_climbs_in_its_box(model, unseen):
    audio, video = (part[:4].clone() for part in unseen.layout.unpack(torch.from_numpy(unseen.rows())))
    climb = ConfidenceClimb(steps=4)

    def confidence(audio, video):
        return model.confidence(unseen.layout.pack(audio, video).numpy())

    sound, pictures = climb(model.network, audio, video, torch.Generator().manual_seed(1))
    assert (confidence(sound, pictures) > confidence(audio, video) + 0.05).all()
    for part, (was, eps, low) in zip((sound, pictures), ((audio, 512 / 32768, -1), (video, 8 / 255, 0)), strict=True):
        moved = (part - was).abs().flatten(1).amax(1)
        assert (moved <= eps * 1.001).all()
        assert (moved > 0.2 * eps).all()
        assert moved.max() > 1.2 * moved.min()  # boxes of their own
        assert part.min() >= low
        assert part.max() <= 1
    again = climb(model.network, audio, video, torch.Generator().manual_seed(1))
    assert all(torch.equal(one, other) for one, other in zip((sound, pictures), again, strict=True))
    for wrong in ({"steps": 0}, {"least": 0.0}, {"eps_audio": True}, {"eps_video": 2.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ConfidenceClimb(**wrong)


def test_fine_tuning_starts_where_the_model_is(seen, model):
    tuned = train(seen, replace(TINY, epochs=1, learning_rate=1e-4), start=model)
    assert tuned.history[0]["train_loss"] < 0.5 * model.history[0]["train_loss"]
    with pytest.raises(ValueError, match="another sound"):
        train(seen, replace(TINY, sound="mfcc"), start=model)


def test_what_cannot_be_looked_at(model, seen):
    for layout, message in (
        (AudioVisualLayout(32, 32, 10240, 8000), "8000 Hz"),
        (AudioVisualLayout(32, 32, 20480, fps=30), "30 frames a second"),
        (AudioVisualLayout.of_frames(6, 32), "7 frames"),
        (AudioVisualLayout.of_frames(32, 30), "30 pixels"),
    ):
        with pytest.raises(ValueError, match=message):
            model.for_layout(layout)
    with pytest.raises(ValueError, match="32 pixels"):
        train(seen, "quick")
    with pytest.raises(ValueError, match="no clip"):
        train(seen.subset([]))
    with pytest.raises(ValueError, match="seed"):
        train(seen, seed=-1)


def test_settings_are_checked_and_round_trip():
    for chosen in PRESETS.values():
        assert SyncNetSettings.from_dict(json.loads(json.dumps(chosen.to_dict()))) == chosen
    assert resolve_settings("quick", epochs=3) == replace(PRESETS["quick"], epochs=3)
    for bad in (
        {"architecture": "lenet"},
        {"size": 40},
        {"windows": 1},
        {"noise_share": 1.5},
        {"sound": "wave"},
        {"learning_rate": 0},
        {"augment": 1},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            SyncNetSettings(**bad)
    with pytest.raises(ValueError, match="choose quick"):
        resolve_settings("best")
