"""Noise in the colours of spectra: its power, where it is, and that it has no seams."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.shaped_noise import shaped_noise


def test_flat_spectra_of_power_one_give_white_noise_of_variance_one():
    sound = shaped_noise(np.ones((400, 513)), 80, 31000, np.random.default_rng(0))
    assert sound.shape == (31000,)
    assert np.var(sound[500:-500]) == pytest.approx(1, rel=0.05)
    blocks = np.square(np.abs(np.fft.rfft(sound[:30720].reshape(-1, 512) * np.hanning(512)))).mean(0)
    assert blocks[5:250].std() / blocks[5:250].mean() < 0.25
    places = np.var(sound[800:28800].reshape(-1, 80), axis=0)  # where frames meet and between them
    assert places.max() / places.min() < 1.5


@pytest.mark.parametrize("hop", [80, 110.25])
def test_power_follows_the_frames_and_the_bins(hop):
    power = np.zeros((200, 513))
    power[100:, 128:256] = 4.0  # the second quarter of the band, from the middle on
    sound = shaped_noise(power, hop, round(200 * hop), np.random.default_rng(1))
    middle = round(100 * hop)
    assert np.var(sound[: middle - 1000]) < 1e-6
    late = sound[middle + 500 : -1000]
    assert np.var(late) == pytest.approx(1, rel=0.1)  # a quarter of the band, 4 times the power
    spectrum = np.square(np.abs(np.fft.rfft(late * np.hanning(len(late)))))
    share = np.linspace(0, 1, len(spectrum))
    assert spectrum[(share > 0.23) & (share < 0.52)].sum() / spectrum.sum() > 0.97


def test_the_same_generator_the_same_noise():
    first, same, other = (shaped_noise(np.ones((9, 65)), 10, 90, np.random.default_rng(k)) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_spectra_too_coarse_for_the_frames_are_refused():
    for hop in (80, 0.2):
        with pytest.raises(ValueError, match="too short"):
            shaped_noise(np.ones((4, 129)), hop, 100, np.random.default_rng(0))
