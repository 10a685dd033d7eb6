"""The frequency stage of DualPure: a diffusion model of log-mels takes one step towards clean speech."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from art_audio_ext.defences.preprocessor.diffusion_base import DiffusionPurifier, clamp
from art_audio_ext.functional.diffusion import ancestral_step, predicted_clean
from art_audio_ext.functional.front_end import SPEECH_MEL_BANDS, speech_mel
from art_audio_ext.training.audio_diffusion import AudioDiffusion

REVERSES = ("one_step", "all_steps", "one_shot")


class FrequencyDomainPurifier(DiffusionPurifier):
    """
    Sound in, or pictures from the purifier before; pictures (N, 1, 32, 32) out, for a classifier that takes them.

    As in the released code, the step adds no noise and its result is clamped to [-1, 1]; equation 4 of the paper adds
    noise and does not clamp. At t = 1 the model's own noise is .01 of the picture's range, or 0.69 dB, so that little
    more than that can be removed: larger t are there to be tried.

    | Paper: Tan et al., "DualPure: An Efficient Adversarial Purification Method for Speech Command Recognition", 2024,
      section 3.1.
    """

    params = [*DiffusionPurifier.params, "reverse", "straight_through"]  # noqa: RUF012  # ART's own form
    domain: ClassVar[str] = "mel"
    is_random: ClassVar[bool] = False

    def __init__(
        self,
        diffusion: AudioDiffusion,
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
        :param steps: The paper's t_s, by default 1.
        :param reverse: "one_step" back from t_s (the paper's), "all_steps" back to 0, or "one_shot", the clean picture
            as predicted at t_s. They are the same at t_s = 1.
        :param straight_through: Gradients ignore the clamp, see `clamp`.
        :param seed: Of the noise; this stage draws none.
        :param fixed_noise: Draw the same noise in every call.
        :param batch_size: Clips at a time.
        :param apply_fit: Purify what a classifier is fitted to.
        :param apply_predict: Purify what a classifier predicts.
        :param device_type: "gpu" where there is one, or "cpu".
        :raises ValueError: If a parameter is out of its range.
        """
        self.reverse = reverse
        self.straight_through = straight_through
        shared: dict[str, Any] = {"apply_fit": apply_fit, "apply_predict": apply_predict, "device_type": device_type}
        super().__init__(diffusion, steps, seed=seed, fixed_noise=fixed_noise, batch_size=batch_size, **shared)

    def _purify(self, x: Tensor, generator: torch.Generator) -> Tensor:
        picture = speech_mel(x) if x.ndim == 2 else x
        if picture.shape[1:] != (1, SPEECH_MEL_BANDS, SPEECH_MEL_BANDS):
            raise ValueError(
                f"the frequency stage needs one-second clips at 16 kHz, got pictures {tuple(picture.shape)}"
            )
        schedule, last = self.diffusion.schedule, 1 if self.reverse == "all_steps" else self.steps
        if self.reverse == "one_shot":
            pure = predicted_clean(picture, self._noise(picture, self.steps), self.steps, schedule)
            return clamp(pure, -1, 1, self.straight_through)
        for t in range(self.steps, last - 1, -1):
            picture = ancestral_step(picture, self._noise(picture, t), t, None, schedule)
        return clamp(picture, -1, 1, self.straight_through)

    def _check_params(self) -> None:
        super()._check_params()
        if self.reverse not in REVERSES:
            raise ValueError(f"reverse must be one of {', '.join(REVERSES)}, got {self.reverse!r}")
        if not isinstance(self.straight_through, bool):
            raise ValueError(f"straight_through must be true or false, got {self.straight_through!r}")
