"""The time stage's noise without its randomness: each band of the log-mel stands on the power that noise would have."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from art_audio_ext.defences.preprocessor.base import Purifier
from art_audio_ext.functional.diffusion import DiffusionSchedule
from art_audio_ext.functional.front_end import speech_mel


class NoiseFloorPurifier(Purifier):
    """
    Sound in, log-mel pictures (N, 1, 32, T) of `E |STFT(x + z)|^2 = |STFT(x)|^2 + sigma^2 sum(w^2)` out. (At
    both ends, where windows reach beyond the sound, noise would have up to 3 dB less.)

    A perturbation far below full scale moves silent bands by tens of decibels, since a log-mel shows them down to -100
    dB. The noise of `TimeDomainPurifier` covers these bands, and errs from draw to draw; its expected power covers them
    as well, and nothing is random: no draw to resubmit for, and an attack needs no expectation over transformation. A
    classifier has to be trained on such pictures (`ClassifierSettings.floor_sigma`).

    Ours; no paper.
    """

    is_random: ClassVar[bool] = False
    params = [*Purifier.params, "sigma"]  # noqa: RUF012  # ART's own form

    def __init__(
        self,
        sigma: float | None = None,
        *,
        seed: int = 0,
        fixed_noise: bool = False,
        batch_size: int = 64,
        apply_fit: bool = False,
        apply_predict: bool = True,
        device_type: str = "gpu",
    ) -> None:
        """
        :param sigma: Standard deviation of the noise that is stood in for; 1 is full scale. None is .0245, that of the
            time stage at t_w = 3.
        :param seed: Of the noise; this purifier draws none.
        :param fixed_noise: Draw the same noise in every call.
        :param batch_size: Clips at a time.
        :param apply_fit: Purify what a classifier is fitted to.
        :param apply_predict: Purify what a classifier predicts.
        :param device_type: "gpu" where there is one, or "cpu".
        :raises ValueError: If a parameter is out of its range.
        """
        self.sigma = float(DiffusionSchedule().noise(3)) if sigma is None else sigma
        shared: dict[str, Any] = {"apply_fit": apply_fit, "apply_predict": apply_predict, "device_type": device_type}
        super().__init__(seed=seed, fixed_noise=fixed_noise, batch_size=batch_size, **shared)

    def _purify(self, x: Tensor, generator: torch.Generator) -> Tensor:
        if x.ndim != 2:
            raise ValueError(f"NoiseFloorPurifier takes sound (N, L), got {tuple(x.shape)}: put it first")
        return speech_mel(x, self.sigma)

    def _check_params(self) -> None:
        super()._check_params()
        number = isinstance(self.sigma, (int, float)) and not isinstance(self.sigma, bool)
        if not number or not (math.isfinite(self.sigma) and 0 < self.sigma <= 1):
            raise ValueError(f"sigma must be a number above 0, at most 1 (full scale), got {self.sigma!r}")
