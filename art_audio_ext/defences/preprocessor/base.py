"""What every purifier shares: noise from a seed, small batches inside, checked parameters, one gradient."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import numpy as np
import torch
from art.defences.preprocessor.preprocessor import PreprocessorPyTorch
from torch import Tensor

from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.functional.params import all_or_nothing


class Purifier(PreprocessorPyTorch):
    """
    Base of the purifiers. A subclass writes `_purify`, lists its parameters and checks them.

    Every call draws new noise, since that is what a randomised defence lives on: call k takes its noise from (seed, k).
    `reset` starts again at call 0; `fixed_noise` stays there, which is what an attacker fears least and an evaluation
    has to try. The result also depends on `batch_size`.

    ART hands a whole array over in one call, so batches are made here. Gradients go through `forward`, and are exact.
    """

    is_random: ClassVar[bool] = True  # whether calls differ
    params = ["seed", "fixed_noise", "batch_size", "apply_fit", "apply_predict"]  # noqa: RUF012  # ART's own form

    def __init__(
        self,
        *,
        seed: int = 0,
        fixed_noise: bool = False,
        batch_size: int = 64,
        apply_fit: bool = False,
        apply_predict: bool = True,
        device_type: str = "gpu",
    ) -> None:
        """
        :param seed: Of the noise.
        :param fixed_noise: Draw the same noise in every call.
        :param batch_size: Clips purified at a time.
        :param apply_fit: Purify what a classifier is fitted to; ART does that once, not every epoch.
        :param apply_predict: Purify what a classifier predicts.
        :param device_type: "gpu" where there is one, or "cpu".
        :raises ValueError: If a parameter is out of its range.
        """
        super().__init__(device_type=device_type, is_fitted=True, apply_fit=apply_fit, apply_predict=apply_predict)
        self.seed = seed
        self.fixed_noise = fixed_noise
        self.batch_size = batch_size
        self.calls = 0
        self._check_params()

    @abc.abstractmethod
    def _purify(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """
        Purify one small batch, differentiably.

        :param x: Sound (n, L), or what the purifier before gave.
        :param generator: Where all noise comes from; it lives on the CPU.
        :return: The same shape, or pictures (n, 1, 32, T) of a purifier that works on these.
        """

    def forward(self, x: Tensor, y: Any | None = None) -> tuple[Tensor, Any | None]:
        """
        Purify a batch of any size.

        :param x: Sound (N, L) in [-1, 1], a tensor.
        :param y: Comes back as it is.
        :return: Purified (N, L), or pictures (N, 1, 32, T); and `y`.
        """
        generator = torch.Generator().manual_seed(self._call_seed())
        parts = [self._purify(some, generator) for some in x.split(self.batch_size)]
        return torch.cat(parts), y

    def __call__(self, x: np.ndarray, y: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """
        Purify an array, without gradients.

        :param x: Waveforms (N, L) in [-1, 1].
        :param y: Comes back as it is.
        :return: float32 of the shape that `forward` gives; and `y`.
        :raises ValueError: If the sound is not acceptable.
        """
        sound = torch.from_numpy(np.array(check_waveforms(x))).to(self.device)
        with torch.no_grad():
            pure, _ = self.forward(sound)
        return pure.cpu().numpy(), y

    def reset(self) -> None:
        """Go back to the noise of the first call."""
        self.calls = 0

    def get_params(self) -> dict[str, Any]:
        """
        :return: Parameters by name, as the constructor takes them.
        """
        return {name: getattr(self, name) for name in self.params}

    def set_params(self, **kwargs: Any) -> None:
        """
        Change parameters by name; all are changed, or none. Noise starts again at the first call.

        :raises ValueError: If a name is unknown or a value out of its range.
        """
        if unknown := sorted(set(kwargs) - set(self.params)):
            raise ValueError(f"{type(self).__name__} has no {', '.join(unknown)}: known are {', '.join(self.params)}")
        hidden = {"apply_fit": "_apply_fit", "apply_predict": "_apply_predict"}  # ART has no setters for these
        with all_or_nothing(self):
            for name, value in kwargs.items():
                setattr(self, hidden.get(name, name), value)
            self._check_params()
        self.reset()

    def _call_seed(self) -> int:
        """A seed for this call; neighbours are unrelated."""
        number = 0 if self.fixed_noise else self.calls
        self.calls += 1
        return int(np.random.SeedSequence([self.seed, number]).generate_state(1, np.uint64)[0] >> 1)

    def _check_params(self) -> None:
        for name, least in (("seed", 0), ("batch_size", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(f"{name} must be a whole number from {least} up, got {value!r}")
        for name in ("fixed_noise", "apply_fit", "apply_predict"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")
