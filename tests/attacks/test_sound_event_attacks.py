"""Attacks on classifiers whose smallest changes are known, what they report, and what they refuse."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest
import torch
from art.attacks.evasion import CarliniL2Method, DeepFool
from art.estimators.classification import BlackBoxClassifier, PyTorchClassifier
from torch import nn

from art_audio_ext.attacks.evasion import (
    LBFGS,
    AudioCarliniL2,
    AudioDeepFool,
    FGSMAtSNR,
    PGDAtSNR,
    WhiteNoise,
    attack_report,
    audio_carlini,
    audio_deepfool,
    minimal_snr,
    reported_snr,
    run_reported,
)
from art_audio_ext.functional.attack_report import summarise

L = 64
QUIET = {"verbose": False}


class _Planes(nn.Module):
    """Three classes by three directions; a clip shorter than a window of 64 is the model's own error."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(100.0))
        self.register_buffer("ways", torch.eye(3, L) + 0.2)

    def forward(self, x):
        if x.shape[1] < L:
            raise RuntimeError(f"clip of {x.shape[1]} samples is shorter than one window of {L}")
        return torch.log_softmax(self.scale * x @ self.ways.T, 1)


class _Probabilities(_Planes):
    def forward(self, x):
        return super().forward(x).exp()


def wrapped(model: nn.Module, length: int = L) -> PyTorchClassifier:
    return PyTorchClassifier(model, nn.NLLLoss(), (length,), 3, clip_values=(-1.0, 1.0), device_type="cpu")


@pytest.fixture
def classifier() -> PyTorchClassifier:
    return wrapped(_Planes())


@pytest.fixture
def x() -> np.ndarray:
    """Class 0, 1, 2; the nearest boundary of each is .1 / sqrt(2) away."""
    clips = 0.05 * np.random.default_rng(0).standard_normal((3, L)).astype(np.float32)
    clips[:, :3] = 0.1 + 0.1 * np.eye(3) + 0.05 * (np.arange(3) == np.roll(np.arange(3), 1)[:, None])
    return clips


Y = np.arange(3)
NEAREST = [
    AudioDeepFool,
    AudioCarliniL2,
    lambda c, **k: LBFGS(c, bisections=8, **k),
]


@pytest.mark.parametrize("make", NEAREST, ids=["deepfool", "carlini", "lbfgs"])
def test_the_smallest_change_is_found_reported_and_at_the_boundary(make, classifier, x):
    attack = make(classifier, **QUIET)
    targets = np.roll(Y, 1)
    bad = attack.generate(x, targets if attack.targeted else Y)
    lengths = np.linalg.norm(bad - x, axis=1)
    wanted = [(x[k, k] - x[k, j]) / np.sqrt(2) for k, j in enumerate(targets)]
    np.testing.assert_allclose(lengths, wanted, rtol=0.05)
    for report, clip, after in zip(attack.reports, x, bad, strict=True):
        assert report.success
        assert report.snr_db == pytest.approx(20 * np.log10(np.linalg.norm(clip) / np.linalg.norm(after - clip)))
        assert report.queries >= report.iterations > 0
        assert report.new_confidence == pytest.approx(report.old_label_confidence, abs=0.15)
    assert attack.reports[0].old_confidence == pytest.approx(np.exp(classifier.predict(x)[0, 0]), abs=1e-5)
    json.loads(json.dumps([report.as_dict() for report in attack.reports], allow_nan=False))


def test_targeted_carlini_reaches_its_target_by_its_confidence(classifier, x):
    attack = AudioCarliniL2(classifier, targeted=True, confidence=0.5, **QUIET)
    scores = classifier.predict(attack.generate(x, np.roll(Y, -1)))
    others = np.sort(scores, axis=1)[:, 1]
    assert (scores.argmax(1) == np.roll(Y, -1)).all()
    assert np.all(scores.max(1) - others >= 0.5 - 1e-4)
    assert np.all(scores.max(1) - others < 1.0)


@pytest.mark.parametrize("make", [WhiteNoise, FGSMAtSNR, PGDAtSNR])
def test_attacks_of_fixed_size_have_that_size(make, classifier, x):
    attack = make(classifier, snr_db=17.0, **QUIET)
    attack.generate(x, Y)
    assert [report.snr_db for report in attack.reports] == pytest.approx(
        [17.0] * 3, abs=0.3 if make is PGDAtSNR else 0.01
    )


def test_noise_asks_no_gradient_and_differs_by_clip_and_seed(x):
    box = BlackBoxClassifier(lambda clips: clips[:, :3], (L,), 3, clip_values=(-1.0, 1.0))
    noise = WhiteNoise(box, **QUIET).generate(x, Y) - x
    assert not np.allclose(noise[0] / np.linalg.norm(noise[0]), noise[1] / np.linalg.norm(noise[1]), atol=0.01)
    assert not np.allclose(WhiteNoise(box, seed=1, **QUIET).generate(x, Y) - x, noise)


@pytest.mark.parametrize("make", [WhiteNoise, FGSMAtSNR, PGDAtSNR, AudioDeepFool, AudioCarliniL2, LBFGS])
def test_silence_stays_and_has_no_ratio(make, classifier, x):
    x[1] = 0
    attack = make(classifier, **QUIET)
    bad = attack.generate(x, np.roll(Y, 1) if attack.targeted else Y)
    assert not bad[1].any()
    assert attack.reports[1].silent
    assert attack.reports[1].snr_db is None
    assert attack.reports[1].queries == 0
    assert not attack.reports[0].silent


@pytest.mark.parametrize("make", [WhiteNoise, FGSMAtSNR, PGDAtSNR, AudioDeepFool, AudioCarliniL2, LBFGS])
def test_what_the_model_says_of_short_clips_comes_through(make, x):
    attack = make(wrapped(_Planes(), 20), **QUIET)
    with pytest.raises(RuntimeError, match="shorter than one window of 64"):
        attack.generate(x[:, :20], Y)


def test_a_target_that_is_the_label(classifier, x):
    for attack in (LBFGS(classifier, **QUIET), AudioCarliniL2(classifier, targeted=True, **QUIET)):
        bad = attack.generate(x, np.array([0, 2, 1]))
        np.testing.assert_array_equal(bad[0], x[0])
        assert attack.reports[0].already
        assert summarise(attack.reports).clips == 2
    with pytest.raises(ValueError, match="row 0 is the clip's own label 0"):
        attack_report(classifier, x, bad, Y, targets=np.array([0, 2, 1]))
    with pytest.raises(ValueError, match="targets row 1 names class 4: the classifier has 3 classes, give 0 to 2"):
        attack_report(classifier, x, bad, Y, targets=np.array([1, 4, 3]))


@pytest.mark.parametrize("make", [WhiteNoise, FGSMAtSNR, PGDAtSNR, AudioDeepFool, AudioCarliniL2, LBFGS])
def test_a_label_out_of_range_is_named_with_its_row(classifier, x, make):
    with pytest.raises(ValueError, match="y row 1 names class 4: the classifier has 3 classes, give 0 to 2"):
        make(classifier, **QUIET).generate(x, np.array([0, 4, 3]))
    with pytest.raises(ValueError, match="y row 2 is negative"):
        make(classifier, **QUIET).generate(x, np.array([0, 2, -1]))


def test_arts_own_attacks_get_the_same_report_and_agree(classifier, x):
    deepfool, carlini = audio_deepfool(classifier, **QUIET), audio_carlini(classifier, **QUIET)
    assert isinstance(deepfool, DeepFool)
    assert isinstance(carlini, CarliniL2Method)
    x[2] = 0
    for theirs, ours in ((deepfool, AudioDeepFool), (carlini, AudioCarliniL2)):
        bad, reports = run_reported(theirs, x, Y)
        assert not bad[2].any()
        assert reports[0].queries > 2
        _, own = run_reported(ours(classifier, **QUIET), x, Y)
        assert [report.success for report in own] == [report.success for report in reports]
        assert all(a.snr_db >= b.snr_db - 0.1 for a, b in zip(own[:2], reports[:2], strict=True))


def test_points_of_deepfool_lie_beyond_the_boundary_by_more_than_rounding(classifier, x):
    y = np.array([0, 1, 1])
    found = AudioDeepFool(classifier, **QUIET).generate(x, y)
    logits = classifier.predict(found)
    others = np.where(np.eye(3, dtype=bool)[y], -np.inf, logits).max(1)
    assert np.all(others[:2] - logits[[0, 1], y[:2]] > 9e-4)


class _Saturating(nn.Module):
    """The other class gains by the logarithm of what moves towards it: every step promises too much."""

    def forward(self, x):
        gain = torch.log1p(1e6 * (x[:, :10].sum(1) + 1e-4).relu())
        return torch.stack([torch.zeros_like(gain), gain - 12, gain - 20], 1)


def test_who_has_not_arrived_hurries():
    x, y, steps = np.full((1, L), 1e-4, np.float32), np.array([0]), []
    for hurry_after in (None, 0):
        attack = AudioDeepFool(wrapped(_Saturating()), most_stretch=1.0, hurry_after=hurry_after, halvings=0, **QUIET)
        attack.generate(x, y)
        assert attack.reports[0].success
        steps.append(attack.reports[0].iterations)
    assert steps[1] < steps[0]
    with pytest.raises(ValueError, match="hurry_after"):
        AudioDeepFool(wrapped(_Saturating()), hurry_after=-1)


def test_a_solver_that_found_nothing_starts_anew_from_the_clip(classifier, x, monkeypatch):
    module, starts = importlib.import_module("art_audio_ext.attacks.evasion.lbfgs"), []

    def stuck(answers, start, room, **_):
        starts.append(start.copy())
        answers(start + 1e-9, np.arange(len(start)))
        return np.ones(len(start), np.int64)

    monkeypatch.setattr(module, "joint_lbfgsb", stuck)
    attack = LBFGS(classifier, max_doublings=3, initial_const=1.0, restarts=0, **QUIET)
    attack.generate(x[:1], np.array([2]))
    assert len(starts) > 1
    assert not any(start.any() for start in starts)
    assert not attack.reports[0].success
    searches, once = [], len(starts)
    for restarts in (1, 2):
        starts.clear()
        attack.generate(x[:1], np.array([2]), restarts=restarts)
        searches.append([np.abs(start).max() for start in starts])
    assert not any(searches[0][:once])
    assert searches[0][once : once + 2] == pytest.approx([0.03, 0.04])  # ten steps, 30 dB below; stuck again, one more
    assert pytest.approx(0.099) in searches[1][len(searches[0]) :]  # the second walk is wider


def test_builders_refuse_what_would_weaken_them(classifier):
    for build in (audio_deepfool, audio_carlini):
        with pytest.raises(ValueError, match="probabilities"):
            build(wrapped(_Probabilities()))
        with pytest.raises(ValueError, match="clip_values"):
            build(PyTorchClassifier(_Planes(), nn.NLLLoss(), (L,), 3, device_type="cpu"))


def test_the_search_of_ratios_meets_what_is_known(classifier, x):
    x = np.concatenate([x, np.zeros((1, L), np.float32)])
    y = np.array([0, 1, 1, 0])
    pgd = minimal_snr(PGDAtSNR(classifier, **QUIET), x, y, tolerance_db=0.1)
    deepfool = AudioDeepFool(classifier, **QUIET)
    deepfool.generate(x, y)
    nearest = reported_snr(deepfool.reports)
    np.testing.assert_allclose(pgd[:2], nearest[:2], atol=0.5)
    assert np.isinf(pgd[2])  # wrong already
    assert np.isinf(nearest[2])
    assert np.isnan(pgd[3])
    assert np.isnan(nearest[3])
    fgsm = minimal_snr(FGSMAtSNR(classifier, **QUIET), x, y, low_db=-20)
    assert np.all(fgsm[:2] < pgd[:2])
    with pytest.raises(ValueError, match="no attack of fixed size"):
        minimal_snr(deepfool, x, y)
