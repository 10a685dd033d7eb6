"""Latent vectors of one class brought into the coordinates in which they are clustered."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Coordinates:
    """Where the samples of a class are clustered: an affine map, fitted to some of them."""

    centre: np.ndarray  # (D,)
    matrix: np.ndarray  # (D, d), the columns of the widest components first

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """
        :param vectors: Shape (n, D), those it was fitted to or others of the same class.
        :return: Shape (n, d).
        """
        return (np.asarray(vectors, dtype=np.float64) - self.centre) @ self.matrix

    def leading(self, dims: int) -> Coordinates:
        """The same with the first `dims` components alone."""
        return Coordinates(self.centre, self.matrix[:, :dims])


def fit_coordinates(vectors: np.ndarray, dims: int, order: str) -> Coordinates:
    """
    Fit the coordinates in which a class is clustered to samples of it.

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
    :return: A map to d = min(dims, rank) components; d = 0 if nothing varies.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    centre, deviation = vectors.mean(0), vectors.std(0)
    varies = (deviation > _CONSTANT * deviation.max()) & (deviation > 1e-9 * np.abs(vectors).max(0))
    matrix = np.zeros((vectors.shape[1], 0))
    if varies.any():
        mapped = _standard_matrix((vectors - centre)[:, varies] / deviation[varies], order)[:, :dims]
        matrix = np.zeros((vectors.shape[1], mapped.shape[1]))
        matrix[varies] = mapped / deviation[varies][:, None]
    return Coordinates(centre, matrix)


def prepare(vectors: np.ndarray, dims: int, order: str) -> np.ndarray:
    """
    Bring the latents of one class into the coordinates fitted to all of them, see :func:`fit_coordinates`.

    :param vectors: Shape (n, D).
    :param dims: Components kept, at most.
    :param order: One of `ORDERS`.
    :return: Shape (n, d), d = min(dims, rank), centred; d = 0 if nothing varies.
    """
    return fit_coordinates(vectors, dims, order)(vectors)


def _standard_matrix(standard: np.ndarray, order: str) -> np.ndarray:
    """The linear part of the coordinates, for standardised features: shape (D, rank)."""
    scale, directions = _principal_components(standard)
    if order == "pca_whiten":
        return directions.T / scale
    if order == "whiten_pca":
        whiten = directions.T / scale @ directions
        return whiten @ _principal_components(standard @ whiten)[1].T
    return directions.T


def _principal_components(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviations (r,) and directions (r, D) of the r components that vary, the widest first."""
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    rank = int((values > _CONSTANT * values[0]).sum())
    return values[:rank] / np.sqrt(len(centred)), directions[:rank]
