"""TSMI-FGSM: without shifts it is ART's MI-FGSM; with them it survives a shift."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from art.attacks.evasion import MomentumIterativeMethod
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.attacks.evasion import TSMIFGSM

L = 400


class _Detector(nn.Module):
    """Two patterns at a fixed place, through something curved."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.patterns = nn.Parameter(torch.randn(2, L, generator=generator).cumsum(1) * 0.05)

    def forward(self, x):
        return torch.tanh(x @ self.patterns.T) + (x**2) @ self.patterns.T


@pytest.fixture
def classifier() -> PyTorchClassifier:
    return PyTorchClassifier(_Detector(), nn.CrossEntropyLoss(), (L,), 2, clip_values=(-1.0, 1.0), device_type="cpu")


X = np.random.default_rng(0).uniform(-0.1, 0.1, (5, L)).astype(np.float32)
Y = np.array([0, 1, 0, 1, 0])


def test_without_shifts_it_is_mi_fgsm(classifier):
    theirs = MomentumIterativeMethod(classifier, eps=0.01, eps_step=0.001, max_iter=10, decay=1.0, verbose=False)
    ours = TSMIFGSM(classifier, eps=0.01, max_iter=10, shifts=1, verbose=False)
    expected = theirs.generate(X, np.eye(2, dtype=np.float32)[Y])
    assert np.mean(np.abs(ours.generate(X, Y) - expected) > 1e-5) < 0.01


def test_with_shifts_it_goes_elsewhere_and_still_climbs(classifier):
    plain, shifted = (
        TSMIFGSM(classifier, eps=0.01, max_iter=5, shifts=n, max_shift=50, verbose=False).generate(X, Y)
        for n in (1, 12)
    )
    assert not np.array_equal(plain, shifted)
    assert np.abs(shifted - X).max() <= 0.01 + 1e-6
    loss = nn.functional.cross_entropy
    before, after = (float(loss(torch.from_numpy(classifier.predict(x)), torch.from_numpy(Y))) for x in (X, shifted))
    assert after > before


def test_a_forward_pass_has_as_many_rows_as_were_asked_for(classifier, monkeypatch):
    sizes, forward = set(), _Detector.forward

    def watched(self, x):
        sizes.add(len(x))
        return forward(self, x)

    monkeypatch.setattr(_Detector, "forward", watched)
    attack = TSMIFGSM(classifier, max_iter=2, shifts=10, max_shift=5, batch_size=4, verbose=False)
    attack.generate(X, Y)
    assert sizes == {4, 1}


def test_targets(classifier):
    attack = TSMIFGSM(classifier, eps=0.05, max_iter=10, shifts=2, max_shift=5, targeted=True, verbose=False)
    wanted = 1 - classifier.predict(X).argmax(1)
    moved = attack.generate(X, wanted)
    before, after = classifier.predict(X), classifier.predict(moved)
    rows = np.arange(5)
    assert (after[rows, wanted] - after[rows, 1 - wanted] > before[rows, wanted] - before[rows, 1 - wanted]).all()
