"""Projected gradient descent on audiovisual rows, also against a detector that it knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor
from tqdm.auto import tqdm

from art_audio_ext.attacks.evasion.adaptive_batch import AdaptiveBatch
from art_audio_ext.attacks.evasion.base import AudioEvasion
from art_audio_ext.attacks.evasion.white_box import as_labels, check_number, check_whole
from art_audio_ext.functional.adversarial_losses import LOSSES
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

GOALS = ("highest", "own")
MIXES = ("sum", "selective")


class AudioVisualPGD(AudioEvasion):
    """
    Steps along the sign of a gradient, each modality in a box of its own; with a `confidence`, an **adaptive attack**:
    it wants the recogniser to err and the detector to be content.

    With "sum" it climbs loss + weight x confidence; where the recogniser is sure of a clip, the cross-entropy has all
    but no slope and the confidence outweighs it: take the margin for the loss then. With "selective" it climbs the loss
    of clips that are still right and the confidence of those that are not (Bryniarski et al., Evading adversarial
    example detection defenses with orthogonal projected gradient descent, 2021): no weight has to be found. Where a
    detector also suspects a confidence that is too high, `confidence_goal` says which one is wanted.

    Against a detector that draws its view at random, gradients are the mean over `eot_samples` draws (expectation over
    transformation, Athalye et al., 2018). A callable with a parameter `generator`, as the method `confidence_of` of a
    synchronisation detector, is given one with a seed of its own for each draw, so that the attack is a function of its
    `seed`; a callable without it must see to that by itself.

    After `generate`, `succeeded` (N,) says which clips the recogniser gets wrong, and `confidences` (N,) what the
    detector thinks of them in the mean over draws (None without a detector).

    | Paper link: https://arxiv.org/abs/1706.06083
    """

    attack_params = [  # noqa: RUF012  # ART's own form
        *AudioEvasion.attack_params,
        "layout",
        "eps_audio",
        "eps_video",
        "step_audio",
        "step_video",
        "max_iter",
        "confidence",
        "weight",
        "mix",
        "confidence_goal",
        "eot_samples",
        "random_start",
        "keep_best",
        "loss",
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
        layout: AudioVisualLayout,
        eps_audio: float = 512 / 32768,
        eps_video: float = 8 / 255,
        step_audio: float = 64 / 32768,
        step_video: float = 1 / 255,
        max_iter: int = 10,
        confidence: Callable[..., Tensor] | None = None,
        weight: float = 0.5,
        mix: str = "sum",
        confidence_goal: str | float = "highest",
        eot_samples: int = 1,
        random_start: bool = False,
        keep_best: bool = True,
        loss: str = "cross_entropy",
        targeted: bool = False,
        batch_size: int = 16,
        seed: int = 0,
        verbose: bool = True,
    ) -> None:
        """
        :param estimator: An ART classifier of rows (N, D); its preprocessing must be PyTorch's throughout.
        :param layout: Of the rows.
        :param eps_audio: Largest change of a sample, full scale being 1; 0 leaves the sound alone.
        :param eps_video: Largest change of a pixel, full scale being 1; 0 leaves the pictures alone.
        :param step_audio: Length of a step.
        :param step_video: Length of a step.
        :param max_iter: Steps.
        :param confidence: The detector: rows (n, D), a tensor, to synchronisation confidences (n,), differentiable,
            with or without a parameter `generator`; None attacks the recogniser alone.
        :param weight: Of the confidence beside the loss; 0 looks at the recogniser alone.
        :param mix: "sum" or "selective".
        :param confidence_goal: "highest"; "own", that of the clip before the attack; or a number.
        :param eot_samples: Draws of the detector, and of random defences, whose gradients are averaged in each step.
        :param random_start: Start anywhere in the box.
        :param keep_best: Return the point of the way that fools the recogniser and contents the detector most, not
            the last one.
        :param loss: What is climbed, see `adversarial_loss`.
        :param targeted: `y` is what clips shall be called.
        :param batch_size: Rows of a forward pass, draws included.
        :param seed: Of random starts and of the draws.
        :param verbose: Show progress.
        :raises ValueError: If an option is unusable, or the preprocessing is not all PyTorch's.
        """
        super().__init__(estimator=estimator)
        self.layout = layout
        self.eps_audio, self.eps_video = eps_audio, eps_video
        self.step_audio, self.step_video = step_audio, step_video
        self.max_iter = max_iter
        self.confidence = confidence
        self.weight = weight
        self.mix = mix
        self.confidence_goal = confidence_goal
        self.eot_samples = eot_samples
        self.random_start = random_start
        self.keep_best = keep_best
        self.loss = loss
        self._targeted = targeted
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose
        self.succeeded: np.ndarray | None = None
        self.confidences: np.ndarray | None = None
        self._check_params()

    def generate(self, x: np.ndarray, y: np.ndarray | None = None, **kwargs: Any) -> np.ndarray:
        """
        Attack clips.

        :param x: Rows (N, D).
        :param y: Class indices (N,) or one-hot rows (N, C); None takes the classifier's own answers.
        :param kwargs: Options of the constructor, kept for later calls too.
        :return: float32 (N, D) within the boxes around `x` and within the bounds of sound and pixels.
        :raises ValueError: If the rows, the labels or an option is unusable, or a targeted attack has no `y`.
        """
        if kwargs:
            self.set_params(**kwargs)
        x = self.layout.check_rows(x)
        labels = as_labels(self.estimator, x, y, self._targeted)
        generator = torch.Generator().manual_seed(self.seed)
        rows = max(1, self.batch_size // self.eot_samples)
        parts, wrong, trust = [], [], []
        starts = range(0, len(x), rows)
        for at in tqdm(starts, desc="PGD", unit="batch", disable=not self.verbose or len(starts) == 1):
            clips = torch.from_numpy(np.array(x[at : at + rows])).to(self.estimator.device)
            batch = AdaptiveBatch(self, clips, labels[at : at + rows].to(clips.device))
            found, fooled, trusted = batch.attack(generator)
            parts.append(found.cpu().numpy())
            wrong.append(fooled.cpu().numpy())
            trust.append(trusted.cpu().numpy())
        self.succeeded = np.concatenate(wrong)
        self.confidences = None if self.confidence is None else np.concatenate(trust)
        return np.concatenate(parts)

    def _check_params(self) -> None:
        if not isinstance(self.layout, AudioVisualLayout):
            raise ValueError(f"layout must be an AudioVisualLayout, got {type(self.layout).__name__}")
        if tuple(self.estimator.input_shape) != (self.layout.length,):
            raise ValueError(f"layout has rows of {self.layout.length}, the classifier {self.estimator.input_shape}")
        for name in ("eps_audio", "eps_video", "step_audio", "step_video", "weight"):
            check_number(getattr(self, name), name, zero=not name.startswith("step"))
        if not self.eps_audio and not self.eps_video:
            raise ValueError("eps_audio and eps_video are both 0: an attack must change something")
        for name, known in (("mix", MIXES), ("loss", LOSSES)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        goal = self.confidence_goal
        if goal not in GOALS and (isinstance(goal, (str, bool)) or not np.isfinite(goal)):
            raise ValueError(f"confidence_goal must be {', '.join(GOALS)} or a number, got {goal!r}")
        if self.confidence is not None and not callable(self.confidence):
            raise ValueError("confidence must be a callable of rows, or None")
        for name in ("max_iter", "eot_samples", "batch_size"):
            check_whole(getattr(self, name), name, 1)
        check_whole(self.seed, "seed", 0)
        for name in ("random_start", "keep_best", "targeted", "verbose"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")
        if self.estimator.preprocessing_operations and not self.estimator.all_framework_preprocessing:
            raise ValueError("a preprocessing step of the classifier is not PyTorch's: its gradient is not known")
