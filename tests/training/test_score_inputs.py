"""Windows of clips: batches come together, and the seconds are those of the windows."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from art_audio_ext.functional.window_tokens import (
    pca_window_seconds,
    pca_windows,
    waveform_window_basis,
    waveform_window_tokens,
)
from art_audio_ext.training.score_inputs import check_tokens, encode_windows

SOUND = np.random.default_rng(0).uniform(-0.5, 0.5, (300, 2000)).astype(np.float32)


def thirds(waveforms):
    """Three steps of two samples."""
    return np.stack([waveforms[:, k : k + 2] for k in range(3)])


def test_batches_of_steps_come_together_in_order(tmp_path):
    np.save(tmp_path / "x.npy", SOUND)
    for given in (SOUND, np.load(tmp_path / "x.npy", mmap_mode="r")):
        windows = encode_windows(SimpleNamespace(encode_steps=thirds), given, batch_size=7)
        np.testing.assert_array_equal(windows, thirds(SOUND))


def test_an_encoder_must_give_steps_of_every_clip():
    for steps in (lambda x: x[:, :5], lambda x: thirds(x)[:, 1:]):
        with pytest.raises(ValueError, match="for 256 clips"):
            encode_windows(SimpleNamespace(encode_steps=steps), SOUND)
    with pytest.raises(ValueError, match="SimpleNamespace has no encode_steps"):
        encode_windows(SimpleNamespace(encode=thirds), SOUND)


def test_a_bad_clip_is_named_by_its_row_among_all():
    sound = SOUND.copy()
    sound[299, 3] = np.nan
    with pytest.raises(ValueError, match="row 299 is nan"):
        encode_windows(SimpleNamespace(encode_steps=thirds), sound)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
@pytest.mark.parametrize("seconds", [0.14, 0.3, 0.9999, 1.13])
def test_seconds_are_those_of_the_windows(rate, seconds):
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, (40, round(seconds * rate) + 2)).astype(np.float32)
    windows = pca_windows(sound, rate, seed=0)
    where = np.array(pca_window_seconds(sound.shape[1], rate))
    assert len(where) == len(windows)
    assert where[-1, 1] == pytest.approx(seconds, abs=1 / 32)
    np.testing.assert_allclose(where[:, 1] - where[:, 0], 0.125)
    expected = waveform_window_tokens(sound, waveform_window_basis(sound, rate, seed=0), rate)
    np.testing.assert_array_equal(windows, expected)


def test_other_tokens_are_refused():
    check_tokens("pca")
    for tokens in ("mel", None, 3):
        with pytest.raises(ValueError, match="tokens must be one of pca, vae"):
            check_tokens(tokens)
