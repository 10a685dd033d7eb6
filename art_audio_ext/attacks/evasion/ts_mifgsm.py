"""Momentum iterative attack on time-shifted copies: an interpretation of TSMI-FGSM, whose formula is not public."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor
from tqdm.auto import tqdm

from art_audio_ext.attacks.evasion.base import AudioEvasion
from art_audio_ext.attacks.evasion.white_box import DrawnLogits, as_labels, check_whole, clip_bounds
from art_audio_ext.functional.adversarial_losses import adversarial_loss
from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.functional.projected_gradient import check_ball, projected_ascent


class TSMIFGSM(AudioEvasion):
    """
    MI-FGSM whose gradient is the mean over copies of the clip that are shifted in time, to transfer to other models.

    **An interpretation.** The DualPure paper names TSMI-FGSM with 10 shifts of up to 1000 samples, eps .004, 70 steps
    and a decay of 1, and gives no formula. Here the gradients of `shifts` copies, each moved by up to `max_shift`
    samples either way around the clip's ends, are averaged; then `g <- decay g + grad / |grad|_1` and a step of
    eps / max_iter along its sign (Dong et al., "Boosting adversarial attacks with momentum", 2018).

    | Paper link: https://arxiv.org/abs/1710.06081
    """

    attack_params = [  # noqa: RUF012  # ART's own form
        *AudioEvasion.attack_params,
        "eps",
        "max_iter",
        "decay",
        "shifts",
        "max_shift",
        "targeted",
        "batch_size",
        "seed",
        "verbose",
    ]
    _estimator_requirements = (PyTorchClassifier,)

    def __init__(
        self,
        estimator: PyTorchClassifier,
        *,
        eps: float = 0.004,
        max_iter: int = 70,
        decay: float = 1.0,
        shifts: int = 10,
        max_shift: int = 1000,
        targeted: bool = False,
        batch_size: int = 64,
        seed: int = 0,
        verbose: bool = True,
    ) -> None:
        """
        :param estimator: An ART classifier of waveforms (N, L); its preprocessing must be PyTorch's throughout.
        :param eps: Largest change of a sample; 1 is full scale.
        :param max_iter: Steps.
        :param decay: Of the momentum; 0 has none.
        :param shifts: Copies a step, the clip in its own place among them.
        :param max_shift: Largest shift in samples.
        :param targeted: `y` is what clips shall be called.
        :param batch_size: Rows of a forward pass; the copies of a clip go one after another.
        :param seed: Of the shifts.
        :param verbose: Show progress.
        :raises ValueError: If an option is unusable.
        """
        super().__init__(estimator=estimator)
        self.eps = eps
        self.max_iter = max_iter
        self.decay = decay
        self.shifts = shifts
        self.max_shift = max_shift
        self._targeted = targeted
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose
        self._check_params()

    def generate(self, x: np.ndarray, y: np.ndarray | None = None, **kwargs: Any) -> np.ndarray:
        """
        Attack clips.

        :param x: Waveforms (N, L) in [-1, 1].
        :param y: Class indices (N,) or one-hot rows (N, C); None takes the classifier's own answers.
        :param kwargs: Options of the constructor, kept for later calls too.
        :return: float32 (N, L) within `eps` of `x` and within the clip values.
        :raises ValueError: If the sound, the labels or an option is unusable, or a targeted attack has no `y`.
        """
        if kwargs:
            self.set_params(**kwargs)
        x = check_waveforms(x)
        labels = as_labels(self.estimator, x, y, self._targeted)
        generator = torch.Generator().manual_seed(self.seed)
        shifts = torch.randint(-self.max_shift, self.max_shift + 1, (self.max_iter, self.shifts), generator=generator)
        shifts[:, 0] = 0
        rows, parts = self.batch_size, []
        starts = range(0, len(x), rows)
        for at in tqdm(starts, desc="TSMI-FGSM", unit="batch", disable=not self.verbose or len(starts) == 1):
            clips = torch.from_numpy(np.array(x[at : at + rows])).to(self.estimator.device)
            parts.append(self._attack(clips, labels[at : at + rows].to(clips.device), shifts).cpu().numpy())
        return np.concatenate(parts)

    def _attack(self, x: Tensor, labels: Tensor, shifts: Tensor) -> Tensor:
        logits = DrawnLogits(self.estimator, 1, self.batch_size)
        momentum, sign = torch.zeros_like(x), -1.0 if self.targeted else 1.0

        def losses(drawn: Tensor, rows: Tensor) -> Tensor:
            return sign * adversarial_loss(drawn, labels[rows][:, None], "cross_entropy")

        def gradient(points: Tensor, rows: Tensor, step: int) -> tuple[Tensor, None]:
            slope = torch.zeros_like(points)
            for shift in shifts[step].tolist():
                moved, _ = logits.gradient(points.roll(shift, 1), losses)
                slope += moved.roll(-shift, 1)
            least = torch.finfo(slope.dtype).tiny
            momentum.mul_(self.decay).add_(slope / slope.abs().sum(1, keepdim=True).clamp(min=least))
            return momentum, None

        bounds, step = clip_bounds(self.estimator), self.eps / self.max_iter
        return projected_ascent(x, gradient, eps=self.eps, eps_step=step, steps=self.max_iter, clip_values=bounds)

    def _check_params(self) -> None:
        check_ball(self.eps, self.eps, "inf")
        for name in ("max_iter", "shifts", "batch_size"):
            check_whole(getattr(self, name), name, 1)
        for name in ("max_shift", "seed"):
            check_whole(getattr(self, name), name, 0)
        if isinstance(self.decay, bool) or not isinstance(self.decay, (int, float)) or not 0 <= self.decay < 1e6:
            raise ValueError(f"decay must be a number, not negative, got {self.decay!r}")
        for name in ("targeted", "verbose"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")
