"""The triggers of planned attacks: Armory's own sound files where it is installed, else ours at the same energy."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from art_audio_ext.datasets.decode import decode_clip
from art_audio_ext.functional.triggers import ARMORY_SCALES, make_trigger, trigger_name

ARMORY = "armory:"  # before the name of one of Armory's sound files
# name: (Armory's file, the scale of its scenarios)
_ARMORY_FILES = {
    "clap": ("clapping.wav", 0.1),
    "whistle": ("whistle.wav", 0.1),
    "dog_clicker": ("dog_clicker.wav", 0.2695),
    "car_horn": ("car_horn.wav", 0.0903),
}
_AUDIBLE = 0.01  # of a trigger's peak: what is fainter at its ends can be cut off

Scale = float | tuple[float, float]


def available_trigger(name: str, scale: Scale) -> tuple[str, Scale]:
    """
    The trigger of that name as it can be had here.

    :param name: A name of `functional.triggers.TRIGGERS`.
    :param scale: Factor on Armory's file where Armory has that trigger, else on ours; or a range.
    :return: "armory:FILE" with that scale if Armory is installed, else our trigger with the scale of equal energy.
    """
    if name not in _ARMORY_FILES:
        return name, scale
    file, usual = _ARMORY_FILES[name]
    if _armory_file(file) is not None:
        return f"{ARMORY}{file}", scale
    return name, as_scale(np.round(np.asarray(scale) * ARMORY_SCALES[name] / usual, 6).tolist())


def trigger_sound(trigger: str, sample_rate: int, trimmed: bool = False) -> np.ndarray:
    """
    The sound of a trigger.

    :param trigger: A name of `functional.triggers.TRIGGERS`, "armory:FILE" for a sound that Armory brings, or a file.
    :param sample_rate: In Hz.
    :param trimmed: Cut off what cannot be heard at its ends: Armory's whistle begins with 0.6 s of silence.
    :return: float32 (T,), before any gain.
    :raises ValueError: If the file is missing, silent or no sound.
    """
    if trigger_name(trigger) is not None:
        sound = make_trigger(trigger, sample_rate)
    else:
        path = _armory_file(trigger.removeprefix(ARMORY)) if trigger.startswith(ARMORY) else Path(trigger)
        if path is None or not path.is_file():
            raise ValueError(f'trigger {trigger!r} is not here: pip install "art-audio-ext[armory]", or name a file')
        sound = decode_clip(path, sample_rate)
    heard = np.flatnonzero(np.abs(sound) > _AUDIBLE * np.abs(sound).max())
    if not len(heard):
        raise ValueError(f"trigger {trigger!r} is silent: give a sound that can be heard")
    return sound[heard[0] : heard[-1] + 1] if trimmed else sound


def as_scale(scale: Scale | list[float]) -> Scale:
    """
    :param scale: A factor or a range, as JSON has it.
    :return: A float, or a pair of floats.
    """
    return (float(scale[0]), float(scale[1])) if isinstance(scale, (list, tuple)) else float(scale)


def _armory_file(name: str) -> Path | None:
    """One of Armory's triggers, or None where Armory is not installed; Armory itself is not imported."""
    spec = importlib.util.find_spec("armory")
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    paths = (Path(folder) / "utils" / "triggers" / name for folder in folders)
    return next((path for path in paths if path.is_file()), None)
