"""The fast gradient sign method at a signal-to-noise ratio: each clip has the `eps` that gives it that ratio."""

from __future__ import annotations

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier

from art_audio_ext.attacks.evasion.at_snr import AttackAtSNR
from art_audio_ext.attacks.evasion.clip_gradients import ClipGradients
from art_audio_ext.functional.adversarial_losses import adversarial_loss


class FGSMAtSNR(AttackAtSNR):
    """
    One step of length `eps` along the sign of the gradient of the cross-entropy (Goodfellow et al., 2015, section 4).

    `eps` is |x|_2 10^(-snr/20) / sqrt(number of samples that have a gradient), and larger where samples stop at the
    clip values: it is found for each clip, in closed form, so that the ratio of clip to change is `snr_db`.

    | Paper link: https://arxiv.org/abs/1412.6572
    """

    title = "FGSM"
    attack_params = [  # noqa: RUF012  # ART's own form
        *AttackAtSNR.attack_params,
        "snr_db",
        "targeted",
        "batch_size",
        "verbose",
    ]
    _estimator_requirements = (PyTorchClassifier,)

    def __init__(
        self,
        estimator: PyTorchClassifier,
        *,
        snr_db: float = 20.0,
        targeted: bool = False,
        batch_size: int = 32,
        verbose: bool = True,
    ) -> None:
        """
        :param estimator: An ART classifier of waveforms (N, L) that returns logits or log-probabilities.
        :param snr_db: Signal-to-noise ratio over the whole clip, in dB.
        :param targeted: `y` is what clips shall be called.
        :param batch_size: Clips at a time.
        :param verbose: Show progress.
        :raises ValueError: If an option is unusable, or the preprocessing is not all PyTorch's.
        """
        super().__init__(estimator=estimator)
        self.snr_db = snr_db
        self._targeted = targeted
        self.batch_size = batch_size
        self.verbose = verbose
        self._check_params()

    def directions(self, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """See the base."""
        points, wanted = self._tensor(x), self._tensor(labels)
        engine = ClipGradients(self.estimator, self.batch_size)
        slopes, _ = engine.gradient(points, lambda logits, at: adversarial_loss(logits, wanted[at], "cross_entropy"))
        signs: np.ndarray = torch.sign(slopes).cpu().numpy()
        return -signs if self.targeted else signs

    def _check_params(self) -> None:
        super()._check_params()
        self._check_white_box()
