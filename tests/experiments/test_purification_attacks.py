"""The attacks of the comparison of purifiers: points for other networks go on, and what proves a clip lost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.experiments import purification_rows as rows
from art_audio_ext.experiments.purification_attacks import ATTACKS, EPS, AttackLine, AttackRun
from art_audio_ext.networks.speech_classifiers import SpeechClassifier

X = np.random.default_rng(0).uniform(-0.2, 0.2, (6, 16000)).astype(np.float32)


@pytest.fixture(scope="module")
def classifier() -> PyTorchClassifier:
    torch.manual_seed(0)
    network = SpeechClassifier("resnet18", 4, width=4).eval()
    return PyTorchClassifier(network, nn.CrossEntropyLoss(), (16000,), 4, clip_values=(-1.0, 1.0), device_type="cpu")


def test_points_for_another_network_go_on_after_the_first_error(classifier):
    labels = classifier.predict(X).argmax(1)
    labels[::2] = (labels[::2] + 1) % 4  # half are wrong from the start: those, too, are moved
    run = AttackRun(8, 0, is_random=False)
    moved, stopped = (ATTACKS[name].build(classifier, run).generate(X, labels) for name in ("transfer", "pgd50"))

    def losses(x):
        return nn.functional.cross_entropy(
            torch.from_numpy(classifier.predict(x)), torch.from_numpy(labels), reduction="none"
        )

    assert np.array_equal(stopped[::2], X[::2])
    assert (np.abs(moved - X).mean(1) > EPS / 2).all()
    assert (losses(moved)[::2] > losses(X)[::2]).all()
    assert (losses(moved) >= losses(stopped)).all()


class _Proved:
    """An attack that saw a wrong answer for the first two clips, and returns points that are right again."""

    ever_wrong = np.array([True, True, False, False])

    def generate(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return x


@pytest.mark.parametrize(("defence", "expected"), [("none", "0011"), ("time_stage", "1111")])
def test_a_proof_counts_where_nothing_is_random(classifier, monkeypatch, defence, expected):
    labels = np.zeros(4, dtype=np.int64)
    monkeypatch.setattr(rows, "open_model", lambda path: type("Model", (), {"as_art": lambda *_, **__: classifier})())
    monkeypatch.setattr(rows, "_answers", lambda *_: labels)
    monkeypatch.setitem(ATTACKS, "pgd10", AttackLine("proved", lambda *_: _Proved()))
    experiment = {"defence": defence, "attack": "pgd10", "seed": 0, "clips": 4, "batch_size": 4}
    found = rows.run_cell(experiment, rows.PurificationContext(X, labels, {"plain": "a file"}))
    assert found["right"][0] == expected
