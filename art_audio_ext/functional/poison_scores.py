"""What every poison score returns, and the one signature they share, so that another score is one more file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class PoisonScores:
    """
    Scores of a labelled dataset. C classes in ascending order of label, N samples in the order given.

    `suspects` are split off in every class, flagged or not; what a filter removes is `suspects` of flagged classes.
    """

    classes: np.ndarray  # (C,) int64, the labels that occur
    class_scores: np.ndarray  # (C,) float64, higher is more suspicious; NaN: this class was not scored
    class_spread: np.ndarray  # (C,) float64, standard deviation over trials, or NaN
    class_outlier: np.ndarray  # (C,) float64, (score - median) / MAD over classes, or NaN
    flagged: np.ndarray  # (C,) bool
    sample_scores: np.ndarray  # (N,) float64 in [0, 1], 1 = surely in the suspect part of its class
    suspects: np.ndarray  # (N,) bool
    details: dict[str, Any] = field(default_factory=dict)  # JSON-safe: settings, notes, guards that took effect
    class_p: np.ndarray | None = None  # (C,) float64, p-value before correction for many classes, or NaN; None: none

    def removed(self, labels: np.ndarray) -> np.ndarray:
        """
        Which samples a filter should drop: suspects of flagged classes.

        :param labels: Class indices (N,), as they were scored.
        :return: bool of shape (N,).
        """
        return self.suspects & np.isin(labels, self.classes[self.flagged])


class PoisonScorer(Protocol):
    """A score: latents (N, D), or (T, N, D) for a score over T windows, and class indices (N,), to PoisonScores."""

    def __call__(self, latents: np.ndarray, labels: np.ndarray, *, seed: int) -> PoisonScores: ...
