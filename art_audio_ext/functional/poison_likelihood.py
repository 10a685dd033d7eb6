"""The paper's poison likelihood score: 2-means in each class, cross log-likelihood, a vote, outliers over classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from art_audio_ext.functional.gaussian import fit_gaussian, negative_log_likelihood
from art_audio_ext.functional.latents import ORDERS, check_latents, prepare
from art_audio_ext.functional.outliers import MODIFIED_Z, class_outliers, comparable_classes, flag_outliers
from art_audio_ext.functional.poison_scores import PoisonScores

AGGREGATES = ("mean", "median")
SAMPLES_PER_DIMENSION = 3  # fewer samples than this times the dimensions: the empirical covariance is unusable


@dataclass(frozen=True)
class _ClassScore:
    """One class: the score of every trial, and what was decided on the way."""

    trial_scores: np.ndarray  # (trials,)
    details: dict[str, Any]


@dataclass(frozen=True)
class _Clustering:
    """One prepared class, split in two once a trial."""

    vectors: np.ndarray  # (n, d)
    sides: np.ndarray  # (trials, n) bool

    @property
    def smaller(self) -> np.ndarray:
        """Size of the smaller cluster of each trial, (trials,)."""
        return np.minimum(self.sides.sum(1), (~self.sides).sum(1))

    @property
    def allows_empirical(self) -> bool:
        """Whether every cluster has enough samples for an empirical covariance."""
        return bool(self.smaller.min() >= SAMPLES_PER_DIMENSION * self.vectors.shape[1])


def poison_likelihood_scores(
    latents: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int,
    trials: int = 10,
    dims: int = 24,
    order: str = "standardise_pca",
    aggregate: str = "mean",
    threshold: float = 3.5,
    ignore_classes: Collection[int] = (),
) -> PoisonScores:
    """
    Score each class by how badly each of its two clusters explains the other (equation 1), and split it by a vote.

    Source: the paper on variational autoencoders against backdoor poisoning, section 3. It needs classes of thousands:
    at a few hundred samples a class speaker and noise dominate 2-means, and the score is known to fail.

    A suspect is a sample that lies in the smaller cluster in more than half of the trials; a tie is not one. Classes
    under 4 samples, without any variance, or in `ignore_classes` have the median score, no spread and no suspects.

    :param latents: One vector a sample, shape (N, D), finite.
    :param labels: Class indices (N,), or one-hot rows (N, C).
    :param seed: Of the 2-means initialisations; each class and trial has its own, derived from it.
    :param trials: Clusterings a class.
    :param dims: Principal components kept; at most n - 1 of a class of n samples.
    :param order: How a class is prepared, see :func:`prepare`.
    :param aggregate: "mean" over trials, as in the paper, or "median".
    :param threshold: On the modified z-score over classes, see :func:`flag_outliers`. The paper states no rule.
    :param ignore_classes: Labels to leave out of the comparison: the paper leaves its noise class out.
    :return: Scores of classes and samples; `details` has the settings, the guards that acted and `highest_class`.
    :raises ValueError: If an input or an option is unusable, or fewer than 3 classes can be compared.
    """
    latents, labels = check_latents(latents, labels)
    settings = {"trials": trials, "dims": dims, "order": order, "aggregate": aggregate, "threshold": threshold}
    check_likelihood_options(seed=seed, ignore_classes=ignore_classes, **settings)  # type: ignore[arg-type]
    settings |= {"seed": int(seed), "trials": int(trials), "dims": int(dims), "threshold": float(threshold)}
    present, scored, notes = comparable_classes(labels, ignore_classes)
    sample_scores = np.zeros(len(labels))
    clustered: dict[int, _Clustering] = {}
    with threadpool_limits(limits=1):  # sums over several threads come in no fixed order: not the same bytes twice
        for label in present[scored].tolist():
            rows = np.flatnonzero(labels == label)
            prepared = prepare(latents[rows], dims, order)
            if prepared.shape[1] == 0:
                notes.append(f"class {label} has no variance (all its latents are equal): it was not scored")
                continue
            seeds = np.random.SeedSequence([seed, label]).generate_state(trials)
            clustered[label] = _cluster_class(prepared, [int(s) for s in seeds])
            sample_scores[rows] = vote(prepared, clustered[label].sides)
        # One estimator for all: scores under different ones differ by more than poison makes them differ.
        empirical = all(clustering.allows_empirical for clustering in clustered.values())
        results = {label: _score_class(clustering, empirical) for label, clustering in clustered.items()}
    # classes without variance count as classes left out: enough others must remain
    comparable_classes(labels, set(ignore_classes) | (set(present[scored].tolist()) - set(results)))
    return _compare(present, results, sample_scores, {"score": "pls", **settings, "notes": notes})


def cross_log_likelihood(vectors: np.ndarray, side: np.ndarray, empirical: bool) -> tuple[float, str]:
    """
    The score of one clustering, equation 1: each cluster's mean negative log-likelihood under the other's Gaussian.

    :param vectors: Shape (n, d).
    :param side: Which cluster each is in, bool (n,), both of them occupied.
    :param empirical: Empirical covariances, which want at least 3 samples a dimension; else Ledoit-Wolf.
    :return: The score in nats, and the estimator that the smaller cluster got.
    """
    parts = sorted((vectors[side], vectors[~side]), key=len)
    whole = np.atleast_2d(np.cov(vectors, rowvar=False, bias=True))
    small, large = (fit_gaussian(part, empirical, whole) for part in parts)
    forward = negative_log_likelihood(parts[1], small).mean()
    backward = negative_log_likelihood(parts[0], large).mean()
    return float(forward + backward) / 2, small.estimator


def vote(vectors: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """
    Merge clusterings into one soft label: align each to the first, average, and point it at the smaller cluster.

    Of two clusters of exactly equal size the more compact one counts as the smaller: a trigger makes clips alike.

    :param vectors: Shape (n, d), to compare compactness.
    :param sides: The cluster of each sample in each trial, bool (trials, n).
    :return: Share of trials in which each sample is in the smaller cluster, shape (n,); above 0.5 it is a suspect.
    """
    agreement = (sides == sides[0]).mean(1)
    soft = np.where((agreement < 0.5)[:, None], ~sides, sides).mean(0)
    first, second = soft > 0.5, soft < 0.5  # an exact half belongs to neither
    if first.sum() == second.sum():
        return soft if _mean_scatter(vectors[first]) <= _mean_scatter(vectors[second]) else 1 - soft
    return soft if first.sum() < second.sum() else 1 - soft


def _cluster_class(vectors: np.ndarray, seeds: list[int]) -> _Clustering:
    """Split one prepared class in two, once a seed."""
    sides = [KMeans(2, n_init=1, random_state=seed).fit_predict(vectors).astype(bool) for seed in seeds]
    return _Clustering(vectors, np.array(sides))


def _score_class(clustering: _Clustering, empirical: bool) -> _ClassScore:
    """Score every clustering of one class."""
    scored = [cross_log_likelihood(clustering.vectors, side, empirical) for side in clustering.sides]
    details = {
        "dims": clustering.vectors.shape[1],
        "covariance": dict(Counter(estimator for _, estimator in scored)),
        "smaller_cluster": [int(clustering.smaller.min()), int(clustering.smaller.max())],
    }
    return _ClassScore(np.array([score for score, _ in scored]), details)


def _compare(
    present: np.ndarray, results: dict[int, _ClassScore], sample_scores: np.ndarray, details: dict[str, Any]
) -> PoisonScores:
    """Put class scores side by side and flag the outliers; classes without a score have the median."""
    aggregate = np.median if details["aggregate"] == "median" else np.mean
    scores = np.array([aggregate(result.trial_scores) for result in results.values()])
    where = np.isin(present, list(results))
    class_scores, spread, outlier = np.full(len(present), np.median(scores)), *np.zeros((2, len(present)))
    class_scores[where] = scores
    spread[where] = [result.trial_scores.std() for result in results.values()]
    outlier[where] = class_outliers(scores)
    details = details | {
        "outlier_threshold": details["threshold"] / MODIFIED_Z,
        "highest_class": int(list(results)[int(scores.argmax())]),
        "scored_classes": list(results),
        "classes": {str(label): result.details for label, result in results.items()},
    }
    return PoisonScores(
        classes=present.astype(np.int64),
        class_scores=class_scores,
        class_spread=spread,
        class_outlier=outlier,
        flagged=where & flag_outliers(outlier, details["threshold"]),
        sample_scores=sample_scores,
        suspects=sample_scores > 0.5,
        details=details,
    )


def _mean_scatter(vectors: np.ndarray) -> float:
    """Mean squared distance to the centre."""
    return float(vectors.var(0).sum()) if len(vectors) else 0.0


def check_likelihood_options(
    *,
    seed: int,
    trials: int,
    dims: int,
    order: str,
    aggregate: str,
    threshold: float,
    ignore_classes: Collection[int],
) -> None:
    """
    Refuse an option of :func:`poison_likelihood_scores` that is out of range, by name.

    :raises ValueError: For the first one found.
    """
    for name, value, least in (("seed", seed, 0), ("trials", trials, 1), ("dims", dims, 1)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    if order not in ORDERS:
        raise ValueError(f"unknown order {order!r}: choose one of {', '.join(ORDERS)}")
    if aggregate not in AGGREGATES:
        raise ValueError(f"unknown aggregate {aggregate!r}: choose one of {', '.join(AGGREGATES)}")
    if isinstance(threshold, str) or not np.isfinite(threshold) or threshold <= 0:
        raise ValueError(f"threshold must be a positive number, got {threshold!r}")
    if isinstance(ignore_classes, str) or not all(isinstance(c, (int, np.integer)) for c in ignore_classes):
        raise ValueError(f"ignore_classes must be a list of class indices, got {ignore_classes!r}")
