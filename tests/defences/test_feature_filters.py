"""The tuned baselines find what is plain to see, leave clean classes alone, and rank clips."""

from __future__ import annotations

import json
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from art_audio_ext.defences.detector.poison import TunedActivationClustering, TunedSpectralSignatures
from art_audio_ext.functional.metrics import confusion, roc_auc
from art_audio_ext.training.victims import make_victim

BOTH = pytest.mark.parametrize("kind", [TunedActivationClustering, TunedSpectralSignatures])


def classifier_of(shift: float = 0.0) -> SimpleNamespace:
    """Its features are the clips themselves; its logits are of no use."""
    answers = {"head": lambda x: np.zeros((len(x), 2)), "features": lambda x: x + shift}
    return SimpleNamespace(
        layer_names=list(answers), nb_classes=2, get_activations=lambda x, layer, batch_size: answers[layer](x)
    )


@pytest.fixture
def poisoned():
    """Two classes of 200 clips of 20 samples, 20 of class 1 far from the rest."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 20))
    y = rng.permutation(np.repeat([0, 1], 200))
    poison = np.zeros(400, dtype=bool)
    poison[np.flatnonzero(y == 1)[:20]] = True
    x[poison, 0] += 12
    return classifier_of(), (x / 20).astype(np.float32), y, poison


def test_clustering_flags_the_small_cluster_and_no_clean_class(poisoned):
    classifier, x, y, poison = poisoned
    defence = TunedActivationClustering(classifier, x, np.eye(2)[y], seed=3)
    report, is_clean = defence.detect_poison()
    assert np.array_equal(np.array(is_clean) == 0, poison)
    assert report["classes"] == [
        {"class": 0, "clips": 200, "suspects": 0},
        {"class": 1, "clips": 200, "suspects": 20},
    ]
    assert report["settings"] == {"nb_dims": 10, "n_init": 10, "size_threshold": 0.35, "seed": 3}
    assert roc_auc(poison[y == 1], defence.sample_scores[y == 1]) == 1
    assert sum(defence.detect_poison(size_threshold=0.05)[1]) == len(y)


def test_signatures_remove_the_stated_share_of_every_class(poisoned):
    classifier, x, y, poison = poisoned
    defence = TunedSpectralSignatures(classifier, x, y)
    _, is_clean = defence.detect_poison(expected_pp_poison=0.1, eps_multiplier=1.5)
    removed = np.array(is_clean) == 0
    assert removed[y == 0].sum() == removed[y == 1].sum() == 30
    assert confusion(poison, removed).true_positive_rate == 1
    assert roc_auc(poison[y == 1], defence.sample_scores[y == 1]) > 0.99


def test_signatures_do_not_depend_on_where_the_features_lie(poisoned):
    classifier, x, y, _ = poisoned
    here = TunedSpectralSignatures(classifier, x, y).detect_poison()[1]
    assert TunedSpectralSignatures(classifier_of(shift=100), x, y).detect_poison()[1] == here


@BOTH
def test_evaluation_has_arts_form(poisoned, kind):
    classifier, x, y, poison = poisoned
    found = json.loads(kind(classifier, x, y).evaluate_defence((~poison).astype(int)))
    assert found["class_1"]["TruePositive"] == {"rate": 100.0, "numerator": 20, "denominator": 20}


@BOTH
def test_tiny_classes_are_left_alone(poisoned, kind):
    classifier, x, y, _ = poisoned
    y = y.copy()
    y[:2] = 2
    assert kind(classifier, x, y).detect_poison()[1][:2] == [1, 1]


@pytest.mark.parametrize(
    ("kind", "option", "values"),
    [
        (TunedActivationClustering, "nb_dims", (0, 2.5, True, None)),
        (TunedActivationClustering, "n_init", (0, "auto")),
        (TunedActivationClustering, "size_threshold", (-0.1, 1.1, float("nan"), "small")),
        (TunedActivationClustering, "seed", (-1, None)),
        (TunedSpectralSignatures, "expected_pp_poison", (2, -0.1, None)),
        (TunedSpectralSignatures, "eps_multiplier", (-1, float("inf"))),
        (TunedSpectralSignatures, "classifier", (None,)),
    ],
)
def test_bad_options_are_refused_and_change_nothing(poisoned, kind, option, values):
    classifier, x, y, _ = poisoned
    defence = kind(classifier, x, y)
    before, is_clean = defence.get_params(), defence.detect_poison()[1]
    for value in values:
        with pytest.raises(ValueError, match=option):
            kind(**{"classifier": classifier, "x_train": x, "y_train": y, option: value})
        with pytest.raises(ValueError, match=option):
            defence.set_params(x_train=x[::-1], **{option: value})
        assert all(defence.get_params()[name] is before[name] for name in before)
    assert defence.is_clean_lst == is_clean
    with pytest.raises(ValueError, match="no option dims"):
        defence.detect_poison(dims=3)


@BOTH
def test_a_real_victim_is_read_at_its_features_and_left_as_it_was(tiny_dataset, kind, tmp_path, monkeypatch):
    monkeypatch.setattr("art.config.ART_DATA_PATH", str(tmp_path))  # where ART writes when it pickles a classifier
    victim = make_victim(4, width=2, device="cpu")
    asked = []
    inner = victim.get_activations
    victim.get_activations = lambda x, layer, batch_size: (asked.append(layer), inner(x, layer, batch_size))[1]
    first = kind(victim, tiny_dataset.waveforms, tiny_dataset.labels).detect_poison()
    del victim.get_activations
    assert set(asked) == {"features"}
    assert not any(module._forward_hooks for module in victim.model.modules())
    copied = pickle.loads(pickle.dumps(victim))
    assert kind(copied, tiny_dataset.waveforms, tiny_dataset.labels).detect_poison() == first
    assert len(victim.get_activations(tiny_dataset.waveforms[:2], "features")) == 2  # nothing stale is answered
    assert kind(victim, tiny_dataset.waveforms, tiny_dataset.labels).detect_poison() == first
