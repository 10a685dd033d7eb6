"""Purifiers by diffusion of the waveform, DualPure's rivals: noise and then a way back, or one of the two."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from art_audio_ext.defences.preprocessor.diffusion_base import DiffusionPurifier, draw_noise
from art_audio_ext.defences.preprocessor.time_domain_purifier import TimeDomainPurifier
from art_audio_ext.functional.diffusion import ancestral_step, diffuse, predicted_clean
from art_audio_ext.training.audio_diffusion import AudioDiffusion


class DiffNoise(TimeDomainPurifier):
    """The forward diffusion alone: another name of `TimeDomainPurifier`, under which it is compared."""


class WavePurifier(DiffusionPurifier):
    """
    Base of the purifiers below; what they return is not clipped, since a clipped sample would have no gradient.

    The network is run again in the backward pass instead of keeping all its layers: twice the time for a step, and the
    memory of one step however many there are. Gradients are exact, unless `network_gradient` says otherwise.
    """

    params = [*DiffusionPurifier.params, "network_gradient"]  # noqa: RUF012  # ART's own form

    def __init__(
        self,
        diffusion: AudioDiffusion,
        steps: int = 3,
        *,
        network_gradient: bool = True,
        seed: int = 0,
        fixed_noise: bool = False,
        batch_size: int = 16,
        apply_fit: bool = False,
        apply_predict: bool = True,
        device_type: str = "gpu",
    ) -> None:
        """
        :param diffusion: A trained model of domain "wave".
        :param steps: t, by default 3.
        :param network_gradient: False takes what the network predicts for a constant, as the published code of
            AudioPure does (its adjoint calls the network under `no_grad`): attacks then look weaker than they are.
        :param seed: Of the noise.
        :param fixed_noise: Draw the same noise in every call.
        :param batch_size: Clips at a time.
        :param apply_fit: Purify what a classifier is fitted to.
        :param apply_predict: Purify what a classifier predicts.
        :param device_type: "gpu" where there is one, or "cpu".
        :raises ValueError: If a parameter is out of its range.
        """
        self.network_gradient = network_gradient
        shared: dict[str, Any] = {"apply_fit": apply_fit, "apply_predict": apply_predict, "device_type": device_type}
        super().__init__(diffusion, steps, seed=seed, fixed_noise=fixed_noise, batch_size=batch_size, **shared)

    def _noise(self, x: Tensor, t: int) -> Tensor:
        if not self.network_gradient or not torch.is_grad_enabled():
            with torch.no_grad():
                return super()._noise(x, t)
        # nothing in the network is random in eval mode: there is no random state to keep for the second run
        noise: Tensor = checkpoint(super()._noise, x, t, use_reentrant=False, preserve_rng_state=False)
        return noise

    def _check_params(self) -> None:
        super()._check_params()
        if not isinstance(self.network_gradient, bool):
            raise ValueError(f"network_gradient must be true or false, got {self.network_gradient!r}")

    def _forward(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """The clip after t steps of noise."""
        return diffuse(x, self.steps, draw_noise(x, generator), self.diffusion.schedule)


class DDPMPurifier(WavePurifier):
    """
    t steps of noise at once, then t ancestral steps back, each with its noise.

    | Paper: Ho et al., "Denoising Diffusion Probabilistic Models", 2020; as a purifier of speech: Wu et al., "Defending
      against adversarial audio via diffusion model", 2023.
    """

    def _purify(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return self._back(self._forward(x, generator), generator)

    def _back(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """All steps back."""
        for t in range(self.steps, 0, -1):
            x = ancestral_step(x, self._noise(x, t), t, draw_noise(x, generator), self.diffusion.schedule)
        return x


class DiffRevPurifier(DDPMPurifier):
    """
    The way back alone, on a clip that no noise was added to; its steps add theirs.

    | Paper: Tan et al., "DualPure", 2024.
    """

    def _purify(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return self._back(x, generator)


class OneShotPurifier(WavePurifier):
    """
    t steps of noise at once, then the clean clip as the model predicts it from there, in one call.

    | Paper: Carlini et al., "(Certified!!) adversarial robustness for free!", 2023.
    """

    def _purify(self, x: Tensor, generator: torch.Generator) -> Tensor:
        noisy = self._forward(x, generator)
        return predicted_clean(noisy, self._noise(noisy, self.steps), self.steps, self.diffusion.schedule)


class AudioPure(WavePurifier):
    """
    t steps of noise at once, then the reverse stochastic differential equation, by Euler's and Maruyama's method.

    `x <- x + beta_t x / 2 - beta_t eps / sqrt(1 - abar_t) + sqrt(beta_t) z`, no z in the last step. The published code
    takes its gradients by an adjoint whose network call is under `no_grad`, so that an attacker sees a purifier without
    its network; here they are exact.

    | Paper: Wu et al., "Defending against adversarial audio via diffusion model", 2023.
    """

    def _purify(self, x: Tensor, generator: torch.Generator) -> Tensor:
        x, schedule = self._forward(x, generator), self.diffusion.schedule
        for t in range(self.steps, 0, -1):
            beta = 1 - float(schedule.signal(t) / schedule.signal(t - 1)) ** 2
            x = x + beta * (x / 2 - self._noise(x, t) / float(schedule.noise(t)))
            if t > 1:
                x = x + beta**0.5 * draw_noise(x, generator)
        return x
