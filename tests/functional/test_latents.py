"""The coordinates in which a class is clustered: each documented order, and what carries nothing."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.latents import ORDERS, fit_coordinates, prepare


def test_orders():
    rng = np.random.default_rng(6)
    vectors = rng.standard_normal((500, 10)) @ rng.standard_normal((10, 10)) + 5
    standard = (vectors - vectors.mean(0)) / vectors.std(0)
    eigenvalues = np.linalg.eigvalsh(np.cov(standard, rowvar=False, bias=True))[::-1]
    plain = prepare(vectors, 4, "standardise_pca")
    np.testing.assert_allclose(np.cov(plain, rowvar=False, bias=True), np.diag(eigenvalues[:4]), atol=1e-9)
    white = prepare(vectors, 4, "pca_whiten")
    np.testing.assert_allclose(white, plain / np.sqrt(eigenvalues[:4]), atol=1e-9)
    fully = prepare(vectors, 10, "whiten_pca")
    np.testing.assert_allclose(np.cov(fully, rowvar=False, bias=True), np.eye(10), atol=1e-9)
    assert prepare(vectors, 4, "whiten_pca").shape == (500, 4)


@pytest.mark.parametrize("order", ORDERS)
def test_preparation_ignores_scale_and_offset_of_features(order):
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((60, 6))
    moved = vectors * 10.0 ** np.arange(-3, 3) + 100
    one, two = prepare(moved, 6, order), prepare(vectors, 6, order)
    np.testing.assert_allclose(one @ one.T, two @ two.T, atol=1e-6)  # up to signs, and rotation of equal eigenvalues


@pytest.mark.parametrize("order", ORDERS)
def test_preparation_drops_what_is_constant_or_dependent(order):
    rng = np.random.default_rng(8)
    vectors = rng.standard_normal((40, 6))
    vectors[:, 1] = 3.0
    vectors[:, 2] = vectors[:, 0]
    assert prepare(vectors, 24, order).shape == (40, 4)
    assert prepare(np.full((40, 6), 0.1, dtype=np.float32), 24, order).shape == (40, 0)
    assert prepare(rng.standard_normal((5, 64)), 24, order).shape == (5, 4)


@pytest.mark.parametrize("order", ORDERS)
def test_coordinates_are_cut_and_applied_to_others(order):
    vectors = np.random.default_rng(9).standard_normal((80, 32)) + 2
    coordinates = fit_coordinates(vectors, 6, order)
    np.testing.assert_allclose(coordinates(vectors), prepare(vectors, 6, order))
    np.testing.assert_allclose(coordinates.leading(2)(vectors[:7]), coordinates(vectors)[:7, :2])
    assert abs(coordinates(vectors).mean(0)).max() < 1e-9
