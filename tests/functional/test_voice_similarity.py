"""Pitch and envelope tell voices apart: known pitches, one voice beside another, level, silence, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.voice_similarity import VoiceDistance, cosine_similarity, heard_voice, voice_distance

RATE = 16000


def vowel(hertz: float, formants=(700, 1200, 2600), seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    """Harmonics of a pitch that wavers, under three resonances."""
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(hertz * (1 + 0.03 * np.sin(2 * np.pi * 3 * time))) / rate
    sound = np.zeros(len(time))
    for k in range(1, int(0.45 * rate / hertz)):
        gain = sum(1 / (1 + ((k * hertz - f) / 120) ** 2) for f in formants)
        sound += (gain + 0.01) * np.sin(k * phase + k)
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("hertz", [85, 130, 220, 330])
def test_the_pitch_is_the_one_that_was_made(hertz, rate):
    voice = heard_voice(vowel(hertz, rate=rate), rate)
    assert np.exp(voice.log_pitch) == pytest.approx(hertz, rel=0.03)


def test_a_voice_is_like_itself_at_any_level_and_unlike_others():
    low = heard_voice(vowel(110), RATE)
    again = voice_distance(heard_voice(0.3 * vowel(115), RATE), low, RATE)
    higher = voice_distance(heard_voice(vowel(220), RATE), low, RATE)
    other = voice_distance(heard_voice(vowel(110, (350, 2300, 3400)), RATE), low, RATE)
    assert voice_distance(low, low, RATE).similarity == 1
    assert again.similarity > 0.9
    assert higher.pitch_semitones == pytest.approx(12, abs=0.5)
    assert max(higher.similarity, other.similarity) < 0.35
    assert other.envelope_db > 2 * again.envelope_db


def test_what_has_no_pitch_has_no_similarity():
    hiss = np.random.default_rng(0).uniform(-0.3, 0.3, RATE).astype(np.float32)
    voice = heard_voice(vowel(120), RATE)
    for sound in (hiss, np.zeros(RATE, np.float32), np.ones(RATE, np.float32), vowel(120)[:5], vowel(120)[:1]):
        assert np.isnan(voice_distance(heard_voice(sound, RATE), voice, RATE).similarity)
    assert np.isnan(VoiceDistance(float("nan"), 1.0).similarity)


def test_several_clips_are_one_voice_and_quiet_ones_count_little():
    clips = np.stack([vowel(120), vowel(120), np.zeros(RATE, np.float32)])
    assert voice_distance(heard_voice(clips, RATE), heard_voice(vowel(120), RATE), RATE).similarity > 0.98


def test_what_is_no_sound_is_refused():
    for wrong in (np.full(RATE, np.nan), np.zeros(RATE, np.int16), np.zeros((1, 2, 3)), np.zeros(0)):
        with pytest.raises(ValueError, match="clips"):
            heard_voice(wrong, RATE)


def test_cosines():
    one = np.array([[1.0, 0], [1, 1], [-2, 0], [0, 0]])
    found = cosine_similarity(one, np.array([3.0, 0]))
    np.testing.assert_allclose(found, [1, np.sqrt(0.5), -1, np.nan])


@pytest.mark.real_data
def test_clips_of_real_readers_are_most_like_their_own_speech(real_data):
    import soundfile

    known, asked = {}, {}
    for folder in sorted((real_data / "read_speech").iterdir()):
        files = sorted(folder.rglob("*.flac"))[:6]
        if files:
            sounds = [soundfile.read(file, dtype="float32")[0] for file in files]
            known[folder.name] = heard_voice(np.concatenate(sounds[:3]), RATE)
            asked[folder.name] = [heard_voice(sound[RATE : 3 * RATE], RATE) for sound in sounds[3:]]
    right = []
    for speaker, clips in asked.items():
        for clip in clips:
            alike = {name: voice_distance(clip, voice, RATE).similarity for name, voice in known.items()}
            right.append(max(alike, key=alike.__getitem__) == speaker)
    assert len(right) >= 10
    assert np.mean(right) > 0.6  # by chance one in six
