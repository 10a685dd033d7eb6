"""The trained autoencoder: latents that are each clip's own, memory maps, and its two files, whole or damaged."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch

from art_audio_ext.training.vae import AudioVae, VaeSettings, train_vae
from art_audio_ext.training.vae_data import LogMelRows

SMALL = VaeSettings(
    bands=16,
    frames=8,
    f_dim=6,
    z_dim=3,
    conv_channels=8,
    conv_dim=12,
    hidden_dim=8,
    epochs=3,
    batch_size=32,
    learning_rate=1e-2,
)
RATE = 16000


@pytest.fixture(scope="module")
def sound(tiny_dataset) -> np.ndarray:
    return tiny_dataset.waveforms[:, 4000:12000]


@pytest.fixture(scope="module")
def vae(sound) -> AudioVae:
    return train_vae(sound, RATE, SMALL, seed=1, progress=False)


def test_latents_have_their_shapes_and_are_each_clips_own(sound, vae):
    f, z = vae.encode(sound), vae.encode_steps(sound)
    assert (f.shape, f.dtype) == ((120, 6), np.float32)
    assert (z.shape, z.dtype) == ((8, 120, 3), np.float32)
    assert f.std(0).max() > 1e-3
    np.testing.assert_allclose(vae.encode(sound, batch_size=7), f, atol=1e-5)
    np.testing.assert_allclose(vae.encode_steps(sound[::-1], batch_size=11)[:, ::-1], z, atol=1e-5)
    assert vae.encode(sound[:2, :5000]).shape == (2, 6)
    assert vae.encode(np.tile(sound[:2], 3)).shape == (2, 6)


def test_memory_map_is_streamed_to_the_same_result(sound, vae, tmp_path):
    np.save(tmp_path / "sound.npy", sound)
    mapped = np.load(tmp_path / "sound.npy", mmap_mode="r")
    assert np.array_equal(vae.encode(mapped), vae.encode(sound))
    kept, read = LogMelRows(sound, RATE, SMALL), LogMelRows(mapped, RATE, SMALL, cache_bytes=0)
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
    with pytest.raises(FileNotFoundError, match="no VAE at"):
        AudioVae.load(tmp_path / "absent")
    weights = vae.save(tmp_path / "v")
    about, whole = tmp_path / "v.json", weights.read_bytes()
    record = json.loads(about.read_text())
    for content in (whole[: len(whole) // 2], b"RIFF not weights", b"", pickle.dumps([1])):
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
    about.write_text("{")
    with pytest.raises(ValueError, match="not JSON"):
        AudioVae.load(weights)
    about.unlink()
    with pytest.raises(ValueError, match="missing"):
        AudioVae.load(weights)
