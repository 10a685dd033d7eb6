"""Evasion attacks that leave a report of every clip: the frame of `generate`, and what is left alone."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor
from tqdm.auto import tqdm

from art_audio_ext.attacks.evasion.base import AudioEvasion
from art_audio_ext.attacks.evasion.white_box import as_labels, channels_last, check_whole, clip_bounds, predicted
from art_audio_ext.functional.attack_report import ClipReport, check_logits, clip_reports
from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.functional.snr_change import is_silent


class ReportedEvasion(AudioEvasion):
    """
    Base of the attacks on sound-event classifiers.

    A silent clip has no signal-to-noise ratio: it is left as it is, and its report says so. A clip that is wrong
    already (or called its target already) is left as it is by attacks that look for the smallest change.

    After `generate`, `reports` holds one `ClipReport` a clip.
    """

    title = "attack"
    leaves_wrong_clips = True
    estimator: PyTorchClassifier
    batch_size: int
    verbose: bool

    def generate(self, x: np.ndarray, y: np.ndarray | None = None, **kwargs: Any) -> np.ndarray:
        """
        Attack clips.

        :param x: Waveforms (N, L) in [-1, 1].
        :param y: Class indices (N,) or one-hot rows (N, C): what the clips are, or in a targeted attack what they shall
            be called; None takes the classifier's own answers.
        :param kwargs: Options of the constructor, kept for later calls too.
        :return: float32 (N, L) within the clip values.
        :raises ValueError: If the sound, the labels or an option is unusable, the classifier returns probabilities, or
            a targeted attack has no `y`. What the model itself raises, of clips shorter than its window for instance,
            passes through.
        """
        if kwargs:
            self.set_params(**kwargs)
        x = check_waveforms(x)
        given = as_labels(self.estimator, x, y, self.targeted).numpy()
        before = check_logits(predicted(self.estimator, x, self.batch_size))
        called = before.argmax(1)
        wrong = (called == given) if self.targeted else (called != given)
        left = is_silent(x) | (wrong & self.leaves_wrong_clips)
        found, iterations, queries = np.array(x), np.zeros(len(x), np.int64), np.zeros(len(x), np.int64)
        batches = _batches(np.flatnonzero(~left), self.batch_size)
        for rows in tqdm(batches, desc=self.title, unit="batch", disable=not self.verbose or len(batches) < 2):
            with self._faster():
                found[rows], iterations[rows], queries[rows] = self._attack(x[rows], given[rows])
        after = predicted(self.estimator, found, self.batch_size)
        self.reports = self._compare(x, found, (before, after), given, iterations, queries)
        return found

    @abstractmethod
    def _attack(self, x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of a batch (n, L) and its labels or targets (n,): new clips, iterations and queries of each."""

    def _compare(
        self,
        x: np.ndarray,
        found: np.ndarray,
        scores: tuple[np.ndarray, np.ndarray],
        given: np.ndarray,
        iterations: np.ndarray,
        queries: np.ndarray,
    ) -> list[ClipReport]:
        labels = scores[0].argmax(1) if self.targeted else given
        return clip_reports(
            x,
            found,
            scores,
            labels,
            targets=given if self.targeted else None,
            iterations=iterations,
            queries=queries,
        )

    def _tensor(self, x: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(x)).to(self.estimator.device)

    def _check_common(self) -> None:
        """The options that all share."""
        check_whole(self.batch_size, "batch_size", 1)
        for name in ("targeted", "verbose"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")

    def _check_white_box(self) -> None:
        """What an attack by gradients needs of its estimator."""
        if self.estimator.preprocessing_operations and not self.estimator.all_framework_preprocessing:
            raise ValueError("a preprocessing step of the classifier is not PyTorch's: its gradient is not known")

    def _faster(self) -> AbstractContextManager[None]:
        return channels_last(self.estimator.model) if isinstance(self.estimator, PyTorchClassifier) else nullcontext()

    def _bounds(self) -> tuple[float, float]:
        return clip_bounds(self.estimator)


def _batches(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def check_number(value: object, name: str, low: float, high: float) -> None:
    """
    :param value: To be a number from `low` to `high`.
    :param name: What a message calls it.
    :param low: The least.
    :param high: The largest.
    :raises ValueError: If it is none.
    """
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not low <= value <= high:  # type: ignore[operator]
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")
