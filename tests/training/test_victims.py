"""Victims learn, are the same for the same seed, survive pickling, and let ART's filters read features."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from art_audio_ext.training.victims import make_victim


def fitted(dataset, epochs: int = 6):
    victim = make_victim(4, width=4, seed=3, device="cpu")
    victim.fit(dataset.waveforms, dataset.labels, batch_size=16, nb_epochs=epochs)
    return victim


def test_learns_and_repeats(tiny_dataset):
    victim, again = fitted(tiny_dataset), fitted(tiny_dataset)
    logits = victim.predict(tiny_dataset.waveforms)
    assert np.mean(logits.argmax(1) == tiny_dataset.labels) > 0.8
    assert np.array_equal(logits, again.predict(tiny_dataset.waveforms))


def test_the_rate_falls_and_starts_anew(tiny_dataset):
    victim = fitted(tiny_dataset, epochs=4)
    group = victim.optimizer.param_groups[0]
    assert group["lr"] < 1e-8
    before = [parameter.detach().clone() for parameter in victim.model.parameters()]
    victim.fit(tiny_dataset.waveforms, tiny_dataset.labels, batch_size=60, nb_epochs=1)
    moved = [(old - new).abs().max() for old, new in zip(before, victim.model.parameters(), strict=True)]
    assert max(moved) > 1e-3, "a second fit, even of one epoch, learns at the peak rate"
    assert group["peak_lr"] == pytest.approx(3e-3)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda x: np.where(np.arange(x.shape[1]) == 5, np.nan, x), "row 0 is nan"),
        (lambda x: (x * 32767).astype(np.int16), "int16"),
        (lambda x: x[:0], "empty"),
        (lambda x: x * 100, "outside"),
    ],
)
def test_bad_sound_is_refused(tiny_dataset, spoil, says):
    x = spoil(tiny_dataset.waveforms)
    with pytest.raises(ValueError, match=says):
        make_victim(4, width=4, device="cpu").fit(x, tiny_dataset.labels[: len(x)], nb_epochs=1)


def test_art_reads_features_not_logits(tiny_dataset):
    victim = make_victim(4, width=4, device="cpu")
    activations = victim.get_activations(tiny_dataset.waveforms[:5], victim.layer_names[-1], batch_size=5)
    assert activations.shape == (5, 4 * 8)


def test_pickles(tiny_dataset):
    victim = make_victim(4, width=4, device="cpu")
    copy = pickle.loads(pickle.dumps(victim))
    assert np.array_equal(copy.predict(tiny_dataset.waveforms[:4]), victim.predict(tiny_dataset.waveforms[:4]))


def test_unknown_device_is_refused():
    with pytest.raises(ValueError, match="device must be"):
        make_victim(2, device="tpu")
