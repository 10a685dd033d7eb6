"""The time stage of DualPure: a known amount of white noise drowns a perturbation that is smaller."""

from __future__ import annotations

import torch
from torch import Tensor

from art_audio_ext.defences.preprocessor.base import Purifier
from art_audio_ext.functional.diffusion import DiffusionSchedule, diffuse


class TimeDomainPurifier(Purifier):
    """
    `x -> sqrt(abar_t) x + sqrt(1 - abar_t) z`: the forward diffusion of a waveform to step t, and nothing else.

    The paper interpolates with noise t times; t Gaussian steps are one. (Its equation 2 has eta_t where the square root
    of eta_t is meant, and it names a smoothing that its code does not have.) With DiffWave's schedule the noise has a
    standard deviation of .0100, .0173, .0245, .0387 and .0741 of full scale at t = 1, 2, 3, 5 and 10. The same defence
    is called DiffNoise where it stands alone.

    The result is not clipped: a clipped sample would have no gradient.

    | Paper: Tan et al., "DualPure: An Efficient Adversarial Purification Method for Speech Command Recognition", 2024,
      section 3.1.
    """

    params = [*Purifier.params, "steps"]  # noqa: RUF012  # ART's own form

    def __init__(
        self,
        steps: int = 3,
        *,
        seed: int = 0,
        fixed_noise: bool = False,
        batch_size: int = 64,
        apply_fit: bool = False,
        apply_predict: bool = True,
        device_type: str = "gpu",
    ) -> None:
        """
        :param steps: t, from 1 to 200: the paper's t_w, by default 3.
        :param seed: Of the noise.
        :param fixed_noise: Draw the same noise in every call.
        :param batch_size: Clips at a time.
        :param apply_fit: Add noise to what a classifier is fitted to; ART does that once, not every epoch.
        :param apply_predict: Add noise to what a classifier predicts.
        :param device_type: "gpu" where there is one, or "cpu".
        :raises ValueError: If a parameter is out of its range.
        """
        self.steps = steps
        super().__init__(
            seed=seed,
            fixed_noise=fixed_noise,
            batch_size=batch_size,
            apply_fit=apply_fit,
            apply_predict=apply_predict,
            device_type=device_type,
        )

    def _purify(self, x: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x.device)
        return diffuse(x, self.steps, noise, DiffusionSchedule())

    def _check_params(self) -> None:
        super()._check_params()
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or not 1 <= self.steps <= 200:
            raise ValueError(f"steps must be a whole number from 1 to 200, got {self.steps!r}")
