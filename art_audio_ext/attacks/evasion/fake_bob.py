"""FakeBob: an attack that sees scores alone, by natural evolution strategies."""

from __future__ import annotations

from typing import Any

import numpy as np
from art.estimators.classification.classifier import ClassifierMixin
from art.estimators.estimator import BaseEstimator
from tqdm.auto import tqdm

from art_audio_ext.attacks.evasion.base import AudioEvasion
from art_audio_ext.attacks.evasion.white_box import as_labels, check_whole, clip_bounds, predicted
from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.functional.projected_gradient import check_ball


class FakeBob(AudioEvasion):
    """
    Lowers `score of the label + kappa - best other score` until it is negative, by gradients estimated from queries.

    A step asks for the scores of `samples` antithetic points around the clip, draws the estimated gradient into a
    momentum, and moves along its sign; the step is halved when the margin has not fallen for `plateau` steps. This is
    the attack as the paper describes it: the released code has the sign of its loss wrong.

    After `generate`, `queries` (N,) and `succeeded` (N,) say how many scores each clip asked for and whether its margin
    became negative. Against a randomised defence that is luck, unless a point has to be wrong in several `draws`.

    | Paper: Chen et al., "Who is real Bob? Adversarial attacks on speaker recognition systems", 2021.
    | Paper link: https://arxiv.org/abs/1911.01840
    """

    attack_params = [  # noqa: RUF012  # ART's own form
        *AudioEvasion.attack_params,
        "eps",
        "eps_step",
        "least_step",
        "max_iter",
        "samples",
        "draws",
        "sigma",
        "momentum",
        "plateau",
        "kappa",
        "batch_size",
        "seed",
        "verbose",
    ]
    _estimator_requirements = (BaseEstimator, ClassifierMixin)

    def __init__(
        self,
        estimator: Any,
        *,
        eps: float = 0.002,
        eps_step: float = 1e-3,
        least_step: float = 1e-6,
        max_iter: int = 200,
        samples: int = 50,
        draws: int = 1,
        sigma: float = 1e-3,
        momentum: float = 0.9,
        plateau: int = 5,
        kappa: float = 0.0,
        batch_size: int = 128,
        seed: int = 0,
        verbose: bool = True,
    ) -> None:
        """
        :param estimator: Any ART classifier of waveforms (N, L).
        :param eps: Largest change of a sample; 1 is full scale.
        :param eps_step: Length of the first step.
        :param least_step: Length below which it is not halved.
        :param max_iter: Steps.
        :param samples: Points a step, an even number.
        :param draws: Queries of the clip itself a step: it counts as wrong when it is in all of them.
        :param sigma: Standard deviation of the points around the clip.
        :param momentum: Share of the old gradient.
        :param plateau: Steps without a smaller margin after which the step is halved.
        :param kappa: How far the margin has to fall below zero.
        :param batch_size: Clips a query of the classifier.
        :param seed: Of the points.
        :param verbose: Show progress.
        :raises ValueError: If an option is unusable.
        """
        super().__init__(estimator=estimator)
        self.eps = eps
        self.eps_step = eps_step
        self.least_step = least_step
        self.max_iter = max_iter
        self.samples = samples
        self.draws = draws
        self.sigma = sigma
        self.momentum = momentum
        self.plateau = plateau
        self.kappa = kappa
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose
        self.queries: np.ndarray | None = None
        self.succeeded: np.ndarray | None = None
        self._check_params()

    def generate(self, x: np.ndarray, y: np.ndarray | None = None, **kwargs: Any) -> np.ndarray:
        """
        Attack clips, one after the other: what one asks for does not depend on the others.

        :param x: Waveforms (N, L) in [-1, 1].
        :param y: Class indices (N,) or one-hot rows (N, C); None takes the classifier's own answers.
        :param kwargs: Options of the constructor, kept for later calls too.
        :return: float32 (N, L) within `eps` of `x` and within the clip values; the point at which the margin became
            negative, or the last.
        :raises ValueError: If the sound, the labels or an option is unusable.
        """
        if kwargs:
            self.set_params(**kwargs)
        x = check_waveforms(x)
        labels = as_labels(self.estimator, x, y, targeted=False).numpy()
        self.queries, self.succeeded = np.zeros(len(x), dtype=np.int64), np.zeros(len(x), dtype=bool)
        found = np.array(x)
        for row in tqdm(range(len(x)), desc="FakeBob", unit="clip", disable=not self.verbose):
            found[row], self.queries[row], self.succeeded[row] = self._attack(x[row], int(labels[row]))
        return found

    def _attack(self, clip: np.ndarray, label: int) -> tuple[np.ndarray, int, bool]:
        """One clip: the point, how many queries, and whether it is over the line."""
        rng = np.random.default_rng(self.seed)
        least, most = clip_bounds(self.estimator)
        low, high = np.maximum(clip - self.eps, least), np.minimum(clip + self.eps, most)
        point, slope, step, queries = clip.copy(), np.zeros_like(clip), self.eps_step, 0
        margins: list[float] = []
        here = np.zeros((self.draws, len(clip)), np.float32)
        for _ in range(self.max_iter):
            around = rng.standard_normal((self.samples // 2, len(clip)), dtype=np.float32)
            around = np.concatenate([here, around, -around])
            values = self._margins(np.clip(point + self.sigma * around, least, most), label)
            queries += len(values)
            reached = float(values[: self.draws].max())
            if reached < 0:
                break
            margins.append(float(values[: self.draws].mean()))
            estimate = (values[self.draws :, None] * around[self.draws :]).mean(0) / self.sigma
            slope = self.momentum * slope + (1 - self.momentum) * estimate
            if len(margins) > self.plateau and margins[-1] >= margins[-1 - self.plateau]:
                step, margins = max(step / 2, self.least_step), margins[-1:]
            point = np.clip(point - step * np.sign(slope), low, high).astype(np.float32)
        else:
            reached = float(self._margins(point + here, label).max())
            queries += self.draws
        return point, queries, reached < 0

    def _margins(self, points: np.ndarray, label: int) -> np.ndarray:
        """How far each point is from being called something else (n,)."""
        scores = predicted(self.estimator, points.astype(np.float32), self.batch_size)
        others = np.delete(scores, label, axis=1).max(1)
        return scores[:, label] + self.kappa - others

    def _check_params(self) -> None:
        check_ball(self.eps, self.eps_step, "inf")
        for name in ("sigma", "least_step"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
                raise ValueError(f"{name} must be a number in (0, 1], got {value!r}")
        for name in ("momentum", "kappa"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e6:
                raise ValueError(f"{name} must be a number, not negative, got {value!r}")
        if self.momentum >= 1:
            raise ValueError(f"momentum must lie in [0, 1), got {self.momentum!r}")
        for name, least in (
            ("max_iter", 1),
            ("samples", 2),
            ("draws", 1),
            ("plateau", 1),
            ("batch_size", 1),
            ("seed", 0),
        ):
            check_whole(getattr(self, name), name, least)
        if self.samples % 2:
            raise ValueError(f"samples must be even, since points come in pairs, got {self.samples}")
        if not isinstance(self.verbose, bool):
            raise ValueError(f"verbose must be true or false, got {self.verbose!r}")
