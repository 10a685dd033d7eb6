"""The L2 attack of Carlini and Wagner on sound: batched, steps and constants in the clip's own measure."""

from __future__ import annotations

import numpy as np
from art.estimators.classification import PyTorchClassifier
from torch import Tensor

from art_audio_ext.attacks.evasion.clip_gradients import ClipGradients
from art_audio_ext.attacks.evasion.reported import ReportedEvasion, check_number
from art_audio_ext.attacks.evasion.white_box import check_whole
from art_audio_ext.functional.adversarial_losses import adversarial_loss
from art_audio_ext.functional.carlini_search import carlini_search


class AudioCarliniL2(ReportedEvasion):
    """
    The smallest |change|^2 + c max(margin + confidence, 0), c searched for each clip (Carlini and Wagner, 2017).

    A clip for which nothing is found is left as it is; its report says so.

    | Paper link: https://arxiv.org/abs/1608.04644
    """

    title = "C&W L2"
    attack_params = [  # noqa: RUF012  # ART's own form
        *ReportedEvasion.attack_params,
        "confidence",
        "targeted",
        "learning_rate",
        "max_iter",
        "binary_search_steps",
        "initial_const",
        "batch_size",
        "verbose",
    ]
    _estimator_requirements = (PyTorchClassifier,)

    def __init__(
        self,
        estimator: PyTorchClassifier,
        *,
        confidence: float = 1e-3,
        targeted: bool = False,
        learning_rate: float = 2.0,
        max_iter: int = 50,
        binary_search_steps: int = 6,
        initial_const: float | None = None,
        batch_size: int = 16,
        verbose: bool = True,
    ) -> None:
        """
        :param estimator: An ART classifier of waveforms (N, L) that returns logits or log-probabilities.
        :param confidence: By how much the new class must lead, in units of the scores. Of the default nobody hears
            anything; at 0 a point lies on the boundary, where the rounding of another batch may call it back.
        :param targeted: `y` is what clips shall be called.
        :param learning_rate: First step in units of the change that a linear model would need, see `carlini_search`.
        :param max_iter: Steps for each constant.
        :param binary_search_steps: How many constants.
        :param initial_const: First constant; None is each clip's own.
        :param batch_size: Clips at a time.
        :param verbose: Show progress.
        :raises ValueError: If an option is unusable, or the preprocessing is not all PyTorch's.
        """
        super().__init__(estimator=estimator)
        self.confidence = confidence
        self._targeted = targeted
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.binary_search_steps = binary_search_steps
        self.initial_const = initial_const
        self.batch_size = batch_size
        self.verbose = verbose
        self._check_params()

    def _attack(self, x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        engine, wanted = ClipGradients(self.estimator, self.batch_size), self._tensor(labels)
        sign = 1.0 if self.targeted else -1.0

        def margins(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
            def losses(logits: Tensor, at: Tensor) -> Tensor:
                return sign * adversarial_loss(logits, wanted[rows[at]], "margin")

            slopes, logits = engine.gradient(points, losses)
            return sign * adversarial_loss(logits, wanted[rows], "margin") + self.confidence, slopes

        found = carlini_search(
            self._tensor(x),
            margins,
            bounds=self._bounds(),
            steps=self.max_iter,
            searches=self.binary_search_steps,
            learning_rate=self.learning_rate,
            initial_const=self.initial_const,
        )
        steps = found.iterations.cpu().numpy()
        return found.points.cpu().numpy(), steps, steps

    def _check_params(self) -> None:
        self._check_common()
        self._check_white_box()
        for name in ("max_iter", "binary_search_steps"):
            check_whole(getattr(self, name), name, 1)
        check_number(self.confidence, "confidence", 0, 1e6)
        check_number(self.learning_rate, "learning_rate", 1e-12, 1e3)
        if self.initial_const is not None:
            check_number(self.initial_const, "initial_const", 1e-12, 1e12)
