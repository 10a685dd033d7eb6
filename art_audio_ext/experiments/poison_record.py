"""`poison.json`, the record of how a folder was poisoned: written, read, and turned back into the attack."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
import torchaudio.functional as taf

from art_audio_ext.attacks.poisoning import AudioBackdoor, AudioTriggerBackdoor, VoiceConversionBackdoor
from art_audio_ext.datasets.cache import cache_path
from art_audio_ext.experiments.file_triggers import voice_and_target
from art_audio_ext.functional.checks import check_sample_rate
from art_audio_ext.functional.triggers import make_trigger, trigger_name

RECORD_NAME = "poison.json"
# A record is read from strangers: numbers beyond these are no sample, count or level, and no rate in Hz.
_LARGEST, _LARGEST_RATE = 2**31, 1_000_000


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_count(value: Any) -> bool:
    return _is_seed(value) and value < _LARGEST


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST  # NaN is not less


def _is_list(value: object) -> bool:
    return isinstance(value, list)


_Field = tuple[Callable[[Any], bool], str]
_TEXT: _Field = (_is_text, "text")
_COUNT: _Field = (_is_count, "a whole number from 0 up")
_LEVEL: _Field = (lambda value: value is None or _is_number(value), "a number or null")
_FIELDS: dict[str, _Field] = {
    "trigger": _TEXT,
    "scale": _LEVEL,
    "snr_db": _LEVEL,
    "position": (lambda value: value == "random" or _is_count(value), 'a whole number from 0 up or "random"'),
    "source": _TEXT,
    "target": _TEXT,
    "poison_fraction": (lambda value: _is_number(value) and 0 < value <= 1, "a number above 0 and at most 1"),
    "seed": (_is_seed, "a whole number from 0 up"),
    "clips": _COUNT,
    "poisoned": (_is_list, "a list"),
}
_ENTRY_FIELDS: dict[str, _Field] = {
    "path": _TEXT,
    "true_label": _TEXT,
    "label": _TEXT,
    "original_path": _TEXT,
    "start": _COUNT,
    "sample_rate_hz": (lambda value: _is_count(value) and 0 < value <= _LARGEST_RATE, "a rate in Hz"),
}


def write_record(record: dict[str, Any], root: Path) -> None:
    """
    Write the record into a folder, whole or not at all.

    :param record: JSON-safe.
    :param root: The poisoned folder.
    """
    temporary = root / f".{RECORD_NAME}.part"
    temporary.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(temporary, root / RECORD_NAME)


def read_record(root: Path) -> dict[str, Any]:
    """
    The record of a poisoned folder, every field of it checked: folders travel, and so do their records.

    :param root: The folder.
    :raises FileNotFoundError: If it has none.
    :raises ValueError: If it is not a record, or a field is not what it must be.
    """
    path = Path(root) / RECORD_NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: poison the folder with art-audio poison first")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON ({error}): poison the folder again") from error
    _check_fields(record, _FIELDS, str(path))
    for row, entry in enumerate(record["poisoned"]):
        _check_fields(entry, _ENTRY_FIELDS, f"{path}: poisoned file {row}")
    if record["source"] == record["target"]:
        raise ValueError(f"{path} has {record['source']!r} for source and for target: poison the folder again")
    return record


def attack_from_record(record: dict[str, Any], root: Path, sample_rate: int) -> AudioBackdoor:
    """
    The attack that a record describes, for clips at `sample_rate` (the folder's files may have another rate).

    :param record: From `read_record`.
    :param root: The poisoned folder; a trigger that was a file lies there.
    :param sample_rate: Of the clips the attack will be used on, in Hz.
    :return: The attack.
    :raises ValueError: If the trigger cannot exist at that rate, or names a file outside the folder.
    :raises FileNotFoundError: If the trigger's file is missing.
    """
    voice = voice_and_target(record["trigger"])
    if voice is not None:
        target = _file_of(voice[1], root)
        kept = cache_path() / "voices"
        return VoiceConversionBackdoor(target, sample_rate=sample_rate, voice=voice[0], cache_dir=kept, verbose=False)
    rates = Counter(int(entry["sample_rate_hz"]) for entry in record["poisoned"])
    file_rate = rates.most_common(1)[0][0] if rates else check_sample_rate(sample_rate)
    position = record["position"]
    if not isinstance(position, str):
        position = round(position * sample_rate / file_rate)
    return AudioTriggerBackdoor(
        _trigger_at(record["trigger"], root, file_rate, sample_rate),
        sample_rate=sample_rate,
        scale=record["scale"] if record["scale"] is not None else 0.1,
        snr_db=record["snr_db"],
        position=position,
        seed=record["seed"],
    )


def _check_fields(found: object, fields: dict[str, _Field], where: str) -> None:
    """Refuse what is not a dictionary with these fields, or has one that is something else."""
    missing = [name for name in fields if not isinstance(found, dict) or name not in found]
    if missing or not isinstance(found, dict):
        raise ValueError(f"{where} lacks {', '.join(missing)}: poison the folder again")
    for name, (is_good, what) in fields.items():
        if not is_good(found[name]):
            value = found[name]
            shown = f"a {type(value).__name__}" if isinstance(value, (list, dict)) else repr(value)[:80]
            raise ValueError(f"{where}: {name} must be {what}, got {shown}: poison the folder again")


def _trigger_at(trigger: str, root: Path, file_rate: int, sample_rate: int) -> str | Path | np.ndarray:
    """The trigger as the constructor takes it: a name, a file of the folder, or the sound itself."""
    name = trigger_name(trigger)
    if name is None:
        return _file_of(trigger, root)
    if name != "ultrasonic" or file_rate == sample_rate:
        return name
    # Its pitch follows the rate at which the files were poisoned: what the clips hold of it is what resampling left.
    sound = taf.resample(torch.from_numpy(make_trigger(name, file_rate)), file_rate, sample_rate).clamp(-1, 1).numpy()
    if np.abs(sound[len(sound) // 4 : -len(sound) // 4]).max() < 0.1:
        raise ValueError(
            f"the ultrasonic trigger of files at {file_rate} Hz does not survive {sample_rate} Hz: "
            f"load the folder at {file_rate} Hz"
        )
    return sound


def _file_of(name: str, root: Path) -> Path:
    """A file in the root of a folder, named by a record that may come from a stranger."""
    if PurePosixPath(name).name != name or "\\" in name or name == "..":
        raise ValueError(f"{RECORD_NAME} names the trigger {name!r}: it must be a file in the folder's root")
    return Path(root) / name
