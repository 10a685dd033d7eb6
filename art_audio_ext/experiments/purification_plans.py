"""How the networks of a comparison of purifiers are trained: which of them from nothing, and which from which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from art_audio_ext.experiments.train_classifier import ADVERSARIAL_EPS
from art_audio_ext.functional.diffusion import DiffusionSchedule

TIME_STEPS = 3  # the paper's t_w
STAGE_NOISE = float(DiffusionSchedule().noise(TIME_STEPS))

_Changes = tuple[tuple[str, Any], ...]  # name and value of a setting


@dataclass(frozen=True)
class ModelPlan:
    """
    How one network is trained.

    :param kind: "classifier", "diffusion", or "mean": the mean of the weights of others.
    :param changes: To the classifier's settings.
    :param start: A classifier to go on from.
    :param share: Of the epochs of the preset.
    :param rate: Share of the learning rate of the preset.
    :param domain: Of a diffusion model.
    :param parts: Of a mean, which has the settings of the first of them.
    :param seed_shift: Added to the seed.
    """

    kind: str
    changes: _Changes = ()
    start: str | None = None
    share: float = 1.0
    rate: float = 1.0
    domain: str = ""
    parts: tuple[str, ...] = ()
    seed_shift: int = 0

    @property
    def before(self) -> tuple[str, ...]:
        """The networks that it needs."""
        return self.parts if self.start is None else (self.start,)

    @property
    def classifies(self) -> bool:
        """Whether it is a classifier."""
        return self.kind != "diffusion"


def _attacked(start: str, radius: float, ema: float, *changes: tuple[str, Any], **plan: Any) -> ModelPlan:
    """Trained on from another one, on clips attacked with that many times the radius of the comparison."""
    shared: dict[str, Any] = {"share": 0.25, "rate": 0.5, **plan}
    attack = (("adversarial_eps", radius * ADVERSARIAL_EPS), ("ema", ema))
    return ModelPlan("classifier", (*attack, *changes), start, **shared)


def _hardened(start: str, name: str, *changes: tuple[str, Any]) -> dict[str, ModelPlan]:
    """Twice the radius; then two ways on from there, one with masks and the full rate; and their mean."""
    return {
        name: _attacked(start, 2, 0.995, *changes, share=0.3),
        f"{name}_masked": _attacked(name, 2.5, 0.998, *changes, ("masks", 0.25), rate=1.0),
        f"{name}_louder": _attacked(name, 3, 0.995, *changes),
        f"{name}_mean": ModelPlan("mean", parts=(f"{name}_masked", f"{name}_louder")),
    }


_NOISE, _FLOOR = ("noise_sigma", STAGE_NOISE), ("floor_sigma", STAGE_NOISE)
MODELS: dict[str, ModelPlan] = {
    "plain": ModelPlan("classifier"),
    "surrogate": ModelPlan("classifier", seed_shift=1),
    "noisy": ModelPlan("classifier", (("ema", 0.99), _NOISE), "plain", 0.35, 0.5),  # `robust_noisy` without the attack
    "adversarial": _attacked("plain", 1, 0.99, share=0.35),
    **_hardened("adversarial", "adversarial_more"),
    "robust_noisy": _attacked("plain", 1, 0.99, _NOISE, share=0.35),
    **_hardened("robust_noisy", "hardened", _NOISE),
    "hardened_floor": _attacked("adversarial", 2, 0.995, _FLOOR, share=0.3),
    "mel_diffusion": ModelPlan("diffusion", domain="mel"),
    "wave_diffusion": ModelPlan("diffusion", domain="wave"),
}
