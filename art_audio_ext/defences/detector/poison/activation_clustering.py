"""Activation clustering, tuned: ART's filter with its known faults removed, so that a comparison is fair to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from art_audio_ext.defences.detector.poison.feature_filter import FeatureFilter, check_number, check_whole

if TYPE_CHECKING:
    from art.utils import CLASSIFIER_NEURALNETWORK_TYPE


class TunedActivationClustering(FeatureFilter):
    """
    Activation clustering with seeded, restarted 2-means that flags a cluster only if it is small.

    ART's default flags the smaller half of every class, poisoned or not, and its own "relative-size" analysis, the
    remedy, fails on current NumPy. Here the smaller cluster is flagged if it holds under `size_threshold` of the class.

    | Paper link: https://arxiv.org/abs/1811.03728
    """

    defence_params = [  # noqa: RUF012  (a list, as ART has it)
        *FeatureFilter.defence_params,
        "nb_dims",
        "n_init",
        "size_threshold",
        "seed",
    ]

    def __init__(
        self,
        classifier: CLASSIFIER_NEURALNETWORK_TYPE,
        x_train: np.ndarray,
        y_train: np.ndarray,
        *,
        nb_dims: int = 10,
        n_init: int = 10,
        size_threshold: float = 0.35,
        seed: int = 0,
    ) -> None:
        """
        :param classifier: An ART neural network classifier, trained on the data.
        :param x_train: Waveforms (N, L) in [-1, 1]; a memory map is read a batch at a time.
        :param y_train: Class indices (N,) or one-hot rows (N, C).
        :param nb_dims: Principal components kept, fewer where a class or the features have fewer.
        :param n_init: Starts of 2-means; the best is taken.
        :param size_threshold: Share of its class below which the smaller cluster is taken for poison, in [0, 1].
        :param seed: Of PCA and 2-means.
        :raises ValueError: If the data or an option is unusable.
        """
        self.nb_dims = nb_dims
        self.n_init = n_init
        self.size_threshold = size_threshold
        self.seed = seed
        super().__init__(classifier, x_train, y_train)

    def _check_params(self) -> None:
        super()._check_params()
        check_whole("nb_dims", self.nb_dims, 1)
        check_whole("n_init", self.n_init, 1)
        check_number("size_threshold", self.size_threshold, 0, 1)
        check_whole("seed", self.seed, 0)

    def score_class(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        :param features: Of one class (n, D), n >= 3.
        :return: Scores in [-1, 1] (n,), 1 = at the centre of the smaller cluster, and that cluster if it is small.
        """
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
