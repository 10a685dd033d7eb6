"""Numbers of a voice and their mapping: by hand on made-up frames."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.voice_mapping import (
    VoiceNumbers,
    at_level,
    mapped_envelope,
    mapped_pitch,
    smooth,
    tract_ratio,
    voice_numbers,
    warped,
)

RATE, BINS = 16000, 513


def frames(hertz: float, tilt: float, count: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Pitch that wavers by a tenth, and an envelope that falls by `tilt` from the first bin to the last."""
    pitch = hertz * np.exp(0.1 * np.where(np.arange(count) % 2, 1, -1))
    return pitch, np.tile(np.exp(-tilt * np.linspace(0, 1, BINS)), (count, 1))


def test_pitch_gets_the_mean_and_the_spread_of_the_target():
    pitch, envelope = frames(100, 1)
    pitch[:3] = 0
    source = voice_numbers(pitch, envelope, RATE)
    target = VoiceNumbers(np.log(220), 0.2, source.log_envelope)
    moved = mapped_pitch(pitch, source, target)
    assert (moved[:3] == 0).all()
    assert np.log(moved[3:]).mean() == pytest.approx(np.log(220))
    assert np.log(moved[3:]).std() == pytest.approx(0.2)


def test_a_voice_without_pitch_keeps_what_it_has():
    pitch, envelope = frames(100, 1)
    whisper = voice_numbers(np.zeros(20), envelope, RATE)
    assert not whisper.is_voiced
    voice = voice_numbers(pitch, envelope, RATE)
    np.testing.assert_array_equal(mapped_pitch(pitch, whisper, voice), pitch)
    assert tract_ratio(whisper, voice) == tract_ratio(voice, whisper) == 1.0
    assert np.isfinite(mapped_envelope(envelope, whisper, voice)).all()


def test_a_steady_pitch_is_not_blown_up():
    envelope = frames(100, 1)[1]
    flat = voice_numbers(np.full(20, 100.0), envelope, RATE)
    lively = VoiceNumbers(np.log(100), 0.5, flat.log_envelope)
    np.testing.assert_allclose(mapped_pitch(np.full(20, 100.0), flat, lively), 100.0)


def test_formants_move_up_with_the_cube_root_of_pitch_and_not_without_end():
    low, high = (VoiceNumbers(np.log(hertz), 0.1, np.zeros(BINS)) for hertz in (100, 172.8))
    assert tract_ratio(low, high) == pytest.approx(1.2)
    assert tract_ratio(high, low) == pytest.approx(1 / 1.2)
    assert tract_ratio(low, VoiceNumbers(np.log(2000), 0.1, np.zeros(BINS))) == 1.3
    bump = np.exp(-(((np.arange(BINS) - 100) / 5) ** 2))
    assert warped(bump, 1.2).argmax() == 120
    np.testing.assert_array_equal(warped(bump, 1.0), bump)


def test_the_mean_envelope_becomes_the_targets():
    source = voice_numbers(*frames(150, 3), RATE)
    target = voice_numbers(*frames(150, 5), RATE)
    moved = mapped_envelope(frames(150, 3)[1], source, target)
    found = voice_numbers(frames(150, 3)[0], moved, RATE).log_envelope
    difference = found - target.log_envelope
    assert np.ptp(difference) < 0.05  # but for the level, which is restored later
    half = voice_numbers(frames(150, 3)[0], mapped_envelope(frames(150, 3)[1], source, target, 0.5), RATE).log_envelope
    assert np.ptp(half - target.log_envelope) == pytest.approx(1.0, abs=0.1)


def test_level_is_restored_and_full_scale_not_passed():
    rng = np.random.default_rng(0)
    sound, like = rng.standard_normal(1000), 0.1 * rng.standard_normal(1000)
    found = at_level(sound, like)
    assert found.dtype == np.float32
    assert np.sqrt(np.mean(found**2)) == pytest.approx(np.sqrt(np.mean(like**2)), rel=1e-5)
    spike = np.zeros(1000)
    spike[3] = 1.0
    assert np.abs(at_level(spike, np.full(1000, 0.5))).max() == 1.0
    assert not at_level(np.zeros(5), np.ones(5)).any()
    assert not at_level(np.ones(5), np.zeros(5)).any()


def test_smoothing_keeps_what_is_level_and_averages_over_its_width():
    np.testing.assert_allclose(smooth(np.full(BINS, 2.0), 300, RATE), 2.0)
    spike = np.zeros(BINS)
    spike[256] = 1.0
    found = smooth(spike, 300, RATE)
    assert np.count_nonzero(found) == 2 * round(150 / (8000 / 512)) + 1
    assert found.sum() == pytest.approx(1.0)
