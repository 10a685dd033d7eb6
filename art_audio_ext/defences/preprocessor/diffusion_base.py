"""What purifiers with a diffusion model share: the model, its domain, and the gradient at a clamp."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from art_audio_ext.defences.preprocessor.base import Purifier
from art_audio_ext.training.audio_diffusion import AudioDiffusion


class DiffusionPurifier(Purifier):
    """
    Base of the purifiers that ask a diffusion model which part of a clip is noise.

    The model may be shared; it is moved to the device of the purifier.
    """

    params = [*Purifier.params, "diffusion", "steps"]  # noqa: RUF012  # ART's own form
    domain: ClassVar[str] = "wave"

    def __init__(self, diffusion: AudioDiffusion, steps: int, **options: Any) -> None:
        """
        :param diffusion: A trained model of this purifier's domain.
        :param steps: t, from 1 to the number of steps that the model knows.
        :param options: Those of `Purifier`.
        :raises ValueError: If a parameter is out of its range.
        """
        self.diffusion = diffusion
        self.steps = steps
        super().__init__(**options)
        self.diffusion.to(self.device)

    def _noise(self, x: Tensor, t: int) -> Tensor:
        """The predicted noise; a model in 32 bits looks at what is in 64."""
        weights = next(self.diffusion.network.parameters())
        return self.diffusion.predict_noise(x.to(weights.dtype), t).to(x.dtype)

    def _check_params(self) -> None:
        super()._check_params()
        if not isinstance(self.diffusion, AudioDiffusion):
            raise ValueError(
                f"diffusion must be a trained AudioDiffusion, got {type(self.diffusion).__name__}: open one by "
                f"AudioDiffusion.load"
            )
        domain, most = self.diffusion.settings.domain, self.diffusion.schedule.steps
        if domain != self.domain:
            raise ValueError(f"diffusion is of domain {domain!r}, {type(self).__name__} needs one of {self.domain!r}")
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or not 1 <= self.steps <= most:
            raise ValueError(f"steps must be a whole number from 1 to {most}, got {self.steps!r}")


def draw_noise(x: Tensor, generator: torch.Generator) -> Tensor:
    """
    :param x: Whose shape, type and device the noise shall have.
    :param generator: On the CPU.
    :return: Standard normal.
    """
    return torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x.device)


def clamp(x: Tensor, low: float, high: float, straight_through: bool) -> Tensor:
    """
    Clamped values.

    :param x: Any shape.
    :param low: The least.
    :param high: The largest.
    :param straight_through: Pass gradients on as if nothing were clamped. Exact gradients vanish there, which hides a
        weakness from an attacker rather than removing it.
    :return: The same shape.
    """
    clamped = x.clamp(low, high)
    return x + (clamped - x).detach() if straight_through else clamped
