"""ART's two filters with their settings tuned and their known faults removed, so that a comparison is fair to them."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from art.defences.detector.poison import PoisonFilteringDefence
from art.defences.detector.poison.ground_truth_evaluator import GroundTruthEvaluator
from art.utils import segment_by_class
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from art_audio_ext.functional.checks import class_indices

logger = logging.getLogger(__name__)


class FeatureFilter(PoisonFilteringDefence):
    """
    A filter on what the victim's last registered layer says of each clip, class by class.

    A subclass gives `score_class`; after `detect_poison`, `sample_scores` (N,) ranks the clips: higher is more
    suspicious, comparable within a class.
    """

    def __init__(self, classifier: Any, x_train: np.ndarray, y_train: np.ndarray) -> None:
        """
        :param classifier: A trained ART neural network classifier.
        :param x_train: What it was trained on (N, ...).
        :param y_train: Class indices (N,) or one-hot rows (N, C).
        """
        super().__init__(classifier, x_train, y_train)
        self.sample_scores: np.ndarray | None = None

    def score_class(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        :param features: Of one class (n, D), n >= 3.
        :return: Scores (n,) and which of the clips are suspects, bool (n,).
        """
        raise NotImplementedError

    def detect_poison(self, **kwargs: Any) -> tuple[dict[str, Any], list[int]]:
        """
        :param kwargs: Any of `defence_params`.
        :return: A JSON-safe report by class (clips, suspects), and 1 = clean, 0 = poison in training order.
        """
        self.set_params(**kwargs)
        labels = class_indices(self.y_train, len(self.x_train), "y_train")
        layer = len(self.classifier.layer_names) - 1
        features = self.classifier.get_activations(self.x_train, layer=layer, batch_size=128)
        features = np.asarray(features, dtype=np.float64).reshape(len(labels), -1)
        self.sample_scores = np.zeros(len(labels))
        is_clean = np.ones(len(labels), dtype=int)
        report: dict[str, Any] = {}
        for label in np.unique(labels):
            rows = np.flatnonzero(labels == label)
            if len(rows) < 3:  # two clips cannot be split into a class and its outliers
                continue
            self.sample_scores[rows], suspects = self.score_class(features[rows])
            is_clean[rows[suspects]] = 0
            report[f"class_{label}"] = {"clips": len(rows), "suspects": int(suspects.sum())}
        return report, is_clean.tolist()

    def evaluate_defence(self, is_clean: np.ndarray, **kwargs: Any) -> str:
        """
        :param is_clean: 1 where a clip is clean, 0 where it is poison (N,).
        :return: ART's JSON of rates by class.
        """
        _, found = self.detect_poison(**kwargs)
        labels = class_indices(self.y_train, len(self.x_train), "y_train")
        parts = (segment_by_class(rows, labels, self.classifier.nb_classes) for rows in (found, np.asarray(is_clean)))
        return GroundTruthEvaluator().analyze_correctness(*parts)[1]

    def set_params(self, **kwargs: Any) -> None:
        """
        :raises ValueError: If a parameter is unknown; ART ignores it silently.
        """
        unknown = sorted(set(kwargs) - set(self.defence_params))
        if unknown:
            raise ValueError(f"{type(self).__name__} has no parameter {', '.join(unknown)}")
        super().set_params(**kwargs)


class TunedActivationClustering(FeatureFilter):
    """
    Activation clustering with seeded, restarted 2-means that flags a cluster only if it is small.

    ART's default flags the smaller half of every class, poisoned or not, and its own "relative-size" analysis, the
    remedy, fails on current NumPy. Here the smaller cluster is flagged if it holds under `size_threshold` of the class.

    | Paper link: https://arxiv.org/abs/1811.03728
    """

    defence_params = ["nb_dims", "n_init", "size_threshold", "seed"]  # noqa: RUF012  (a list, as ART has it)

    def __init__(self, classifier: Any, x_train: np.ndarray, y_train: np.ndarray) -> None:
        super().__init__(classifier, x_train, y_train)
        self.nb_dims, self.n_init, self.size_threshold, self.seed = 10, 10, 0.35, 0

    def score_class(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dims = min(self.nb_dims, features.shape[1], len(features) - 1)
        reduced = PCA(dims, random_state=self.seed).fit_transform(features)
        means = KMeans(2, n_init=self.n_init, random_state=self.seed).fit(reduced)
        sizes = np.bincount(means.labels_, minlength=2)
        smaller = int(sizes.argmin())
        distance = means.transform(reduced)
        total = np.maximum(distance.sum(1), 1e-12)
        scores = (distance[:, 1 - smaller] - distance[:, smaller]) / total
        flagged = sizes[smaller] / len(features) < self.size_threshold
        return scores, (means.labels_ == smaller) & flagged


class TunedSpectralSignatures(FeatureFilter):
    """
    Spectral signatures with centred scores, as the paper has them, that removes a stated share of every class.

    ART projects features that were not centred onto a direction that was found on centred ones, and by default removes
    half of every class. Here `expected_pp_poison` is told by the person: the comparison tells it the true share.

    | Paper link: https://arxiv.org/abs/1811.00636, algorithm 1
    """

    defence_params = ["expected_pp_poison", "eps_multiplier"]  # noqa: RUF012  (a list, as ART has it)

    def __init__(self, classifier: Any, x_train: np.ndarray, y_train: np.ndarray) -> None:
        super().__init__(classifier, x_train, y_train)
        self.expected_pp_poison, self.eps_multiplier = 0.1, 1.5

    def _check_params(self) -> None:
        if not 0 <= self.expected_pp_poison <= 1 or self.eps_multiplier < 0:
            raise ValueError("expected_pp_poison must lie in [0, 1] and eps_multiplier must not be negative")

    def score_class(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        centred = features - features.mean(0)
        direction = np.linalg.svd(centred, full_matrices=False)[2][0]
        scores = np.abs(centred @ direction)
        count = min(len(scores), round(self.eps_multiplier * self.expected_pp_poison * len(scores)))
        suspects = np.zeros(len(scores), dtype=bool)
        suspects[np.argsort(-scores, kind="stable")[:count]] = True
        return scores, suspects
