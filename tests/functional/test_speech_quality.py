"""PESQ, STOI and SI-SDR: values known beforehand, worse sound scores lower, and a reason where there is no answer."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest

from art_audio_ext.functional import speech_quality
from art_audio_ext.functional.speech_quality import pesq, si_sdr, stoi

for _name in ("pesq", "pystoi", "torchmetrics"):
    pytest.importorskip(_name, reason="needs the extra [quality]")
RATE = 16000
MEASURES = (pesq, stoi, si_sdr)


def syllables(rate: int = RATE, seconds: float = 1.5, seed: int = 0) -> np.ndarray:
    """Noise and harmonics that come and go four times a second, shape (L,)."""
    time = np.arange(round(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * 140 * k * time + k) / k for k in range(1, 20))
    noise = np.random.default_rng(seed).standard_normal(len(time))
    sound = (tone + 0.3 * noise) * (0.15 + np.square(np.sin(2 * np.pi * 2 * time)))
    return (0.4 * sound / np.abs(sound).max()).astype(np.float32)


def noisy(clip: np.ndarray, snr_db: float) -> np.ndarray:
    """The clip with noise that is orthogonal to it, at a ratio of powers."""
    noise = np.random.default_rng(1).standard_normal(len(clip))
    noise -= clip * (noise @ clip) / (clip @ clip)
    gain = np.sqrt(np.mean(np.square(clip, dtype=np.float64)) / np.mean(noise**2) / 10 ** (snr_db / 10))
    return clip + gain * noise


@pytest.mark.parametrize(
    ("measure", "rate", "low", "high"),
    [(pesq, 16000, 4.6, 4.7), (pesq, 8000, 4.5, 4.6), (stoi, 16000, 0.9999, 1.0001), (si_sdr, 16000, 100, 400)],
)
def test_a_clip_beside_itself_is_perfect(measure, rate, low, high):
    x = syllables(rate)[None]
    found = measure(x, x, rate)
    assert found.values.shape == (1,)
    assert low < found.values[0] < high
    assert found.reasons == ("",)


@pytest.mark.parametrize("snr_db", [20.0, 5.0, -3.0])
def test_si_sdr_of_orthogonal_noise_is_its_snr_at_any_level(snr_db):
    clean = 0.3 * syllables()
    changed = noisy(clean, snr_db)
    for gain in (1.0, 0.25):
        assert si_sdr(gain * changed[None], clean[None], RATE).values[0] == pytest.approx(snr_db, abs=0.01)


@pytest.mark.parametrize("measure", MEASURES)
def test_more_noise_scores_lower(measure):
    clean = 0.3 * syllables()
    x = np.stack([noisy(clean, snr) for snr in (30, 18, 5)])
    values = measure(x, np.stack([clean] * 3), RATE).values
    assert (np.diff(values) < 0).all()


def test_values_are_those_of_the_packages_with_the_clean_clip_as_reference():
    import pesq as pesq_package
    import pystoi

    for rate, band in ((8000, "nb"), (16000, "wb")):
        clean = 0.3 * syllables(rate)
        changed = noisy(clean, 8)
        found = pesq(changed[None], clean[None], rate).values[0]
        assert found == pytest.approx(pesq_package.pesq(rate, clean, changed, band), abs=0.01)
        assert abs(found - pesq_package.pesq(rate, changed, clean, band)) > 0.05
    clean[:8000] = 0  # frames that are silent in the clean clip count for nothing, in the other they do
    changed = noisy(clean, 8)
    for extended in (False, True):
        found = stoi(changed[None], clean[None], RATE, extended=extended).values[0]
        assert found == pytest.approx(pystoi.stoi(clean, changed, RATE, extended), abs=1e-4)
        assert abs(found - pystoi.stoi(changed, clean, RATE, extended)) > 1e-3


@pytest.mark.parametrize("measure", MEASURES)
def test_silent_clips_have_a_reason_and_spoil_no_other(measure):
    clean = syllables()
    nothing = np.zeros_like(clean)
    found = measure(np.stack([clean, nothing, clean]), np.stack([clean, clean, nothing]), RATE)
    assert np.isfinite(found.values).tolist() == [True, False, False]
    assert found.reasons == ("", "the changed clip is silent", "the clean clip is silent")


def test_clips_of_the_wrong_length_have_a_reason():
    for measure, samples, words in (
        (pesq, 1600, "1/4 of a second"),
        (stoi, 100, "shorter than 0.4 s"),
        (pesq, 21 * RATE, "longer than 20 s"),  # a minute of short utterances ends the process in the library
    ):
        x = np.resize(syllables(), (1, samples))
        found = measure(x, x, RATE)
        assert np.isnan(found.values[0])
        assert words in found.reasons[0]
    assert np.isfinite(si_sdr(syllables()[None, :3], syllables()[None, :3], RATE).values).all()


def test_a_clip_that_is_mostly_silent_has_no_intelligibility():
    x = np.zeros((1, RATE), np.float32)
    x[0, 4000:7000] = syllables()[:3000]
    found = stoi(x, x, RATE)
    assert np.isnan(found.values[0])  # the library says .00001
    assert "0.4 s of it" in found.reasons[0]


def test_sound_without_an_utterance_has_no_pesq():
    x = np.zeros((1, RATE), np.float32)
    x[0, 8000:8320] = noisy(syllables(), 0)[:320]  # 20 ms
    found = pesq(x, x, RATE)
    assert np.isnan(found.values[0])
    assert found.reasons[0] == "No utterances detected"


@pytest.mark.parametrize("measure", MEASURES)
def test_what_is_no_sound_is_refused(measure):
    x = syllables()[None]
    broken = x.copy()
    broken[0, 5] = np.nan
    for changed, clean, words in (
        (broken, x, "changed row 0 is nan"),
        (x, broken, "clean row 0 is nan"),
        ((x * 32767).astype(np.int16), x, "int16"),
        (x, x[:, :-1], "one shape"),
        (np.concatenate([x, x]), x, "one shape"),
        (x[0], x[0], "shape"),
        (3 * x, x, r"outside \[-1, 1\]"),
    ):
        with pytest.raises(ValueError, match=words):
            measure(changed, clean, RATE)
    with pytest.raises(ValueError, match="sample_rate"):
        measure(x, x, 0)


def test_pesq_knows_two_rates():
    with pytest.raises(ValueError, match="16000 and 8000 Hz, not 44100"):
        pesq(syllables()[None], syllables()[None], 44100)


@pytest.mark.parametrize(("measure", "package"), [(pesq, "pesq"), (stoi, "pystoi"), (si_sdr, "torchmetrics")])
def test_without_the_extra_the_error_says_what_to_install(measure, package, monkeypatch):
    real = importlib.import_module

    def absent(name, *rest):
        if name.split(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(speech_quality.importlib, "import_module", absent)
    with pytest.raises(ImportError, match=r'pip install "art-audio-ext\[quality\]"'):
        measure(syllables()[None], syllables()[None], RATE)
    assert "torchmetrics" in sys.modules  # and nothing was unloaded
