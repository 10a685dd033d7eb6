"""ECAPA-TDNN from local weights: its front end and embeddings, and weights that are not there, cut or of another."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from art_audio_ext.voices import speaker_encoder as module
from art_audio_ext.voices.speaker_encoder import FILE, open_speaker_encoder

pytest.importorskip("speechbrain", reason="needs the extra [voice]")
RATE = 16000


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A file of the real form for a narrow network that has learnt nothing."""
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    monkeypatch.setattr(module, "_WIDTHS", [16, 16, 16, 16, 48])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ECAPA_TDNN(80, channels=module._WIDTHS, lin_neurons=module.DIMENSIONS, **module._ECAPA)
    path = tmp_path / FILE
    torch.save(network.state_dict(), path)
    return path


def noise(rows: int, samples: int = RATE) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.3, 0.3, (rows, samples)).astype(np.float32)


def test_embeddings_are_of_each_clip_alone_and_follow_speechbrains_own_steps(weights):
    from speechbrain.lobes.features import Fbank
    from speechbrain.processing.features import InputNormalization

    encoder, x = open_speaker_encoder(weights), noise(17)
    found = encoder.embed(x, RATE)
    assert (found.shape, found.dtype) == ((17, 192), np.float64)
    np.testing.assert_allclose(found[3:4], encoder.embed(x[3:4], RATE), atol=1e-5)
    with torch.no_grad():
        features = Fbank(n_mels=80)(torch.from_numpy(x[:2]))
        features = InputNormalization(norm_type="sentence", std_norm=False)(features, torch.ones(2))
        expected = encoder.network(features).squeeze(1).numpy()
    np.testing.assert_allclose(found[:2], expected, atol=1e-4)
    assert encoder.embed(noise(1, 8000), 8000).shape == (1, 192)
    assert open_speaker_encoder(weights.parent).checksum() == encoder.checksum()


def test_clips_that_cannot_be_embedded_are_refused(weights):
    encoder = open_speaker_encoder(weights)
    for wrong, words in ((noise(1, 100), "shorter"), (np.zeros((1, RATE), np.int16), "int16"), (noise(1)[0], "shape")):
        with pytest.raises(ValueError, match=words):
            encoder.embed(wrong, RATE)


def test_missing_and_damaged_weights(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HUB", str(tmp_path / "hub"))
    for given in (None, tmp_path / "no.ckpt", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ValueError, match=r"no weights of ECAPA-TDNN at .* \(83 MB, Apache 2.0\)"):
            open_speaker_encoder(given)
    broken = tmp_path / "broken.ckpt"
    whole = weights.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>"):
        broken.write_bytes(content)
        with pytest.raises(ValueError, match="not the whole file"):
            open_speaker_encoder(broken)
    for other in ({"weight": torch.zeros(2)}, [1, 2]):
        torch.save(other, broken)
        with pytest.raises(ValueError, match="not the whole file"):
            open_speaker_encoder(broken)


def test_weights_in_the_hubs_place_are_found(weights, tmp_path, monkeypatch):
    place = tmp_path / "hub" / "abc"
    place.mkdir(parents=True)
    weights.rename(place / FILE)
    monkeypatch.setattr(module, "HUB", str(tmp_path / "hub"))
    assert open_speaker_encoder().embed(noise(1), RATE).shape == (1, 192)
