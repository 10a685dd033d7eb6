"""MP3 and Opus: what comes back is in step with what went in, and worse at fewer bits."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.experiments import lossy_codecs
from art_audio_ext.experiments.lossy_codecs import missing_codecs, through_codec

RATE = 16000


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Clips (2, 16001) of noise below 2 kHz."""
    pytest.importorskip("av")
    draws = np.random.default_rng(0).standard_normal((2, 16001))
    kernel = np.sinc(0.25 * np.arange(-64, 65)) * np.hanning(129)
    return (0.1 * np.stack([np.convolve(row, kernel / 4, "same") for row in draws])).astype(np.float32)


@pytest.mark.parametrize(("codec", "few", "many"), [("mp3", 16, 128), ("opus", 12, 96)])
def test_in_step_and_better_with_more_bits(sound, codec, few, many):
    if missing_codecs():
        pytest.skip(missing_codecs())
    worse, better = (through_codec(sound, RATE, codec, kbps) for kbps in (few, many))
    assert better.shape == sound.shape
    assert better.dtype == np.float32
    apart = [np.square(found - sound).sum() / np.square(sound).sum() for found in (worse, better)]
    assert apart[1] < 0.5 * apart[0]
    assert apart[1] < 0.05
    lags = [int(np.correlate(sound[0, 4000:8000], better[0, 4000 + k : 8000 + k])[0] * 1e6) for k in range(-3, 4)]
    assert int(np.argmax(lags)) in (2, 3, 4)


@pytest.mark.parametrize("rate", [16000, 12000])
def test_an_encoder_of_many_bits_keeps_the_level(sound, rate):
    """LAME's own gain of .95, and a resampler's errors, would be as loud as an attack."""
    if missing_codecs():
        pytest.skip(missing_codecs())
    found = through_codec(sound, rate, "mp3", 128)
    level = (found * sound).sum() / np.square(sound).sum()
    assert level == pytest.approx(1, abs=1e-3)
    assert np.square(found - sound).sum() / np.square(sound).sum() < 10**-4.5


def test_what_is_missing_is_said(monkeypatch):
    def none():
        raise ImportError("no av")

    monkeypatch.setattr(lossy_codecs, "load_av", none)
    assert "[video]" in missing_codecs()
    with pytest.raises(ValueError, match="mp3, opus"):
        through_codec(np.zeros((1, 8)), RATE, "vinyl", 8)
