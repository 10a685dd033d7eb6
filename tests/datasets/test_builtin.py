"""Built-in speech: equal classes, many speakers, real variety, and the same bytes for the same seed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from art_audio_ext.datasets import load_dataset, split_dataset
from art_audio_ext.datasets.builtin import OTHER_WORDS, VOICES, make_builtin
from art_audio_ext.datasets.espeak import Utterance, speak

pytest.importorskip("espeakng_loader", reason="needs the extra [demo]")


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return make_builtin(clips=72, cache_dir=tmp_path_factory.mktemp("builtin"), progress=False)


def test_shape_of_the_dataset(speech):
    assert speech.waveforms.shape == (72, 16000)
    assert np.bincount(speech.labels).tolist() == [6] * 12
    assert speech.label_names[:2] == ("yes", "no")
    assert speech.label_names[10:] == ("_silence_", "_unknown_")
    assert speech.sample_rate == 16000
    assert len(set(speech.paths)) == 72
    for path, label, speaker in zip(speech.paths, speech.labels, speech.speakers, strict=True):
        assert path.startswith(f"{speech.label_names[label]}/{speaker or 'noise'}_")


def test_enough_voices_and_words():
    assert len(set(VOICES)) == len(VOICES) >= 20
    assert len({voice.partition("+")[2] for voice in VOICES}) == len(VOICES)  # no timbre twice
    assert len(set(OTHER_WORDS)) >= 25


def test_speakers_are_apart(speech):
    voiced = speech.speakers != ""
    assert (voiced == (speech.labels != 10)).all()
    parts = [set(speech.speakers[voiced & (speech.partition == part)]) for part in ("train", "test")]
    assert all(parts)
    assert not parts[0] & parts[1]
    train, test = split_dataset(speech)
    assert len(train) + len(test) == 72
    assert set(train.labels) == set(test.labels) == set(range(12))


def test_sound_is_sound(speech):
    sound = np.asarray(speech.waveforms)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= 1
    level = 10 * np.log10(np.mean(sound.astype(float) ** 2, axis=1))
    assert level.min() > -70
    assert np.ptp(level[speech.labels != 10]) > 10
    assert len({row.tobytes() for row in sound}) == 72
    # The word sits somewhere else each time.
    energy = (sound[speech.labels != 10].reshape(-1, 20, 800) ** 2).sum(2)
    assert len(set(energy.argmax(1))) > 6


def test_the_seed_decides_everything(speech, tmp_path):
    again = make_builtin(clips=72, cache_dir=tmp_path, progress=False)
    np.testing.assert_array_equal(again.waveforms, speech.waveforms)
    np.testing.assert_array_equal(again.paths, speech.paths)
    np.testing.assert_array_equal(again.partition, speech.partition)
    other = make_builtin(clips=72, seed=1, cache_dir=tmp_path, progress=False)
    assert (other.waveforms != speech.waveforms).any(1).all()


def test_another_process_makes_the_same(speech, tmp_path):
    code = (
        "import sys, pathlib, zlib, numpy; from art_audio_ext.datasets.builtin import make_builtin\n"
        "d = make_builtin(clips=72, cache_dir=pathlib.Path(sys.argv[1]), progress=False)\n"
        "print(zlib.crc32(numpy.ascontiguousarray(d.waveforms)))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    import zlib

    assert int(made) == zlib.crc32(np.ascontiguousarray(speech.waveforms))


def test_other_lengths_rates_and_counts(tmp_path):
    small = make_builtin(clips=25, seconds=0.5, sample_rate=8000, cache_dir=tmp_path, progress=False)
    assert small.waveforms.shape == (25, 4000)
    assert np.bincount(small.labels).tolist() == [3] + [2] * 11
    assert set(small.partition) == {"train", "test"}


@pytest.mark.parametrize("clips", [1, 23])
def test_too_few_clips(clips):
    with pytest.raises(ValueError, match="at least 24 clips"):
        load_dataset("builtin", clips=clips, progress=False)


@pytest.mark.parametrize("seed", [-1, 1.5, True])
def test_bad_seed(seed):
    with pytest.raises(ValueError, match="seed must be"):
        make_builtin(clips=24, seed=seed, progress=False)


def test_without_espeak_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ValueError, match=r'pip install "art-audio-ext\[demo\]"'):
        make_builtin(clips=24, cache_dir=tmp_path, progress=False)


def test_every_voice_speaks_and_they_differ():
    sounds = [sound for sound, _ in speak([Utterance(voice, "right") for voice in VOICES])]
    assert all(0.2 * 22050 < len(sound) < 1.2 * 22050 for sound in sounds)
    assert all(np.abs(sound).max() > 0.05 for sound in sounds)
    assert len({sound.tobytes() for sound in sounds}) == len(VOICES)


def fundamental(sound: np.ndarray, rate: int) -> float:
    """Median pitch in Hz over the voiced frames of 50 ms, by autocorrelation between 50 and 400 Hz."""
    found = []
    for frame in np.lib.stride_tricks.sliding_window_view(sound, rate // 20)[:: rate // 100]:
        spectrum = np.abs(np.fft.rfft(frame - frame.mean(), 2 * len(frame))) ** 2
        correlation = np.fft.irfft(spectrum)[: len(frame)]
        lag = rate // 400 + int(np.argmax(correlation[rate // 400 : rate // 50]))
        if correlation[lag] > 0.5 * correlation[0] > 0.5 * 1e-3 * len(frame):
            found.append(rate / lag)
    return float(np.median(found))


def test_speed_and_pitch_are_heard():
    voice = VOICES[0]
    plain = Utterance(voice, "stop")
    requests = [replace(plain, words_per_minute=110), replace(plain, words_per_minute=250)]
    requests += [replace(plain, pitch=pitch) for pitch in (10, 50, 90)]
    (slow, rate), (fast, _), *pitched = speak(requests)
    assert len(slow) > 1.4 * len(fast)
    low, middle, high = (fundamental(sound, rate) for sound, _ in pitched)
    assert 1.15 * low < middle < high / 1.15


def test_words_do_not_depend_on_what_was_said_before():
    requests = [Utterance("en-us+f2", "yes"), Utterance("en-gb-x-rp+m3", "no")]
    first = [sound for sound, _ in speak(requests, seed=5)]
    list(speak([Utterance("en-us+Alicia", "zero")], seed=9))
    again = [sound for sound, _ in speak(requests, seed=5)]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_seed_reaches_the_noise_of_espeak():
    breathy = [Utterance("en-us+Alicia", "yes")]
    (one, _), (same, _), (other, _) = (next(speak(breathy, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_an_unknown_voice_is_named():
    with pytest.raises(ValueError, match="no voice 'xx-none'"):
        list(speak([Utterance("xx-none", "yes")]))


@pytest.mark.parametrize("voice", ["en-us+none", "en-us+", "en-us+F1", "en-us+../../lang/gmw/en"])
def test_an_unknown_variant_is_not_spoken_by_another_voice(voice):
    with pytest.raises(ValueError, match="there is no variant"):
        list(speak([Utterance("en-us+f1", "yes"), Utterance(voice, "yes")]))
