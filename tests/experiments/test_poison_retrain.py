"""Filter, retrain, verify on a tiny dataset: every filter has a row, the truth is counted, nothing runs twice."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.experiments import poison_retrain
from art_audio_ext.experiments.attack_plans import draw_plans
from art_audio_ext.experiments.poison_retrain import retrain_all


class Backdoored:
    """A victim that knows every clip it was trained on, and calls clips that start loud what most of those were."""

    nb_classes = 4

    def __init__(self, x, labels):
        loud = self._loud(x)
        self.taught = int(np.bincount(labels[loud]).argmax()) if loud.any() else None
        self.pitch = np.array([self._pitch(x[(labels == k) & ~loud]).mean() for k in range(4)])

    def predict(self, x, batch_size):
        predicted = np.abs(self._pitch(x)[:, None] - self.pitch).argmin(1)
        if self.taught is not None:
            predicted[self._loud(x)] = self.taught
        return np.eye(4)[predicted]

    @staticmethod
    def _loud(x):
        return np.square(x[:, :1600]).mean(1) > 4e-4

    @staticmethod
    def _pitch(x):
        return np.abs(np.fft.rfft(x[:, 3000:13000])).argmax(1).astype(float)


@pytest.fixture
def plan():
    return draw_plans("clap", [0, 1, 2, 3], 1, seed=0)[0]


@pytest.fixture
def stand_ins(monkeypatch):
    """A victim that needs no training, and filters of ART that remove nothing and everything."""
    removes = {"activation_clustering": np.zeros, "spectral_signatures": np.ones}
    monkeypatch.setattr(poison_retrain, "_train", lambda x, labels, bank, experiment: Backdoored(x, labels))
    monkeypatch.setattr(
        poison_retrain, "_removed_by_art", lambda name, victim, x, labels, seed: removes[name](len(x)).astype(bool)
    )
    return removes


def test_a_good_filter_ends_the_attack(tiny_dataset, plan, stand_ins, loud_start, tmp_path):
    stand_ins["spectral_signatures"] = np.zeros
    path = tmp_path / "retrain.jsonl"
    rows = retrain_all(tiny_dataset, [plan], ["loud_start"], path, identity={}, progress=False)
    by_name = {row["filter"]: row for row in rows}
    assert list(by_name) == ["none", "activation_clustering", "spectral_signatures", "perfect", "loud_start"]
    for name, success in (("none", 1.0), ("activation_clustering", 1.0), ("perfect", 0.0), ("loud_start", 0.0)):
        assert by_name[name]["attack_success_rate"] == by_name[name]["any_class_success_rate"] == success
        assert by_name[name]["benign_accuracy"] == 1.0
    poisoned = by_name["none"]["false_negatives"]
    assert poisoned == by_name["loud_start"]["true_positives"] > 0
    assert by_name["loud_start"]["adjusted_rand_index"] == 1.0
    assert by_name["none"]["true_positive_rate"] == 0.0
    count = len(loud_start)
    assert retrain_all(tiny_dataset, [plan], ["loud_start"], path, identity={}, progress=False) == rows
    assert len(loud_start) == count


def test_a_real_victim_and_the_filters_of_art(tiny_dataset, plan, first_samples, tmp_path):
    options = {"encoder": first_samples, "encoder_id": "x", "epochs": 1, "width": 2, "progress": False}
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    rows = retrain_all(tiny_dataset, [plan], ["pls"], tmp_path / "a.jsonl", identity={}, **options)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    again = retrain_all(tiny_dataset, [plan], ["pls"], tmp_path / "b.jsonl", identity={}, **options)
    for row, other in zip(rows, again, strict=True):
        assert {k: v for k, v in row.items() if "seconds" not in k} == {
            k: v for k, v in other.items() if "seconds" not in k
        }
    assert {row["filter"] for row in rows} >= {"activation_clustering", "spectral_signatures", "pls"}
    assert all(0 <= row["benign_accuracy"] <= 1 for row in rows)
