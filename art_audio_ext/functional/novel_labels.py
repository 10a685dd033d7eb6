"""Which clips of a class belong to what was found in it: a first guess refined over all windows that show it."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import Tensor

from art_audio_ext.functional.packed_gaussians import features, log_density_rows

FOLDS = 5
SEPARATES = 0.93  # AUC from which a window is used
DEGREES = 8.0
LEAST_SIDE = 2 * FOLDS
_PASSES = 2
_MOST = 15.0  # nats that the windows may say
_LOGISTIC = 3.0
_PRIOR_MASS = (10.0, 16.0)  # of the other clips, of the suspects


def refine_labels(windows: np.ndarray, suspects: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """
    Re-label the clips of one class, each by fits that never saw it, twice over.

    A pass takes the windows where a Gaussian of the suspects against one of the other clips separates the labels with
    an AUC of at least 0.93 (the best one, if none does). On these it adds the log-ratio of two Student-t distributions
    with 8 degrees of freedom, summed over windows and clipped to +-15, and 3 x a logistic regression.

    On 260 spoken words with 10% poison it raised the mean adjusted Rand index of six attacks each from .91 to .95
    (clap), .83 to .90 (quiet whistle) and .95 to .99 (whistle). With under about 15 suspects it can also lower it.

    :param windows: Whitened tokens of the class, shape (T, n, D).
    :param suspects: The first guess, bool (n,).
    :param rng: Of the folds.
    :return: Log odds (n,), a suspect has more than 0; None where fewer than 10 clips are left on one side.
    """
    x = torch.from_numpy(np.asarray(windows, dtype=np.float64))
    odds = None
    for _ in range(_PASSES):
        if min(suspects.sum(), (~suspects).sum()) < LEAST_SIDE:
            break
        folds = _stratified_folds(suspects, rng)
        normal, heavy = _log_ratios(x, suspects, folds)
        separation = np.array([roc_auc_score(suspects, ratio) for ratio in normal])
        used = (separation >= SEPARATES) | (separation == separation.max())
        together = np.concatenate(list(x[torch.from_numpy(used)].numpy()), 1)
        share = suspects.mean()
        odds = np.clip(heavy[used].sum(0) + np.log(share / (1 - share)), -_MOST, _MOST)
        odds = odds + _LOGISTIC * _logistic(together, suspects, folds)
        suspects = odds > 0
    return odds


def _stratified_folds(suspects: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The fold of each clip, (n,), with the same share of suspects in each."""
    folds = np.zeros(len(suspects), dtype=np.int64)
    for side in (suspects, ~suspects):
        folds[side] = rng.permutation(int(side.sum())) % FOLDS
    return folds


def _log_ratios(x: Tensor, suspects: np.ndarray, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-ratio of suspects to others in each window, (T, n) each: by Gaussians, by Student-t distributions."""
    table, dims = features(x), x.shape[2]
    held = folds == np.arange(FOLDS)[:, None]
    own = torch.from_numpy(held.T)
    log_density, log_student = [], []
    for side, prior_mass in zip((~suspects, suspects), _PRIOR_MASS, strict=True):
        fitted = torch.from_numpy((~held & side).astype(np.float64))
        moments = fitted @ table  # (T, folds, F)
        rows = log_density_rows(moments, dims, prior_mass)
        mean = moments[..., -dims - 1 : -1] / moments[..., -1:]
        peak = (features(mean) * rows).sum(-1)[:, None]
        density = table @ rows.transpose(1, 2)
        distance = (2 * (peak - density)).clamp(min=0)
        # both sides have the same degrees of freedom, so that the constants cancel; the covariance is the Gaussian's
        tail = peak - (DEGREES + dims) / 2 * torch.log1p(distance / (DEGREES - 2))
        log_density.append(density[:, own].numpy())
        log_student.append(tail[:, own].numpy())
    return log_density[1] - log_density[0], log_student[1] - log_student[0]


def _logistic(x: np.ndarray, suspects: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Log odds of each clip by a logistic regression fitted to the other folds, (n,)."""
    odds = np.zeros(len(x))
    for fold in range(FOLDS):
        held = folds == fold
        fit = LogisticRegression(max_iter=1000).fit(x[~held], suspects[~held])
        odds[held] = fit.decision_function(x[held])
    return odds
