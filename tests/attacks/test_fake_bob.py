"""FakeBob on a classifier whose margin is known, and what it counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from art.estimators.classification import BlackBoxClassifier, PyTorchClassifier
from torch import nn

from art_audio_ext.attacks.evasion import FakeBob

L = 60


class _Line(nn.Module):
    """Class 1 beyond a plane, class 0 before it."""

    def forward(self, x):
        value = x.sum(1) - 0.05
        return torch.stack([-value, value], 1)


@pytest.fixture
def classifier() -> PyTorchClassifier:
    return PyTorchClassifier(_Line(), nn.CrossEntropyLoss(), (L,), 2, clip_values=(-1.0, 1.0), device_type="cpu")


X, Y = np.zeros((3, L), np.float32), np.zeros(3, int)


def test_it_crosses_the_plane_and_stops_there(classifier):
    attack = FakeBob(classifier, eps=0.01, max_iter=100, verbose=False)
    bad = attack.generate(X, Y)
    assert attack.succeeded.all()
    assert (classifier.predict(bad).argmax(1) == 1).all()
    assert np.abs(bad).max() <= 0.01 + 1e-6
    assert (attack.queries % 51 == 0).all()  # it ends with a look at the point, in the midst of a step's queries
    assert (attack.queries < 51 * 100).all()
    # the plane is .05 / 60 per sample away: a few steps of .001
    assert (attack.queries <= 51 * 10).all()


def test_a_ball_that_does_not_reach_the_plane(classifier):
    attack = FakeBob(classifier, eps=0.0005, max_iter=30, verbose=False)
    bad = attack.generate(X, Y)
    assert not attack.succeeded.any()
    assert (attack.queries == 30 * 51 + 1).all()
    assert (classifier.predict(bad)[:, 0] < classifier.predict(X)[:, 0]).all()  # nearer all the same


def test_kappa_asks_for_more_and_a_clip_that_is_wrong_already_is_left_alone(classifier):
    near = FakeBob(classifier, eps=0.05, verbose=False).generate(X, Y)
    far = FakeBob(classifier, eps=0.05, kappa=0.5, verbose=False).generate(X, Y)
    assert (classifier.predict(far)[:, 1] > classifier.predict(near)[:, 1]).all()
    assert (classifier.predict(far)[:, 1] - classifier.predict(far)[:, 0] > 0.5).all()
    attack = FakeBob(classifier, verbose=False)
    assert np.array_equal(attack.generate(X, Y + 1), X)
    assert attack.succeeded.all()


def test_scores_are_all_it_needs():
    def scores(x):
        value = x.sum(1) - 0.05
        return np.stack([-value, value], 1)

    blackbox = BlackBoxClassifier(scores, (L,), 2, clip_values=(-1, 1))
    attack = FakeBob(blackbox, eps=0.01, verbose=False)
    attack.generate(X, Y)
    assert attack.succeeded.all()


class _Coin(nn.Module):
    """Class 0, but now and then class 1, whatever it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x):
        value = torch.where(torch.rand(len(x), generator=self.generator) < 0.3, 1.0, -1.0) + 0 * x.sum(1)
        return torch.stack([-value, value], 1)


def test_luck_is_no_success_where_a_point_has_to_be_wrong_in_several_draws():
    coin = PyTorchClassifier(_Coin(), nn.CrossEntropyLoss(), (L,), 2, clip_values=(-1.0, 1.0), device_type="cpu")
    x, y = np.zeros((10, L), np.float32), np.zeros(10, int)
    lucky = FakeBob(coin, max_iter=20, verbose=False)
    lucky.generate(x, y)
    assert lucky.succeeded.all()
    sure = FakeBob(coin, max_iter=20, draws=8, verbose=False)
    sure.generate(x, y)
    assert not sure.succeeded.any()
    assert (sure.queries == 20 * 58 + 8).all()
