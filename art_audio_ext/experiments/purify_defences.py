"""The purifiers that `art-audio purify` knows by name, and the diffusion model that each of them needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
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
from art_audio_ext.functional.diffusion import DiffusionSchedule
from art_audio_ext.functional.front_end import SPEECH_MEL_RATE
from art_audio_ext.training.audio_diffusion import AudioDiffusion
from art_audio_ext.training.weight_files import weights_checksum


@dataclass(frozen=True)
class PurifierPlan:
    """
    How one purifier is made.

    :param make: Takes `steps`, and `diffusion` where it needs one.
    :param about: What it does, in a few words.
    :param domain: Of the diffusion model, "" for none.
    :param steps: t where none is said.
    :param pictures: Whether it gives log-mels, from which there is no way back to sound.
    """

    make: Callable[..., Purifier]
    about: str
    domain: str = "wave"
    steps: int = 3
    pictures: bool = False


@dataclass(frozen=True)
class ChosenPurifier:
    """
    A purifier ready to work.

    :param purifier: Its seed is for the caller to set.
    :param pictures: Whether it gives log-mels instead of sound.
    :param settings: What decides its results, in plain types.
    """

    purifier: Purifier
    pictures: bool
    settings: dict[str, Any]


def _dual_pure(diffusion: AudioDiffusion, steps: int) -> Purifier:
    """The steps are those of the time stage; the frequency stage takes the paper's one."""
    return DualPure(diffusion, time_steps=steps)


def _noise_floor(steps: int) -> Purifier:
    """The floor of the noise that the time stage has at this t."""
    schedule = DiffusionSchedule()
    schedule.check_step(steps)
    return NoiseFloorPurifier(float(schedule.noise(steps)))


PURIFIERS: dict[str, PurifierPlan] = {
    "time_stage": PurifierPlan(TimeDomainPurifier, "white noise", ""),
    "noise_floor": PurifierPlan(_noise_floor, "the power of white noise under the log-mel, no noise", "", 3, True),
    "ddpm": PurifierPlan(DDPMPurifier, "white noise, then t steps back"),
    "diff_rev": PurifierPlan(DiffRevPurifier, "t steps back, without noise before"),
    "one_shot": PurifierPlan(OneShotPurifier, "white noise, then the clean sound as predicted in one call"),
    "audio_pure": PurifierPlan(AudioPure, "white noise, then the reverse stochastic differential equation"),
    "frequency_stage": PurifierPlan(FrequencyDomainPurifier, "a step back on the log-mel", "mel", 1, True),
    "dual_pure": PurifierPlan(_dual_pure, "white noise on the sound, then a step back on its log-mel", "mel", 3, True),
}
ALIASES = {"diff_noise": "time_stage"}


def choose_purifier(
    name: str, diffusion: str | Path | AudioDiffusion | None = None, steps: int | None = None
) -> ChosenPurifier:
    """
    A purifier by name.

    :param name: Of `PURIFIERS` or `ALIASES`.
    :param diffusion: A `.safetensors` of `art-audio train diffusion`, or the model itself, for those that need one.
    :param steps: t; None for the plan's. Of "dual_pure" it is that of the time stage.
    :return: The purifier.
    :raises ValueError: If the name is unknown, steps are out of range, or the model is missing, of the wrong domain or
        sample rate, damaged, or given to a purifier that has no use for it.
    :raises FileNotFoundError: If there is no such file.
    :raises ImportError: If the model is for log-mels and diffusers is not installed.
    """
    name = ALIASES.get(name, name)
    if name not in PURIFIERS:
        raise ValueError(f"there is no defence {name!r}: choose among {', '.join([*PURIFIERS, *ALIASES])}")
    plan = PURIFIERS[name]
    number = plan.steps if steps is None else steps
    model = _model(name, plan.domain, diffusion)
    made = plan.make(steps=number) if model is None else plan.make(diffusion=model, steps=number)
    settings = {"defence": name, "steps": number, "diffusion_checksum": None if model is None else _checksum(model)}
    return ChosenPurifier(made, plan.pictures, settings)


def _model(name: str, domain: str, given: str | Path | AudioDiffusion | None) -> AudioDiffusion | None:
    """The diffusion model that a purifier needs, looked at; None where it needs none."""
    if not domain:
        if given is not None:
            raise ValueError(f"{name} takes no diffusion model: leave out --diffusion, or choose another --defence")
        return None
    remedy = f"make one by `art-audio train diffusion --domain {domain} --data recordings --out {domain}.safetensors`"
    if given is None:
        raise ValueError(f"{name} needs a diffusion model of domain {domain!r}, --diffusion FILE: {remedy}")
    model = given if isinstance(given, AudioDiffusion) else AudioDiffusion.load(Path(given).expanduser())
    if model.settings.domain != domain:
        raise ValueError(
            f"the diffusion model is of domain {model.settings.domain!r}, {name} needs one of {domain!r}: {remedy}"
        )
    if model.sample_rate != SPEECH_MEL_RATE:
        raise ValueError(f"the diffusion model knows sound at {model.sample_rate} Hz, not {SPEECH_MEL_RATE}: {remedy}")
    return model


def _checksum(model: AudioDiffusion) -> str:
    """Tells a model from others, wherever its file lies."""
    about = json.dumps(model.settings.to_dict(), sort_keys=True)
    return hashlib.sha256(f"{weights_checksum(model.network)} {about}".encode()).hexdigest()[:16]
