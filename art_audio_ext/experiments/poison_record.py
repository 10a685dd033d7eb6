"""`poison.json`, the record of how a folder was poisoned: written, read, and turned back into the attack."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
import torchaudio.functional as taf

from art_audio_ext.attacks.poisoning import AudioTriggerBackdoor
from art_audio_ext.functional.checks import check_sample_rate
from art_audio_ext.functional.triggers import make_trigger, trigger_name

RECORD_NAME = "poison.json"
_KEYS = ("trigger", "scale", "snr_db", "position", "source", "target", "poison_fraction", "seed", "clips", "poisoned")
_ENTRY_KEYS = {"path", "true_label", "label", "original_path", "start", "sample_rate_hz"}


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
    The record of a poisoned folder.

    :param root: The folder.
    :raises FileNotFoundError: If it has none.
    :raises ValueError: If it is not a record.
    """
    path = Path(root) / RECORD_NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: poison the folder with art-audio poison first")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}): poison the folder again") from error
    missing = [key for key in _KEYS if not isinstance(record, dict) or key not in record]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: poison the folder again")
    entries = record["poisoned"] if isinstance(record["poisoned"], list) else [None]
    if not all(isinstance(entry, dict) and set(entry) >= _ENTRY_KEYS for entry in entries):
        raise ValueError(f"{path} lists a poisoned file without {', '.join(sorted(_ENTRY_KEYS))}: poison again")
    return record


def attack_from_record(record: dict[str, Any], root: Path, sample_rate: int) -> AudioTriggerBackdoor:
    """
    The attack that a record describes, for clips at `sample_rate` (the folder's files may have another rate).

    :param record: From `read_record`.
    :param root: The poisoned folder; a trigger that was a file lies there.
    :param sample_rate: Of the clips the attack will be used on, in Hz.
    :return: The attack.
    :raises ValueError: If the trigger cannot exist at that rate, or names a file outside the folder.
    :raises FileNotFoundError: If the trigger's file is missing.
    """
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


def _trigger_at(trigger: str, root: Path, file_rate: int, sample_rate: int) -> str | Path | np.ndarray:
    """The trigger as the constructor takes it: a name, a file of the folder, or the sound itself."""
    name = trigger_name(trigger)
    if name is None:
        if PurePosixPath(trigger).name != trigger or "\\" in trigger or trigger == "..":
            raise ValueError(f"{RECORD_NAME} names the trigger {trigger!r}: it must be a file in the folder's root")
        return Path(root) / trigger
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
