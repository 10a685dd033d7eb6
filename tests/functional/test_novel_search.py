"""The compact group of one class that a background does not explain."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import multivariate_normal

from art_audio_ext.functional.novel_background import members_of
from art_audio_ext.functional.novel_search import component_log_odds, find_components
from art_audio_ext.functional.packed_gaussians import features


def three_classes(sizes=(200, 150, 120), group=15):
    """White noise; the first clips of class 1 lie close together. The background is the truth."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((sum(sizes), 6))
    first = sizes[0]
    x[first : first + group] = rng.standard_normal(6) + 0.2 * rng.standard_normal((group, 6))
    return torch.from_numpy(x).float(), np.split(np.arange(len(x)), np.cumsum(sizes)[:-1])


def search(x, rows, seed=0):
    members = members_of(rows)
    vectors = x[members.rows] * members.present[..., None]
    density = torch.from_numpy(multivariate_normal(np.zeros(6)).logpdf(vectors)).float()
    return find_components(features(vectors), vectors, density, members, seed)


def test_the_group_is_found():
    x, rows = three_classes()
    found = search(x, rows)
    assert found.statistic.argmax() == 1
    assert found.statistic[1] > 2.5 * found.statistic[[0, 2]].max()
    own = x[rows[1]]
    density = torch.from_numpy(multivariate_normal(np.zeros(6)).logpdf(own)).float()
    odds = component_log_odds(features(own), density, found.rows[1])
    assert (odds[:15] > 0).all()
    assert (odds[15:] > 0).sum() <= 3


def test_padding_changes_nothing():
    x, rows = three_classes()
    together = search(x, rows)
    for c in range(3):
        alone = search(x, [rows[c]])
        np.testing.assert_allclose(alone.statistic[0], together.statistic[c], rtol=1e-4, atol=1e-4)


def test_small_classes_have_fewer_starts():
    x, rows = three_classes((200, 60, 24), 14)
    found = search(x, rows)
    assert torch.isfinite(found.statistic).all()
    assert found.statistic.argmax() == 1
    np.testing.assert_allclose(search(x, [rows[2]]).statistic[0], found.statistic[2], rtol=1e-4, atol=1e-4)


def test_clips_that_are_all_the_same():
    found = search(torch.zeros(60, 6), [np.arange(30), np.arange(30, 60)])
    assert torch.isfinite(found.statistic).all()
