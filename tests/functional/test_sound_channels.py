"""Channels: levels of integers, bands that are lost, a room that keeps loudness and place."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.sound_channels import (
    fitted,
    in_room,
    quantised,
    room_response,
    there_and_back,
    without_gain,
)

RATE = 8000
SOUND = 0.3 * np.random.default_rng(0).standard_normal((2, 4000)).clip(-3, 3).astype(np.float32)


def test_bits_are_levels():
    found = quantised(SOUND, 4)
    assert set((found * 8).ravel().tolist()) <= set(range(-8, 8))
    assert np.abs(quantised(SOUND, 16) - SOUND).max() <= 2.0**-16
    assert quantised(np.array([[1.0, -1.0]]), 16).tolist() == [[1 - 2.0**-15, -1.0]]
    for bits in (1, 33, True, 8.0):
        with pytest.raises(ValueError, match="from 2 to 32"):
            quantised(SOUND, bits)


def test_a_lower_rate_loses_the_upper_band_alone():
    time = np.arange(4000) / RATE
    tones = 0.2 * np.sin(2 * np.pi * np.array([[500.0], [3000.0]]) * time)
    low, high = np.std(there_and_back(tones, RATE, RATE // 2)[:, 500:-500], axis=1)
    assert low == pytest.approx(0.2 / np.sqrt(2), rel=0.02)
    assert high < 0.01


@pytest.mark.parametrize("other", [48000, 44100, 6000])
def test_what_a_rate_can_hold_comes_back_90_db_above_its_error(other):
    spectrum = np.fft.rfft(SOUND[0].astype(np.float64))
    spectrum[np.fft.rfftfreq(4000, 1 / RATE) > 0.85 * min(RATE, other) / 2] = 0
    clip = np.fft.irfft(spectrum)[None]
    error = (there_and_back(clip, RATE, other) - clip)[0, 500:-500]
    assert 10 * np.log10(np.square(clip[0, 500:-500]).sum() / np.square(error).sum()) > 90
    assert there_and_back(clip, RATE, RATE) == pytest.approx(clip, abs=1e-6)


def test_a_gain_is_undone_and_nothing_else():
    clip = SOUND[0].astype(np.float64)
    np.testing.assert_allclose(without_gain(0.95 * clip, clip), clip)
    other = np.roll(clip[::-1], 7)
    assert np.square(without_gain(0.9 * clip + 0.1 * other, clip) - clip).sum() < np.square(0.2 * other).sum()
    for nothing in (np.zeros(4000), -clip):
        assert without_gain(nothing, clip) is nothing


def test_a_room_keeps_loudness_and_place():
    response = room_response(RATE, seconds=0.2, direct_db=6)
    assert response[0] == 1.0
    assert np.square(response[1:]).sum() == pytest.approx(10**-0.6)
    early, late = np.square(response[1:201]).sum(), np.square(response[801:1001]).sum()
    assert 10 * np.log10(early / late) == pytest.approx(30, abs=3)  # 60 dB in .2 s
    quiet = 0.3 * SOUND  # a louder one would leave the range and is turned down
    heard = in_room(quiet, response)
    np.testing.assert_allclose(np.square(heard).sum(1), np.square(quiet).sum(1), rtol=1e-4)
    assert np.correlate(heard[0], SOUND[0], "same").argmax() == 2000
    assert not in_room(np.zeros((1, 50), np.float32), response).any()
    assert np.abs(in_room(np.sign(SOUND), response)).max() <= 1


def test_fitted():
    assert fitted(np.array([0.5, 2.0]), 3).tolist() == [0.5, 1.0, 0.0]
    assert fitted(np.array([0.5, 2.0]), 1).tolist() == [0.5]
