"""WORLD: what it makes of speech, of silence and noise, of short clips and other rates, and what it refuses."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from art_audio_ext.functional.speaker_windows import counted_windows
from art_audio_ext.voices import TargetVoice, WorldVoice, open_voice
from art_audio_ext.voices.clip_store import ClipStore

world = pytest.importorskip("pyworld", reason="needs the extra [voice]")
RATE = 16000


def vowel(hertz: float, seconds: float = 1.0, formants=(700, 1200, 2600), rate: int = RATE) -> np.ndarray:
    """Harmonics of a pitch that wavers, under three resonances."""
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(hertz * (1 + 0.05 * np.sin(2 * np.pi * 3 * time))) / rate
    sound = np.zeros(len(time))
    for k in range(1, int(0.45 * rate / hertz)):
        gain = sum(1 / (1 + ((k * hertz - f) / 120) ** 2) for f in formants)
        sound += (gain + 0.01) * np.sin(k * phase + k)
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


def pitch(sound: np.ndarray, rate: int = RATE) -> float:
    rough, times = world.dio(sound.astype(float), rate)
    found = world.stonemask(sound.astype(float), rough, times, rate)
    return float(np.exp(np.log(found[found > 0]).mean()))


@pytest.fixture(scope="module")
def target() -> TargetVoice:
    return TargetVoice(vowel(200, 3.0, (850, 1500, 3000)), RATE, "anna")


def test_speech_gets_the_targets_pitch_and_keeps_length_and_level(target):
    x = np.stack([vowel(110), vowel(140), vowel(260)])
    y = WorldVoice().convert(x, RATE, target)
    assert (y.shape, y.dtype) == (x.shape, np.float32)
    for before, after in zip(x, y, strict=True):
        assert pitch(after) == pytest.approx(200, rel=0.03)
        assert np.sqrt(np.mean(after**2)) == pytest.approx(np.sqrt(np.mean(before**2)), rel=1e-4)


@pytest.mark.parametrize("noise", ["fresh", "world"])
def test_padding_stays_padding(target, noise):
    """Else a network of speakers hears windows of a converted clip that a clean one does not have."""
    x = np.zeros((2, 2 * RATE), np.float32)
    x[0, : RATE // 2], x[1, 4000:-6000] = vowel(110, 0.5), vowel(140, 2.0)[10000:]
    y = WorldVoice(noise=noise).convert(x, RATE, target)
    assert not y[0, RATE // 2 :].any()
    assert not y[1, :4000].any()
    assert not y[1, -6000:].any()
    clean, converted = (counted_windows(torch.from_numpy(sound), RATE // 5, RATE // 20) for sound in (x, y))
    assert torch.equal(clean, converted)
    np.testing.assert_allclose(np.square(y).mean(1), np.square(x).mean(1), rtol=1e-4)


def test_a_clip_is_the_same_alone_and_in_a_batch_and_every_time(target):
    x = np.stack([vowel(110), vowel(140)])
    whole = WorldVoice().convert(x, RATE, target)
    np.testing.assert_array_equal(WorldVoice().convert(x[1:], RATE, target)[0], whole[1])


def test_silence_noise_and_short_clips_come_through(target):
    rng = np.random.default_rng(0)
    noise = (0.05 * rng.standard_normal((1, RATE))).astype(np.float32)
    assert not WorldVoice().convert(np.zeros((1, RATE), np.float32), RATE, target).any()
    hiss = WorldVoice().convert(noise, RATE, target)
    assert np.isfinite(hiss).all()
    assert np.std(hiss) == pytest.approx(np.std(noise), rel=1e-3)
    for samples in (1, 799, 800, 1600):
        short = vowel(150)[None, :samples]
        made = WorldVoice().convert(short, RATE, target)
        assert made.shape == short.shape
        assert np.array_equal(made, short) == (samples < 800)


def test_other_rates_of_clips_and_targets(target):
    made = WorldVoice().convert(vowel(120, rate=8000)[None], 8000, target)
    assert pitch(made[0], 8000) == pytest.approx(200, rel=0.03)
    high = TargetVoice(vowel(200, 2.0, rate=22050), 22050, "at another rate")
    assert pitch(WorldVoice().convert(vowel(120)[None], RATE, high)[0]) == pytest.approx(200, rel=0.03)


def test_several_utterances_are_one_voice():
    both = np.stack([vowel(180, 2.0), vowel(220, 2.0)])
    made = WorldVoice().convert(vowel(120)[None], RATE, TargetVoice(both, RATE))
    assert pitch(made[0]) == pytest.approx(199, rel=0.03)


def test_strength_is_of_the_envelope(target):
    x = vowel(200)[None]
    none, full = (WorldVoice(strength).convert(x, RATE, target)[0] for strength in (0, 1))
    before, after = (np.abs(np.fft.rfft(sound * np.hanning(RATE))) for sound in (none, full))
    assert after[1400:1600].sum() / after[1100:1300].sum() > 1.5 * before[1400:1600].sum() / before[1100:1300].sum()


def test_a_target_is_prepared_once_and_not_pickled(target, monkeypatch):
    voice, calls, prepare = WorldVoice(), [], WorldVoice._prepare
    monkeypatch.setattr(WorldVoice, "_prepare", lambda self, *some: calls.append(1) or prepare(self, *some))
    first = [voice.convert(vowel(hertz)[None], RATE, target) for hertz in (110, 140)]  # as Armory does, one by one
    assert len(calls) == 1
    copy = pickle.loads(pickle.dumps(voice))
    np.testing.assert_array_equal(copy.convert(vowel(140)[None], RATE, target), first[1])
    assert len(calls) == 2
    voice.convert(vowel(110)[None], RATE, TargetVoice(vowel(150, 2.0), RATE))
    assert len(calls) == 3


def test_breath_is_of_each_clip_its_own_unless_worlds_is_asked_for(target):
    """WORLD's noise is one sequence in all clips that it makes, which is a fingerprint."""
    rng = np.random.default_rng(0)
    x = (0.05 * rng.standard_normal((2, RATE))).astype(np.float32)
    likeness = {}
    for noise in ("fresh", "world"):
        one, other = WorldVoice(noise=noise).convert(x, RATE, target)
        likeness[noise] = abs(np.corrcoef(one, other)[0, 1])
        assert np.sqrt(np.mean(one**2)) == pytest.approx(np.sqrt(np.mean(x[0] ** 2)), rel=1e-3)
    assert open_voice("world-shared-noise").identity == WorldVoice(noise="world").identity
    assert likeness["fresh"] < 0.1 < 0.5 < likeness["world"]


def test_fresh_noise_is_as_loud_and_as_coloured_as_worlds(target):
    breathy = vowel(150) + 0.02 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    power = []
    for noise in ("fresh", "world"):
        (made,) = WorldVoice(noise=noise).convert(breathy[None], RATE, target)
        frames = made[:15872].reshape(-1, 256) * np.hanning(256)
        power.append(np.square(np.abs(np.fft.rfft(frames))).mean(0)[2:].reshape(-1, 1)[:126].reshape(18, 7).mean(1))
    assert np.abs(10 * np.log10(power[0] / power[1])).max() < 4


def test_kept_clips_are_not_made_again(target, tmp_path, monkeypatch):
    voice = WorldVoice(store=ClipStore(tmp_path))
    x = np.stack([vowel(110), vowel(140)])
    first = voice.convert(x, RATE, target)
    monkeypatch.setattr(WorldVoice, "_convert", lambda *_: pytest.fail("made again"))
    np.testing.assert_array_equal(voice.convert(x[::-1], RATE, target), first[::-1])
    with pytest.raises(pytest.fail.Exception, match="made again"):
        WorldVoice(0.5, store=ClipStore(tmp_path)).convert(x, RATE, target)


def test_what_is_no_voice_is_refused():
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 32000).astype(np.float32)
    with pytest.raises(ValueError, match="no voiced frame"):
        WorldVoice().convert(vowel(100)[None], RATE, TargetVoice(noise, RATE, "hiss"))
    for sound, words in (
        (np.zeros(16000, np.float32), "silent"),
        (np.full(300, 0.1, np.float32), "shorter"),
        (np.array([np.nan] * 16000, np.float32), "nan"),
        (np.ones(16000, np.int16), "int16"),
    ):
        with pytest.raises(ValueError, match=words):
            TargetVoice(sound, RATE)
    for strength in (-1, 3, "1", True):
        with pytest.raises(ValueError, match="strength"):
            WorldVoice(strength)
    with pytest.raises(ValueError, match="noise must be one of fresh, world"):
        WorldVoice(noise="pink")
    with pytest.raises(ValueError, match=r"no voice conversion 'prayer'.*world"):
        open_voice("prayer")
