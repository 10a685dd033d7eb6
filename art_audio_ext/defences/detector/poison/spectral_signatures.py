"""Spectral signatures, tuned: ART's filter with its known faults removed, so that a comparison is fair to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from art_audio_ext.defences.detector.poison.feature_filter import FeatureFilter, check_number

if TYPE_CHECKING:
    from art.utils import CLASSIFIER_NEURALNETWORK_TYPE


class TunedSpectralSignatures(FeatureFilter):
    """
    Spectral signatures with centred scores, as the paper has them, that removes a stated share of every class.

    ART projects features that were not centred onto a direction that was found on centred ones, and by default removes
    half of every class. Here `expected_pp_poison` is told by the person: the comparison tells it the true share. Every
    class loses `eps_multiplier` times that, the clean ones too.

    | Paper link: https://arxiv.org/abs/1811.00636, algorithm 1
    """

    defence_params = [  # noqa: RUF012  (a list, as ART has it)
        *FeatureFilter.defence_params,
        "expected_pp_poison",
        "eps_multiplier",
    ]

    def __init__(
        self,
        classifier: CLASSIFIER_NEURALNETWORK_TYPE,
        x_train: np.ndarray,
        y_train: np.ndarray,
        *,
        expected_pp_poison: float = 0.1,
        eps_multiplier: float = 1.5,
    ) -> None:
        """
        :param classifier: An ART neural network classifier, trained on the data.
        :param x_train: Waveforms (N, L) in [-1, 1]; a memory map is read a batch at a time.
        :param y_train: Class indices (N,) or one-hot rows (N, C).
        :param expected_pp_poison: Share of poison expected in a class, in [0, 1].
        :param eps_multiplier: So many times that share is removed of every class; at least 0.
        :raises ValueError: If the data or an option is unusable.
        """
        self.expected_pp_poison = expected_pp_poison
        self.eps_multiplier = eps_multiplier
        super().__init__(classifier, x_train, y_train)

    def _check_params(self) -> None:
        super()._check_params()
        check_number("expected_pp_poison", self.expected_pp_poison, 0, 1)
        check_number("eps_multiplier", self.eps_multiplier, 0, 1000)

    def score_class(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        :param features: Of one class (n, D), n >= 3.
        :return: Distance from the mean along the leading direction (n,), and the clips in which it is largest.
        """
        centred = features - features.mean(0)
        direction = np.linalg.svd(centred, full_matrices=False)[2][0]
        scores = np.abs(centred @ direction)
        count = min(len(scores), round(self.eps_multiplier * self.expected_pp_poison * len(scores)))
        suspects = np.zeros(len(scores), dtype=bool)
        suspects[np.argsort(-scores, kind="stable")[:count]] = True
        return scores, suspects
