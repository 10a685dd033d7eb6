"""The mixture of all clips, and the same with a class taken out."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from art_audio_ext.functional.novel_background import (
    backgrounds,
    members_of,
    mixture_size,
    pooled_statistics,
    whitening,
)
from art_audio_ext.functional.packed_gaussians import features


def white_window(make_tokens, sizes):
    tokens, labels, _ = make_tokens(sizes, dims=4, windows=1, where=())
    tokens = torch.from_numpy(tokens[0]).double()
    centre, matrix = whitening(tokens)
    members = members_of([np.flatnonzero(labels == c) for c in range(len(sizes))])
    return ((tokens - centre) @ matrix).float(), labels, members


def test_whitening(make_tokens):
    x, _, _ = white_window(make_tokens, [100, 80])
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(x.T, bias=True), np.eye(4), atol=0.02)
    centre, matrix = whitening(torch.full((9, 3), 0.7, dtype=torch.float64))
    assert torch.isfinite(matrix).all()
    assert (
        float(((torch.full((1, 3), 0.7, dtype=torch.float64) - centre) @ matrix).abs().max()) < 1e-3
    )  # digital silence stays near 0


def test_class_statistics_add_up_to_all_clips(make_tokens):
    x, labels, members = white_window(make_tokens, [300, 250, 200])
    statistics = pooled_statistics(x, members, seed=0)
    assert statistics.shape == (3, 12, 15)
    np.testing.assert_allclose(statistics.sum((0, 1)), features(x.double()).sum(0), rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(statistics[1].sum(0), features(x[labels == 1].double()).sum(0), rtol=1e-4, atol=1e-2)


def test_a_class_is_judged_by_the_others_alone(make_tokens):
    """With so few clips the mixture is one Gaussian, which can be written down."""
    x, labels, members = white_window(make_tokens, [40, 30, 24])
    table = features(x[members.rows] * members.present[..., None])
    background, log_density = backgrounds(table, members, pooled_statistics(x, members, seed=0))
    for c in range(3):
        others = x[labels != c].double().numpy()
        scatter = np.cov(others.T, bias=True) * len(others)
        covariance = (scatter + 3 * np.eye(4)) / (len(others) + 10) + 1e-4 * np.eye(4)
        expected = multivariate_normal(others.mean(0), covariance).logpdf(x[labels == c])
        np.testing.assert_allclose(log_density[c][members.present[c]], expected, atol=1e-3)
        np.testing.assert_allclose(background.log_density(features(x[labels == c]), c), expected, atol=1e-3)


def test_weights_follow_the_class(make_tokens):
    """The shapes come from the others, how common each is from the class itself: its likelihood does not fall."""
    x, _, members = white_window(make_tokens, [300, 250, 200])
    statistics = pooled_statistics(x, members, seed=0)
    table = features(x[members.rows] * members.present[..., None])
    background, log_density = backgrounds(table, members, statistics)
    others = statistics.sum(0) - statistics[0]
    mass = others[:, -1] * (others[:, -1] > 15)
    logs = (table[0] @ background.rows[0].T)[members.present[0]].double().numpy()
    with np.errstate(divide="ignore"):
        before = logsumexp(logs + np.log(mass / mass.sum()).numpy(), axis=1)
    assert float(log_density[0][members.present[0]].sum()) > before.sum()
    np.testing.assert_allclose(background.log_weights.exp().sum(1), 1, atol=1e-5)


def test_mixture_size():
    assert [mixture_size(n) for n in (10, 130, 720, 10**6)] == [1, 2, 12, 12]
