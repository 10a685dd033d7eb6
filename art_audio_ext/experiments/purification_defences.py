"""The defences that a comparison of purifiers knows: purifiers, their rivals, and the controls to hold them against."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from art_audio_ext.defences.preprocessor import (
    AudioPure,
    DDPMPurifier,
    DiffRevPurifier,
    DualPure,
    FrequencyDomainPurifier,
    NoiseFloorPurifier,
    OneShotPurifier,
    Purifier,
    TimeDomainPurifier,
)
from art_audio_ext.experiments.purification_attacks import ATTACKS
from art_audio_ext.experiments.purification_models import open_diffusion
from art_audio_ext.experiments.purification_plans import STAGE_NOISE, TIME_STEPS


@dataclass(frozen=True)
class Defence:
    """
    A line of the table.

    :param about: What it is; names of options in braces.
    :param model: A classifier of `MODELS`.
    :param purifier: Its class, or None.
    :param diffusion: A diffusion model of `MODELS`, or "".
    :param options: Of the purifier.
    """

    about: str
    model: str = "plain"
    purifier: type[Purifier] | None = None
    diffusion: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """The networks that it needs."""
        return [self.model, *([self.diffusion] if self.diffusion else [])]

    @property
    def is_random(self) -> bool:
        """Whether it draws noise."""
        return self.purifier is not None and self.purifier.is_random

    def has(self, option: str) -> bool:
        """
        :param option: Name of a parameter.
        :return: Whether its purifier takes it.
        """
        return self.purifier is not None and option in self.purifier.params

    @property
    def is_slow(self) -> bool:
        """Whether a diffusion model looks at every sample, at hundreds of times the cost of the classifier."""
        return self.diffusion == "wave_diffusion"


_REVERSES = {  # of `FrequencyDomainPurifier`; at t_s = 1 they are the same
    "one_step": "one step back",
    "all_steps": "all steps back",
    "one_shot": "clean log-mel as predicted in one shot",
}
_T: dict[str, Any] = {"options": {"steps": TIME_STEPS}}
_WAVE: dict[str, Any] = {"diffusion": "wave_diffusion", **_T}
DEFENCES: dict[str, Defence] = {
    "none": Defence("no defence"),
    "time_stage": Defence("noise of t_w = {steps} (DiffNoise)", "plain", TimeDomainPurifier, **_T),
    "frequency_stage": Defence(
        "log-mel, {reverse} from t_s = {steps}",
        "plain",
        FrequencyDomainPurifier,
        "mel_diffusion",
        {"steps": 1, "reverse": "one_step"},
    ),
    "dual_pure": Defence(
        "both: DualPure, t_w = {time_steps}, {reverse} from t_s = {steps}",
        "plain",
        DualPure,
        "mel_diffusion",
        {"time_steps": TIME_STEPS, "steps": 1, "reverse": "one_step"},
    ),
    "noise_matched": Defence(
        "control: noise of t_w = {steps}, classifier trained with noise", "noisy", TimeDomainPurifier, **_T
    ),
    "adversarial": Defence("control: adversarially trained classifier, nothing random", "adversarial"),
    "adversarial_more_mean": Defence(
        "control: adversarially trained on for as long as noise_hardened_mean, nothing random", "adversarial_more_mean"
    ),
    "robust_noisy": Defence(
        "noise of t_w = {steps}, classifier trained adversarially with noise", "robust_noisy", TimeDomainPurifier, **_T
    ),
    "noise_hardened": Defence(
        "noise of t_w = {steps}, classifier trained on with twice the radius", "hardened", TimeDomainPurifier, **_T
    ),
    "noise_hardened_mean": Defence(
        "noise of t_w = {steps}, classifier trained on in two ways, mean of the weights",
        "hardened_mean",
        TimeDomainPurifier,
        **_T,
    ),
    "noise_floor": Defence(
        "noise floor without noise, classifier trained on with twice the radius",
        "hardened_floor",
        NoiseFloorPurifier,
        options={"sigma": STAGE_NOISE},
    ),
    "ddpm": Defence("noise, then DDPM back on the waveform, t = {steps}", "plain", DDPMPurifier, **_WAVE),
    "diff_rev": Defence("DDPM back without noise before, t = {steps}", "plain", DiffRevPurifier, **_WAVE),
    "one_shot": Defence("noise, then one prediction, t = {steps}", "plain", OneShotPurifier, **_WAVE),
    "audio_pure": Defence("AudioPure, exact gradients, t = {steps}", "plain", AudioPure, **_WAVE),
}


def find_defence(name: str) -> Defence:
    """
    A defence by name, its steps perhaps others: "time_stage@5" is t_w = 5, "dual_pure@3+10" t_w = 3 and t_s = 10.

    The frequency stage takes the paper's one step back; "dual_pure@3+10:one_shot" and ":all_steps" go back otherwise.

    :param name: A key of `DEFENCES`, with "@T" or, for `dual_pure`, "@TW" or "@TW+TS" after it, then perhaps ":" and a
        `reverse` of `FrequencyDomainPurifier`.
    :return: The defence, `about` filled in.
    :raises ValueError: If there is none, or it has no such steps, or no way back.
    """
    rest, colon, reverse = name.partition(":")
    base, at, said = rest.partition("@")
    if base not in DEFENCES:
        raise ValueError(f"there is no defence {base}: choose among {', '.join(DEFENCES)}")
    defence = DEFENCES[base]
    options = dict(defence.options)
    if at:
        keys = ["time_steps", "steps"] if "time_steps" in options else ["steps"]
        steps = said.split("+")
        if (
            "steps" not in options
            or len(steps) > len(keys)
            or not all(s.isdecimal() and 1 <= int(s) <= 200 for s in steps)
        ):
            raise ValueError(f"there is no defence {name}: after the @ of {base} comes {_wanted(options)}")
        options |= {key: int(value) for key, value in zip(keys, steps, strict=False)}
    if colon:
        if "reverse" not in options or reverse not in _REVERSES:
            ways = f"one of {', '.join(_REVERSES)}" if "reverse" in options else "nothing, it has one way alone"
            raise ValueError(f"there is no defence {name}: after the colon of {base} comes {ways}")
        options["reverse"] = reverse
    words = options | {"reverse": _REVERSES.get(options.get("reverse", ""), "")}
    return replace(defence, about=defence.about.format(**words), options=options)


def build_purifiers(
    defence: Defence, models: dict[str, str], seed: int, batch_size: int, fixed_noise: bool = False
) -> list[Purifier]:
    """
    The preprocessing of a defence.

    :param defence: From `find_defence`.
    :param models: Files by name of `MODELS`.
    :param seed: Of the noise.
    :param batch_size: Clips at a time.
    :param fixed_noise: Draw the same noise in every call.
    :return: At most one purifier.
    """
    if defence.purifier is None:
        return []
    first = (open_diffusion(models[defence.diffusion]),) if defence.diffusion else ()
    options = {"seed": seed, "batch_size": batch_size, "fixed_noise": fixed_noise, **defence.options}
    return [defence.purifier(*first, **options)]


def _wanted(options: dict[str, Any]) -> str:
    if "steps" not in options:
        return "nothing, it has no steps"
    return "TW or TW+TS, each from 1 to 200" if "time_steps" in options else "a number of steps from 1 to 200"


def measured_as(defence: str, attack: str) -> str:
    """
    The attack whose cell answers for this one: where nothing is random, some are the same.

    :param defence: As `find_defence` takes it.
    :param attack: Of `ATTACKS`.
    :return: Of `ATTACKS`.
    """
    still = ATTACKS[attack].still_as
    return attack if still is None or find_defence(defence).is_random else still


def varies(defence: str, attack: str) -> bool:
    """
    :param defence: As `find_defence` takes it.
    :param attack: Of `ATTACKS`.
    :return: Whether another seed may bring another answer.
    """
    return find_defence(defence).is_random or ATTACKS[attack].own_draws
