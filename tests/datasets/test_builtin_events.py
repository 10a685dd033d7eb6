"""Built-in sound events: equal classes, players apart, real variety, and the same bytes for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.datasets import load_dataset, split_dataset
from art_audio_ext.datasets.builtin_events import LABELS, make_builtin_events
from art_audio_ext.datasets.event_sounds import EVENTS
from art_audio_ext.training.sound_event import train_sound_event_classifier
from art_audio_ext.training.sound_event_settings import SoundEventSettings


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    return make_builtin_events(clips=200, seconds=1.5, cache_dir=tmp_path_factory.mktemp("events"), progress=False)


def test_shape_of_the_dataset(events):
    assert events.waveforms.shape == (200, 24000)
    assert np.bincount(events.labels).tolist() == [20] * 10
    assert len(LABELS) >= 8
    assert (events.name, events.label_names, events.sample_rate) == ("builtin-events", LABELS, 16000)
    assert len(set(events.paths)) == 200
    assert all(path.startswith(f"{LABELS[k]}/") for path, k in zip(events.paths, events.labels, strict=True))


def test_players_are_apart(events):
    train, test = split_dataset(events)
    assert len(train) + len(test) == 200
    assert np.bincount(test.labels).tolist() == [5] * 10
    assert not set(train.speakers) & set(test.speakers)


def test_sound_is_sound_and_no_two_clips_are_alike(events):
    sound = np.asarray(events.waveforms, dtype=np.float64)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= 1
    level = 10 * np.log10(np.mean(sound**2, axis=1))
    assert level.min() > -60
    assert np.ptp(level) > 10
    unit = sound / np.linalg.norm(sound, axis=1, keepdims=True)
    alike = np.abs(unit @ unit.T)[~np.eye(200, dtype=bool)]
    assert alike.max() < 0.95


def test_the_seed_decides_everything(events, tmp_path):
    options = {"clips": 200, "seconds": 1.5, "cache_dir": tmp_path, "progress": False}
    again = load_dataset("builtin-events", **options)
    np.testing.assert_array_equal(again.waveforms, events.waveforms)
    other = load_dataset("builtin-events", seed=1, **options)
    assert (other.waveforms != events.waveforms).any(1).all()


def test_pitch_and_players_are_heard():
    time = np.arange(8000) / 16000
    for name, (make, *_) in EVENTS.items():
        traits, rng = np.full(4, 0.2), np.random.default_rng
        plain = make(time, traits, rng(0))
        assert plain.shape == (8000,)
        assert np.isfinite(plain).all()
        assert np.array_equal(plain, make(time, traits, rng(0))), name
        for other in (make(time, traits, rng(1)), make(time, np.full(4, 0.9), rng(0))):
            assert np.abs(plain - other).max() > 0.05 * np.abs(plain).max(), name


@pytest.mark.parametrize(("rate", "seconds"), [(4000, 0.1), (8000, 0.5), (44100, 3.0)])
def test_other_lengths_and_rates(tmp_path, rate, seconds):
    made = make_builtin_events(clips=41, seconds=seconds, sample_rate=rate, cache_dir=tmp_path, progress=False)
    assert made.waveforms.shape == (41, round(rate * seconds))
    assert np.square(made.waveforms).mean(1).min() > 0
    assert set(made.partition) == {"train", "test"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clips": 39}, "at least 40 clips"),
        ({"sample_rate": 3999}, "4000 Hz"),
        ({"seconds": 0.05}, "0.1 s"),
        ({"seed": -1}, "seed must be"),
        ({"seed": 1.5}, "seed must be"),
    ],
)
def test_what_cannot_be_made(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        make_builtin_events(cache_dir=tmp_path, progress=False, **options)


def test_a_small_model_tells_them_apart(events):
    train, test = split_dataset(events)
    settings = SoundEventSettings(width=8, epochs=10, mixup=0.0, learning_rate=5e-3)
    model = train_sound_event_classifier(
        train.waveforms, train.labels, train.label_names, 16000, settings, seed=0, progress=False
    )
    assert np.mean(model.predict(test.waveforms) == test.labels) > 0.75  # chance is a tenth
