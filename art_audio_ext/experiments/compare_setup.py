"""What a comparison is asked for, checked and completed before anything runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets.builtin_speakers import BUILTIN
from art_audio_ext.datasets.speakers import NOISE_LABELS
from art_audio_ext.experiments.armory_config import from_all
from art_audio_ext.experiments.armory_data import Splits, class_index, folder_of, poison_record
from art_audio_ext.experiments.file_triggers import VOICE, voice_and_target
from art_audio_ext.experiments.scenario_filters import FILTERS, MORE_FILTERS, SOUND_FILTERS
from art_audio_ext.functional.triggers import default_scale, trigger_name


def filter_names(filters: Sequence[str] | str) -> tuple[str, ...]:
    """
    The filters asked for, each once.

    :param filters: "all", one name, or several.
    :return: Names, in the order given.
    :raises ValueError: If there is none, or one is unknown.
    """
    names = FILTERS if filters == "all" else (filters,) if isinstance(filters, str) else tuple(filters)
    unknown = [name for name in names if name not in FILTERS + MORE_FILTERS]
    if unknown or not names:
        known = ", ".join(FILTERS + MORE_FILTERS)
        raise ValueError(f"there is no filter {', '.join(unknown) or 'named'}: choose all, or among {known}")
    return tuple(dict.fromkeys(names))


def absolute_spec(data: str) -> str:
    """
    A folder by its whole path: the scenario must mean the same wherever it is run from.

    :param data: As `load_dataset` takes it.
    :return: The same dataset.
    """
    folder = folder_of(data)
    if folder is not None:
        return f"folder:{folder.resolve()}"
    if data.startswith("speech-commands:"):
        return f"speech-commands:{Path(data.removeprefix('speech-commands:')).expanduser().resolve()}"
    return data


def attack_settings(spec: str, given: dict[str, Any]) -> dict[str, Any]:
    """
    The attack as a scenario takes it: from the folder's record if it has one, else from what was given.

    :param spec: The dataset.
    :param given: trigger, source, target, poison_fraction, scale, snr_db, position; None = not given.
    :return: The same names, complete.
    :raises ValueError: If the folder is poisoned and something is given, or source or target are not named.
    """
    record, _ = poison_record(spec)
    if record is not None:
        named = [name for name, value in given.items() if value is not None]
        if named:
            raise ValueError(
                f"this folder is poisoned already, as its poison.json says: leave out {', '.join(named)}, or name the "
                f"clean folder"
            )
        return {name: record[name] for name in given}
    missing = [name for name in ("source", "target") if given[name] is None]
    if missing:
        raise ValueError(f"{' and '.join(missing)} must be named: the label to poison and the label it is given")
    attack = {**given, "position": given["position"] or 0}
    attack["poison_fraction"] = 0.1 if given["poison_fraction"] is None else given["poison_fraction"]
    attack["trigger"] = given["trigger"] or "clap"
    voice = voice_and_target(attack["trigger"])
    if voice is not None:
        if any(given[name] is not None for name in ("scale", "snr_db", "position")):
            raise ValueError("a voice has no scale, SNR or position: leave them out")
        target = voice[1] if voice[1].startswith(BUILTIN) else os.fspath(Path(voice[1]).resolve())
        return {**attack, "trigger": f"{VOICE}{voice[0]}:{target}"}
    if trigger_name(attack["trigger"]) is None:
        attack["trigger"] = os.fspath(Path(attack["trigger"]).expanduser().resolve())
    if attack["scale"] is None and attack["snr_db"] is None:
        attack["scale"] = default_scale(attack["trigger"])
    return attack


def poisoned_clips(attack: dict[str, Any], splits: Splits) -> tuple[int, float]:
    """
    How many training clips are or will be poisoned, and which share of the target class they make up.

    :param attack: From :func:`attack_settings`.
    :param splits: The data.
    :return: (clips, share in [0, 1]).
    :raises ValueError: If the labels do not exist or are the same, or the fraction makes no attack.
    """
    names, every = splits.train.label_names, from_all(attack["source"], splits.train.label_names)
    target = class_index(attack["target"], names)
    source = None if every else class_index(attack["source"], names)
    if source == target:
        raise ValueError(f"source and target are both {attack['source']!r}: name two labels")
    labels = splits.test.labels
    if not np.any(labels != target if every else labels == source):
        raise ValueError(f"the test part has no clip of {attack['source']!r} to attack with: use more clips")
    in_target = int(np.sum(splits.train.labels == target))
    if splits.record is not None:
        return len(splits.poison_index), len(splits.poison_index) / max(in_target, 1)
    fraction = attack["poison_fraction"]
    if not isinstance(fraction, (int, float)) or not 0 < fraction <= 1:
        raise ValueError(f"poison_fraction must lie above 0 and at most 1, got {fraction!r}")
    poisoned = int(fraction * (len(splits.train) if every else np.sum(splits.train.labels == source)))
    if poisoned == 0:
        raise ValueError(f"{fraction} of the {attack['source']!r} clips is not one whole clip: raise poison_fraction")
    return poisoned, poisoned / (in_target + poisoned)


def shared_name(trigger: str) -> str:
    """
    :param trigger: From :func:`attack_settings`.
    :return: The same without the folder of a file, which is of one machine.
    """
    voice = voice_and_target(trigger)
    return Path(trigger).name if voice is None else f"{VOICE}{voice[0]}:{Path(voice[1]).name}"


def options_by_filter(
    options: dict[str, dict[str, Any]], labels: tuple[str, ...], preset: str | None, vae: str | Path | None
) -> dict[str, dict[str, Any]]:
    """
    Options by filter; those of the VAE have a name of their own, and are for `poison_likelihood`.

    :param options: By filter name.
    :param labels: Of the dataset; those of noise are not scored, as in an audit, unless the options say otherwise.
    :param preset: Of the VAE.
    :param vae: File of a trained VAE.
    :return: Options of `detect_poison` by filter name.
    :raises ValueError: If a filter is unknown.
    :raises FileNotFoundError: If a VAE is not there.
    """
    unknown = set(options) - set(FILTERS + MORE_FILTERS)
    if unknown:
        raise ValueError(f"filter_options names {', '.join(sorted(unknown))}, which is no filter")
    noise = [label for label in labels if label.lower() in NOISE_LABELS]
    sound = {name: {"ignore_classes": noise, **options.get(name, {})} for name in SOUND_FILTERS}
    named = {"preset": preset, "vae": vae}
    sound["poison_likelihood"] |= {key: value for key, value in named.items() if value is not None}
    for settings in sound.values():
        if settings.get("vae") is not None:
            settings["vae"] = _existing(settings["vae"])
    return {**options, **sound}


def _existing(vae: str | Path) -> str:
    """The whole path of a VAE's file."""
    if not Path(vae).is_file():
        raise FileNotFoundError(f"{vae} is not there: train one with art-audio train vae")
    return os.fspath(Path(vae).resolve())
