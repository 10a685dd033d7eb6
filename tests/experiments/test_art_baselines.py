"""The tuned baselines find what is plain to see, leave clean classes alone, and rank clips."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from art_audio_ext.experiments.art_baselines import TunedActivationClustering, TunedSpectralSignatures
from art_audio_ext.functional.metrics import confusion, roc_auc


@pytest.fixture
def poisoned():
    """Features that are the clips themselves: two classes of 200 in 20 dimensions, 20 of class 1 far from the rest."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 20)).astype(np.float32)
    y = rng.permutation(np.repeat([0, 1], 200))
    poison = np.zeros(400, dtype=bool)
    poison[np.flatnonzero(y == 1)[:20]] = True
    x[poison, 0] += 12
    classifier = SimpleNamespace(layer_names=["head", "features"], nb_classes=2)
    classifier.get_activations = lambda data, layer, batch_size: {0: None, 1: data}[layer]
    return classifier, x, y, poison


def test_clustering_flags_the_small_cluster_and_no_clean_class(poisoned):
    classifier, x, y, poison = poisoned
    defence = TunedActivationClustering(classifier, x, np.eye(2)[y])
    report, is_clean = defence.detect_poison(seed=3)
    assert np.array_equal(np.array(is_clean) == 0, poison)
    assert report["class_0"]["suspects"] == 0
    assert roc_auc(poison[y == 1], defence.sample_scores[y == 1]) == 1
    json.dumps(report)
    assert defence.detect_poison(seed=3)[1] == is_clean
    assert sum(defence.detect_poison(size_threshold=0.05)[1]) == len(y)


def test_signatures_remove_the_stated_share_of_every_class(poisoned):
    classifier, x, y, poison = poisoned
    defence = TunedSpectralSignatures(classifier, x, y)
    _, is_clean = defence.detect_poison(expected_pp_poison=0.1, eps_multiplier=1.5)
    removed = np.array(is_clean) == 0
    assert removed[y == 0].sum() == removed[y == 1].sum() == 30
    assert confusion(poison, removed).true_positive_rate == 1
    assert roc_auc(poison[y == 1], defence.sample_scores[y == 1]) > 0.99
    with pytest.raises(ValueError, match="expected_pp_poison"):
        defence.detect_poison(expected_pp_poison=2)


def test_signatures_do_not_depend_on_where_the_features_lie(poisoned):
    classifier, x, y, _ = poisoned
    here = TunedSpectralSignatures(classifier, x, y).detect_poison()[1]
    assert TunedSpectralSignatures(classifier, x + 100, y).detect_poison()[1] == here


@pytest.mark.parametrize("kind", [TunedActivationClustering, TunedSpectralSignatures])
def test_evaluation_has_arts_form(poisoned, kind):
    classifier, x, y, poison = poisoned
    found = json.loads(kind(classifier, x, y).evaluate_defence((~poison).astype(int)))
    assert found["class_1"]["TruePositive"] == {"rate": 100.0, "numerator": 20, "denominator": 20}


@pytest.mark.parametrize("kind", [TunedActivationClustering, TunedSpectralSignatures])
def test_unknown_parameters_and_tiny_classes(poisoned, kind):
    classifier, x, y, _ = poisoned
    with pytest.raises(ValueError, match="no parameter dims"):
        kind(classifier, x, y).detect_poison(dims=3)
    y = y.copy()
    y[:2] = 2
    assert kind(classifier, x, y).detect_poison()[1][:2] == [1, 1]
