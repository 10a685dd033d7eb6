"""Projected gradient descent at a signal-to-noise ratio: each clip has the L2 ball of that ratio."""

from __future__ import annotations

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor

from art_audio_ext.attacks.evasion.at_snr import AttackAtSNR
from art_audio_ext.attacks.evasion.clip_gradients import ClipGradients
from art_audio_ext.attacks.evasion.white_box import check_whole
from art_audio_ext.functional.adversarial_losses import LOSSES, adversarial_loss
from art_audio_ext.functional.projected_gradient import projected_ascent


class PGDAtSNR(AttackAtSNR):
    """
    Steps of steepest ascent in L2, each projected onto the ball of radius |x|_2 10^(-snr/20) around the clip (Madry et
    al., 2018). The ratio is a limit: a clip may end within the ball.

    | Paper link: https://arxiv.org/abs/1706.06083
    """

    title = "PGD"
    one_line = False
    attack_params = [  # noqa: RUF012  # ART's own form
        *AttackAtSNR.attack_params,
        "snr_db",
        "max_iter",
        "loss",
        "targeted",
        "batch_size",
        "verbose",
    ]
    _estimator_requirements = (PyTorchClassifier,)

    def __init__(
        self,
        estimator: PyTorchClassifier,
        *,
        snr_db: float = 40.0,
        max_iter: int = 10,
        loss: str = "margin",
        targeted: bool = False,
        batch_size: int = 32,
        verbose: bool = True,
    ) -> None:
        """
        :param estimator: An ART classifier of waveforms (N, L) that returns logits or log-probabilities.
        :param snr_db: Least signal-to-noise ratio over the whole clip, in dB.
        :param max_iter: Steps; each is 2.5 radii over their number, so that the ball can be crossed.
        :param loss: What is climbed, see `adversarial_loss`.
        :param targeted: `y` is what clips shall be called.
        :param batch_size: Clips at a time.
        :param verbose: Show progress.
        :raises ValueError: If an option is unusable, or the preprocessing is not all PyTorch's.
        """
        super().__init__(estimator=estimator)
        self.snr_db = snr_db
        self.max_iter = max_iter
        self.loss = loss
        self._targeted = targeted
        self.batch_size = batch_size
        self.verbose = verbose
        self._check_params()

    def at_snr(self, x: np.ndarray, labels: np.ndarray, snr_db: np.ndarray) -> np.ndarray:
        """See the base."""
        points, wanted = self._tensor(x), self._tensor(labels)
        engine, sign = ClipGradients(self.estimator, self.batch_size), -1.0 if self.targeted else 1.0
        share = torch.as_tensor(10 ** (-np.asarray(snr_db) / 20), dtype=points.dtype, device=points.device)
        radius = points.norm(dim=1, keepdim=True) * share[:, None]

        def slope(at: Tensor, rows: Tensor, step: int) -> tuple[Tensor, None]:
            losses = sign * engine.gradient(at, lambda z, k: adversarial_loss(z, wanted[rows[k]], self.loss))[0]
            return losses, None

        found: np.ndarray = (
            projected_ascent(
                points,
                slope,
                eps=radius,
                eps_step=radius * (2.5 / self.max_iter),
                steps=self.max_iter,
                norm="2",
                clip_values=self._bounds(),
            )
            .cpu()
            .numpy()
        )
        return found

    def directions(self, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """See the base: from the clip to where the attack at `snr_db` ends."""
        return self.at_snr(x, labels, np.full(len(x), float(self.snr_db))) - x

    def _steps(self) -> int:
        return self.max_iter

    def _passes(self) -> int:
        return self.max_iter

    def _check_params(self) -> None:
        super()._check_params()
        self._check_white_box()
        check_whole(self.max_iter, "max_iter", 1)
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {self.loss!r}")
