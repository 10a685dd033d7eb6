"""Projected gradient descent on waveforms, with the expectation over a random defence folded into the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor
from tqdm.auto import tqdm

from art_audio_ext.attacks.evasion.base import AudioEvasion
from art_audio_ext.attacks.evasion.white_box import (
    DTYPES,
    DrawnLogits,
    as_labels,
    channels_last,
    check_whole,
    clip_bounds,
)
from art_audio_ext.functional.adversarial_losses import LOSSES, adversarial_loss
from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.functional.projected_gradient import check_ball, projected_ascent, random_change


class AudioPGD(AudioEvasion):
    """
    The projected gradient descent of Madry et al. against a classifier of sound and all PyTorch defences before it.

    On a deterministic pipeline it takes the same steps as ART's `ProjectedGradientDescent`, without the gradients of
    the weights that ART computes on the way. Against a randomised one the gradient is the mean over `eot_samples` draws
    of its noise (expectation over transformation, Athalye et al., 2018), all in one batch.

    After `generate`, `ever_wrong` (N,) says which clips were misclassified in any draw that the attack saw, and
    `draws_seen` (N,) how many those were. Counting these as broken, as some evaluations of purifiers do, lowers
    accuracy by mere chance as the number of draws grows: report it beside the accuracy at the final point under fresh
    noise.

    | Paper link: https://arxiv.org/abs/1706.06083
    """

    attack_params = [  # noqa: RUF012  # ART's own form
        *AudioEvasion.attack_params,
        "norm",
        "eps",
        "eps_step",
        "max_iter",
        "eot_samples",
        "restarts",
        "random_start",
        "loss",
        "step_schedule",
        "early_stop",
        "targeted",
        "dtype",
        "batch_size",
        "seed",
        "verbose",
    ]
    _estimator_requirements = (PyTorchClassifier,)

    def __init__(
        self,
        estimator: PyTorchClassifier,
        *,
        norm: str = "inf",
        eps: float = 0.002,
        eps_step: float | None = None,
        max_iter: int = 10,
        eot_samples: int = 1,
        restarts: int = 1,
        random_start: bool = False,
        loss: str = "cross_entropy",
        step_schedule: str = "constant",
        early_stop: bool = False,
        targeted: bool = False,
        dtype: str = "float32",
        batch_size: int = 64,
        seed: int = 0,
        verbose: bool = True,
    ) -> None:
        """
        :param estimator: An ART classifier of waveforms (N, L); its preprocessing must be PyTorch's throughout.
        :param norm: "inf" or "2".
        :param eps: Radius of the ball around a clip; 1 is full scale.
        :param eps_step: Length of a step; None is eps / 5 ("inf") or eps / 2 ("2").
        :param max_iter: Steps.
        :param eot_samples: Draws of the defence's noise whose gradients are averaged in each step.
        :param restarts: Attempts, of which the strongest point of each clip is kept; those after the first start at
            random.
        :param random_start: Start the first attempt at random, too.
        :param loss: What is climbed, see `adversarial_loss`.
        :param step_schedule: "constant", "linear" or "cosine".
        :param early_stop: Leave a clip alone once it is wrong in every draw of a step.
        :param targeted: `y` is what clips shall be called.
        :param dtype: Arithmetic of the networks on the way to a gradient: "float32", or "bfloat16", which is faster
            where the processor has it and finds nearly the same point.
        :param batch_size: Rows of a forward pass, draws included.
        :param seed: Of random starts; the defence's noise has its own.
        :param verbose: Show progress.
        :raises ValueError: If an option is unusable, or the preprocessing is not all PyTorch's.
        """
        super().__init__(estimator=estimator)
        self.norm = norm
        self.eps = eps
        self.eps_step = eps_step
        self.max_iter = max_iter
        self.eot_samples = eot_samples
        self.restarts = restarts
        self.random_start = random_start
        self.loss = loss
        self.step_schedule = step_schedule
        self.early_stop = early_stop
        self._targeted = targeted
        self.dtype = dtype
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose
        self.ever_wrong: np.ndarray | None = None
        self.draws_seen: np.ndarray | None = None
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
        rows = max(1, self.batch_size // self.eot_samples)
        parts, seen = [], []
        starts = range(0, len(x), rows)
        for at in tqdm(starts, desc="PGD", unit="batch", disable=not self.verbose or len(starts) == 1):
            clips = torch.from_numpy(np.array(x[at : at + rows])).to(self.estimator.device)
            batch = _Batch(self, clips, labels[at : at + rows].to(clips.device))
            with channels_last(self.estimator.model):
                parts.append(batch.attack(generator).cpu().numpy())
            seen.append((batch.wrong.cpu().numpy(), batch.draws.cpu().numpy()))
        self.ever_wrong, self.draws_seen = (np.concatenate(side) for side in zip(*seen, strict=True))
        return np.concatenate(parts)

    def _check_params(self) -> None:
        step = self.step_length if self.norm in ("inf", "2") and isinstance(self.eps, (int, float)) else self.eps_step
        check_ball(self.eps, step, self.norm, self.step_schedule)
        for name in ("max_iter", "eot_samples", "restarts", "batch_size"):
            check_whole(getattr(self, name), name, 1)
        check_whole(self.seed, "seed", 0)
        for name, known in (("loss", LOSSES), ("dtype", DTYPES)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if self.loss == "logit_ratio" and self.estimator.nb_classes < 3:
            raise ValueError("loss logit_ratio needs 3 classes: choose margin")
        for name in ("random_start", "early_stop", "targeted", "verbose"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")
        if self.estimator.preprocessing_operations and not self.estimator.all_framework_preprocessing:
            raise ValueError("a preprocessing step of the classifier is not PyTorch's: its gradient is not known")

    @property
    def step_length(self) -> float:
        """The length of a step."""
        if self.eps_step is not None:
            return self.eps_step
        return self.eps / 5 if self.norm == "inf" else self.eps / 2


class _Batch:
    """The attack on one batch: counts what it sees, keeps the best point of each clip."""

    def __init__(self, attack: AudioPGD, x: Tensor, labels: Tensor) -> None:
        self.options, self.x, self.labels = attack, x, labels
        self.logits = DrawnLogits(attack.estimator, attack.eot_samples, attack.batch_size, attack.dtype)
        self.sign = -1.0 if attack.targeted else 1.0
        self.wrong = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        self.draws = torch.zeros(len(x), dtype=torch.int64, device=x.device)

    def attack(self, generator: torch.Generator) -> Tensor:
        """The strongest point of all attempts."""
        best = self._attempt(None if not self.options.random_start else self._random(generator))
        if self.options.restarts == 1:
            return best
        strength = self._strength(best)
        for _ in range(1, self.options.restarts):
            other = self._attempt(self._random(generator))
            reached = self._strength(other)
            better = reached > strength
            best[better], strength[better] = other[better], reached[better]
        return best

    def _attempt(self, start: Tensor | None) -> Tensor:
        options = self.options
        return projected_ascent(
            self.x,
            self._gradient,
            eps=options.eps,
            eps_step=options.step_length,
            steps=options.max_iter,
            norm=options.norm,
            start=start,
            clip_values=clip_bounds(options.estimator),
            schedule=options.step_schedule,
        )

    def _random(self, generator: torch.Generator) -> Tensor:
        shape = (self.x.shape[0], self.x.shape[1])
        change = random_change(shape, self.options.eps, self.options.norm, generator).to(self.x)
        return (self.x + change).clamp(*clip_bounds(self.options.estimator))

    def _gradient(self, points: Tensor, rows: Tensor, step: int) -> tuple[Tensor, Tensor | None]:
        """Mean gradient over draws, and which clips are wrong in all of them."""
        labels, losses = self.labels[rows], self._losses
        slope, logits = self.logits.gradient(points, lambda drawn, at: losses(drawn, labels[at]))
        hit = self._hit(logits, labels)
        self.wrong[rows] |= hit.any(1)
        self.draws[rows] += hit.shape[1]
        return slope, hit.all(1) if self.options.early_stop else None

    def _losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Of draws (n, S, C): (n, S)."""
        return self.sign * adversarial_loss(logits, labels[:, None].expand(logits.shape[:2]), self.options.loss)

    def _hit(self, logits: Tensor, labels: Tensor) -> Tensor:
        is_label = logits.argmax(2) == labels[:, None]
        return is_label if self.options.targeted else ~is_label

    def _strength(self, points: Tensor) -> Tensor:
        """Share of fresh draws that are wrong, and, among equals, the loss."""
        logits = self.logits(points)
        share = self._hit(logits, self.labels).float().mean(1)
        return share + torch.sigmoid(self._losses(logits, self.labels).mean(1) / 10) * 0.5 / self.options.eot_samples
