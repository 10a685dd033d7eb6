"""DualPure: noise on the waveform, then a step of diffusion back on its log-mel."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from art_audio_ext.defences.preprocessor.diffusion_base import draw_noise
from art_audio_ext.defences.preprocessor.frequency_domain_purifier import FrequencyDomainPurifier
from art_audio_ext.functional.diffusion import DiffusionSchedule, diffuse
from art_audio_ext.training.audio_diffusion import AudioDiffusion


class DualPure(FrequencyDomainPurifier):
    """
    `TimeDomainPurifier` and `FrequencyDomainPurifier` in one: sound (N, L) in, pictures (N, 1, 32, 32) out.

    | Paper: Tan et al., "DualPure: An Efficient Adversarial Purification Method for Speech Command Recognition", 2024.
    """

    is_random: ClassVar[bool] = True
    params = [*FrequencyDomainPurifier.params, "time_steps"]  # noqa: RUF012  # ART's own form

    def __init__(
        self,
        diffusion: AudioDiffusion,
        time_steps: int = 3,
        steps: int = 1,
        *,
        reverse: str = "one_step",
        straight_through: bool = False,
        seed: int = 0,
        fixed_noise: bool = False,
        batch_size: int = 64,
        apply_fit: bool = False,
        apply_predict: bool = True,
        device_type: str = "gpu",
    ) -> None:
        """
        :param diffusion: A trained model of domain "mel".
        :param time_steps: The paper's t_w, from 1 to 200.
        :param steps: The paper's t_s.
        :param reverse: See `FrequencyDomainPurifier`.
        :param straight_through: See `FrequencyDomainPurifier`.
        :param seed: Of the noise.
        :param fixed_noise: Draw the same noise in every call.
        :param batch_size: Clips at a time.
        :param apply_fit: Purify what a classifier is fitted to.
        :param apply_predict: Purify what a classifier predicts.
        :param device_type: "gpu" where there is one, or "cpu".
        :raises ValueError: If a parameter is out of its range.
        """
        self.time_steps = time_steps
        shared: dict[str, Any] = {"apply_fit": apply_fit, "apply_predict": apply_predict, "device_type": device_type}
        shared |= {"seed": seed, "fixed_noise": fixed_noise, "batch_size": batch_size}
        super().__init__(diffusion, steps, reverse=reverse, straight_through=straight_through, **shared)

    def _purify(self, x: Tensor, generator: torch.Generator) -> Tensor:
        if x.ndim != 2:
            raise ValueError(f"DualPure begins with sound (N, L), got {tuple(x.shape)}: put it first")
        noisy = diffuse(x, self.time_steps, draw_noise(x, generator), DiffusionSchedule())
        return super()._purify(noisy, generator)

    def _check_params(self) -> None:
        super()._check_params()
        if isinstance(self.time_steps, bool) or not isinstance(self.time_steps, int) or not 1 <= self.time_steps <= 200:
            raise ValueError(f"time_steps must be a whole number from 1 to 200, got {self.time_steps!r}")
