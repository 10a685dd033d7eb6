"""White noise at a signal-to-noise ratio: the baseline that knows nothing of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
from art.estimators.classification.classifier import ClassifierMixin
from art.estimators.estimator import BaseEstimator

from art_audio_ext.attacks.evasion.at_snr import AttackAtSNR
from art_audio_ext.attacks.evasion.white_box import check_whole
from art_audio_ext.functional.mixing import keyed_number


class WhiteNoise(AttackAtSNR):
    """
    Adds Gaussian noise of the same level to every sample (Subramanian et al., 2019, section 2.1).

    A clip's noise is drawn from the seed and its own samples: alone or in a batch, it gets the same.

    | Paper link: https://arxiv.org/abs/1912.10055
    """

    title = "white noise"
    attack_params = [  # noqa: RUF012  # ART's own form
        *AttackAtSNR.attack_params,
        "snr_db",
        "batch_size",
        "seed",
        "verbose",
    ]
    _estimator_requirements = (BaseEstimator, ClassifierMixin)

    def __init__(
        self, estimator: Any, *, snr_db: float = 20.0, batch_size: int = 128, seed: int = 0, verbose: bool = True
    ) -> None:
        """
        :param estimator: Any ART classifier of waveforms (N, L); it is asked for the report alone.
        :param snr_db: Signal-to-noise ratio over the whole clip, in dB.
        :param batch_size: Clips at a time.
        :param seed: Of the noise.
        :param verbose: Show progress.
        :raises ValueError: If an option is unusable.
        """
        super().__init__(estimator=estimator)
        self.snr_db = snr_db
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose
        self._check_params()

    def directions(self, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """See the base."""
        return np.stack([np.random.default_rng(keyed_number(clip, self.seed)).standard_normal(len(clip)) for clip in x])

    def _passes(self) -> int:
        return 0

    def _check_params(self) -> None:
        super()._check_params()
        check_whole(self.seed, "seed", 0)
