"""Gaussians as rows of numbers against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from art_audio_ext.functional.packed_gaussians import features, log_density_rows


@pytest.mark.parametrize("dims", [1, 2, 5, 16])
def test_log_density_is_that_of_the_shrunken_gaussian(dims):
    rng = np.random.default_rng(dims)
    x = rng.standard_normal((50, dims)) @ rng.standard_normal((dims, dims)) + rng.standard_normal(dims)
    weights = rng.random((3, 50))
    table = features(torch.from_numpy(x))
    assert table.shape == (50, dims * (dims + 1) // 2 + dims + 1)
    rows = log_density_rows(torch.from_numpy(weights) @ table, dims, 10.0)
    for w, row in zip(weights, rows, strict=True):
        mean = w @ x / w.sum()
        scatter = (x - mean).T @ ((x - mean) * w[:, None])
        covariance = (scatter + 10 * 0.3 * np.eye(dims)) / (w.sum() + 10) + 1e-4 * np.eye(dims)
        np.testing.assert_allclose(table @ row, multivariate_normal(mean, covariance).logpdf(x), rtol=1e-6, atol=1e-5)


def test_float32_is_close_and_keeps_its_type_and_shape():
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 40, 16)))
    exact = log_density_rows(features(x).sum(1, keepdim=True), 16, 16.0)
    single = log_density_rows(features(x.float()).sum(1, keepdim=True), 16, 16.0)
    assert single.dtype == torch.float32
    assert single.shape == exact.shape == (2, 1, 153)
    np.testing.assert_allclose(single, exact, rtol=1e-3, atol=1e-4)


def test_no_clips_at_all_make_the_prior():
    rows = log_density_rows(torch.zeros(1, 6, dtype=torch.float64), 2, 10.0)
    expected = multivariate_normal(np.zeros(2), 0.3001 * np.eye(2)).logpdf([1.0, 2.0])
    assert float(features(torch.tensor([[1.0, 2.0]], dtype=torch.float64)) @ rows[0]) == pytest.approx(expected)
