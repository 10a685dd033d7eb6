"""The paper's poison likelihood score: 2-means in each class, cross log-likelihood, a vote, outliers over classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from art_audio_ext.functional.class_trials import Clustering, Sample, draw_samples, split_class
from art_audio_ext.functional.gaussian import fit_gaussian, negative_log_likelihood
from art_audio_ext.functional.latents import ORDERS, check_latents
from art_audio_ext.functional.outliers import (
    MODIFIED_Z,
    SAMPLES_PER_DIMENSION,
    check_enough_classes,
    class_outliers,
    comparable_classes,
    flag_outliers,
)
from art_audio_ext.functional.poison_scores import PoisonScores

AGGREGATES = ("mean", "median")


@dataclass(frozen=True)
class _ClassScore:
    """One class: the score of every trial, and what was decided on the way."""

    trial_scores: np.ndarray  # (trials,)
    details: dict[str, Any]


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

    Ours is what makes classes of unequal size comparable. All have one number of dimensions and one covariance
    estimator. Each trial is fitted to, and scored on, a random sample of its class of the size of the smallest class
    compared; every other member goes to the nearer of the two centres. Where all sizes are equal this is the paper's
    score. Classes under half the median size, or under 3 samples a dimension, are left out.

    A suspect is a sample that lies in the smaller cluster in more than half of the trials; a tie is not one. Classes
    that are too small, without variance, or in `ignore_classes` have NaN as their score and no suspects.

    :param latents: One vector a sample, shape (N, D), finite.
    :param labels: Class indices (N,), or one-hot rows (N, C).
    :param seed: Of the 2-means initialisations; each class and trial has its own, derived from it.
    :param trials: Clusterings a class.
    :param dims: Principal components kept, in every class alike: at most a third of the median class size, and the
        rank of the median class.
    :param order: How a class is prepared, see `fit_coordinates`.
    :param aggregate: "mean" over trials, as in the paper, or "median".
    :param threshold: On the modified z-score over classes, see :func:`flag_outliers`. The paper states no rule.
    :param ignore_classes: Labels to leave out of the comparison: the paper leaves its noise class out.
    :return: Scores of classes and samples; `details` has the settings, the guards that acted (`dims_used`,
        `clips_a_trial`, `notes`) and `highest_class`.
    :raises ValueError: If an input or an option is unusable, or fewer than 3 classes can be compared.
    """
    latents, labels = check_latents(latents, labels)
    settings = {"trials": trials, "dims": dims, "order": order, "aggregate": aggregate, "threshold": threshold}
    check_likelihood_options(seed=seed, ignore_classes=ignore_classes, **settings)  # type: ignore[arg-type]
    settings |= {"seed": int(seed), "trials": int(trials), "dims": int(dims), "threshold": float(threshold)}
    settings["ignore_classes"] = sorted({int(c) for c in ignore_classes})
    present, scored, dims, notes = comparable_classes(labels, ignore_classes, dims)
    members = {label: np.flatnonzero(labels == label) for label in present[scored].tolist()}
    size = min(len(rows) for rows in members.values())
    sample_scores = np.zeros(len(labels))
    clusterings: dict[int, Clustering] = {}
    with threadpool_limits(limits=1):  # sums over several threads come in no fixed order: not the same bytes twice
        samples = {
            label: draw_samples(latents[rows], size, trials, _seeds(seed, label).spawn(1)[0], dims, order)
            for label, rows in members.items()
        }
        samples, dims = _of_one_dimension(samples, notes)
        for label, drawn in samples.items():
            vectors = latents[members[label]]
            seeds = [int(s) for s in _seeds(seed, label).generate_state(trials)]
            clusterings[label] = split_class(vectors, drawn, seeds)
            sample_scores[members[label]] = vote(drawn[0].coordinates(vectors), clusterings[label].sides)
        # One estimator for all: scores under different ones differ by more than poison makes them differ.
        empirical = min(c.smaller.min() for c in clusterings.values()) >= SAMPLES_PER_DIMENSION * dims
        results = {label: _score_class(clustering, bool(empirical)) for label, clustering in clusterings.items()}
    settings |= {"score": "pls", "dims_used": dims, "clips_a_trial": size, "notes": notes}
    return _compare(present, results, sample_scores, settings)


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


def _seeds(seed: int, label: int) -> np.random.SeedSequence:
    """What all random choices in a class derive from: it does not depend on the other classes."""
    return np.random.SeedSequence([seed, label])


def _of_one_dimension(samples: dict[int, list[Sample]], notes: list[str]) -> tuple[dict[int, list[Sample]], int]:
    """Cut the coordinates of every trial to one dimension, and drop the classes that have fewer, with a note."""
    ranks = {label: min(s.coordinates.matrix.shape[1] for s in drawn) for label, drawn in samples.items()}
    dims = int(np.median([rank for rank in ranks.values() if rank] or [1]))
    for label in [label for label, rank in ranks.items() if rank < dims]:
        how = "not at all (all are equal)" if ranks[label] == 0 else f"in {ranks[label]} directions of {dims}"
        notes.append(f"Class {label} was not scored, and poison in it cannot be seen: its latents vary {how}.")
    kept = {
        label: [Sample(s.rows, s.coordinates.leading(dims)) for s in drawn]
        for label, drawn in samples.items()
        if ranks[label] >= dims
    }
    check_enough_classes(len(kept), f"of {len(samples)}: the latents of the others hardly vary")
    return kept, dims


def _score_class(clustering: Clustering, empirical: bool) -> _ClassScore:
    """Score every clustering of one class."""
    scored = [cross_log_likelihood(vectors, side, empirical) for vectors, side in clustering.parts]
    details = {
        "covariance": dict(Counter(estimator for _, estimator in scored)),
        "smaller_cluster": [int(clustering.smaller.min()), int(clustering.smaller.max())],
    }
    return _ClassScore(np.array([score for score, _ in scored]), details)


def _compare(
    present: np.ndarray, results: dict[int, _ClassScore], sample_scores: np.ndarray, details: dict[str, Any]
) -> PoisonScores:
    """Put class scores side by side and flag the outliers; classes that were not scored have NaN."""
    aggregate = np.median if details["aggregate"] == "median" else np.mean
    scores = np.array([aggregate(result.trial_scores) for result in results.values()])
    where = np.isin(present, list(results))
    class_scores, spread, outlier = np.full((3, len(present)), np.nan)
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
        flagged=flag_outliers(outlier, details["threshold"]),
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
