"""Encoders given or loaded, and clips encoded a batch at a time."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from art_audio_ext.training.encoders import encode_all, load_encoder


class Means:
    """An encoder that does not look at what it is given."""

    sample_rate = 16000

    def encode(self, waveforms):
        return waveforms[:, :2]


def test_batches_come_together_in_order():
    sound = np.random.default_rng(0).uniform(-1, 1, (600, 5)).astype(np.float32)
    np.testing.assert_array_equal(encode_all(Means(), sound), sound[:, :2])
    np.testing.assert_array_equal(encode_all(Means(), sound, batch_size=7), sound[:, :2])


@pytest.mark.parametrize(("value", "message"), [(np.nan, "row 300 is nan at sample 3"), (1.5, "row 300 peaks at 1.5")])
def test_a_bad_clip_is_named_by_its_row_among_all(tmp_path, value, message):
    sound = np.zeros((600, 5), dtype=np.float32)
    sound[300, 3] = value
    np.save(tmp_path / "x.npy", sound)
    for given in (sound, np.load(tmp_path / "x.npy", mmap_mode="r")):
        with pytest.raises(ValueError, match=message):
            encode_all(Means(), given)


def test_encoder_must_give_one_vector_a_clip():
    with pytest.raises(ValueError, match="for 256 clips"):
        encode_all(SimpleNamespace(encode=lambda x: x[:3]), np.zeros((300, 5), dtype=np.float32))


def test_missing_vae_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        load_encoder(tmp_path / "absent.safetensors", 16000)
