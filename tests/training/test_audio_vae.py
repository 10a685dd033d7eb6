"""The trained autoencoder: latents that are each clip's own, memory maps, and its two files, whole or damaged."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from art_audio_ext.training.vae import PRESETS, AudioVae, train_vae
from art_audio_ext.training.vae_data import LogMelRows

RATE = 16000


def test_latents_have_their_shapes_and_are_each_clips_own(sound, vae):
    f, z = vae.encode(sound), vae.encode_steps(sound)
    assert (f.shape, f.dtype) == ((120, 6), np.float32)
    assert (z.shape, z.dtype) == ((8, 120, 3), np.float32)
    assert f.std(0).max() > 1e-3
    np.testing.assert_allclose(vae.encode(sound, batch_size=7), f, atol=1e-5)
    np.testing.assert_allclose(vae.encode_steps(sound[::-1], batch_size=11)[:, ::-1], z, atol=1e-5)
    assert vae.encode(sound[:2, :5000]).shape == (2, 6)
    assert vae.encode(np.tile(sound[:2], 3)).shape == (2, 6)


def test_memory_map_is_streamed_to_the_same_result(sound, vae, small, tmp_path):
    np.save(tmp_path / "sound.npy", sound)
    mapped = np.load(tmp_path / "sound.npy", mmap_mode="r")
    assert np.array_equal(vae.encode(mapped), vae.encode(sound))
    kept, read = LogMelRows(sound, RATE, small), LogMelRows(mapped, RATE, small, cache_bytes=0)
    assert kept.cached is not None
    assert read.cached is None
    assert kept.checksum == read.checksum
    rows = [5, 3, 99]
    torch.testing.assert_close(kept.__getitems__(rows), read.__getitems__(rows), atol=1e-6, rtol=1e-5)
    travelled = pickle.dumps(read)
    assert len(travelled) < 5000
    assert torch.equal(pickle.loads(travelled).__getitems__(rows), read.__getitems__(rows))


@pytest.mark.parametrize("ending", ["", ".safetensors"])
def test_round_trip_through_files(sound, vae, tmp_path, ending):
    weights = vae.save(tmp_path / "deep" / f"my.vae{ending}")
    assert sorted(p.name for p in weights.parent.iterdir()) == ["my.vae.json", "my.vae.safetensors"]
    loaded = AudioVae.load(tmp_path / "deep" / f"my.vae{ending}")
    ours, theirs = vae.network.state_dict(), loaded.network.state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert (loaded.settings, loaded.sample_rate, loaded.history) == (vae.settings, RATE, vae.history)
    assert np.array_equal(loaded.encode(sound), vae.encode(sound))
    assert np.array_equal(pickle.loads(pickle.dumps(loaded)).encode(sound), vae.encode(sound))


def test_files_that_will_not_do_are_refused(vae, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no VAE at \S+absent: "):
        AudioVae.load(tmp_path / "absent")
    (tmp_path / "encoder.py").write_text("")
    with pytest.raises(FileNotFoundError, match=r"^\S+encoder\.py is no VAE: give the \.safetensors"):
        AudioVae.load(tmp_path / "encoder.py")
    weights = vae.save(tmp_path / "v")
    about, whole = tmp_path / "v.json", weights.read_bytes()
    record = json.loads(about.read_text())
    halved = save({name: value.half() for name, value in load(whole).items()})
    for content in (whole[: len(whole) // 2], b"RIFF not weights", b"", pickle.dumps([1]), halved):
        weights.write_bytes(content)
        with pytest.raises(ValueError, match="not a whole safetensors file"):
            AudioVae.load(weights)
    weights.write_bytes(whole)
    for change, message in (
        ({"settings": {**record["settings"], "f_dim": 7}}, "do not fit"),
        ({"settings": {**record["settings"], "f_dim": 10**12}}, "from 1 to 4096"),
        ({"settings": {**record["settings"], "colour": 1}}, "unknown VAE setting colour"),
        ({"settings": 3}, "must be a dictionary"),
        ({"format": "other"}, "does not describe"),
        ({"sample_rate": -1}, "sample_rate"),
    ):
        about.write_text(json.dumps({**record, **change}))
        with pytest.raises(ValueError, match=message):
            AudioVae.load(weights)
    for broken in ("{", "[" * 100_000):
        about.write_text(broken)
        with pytest.raises(ValueError, match="not JSON"):
            AudioVae.load(weights)
    about.unlink()
    with pytest.raises(ValueError, match="missing"):
        AudioVae.load(weights)


def test_the_small_autoencoder_travels_the_same_way(sound, tmp_path):
    settings = replace(PRESETS["steps"], conv_channels=4, z_dim=3, epochs=2, batch_size=8)
    vae = train_vae(sound, RATE, settings, seed=1, progress=False)
    again = AudioVae.load(vae.save(tmp_path / "steps"))
    assert again.settings.architecture == "steps"
    steps = again.encode_steps(sound)
    assert steps.shape == (8, len(sound), 3)
    assert np.array_equal(steps, vae.encode_steps(sound))
    np.testing.assert_allclose(vae.encode(sound), steps.transpose(1, 0, 2).reshape(len(sound), -1), atol=1e-6)
