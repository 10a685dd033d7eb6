"""Latent vectors of one class brought into the coordinates in which they are clustered."""

from __future__ import annotations

import numpy as np

from art_audio_ext.functional.checks import class_indices

ORDERS = ("standardise_pca", "pca_whiten", "whiten_pca")
_CONSTANT = 1e-6  # a feature, or a component, this much flatter than the widest one carries nothing but rounding


def check_latents(latents: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Return latents and labels as a score can use them.

    :param latents: One vector a sample, shape (N, D), finite.
    :param labels: Class indices (N,), or one-hot rows (N, C).
    :return: The latents, and int64 indices (N,).
    :raises ValueError: If a shape or type is wrong, a row is not finite, or the numbers differ.
    """
    latents = np.asarray(latents)
    if latents.ndim != 2 or 0 in latents.shape or not np.issubdtype(latents.dtype, np.floating):
        raise ValueError(f"latents must be floats (N, D), one vector a sample, got {latents.dtype} {latents.shape}")
    bad = ~np.isfinite(latents).all(1)
    if bad.any():
        raise ValueError(f"latents row {int(bad.argmax())} is not finite: check the encoder, or drop that clip")
    return latents, class_indices(labels, len(latents), "labels")


def prepare(vectors: np.ndarray, dims: int, order: str) -> np.ndarray:
    """
    Bring the latents of one class into the coordinates in which it is clustered.

    The paper says "normalise and whiten, and reduce their dimensionality using PCA" and leaves the order open. With
    300 poisoned among 3000 clean synthetic 64-d latents, 2-means found the poison
    - "standardise_pca": unit variance per feature, then principal components as they are: in 10 of 10 trials;
    - "pca_whiten": the same, then unit variance per component: in 0 to 7 of 10;
    - "whiten_pca": unit variance in every direction, then principal components, which by then are arbitrary (all
      eigenvalues are equal): in 0 to 8 of 10.
    Constant features and components without variance are dropped.

    :param vectors: Shape (n, D).
    :param dims: Components kept, at most.
    :param order: One of `ORDERS`.
    :return: Shape (n, d), d = min(dims, rank), centred; d = 0 if nothing varies.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    deviation = vectors.std(0)
    varies = (deviation > _CONSTANT * deviation.max()) & (deviation > 1e-9 * np.abs(vectors).max(0))
    standard = (vectors - vectors.mean(0))[:, varies] / deviation[varies]
    if standard.shape[1] == 0:
        return standard
    components, scale, directions = _principal_components(standard)
    if order == "whiten_pca":
        components, _, _ = _principal_components(components / scale @ directions)
    if order == "pca_whiten":
        components = components / scale
    return components[:, :dims]


def _principal_components(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates (n, r), their standard deviations (r,) and directions (r, D) of the r components that vary."""
    left, values, directions = np.linalg.svd(centred, full_matrices=False)
    rank = int((values > _CONSTANT * values[0]).sum())
    return left[:, :rank] * values[:rank], values[:rank] / np.sqrt(len(centred)), directions[:rank]
