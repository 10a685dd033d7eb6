"""Attacks on sound events: scores that they refuse, and clips that they could not break."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.attacks.evasion import (
    LBFGS,
    AudioCarliniL2,
    AudioDeepFool,
    FGSMAtSNR,
    PGDAtSNR,
    WhiteNoise,
    attack_report,
)

L = 16


class _Levels(nn.Module):
    """Two classes by the mean of a clip: logits, or with `sure` probabilities."""

    def __init__(self, sure: bool = False, slope: float = 10.0) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))
        self.sure = sure

    def forward(self, x):
        logits = torch.stack([self.slope * x.mean(1), 1 + 0 * x.mean(1)], 1)
        return logits.softmax(1) if self.sure else logits


class _Unbreakable(nn.Module):
    """Slopes lead to the other class, and there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        way = torch.tanh(self.scale * x.sum(1))
        return torch.stack([2 + 0 * way, way], 1)


def wrapped(model: nn.Module) -> PyTorchClassifier:
    return PyTorchClassifier(model, nn.CrossEntropyLoss(), (L,), 2, clip_values=(-1.0, 1.0), device_type="cpu")


X = np.full((2, L), 0.3, np.float32)
Y = np.array([0, 0])


@pytest.mark.parametrize("attack", [WhiteNoise, FGSMAtSNR, PGDAtSNR, AudioDeepFool, AudioCarliniL2, LBFGS])
def test_probabilities_are_refused_before_anything_is_attacked(attack, monkeypatch):
    made = attack(wrapped(_Levels(sure=True)), verbose=False)
    monkeypatch.setattr(made, "_attack", lambda *_: pytest.fail("attacked"))
    with pytest.raises(ValueError, match=r"probabilities: return logits, or their logarithm"):
        made.generate(X, 1 - Y if made.targeted else Y)


def test_a_report_of_probabilities_would_be_wrong():
    with pytest.raises(ValueError, match="probabilities"):
        attack_report(wrapped(_Levels(sure=True)), X, X, Y)
    assert attack_report(wrapped(_Levels()), X, X, Y)[0].old_confidence == pytest.approx(1 / (1 + np.exp(-2)))


@pytest.mark.parametrize("attack", [AudioDeepFool, AudioCarliniL2])
def test_a_clip_that_was_not_broken_is_left_as_it_is(attack):
    made = attack(wrapped(_Unbreakable()), max_iter=5, verbose=False)
    np.testing.assert_array_equal(made.generate(X, Y), X)
    assert not any(report.success for report in made.reports)
    assert made.reports[0].snr_db is None


def test_lbfgs_hands_its_tolerance_on(monkeypatch):
    import importlib

    module, seen = importlib.import_module("art_audio_ext.attacks.evasion.lbfgs"), []

    def solver(answers, start, room, **options):
        seen.append(options["tolerance"])
        return np.ones(len(start), np.int64)

    monkeypatch.setattr(module, "joint_lbfgsb", solver)
    attack = LBFGS(wrapped(_Levels()), tolerance=1e-6, max_doublings=0, restarts=0, verbose=False)
    attack.generate(X, 1 - Y)
    assert set(seen) == {1e-6}
    with pytest.raises(ValueError, match="tolerance"):
        LBFGS(wrapped(_Levels()), tolerance=-1.0)
