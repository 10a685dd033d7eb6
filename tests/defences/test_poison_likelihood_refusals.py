"""What the filter refuses, before any work and with nothing changed."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.defences.detector.poison import PoisonLikelihoodDefence

CLASSES, CLIPS, TARGET = 4, 90, 1


class Unasked:
    """An encoder that is not to be used."""

    def __init__(self, sample_rate=16000):
        self.sample_rate = sample_rate

    def encode(self, waveforms):
        raise AssertionError("what is refused is not encoded")


@pytest.fixture(scope="module")
def data():
    """Noise of four classes, and that all of it is clean."""
    x = np.random.default_rng(0).uniform(-0.1, 0.1, (CLASSES * CLIPS, 320)).astype(np.float32)
    return x, np.repeat(np.arange(CLASSES), CLIPS), np.ones(len(x), int)


def defence(data, **options):
    options = {"classifier": None, "score": "pls", "vae": Unasked(), "verbose": False} | options
    return PoisonLikelihoodDefence(x_train=data[0], y_train=data[1], **options)


def test_unknown_option_is_refused_and_changes_nothing(data):
    filter_ = defence(data)
    for call in (filter_.detect_poison, filter_.set_params, lambda **k: filter_.evaluate_defence(data[2], **k)):
        with pytest.raises(ValueError, match=r"no option trails: it knows .*trials"):
            call(trails=3, dims=2)
    with pytest.raises(ValueError, match="dims"):
        filter_.set_params(trials=3, dims=0)
    assert (filter_.trials, filter_.dims) == (10, 24)


BAD = [
    ({"sample_rate": 0}, "sample_rate"),
    ({"vae": 3}, "vae must be"),
    ({"vae": Unasked(8000)}, "8000 Hz but the clips are at 16000 Hz"),
    ({"batch_size": 0}, "batch_size"),
    ({"epochs": 0}, "epochs"),
    ({"seed": -1}, "seed"),
    ({"score": "best"}, "unknown score"),
    ({"score_options": {"k": 3}}, "no option k"),
    ({"score_options": {"seed": 2}}, "must not hold the seed"),
    ({"score_options": [1]}, "must be a dictionary"),
    ({"order": "pca"}, "unknown order"),
    ({"ignore_classes": [0, 1]}, "2 classes can be scored"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_are_refused_before_any_work(data, options, message):
    with pytest.raises(ValueError, match=message):
        defence(data, **options)


def test_bad_data_is_refused(data):
    x, y, _ = data
    with pytest.raises(ValueError, match="int16"):
        defence(((x * 32767).astype(np.int16), y))
    with pytest.raises(ValueError, match="row 2 is nan"):
        defence((np.where(np.arange(len(x))[:, None] == 2, np.nan, x), y))
    with pytest.raises(ValueError, match="359 labels for 360 clips"):
        defence((x, y[:-1]))


def test_one_class_has_nothing_to_stand_out_from(data):
    one = data[1] == TARGET
    with pytest.raises(ValueError, match=r"^1 class can be scored \(of 1: 0 left out, 0 with under 72 clips\)"):
        defence((data[0][one], data[1][one] * 0))
    filter_ = defence(data)
    with pytest.raises(ValueError, match=r"^1 class can be scored"):
        filter_.detect_poison(y_train=np.zeros_like(data[1]))
    assert filter_.y_train is data[1]
