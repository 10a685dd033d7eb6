"""Effects on built-in speech, each against what it promises in numbers."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.datasets.speech_effects import NOISES, microphone, noise, place, rms, room, to_level, to_recording

RATE = 16000


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("rate", [8000, 16000])
def test_noise_has_unit_level(kind, rate, rng):
    words = [rng.standard_normal(4000), rng.standard_normal(30000)]
    made = noise(kind, rate, rate, rng, words)
    assert made.shape == (rate,)
    assert rms(made) == pytest.approx(1)


def test_unknown_noise(rng):
    with pytest.raises(ValueError, match="there is no noise 'green': choose from white, pink"):
        noise("green", 10, RATE, rng, [])


@pytest.mark.parametrize(("kind", "slope"), [("white", 0), ("pink", -10), ("brown", -20)])
def test_noise_colour(kind, slope, rng):
    """Power falls by so many dB a decade."""
    spectrum = np.abs(np.fft.rfft(noise(kind, 8 * RATE, RATE, rng, []))) ** 2
    low, high = (10 * np.log10(spectrum[8 * f : 8 * f + 800].mean()) for f in (200, 2000))
    centre = np.log10((2000 + 50) / (200 + 50))
    assert (high - low) / centre == pytest.approx(slope, abs=1.5)


def test_hum_is_mains(rng):
    spectrum = np.abs(np.fft.rfft(noise("hum", RATE, RATE, rng, [])))
    assert {int(spectrum.argmax()) % 50, int(spectrum.argmax()) % 60} & {0}


def test_recording_has_the_asked_level_and_ratio(rng):
    word = np.zeros(RATE)
    word[4000:8000] = np.sign(rng.standard_normal(4000)) * 0.3
    background = noise("white", RATE, RATE, rng, [])
    made = to_recording(word, background, snr_db=20, level_db=-20)
    assert made.dtype == np.float32
    assert 20 * np.log10(rms(made[:4000])) == pytest.approx(-40, abs=0.5)
    assert 20 * np.log10(rms(made[4000:8000])) == pytest.approx(-20, abs=0.5)


def test_peaks_stay_below_full_scale(rng):
    assert np.abs(to_level(rng.standard_normal(1000), 10.0)).max() == pytest.approx(0.99)
    assert np.abs(to_recording(np.zeros(100), np.zeros(100), 10, 0)).max() == 0  # silence stays silence


def test_place_keeps_the_word_and_moves_it(rng):
    starts = set()
    for _ in range(20):
        clip = place(np.ones(100), 1000, rng)
        assert clip.sum() == 100
        starts.add(int(clip.argmax()))
    assert len(starts) > 10
    assert place(np.ones(100), 30, rng).sum() == 30


def test_room_adds_a_decaying_tail(rng):
    click = np.zeros(100)
    click[0] = 1
    heard = room(click, RATE, rng)
    assert heard[0] == pytest.approx(1)
    tail = heard[round(0.04 * RATE) :]
    half = len(tail) // 2
    assert 0 < rms(tail[half:]) < 0.7 * rms(tail[:half])


def test_microphone_is_a_stable_band(rng):
    click = np.zeros(RATE)
    click[0] = 1
    response = np.abs(np.fft.rfft(microphone(click, RATE, rng)))
    assert response[0] < 1e-6
    assert response.max() <= 1 + 1e-9
    assert response[1000] > 0.7
