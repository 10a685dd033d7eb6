"""Gaussians fitted to small sets of vectors, with guards, and the negative log-likelihood of others under them."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from sklearn.covariance import ledoit_wolf

TOO_FEW_FOR_A_COVARIANCE = 4
_RIDGE = 1e-3


class Gaussian(NamedTuple):
    """A multivariate normal, and how its covariance came about."""

    mean: np.ndarray  # (D,)
    factor: np.ndarray  # (D, D), lower Cholesky factor of the covariance
    estimator: str  # "empirical", "ledoit_wolf" or "class", followed by "+ridge" where a guard had to act


def fit_gaussian(vectors: np.ndarray, empirical: bool, fallback: np.ndarray) -> Gaussian:
    """
    Fit a Gaussian by maximum likelihood, or with a Ledoit-Wolf covariance, whatever the number of vectors.

    Fewer than 4 vectors say nothing about a covariance (Ledoit-Wolf of 2 is singular): they get `fallback`. A
    covariance that is still singular gets a ridge of 1e-3 of the mean variance of `fallback`.

    :param vectors: Shape (n, D), n >= 1.
    :param empirical: The maximum likelihood covariance, which needs several times more vectors than dimensions; else
        Ledoit-Wolf (O. Ledoit and M. Wolf, A well-conditioned estimator for large-dimensional covariance matrices).
    :param fallback: A covariance (D, D) for sets too small to have one, such as that of the whole class.
    :return: Mean, Cholesky factor and the estimator used.
    """
    if len(vectors) < TOO_FEW_FOR_A_COVARIANCE:
        covariance, name = fallback, "class"
    elif empirical:
        covariance, name = np.atleast_2d(np.cov(vectors, rowvar=False, bias=True)), "empirical"
    else:
        with warnings.catch_warnings():  # a constant cluster divides zero by zero; the ridge below takes care of it
            warnings.simplefilter("ignore")
            covariance, name = np.nan_to_num(ledoit_wolf(vectors)[0]), "ledoit_wolf"
    factor, ridged = _factor(covariance, _RIDGE * fallback.trace() / len(fallback))
    return Gaussian(vectors.mean(0), factor, name + ("+ridge" if ridged else ""))


def negative_log_likelihood(vectors: np.ndarray, gaussian: Gaussian) -> np.ndarray:
    """
    Minus the natural log-density of each vector, by triangular solves rather than an inverse.

    :param vectors: Shape (n, D).
    :param gaussian: From :func:`fit_gaussian`.
    :return: Shape (n,), in nats.
    """
    white = solve_triangular(gaussian.factor, (vectors - gaussian.mean).T, lower=True)
    log_determinant = 2 * np.log(np.diag(gaussian.factor)).sum()
    return 0.5 * ((white**2).sum(0) + log_determinant + len(gaussian.mean) * np.log(2 * np.pi))


def _factor(covariance: np.ndarray, ridge: float) -> tuple[np.ndarray, bool]:
    """Lower Cholesky factor, of the covariance itself where it is safely positive definite, and whether it was not."""
    try:
        factor = cholesky(covariance, lower=True)
        # rounding lets Cholesky pass on singular matrices: its pivots then are of the order of the rounding error
        if np.diag(factor).min() ** 2 > 1e-10 * np.diag(covariance).max():
            return factor, False
    except LinAlgError:
        pass
    return cholesky(covariance + ridge * np.eye(len(covariance)), lower=True), True
