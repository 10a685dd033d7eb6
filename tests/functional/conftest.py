"""Synthetic window tokens: clusters that all classes share, and a shrunken one in some windows of one class."""

from __future__ import annotations

import numpy as np
import pytest


def _make_tokens(sizes, dims=16, windows=3, poison=0, target=2, where=(1,), seed=0):
    """
    Tokens (T, N, D) float32, labels and whether each clip is poison.

    `sizes` are clips a class; `poison` of those of the target are nearly the same in the windows `where`.
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    is_poison = np.zeros(len(labels), dtype=bool)
    is_poison[rng.permutation(np.flatnonzero(labels == target))[:poison]] = True
    tokens = np.zeros((windows, len(labels), dims))
    for t in range(windows):
        centres = 1.5 * rng.standard_normal((6, dims))
        mixes = rng.standard_normal((6, dims, dims)) / dims**0.5
        weights = rng.dirichlet(np.full(6, 5.0), len(sizes))
        drawn = np.array([rng.choice(6, p=weights[label]) for label in labels])
        noise = rng.standard_normal((len(labels), dims))
        tokens[t] = centres[drawn] + np.einsum("nij,nj->ni", mixes[drawn], noise)
        if t in where:
            spot = rng.standard_normal(dims)
            tokens[t, is_poison] = spot + 0.15 * tokens[t, is_poison]
    return tokens.astype(np.float32), labels, is_poison


@pytest.fixture(scope="session")
def make_tokens():
    """The function that makes them."""
    return _make_tokens
