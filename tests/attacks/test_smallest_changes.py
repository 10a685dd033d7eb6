"""Searches that bring changes back towards the boundary, on models whose smallest changes are known."""

from __future__ import annotations

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.attacks.evasion import LBFGS, AudioDeepFool

L = 64
QUIET = {"verbose": False}


class _Saturating(nn.Module):
    """The second class gains by a logarithm of what the first ten samples move by, in the direction of all of them."""

    def __init__(self, steepness: float, needed: float) -> None:
        super().__init__()
        self.steepness, self.needed = steepness, needed

    def forward(self, x):
        gain = torch.asinh(self.steepness * x[:, :10].sum(1) / 10**0.5)
        return torch.stack([torch.zeros_like(gain), gain - self.needed], 1)

    @property
    def smallest(self) -> float:
        """Length of the smallest change of a clip whose first ten samples are zero."""
        return float(np.sinh(self.needed) / self.steepness)


def wrapped(model: nn.Module) -> PyTorchClassifier:
    return PyTorchClassifier(model, nn.NLLLoss(), (L,), 2, clip_values=(-1.0, 1.0), device_type="cpu")


def clips(*levels: float) -> np.ndarray:
    x = np.zeros((len(levels), L), np.float32)
    x[:, 10] = levels
    return x


def lengths(attack: LBFGS | AudioDeepFool, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of the changes, of which all are successes, in units of the smallest."""
    bad = attack.generate(x, y)
    assert all(report.success for report in attack.reports)
    return np.linalg.norm(bad - x, axis=1) / attack.estimator.model.smallest


def test_halvings_bring_the_last_step_of_deepfool_back_to_the_boundary():
    model, x = wrapped(_Saturating(1e3, 4.0)), clips(0.1, 0.2, 0.3)
    found, ratios = [], []
    for halvings in (0, 2, 4, 8):
        attack = AudioDeepFool(model, most_stretch=3.0, hurry_after=0, halvings=halvings, **QUIET)
        found.append(lengths(attack, x, np.zeros(3, int)))
        ratios.append([report.snr_db for report in attack.reports])
    assert np.all(np.diff(ratios, axis=0) > 0.2)
    assert np.all(found[0] > 1.2)
    assert np.all((found[-1] > 1) & (found[-1] < 1.005))


def test_bisections_bring_lbfgs_nearer():
    model, x = wrapped(_Saturating(1e3, 3.0)), clips(*np.linspace(0.05, 0.3, 8))
    none, eight = (lengths(LBFGS(model, bisections=b, **QUIET), x, np.ones(8, int)) for b in (0, 8))
    assert np.all(eight <= none)
    assert (eight < 0.99 * none).sum() >= 6


def test_bisections_of_lbfgs_end_at_the_boundary():
    model, x = wrapped(_Saturating(1e3, 3.0)), clips(0.05, 0.1, 0.2, 0.3)
    found = lengths(LBFGS(model, bisections=8, **QUIET), x, np.ones(4, int))
    assert np.all((found > 1) & (found < 1.01))
