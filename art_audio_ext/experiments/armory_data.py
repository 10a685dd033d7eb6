"""The train and test parts a scenario runs on, and which of their clips a poisoned folder says are poisoned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets import AudioDataset, load_dataset, split_dataset
from art_audio_ext.datasets.registry import stratified_sample
from art_audio_ext.experiments.poison_record import RECORD_NAME, read_record

DATA_KEYS = ("seconds", "sample_rate", "seed", "clips", "speaker_pattern", "test_fraction", "test_clips")
_ARMORY_KEYS = {"module", "name", "batch_size", "framework", "train_split", "eval_split", "spec"}


@dataclass(frozen=True)
class Splits:
    """
    The two parts of a dataset.

    :param train: What the victim learns from, with its poison if the folder is a poisoned one.
    :param test: What it is tested on; never holds a poisoned clip.
    :param poison_index: Rows of `train` that the record says are poisoned; empty without a record.
    :param true_labels: Class index of each training clip before it was poisoned (N,).
    :param record: The content of the folder's poison.json, or None.
    :param root: The folder that holds the record, or None.
    :param left_out: Poisoned clips that fell into the test part, and are in neither part.
    """

    train: AudioDataset
    test: AudioDataset
    poison_index: np.ndarray
    true_labels: np.ndarray
    record: dict[str, Any] | None
    root: Path | None
    left_out: int = 0


def load_splits(
    spec: str,
    *,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    seed: int = 0,
    clips: int | None = None,
    speaker_pattern: str | None = None,
    test_fraction: float = 0.15,
    progress: bool = False,
) -> Splits:
    """
    Load a dataset and split it, without a speaker or an identical clip on both sides.

    A folder that was written by `art-audio poison` brings its record: its poisoned training clips are named, and
    poisoned clips that fall into the test part are left out of it, since a test clip must be benign.

    :param spec: "folder:PATH", PATH, "speech-commands[:ROOT]" or "builtin".
    :param seconds: Length of every clip.
    :param sample_rate: In Hz.
    :param seed: Of the choice of clips and of the split.
    :param clips: Use at most so many clips.
    :param speaker_pattern: How a file name tells its speaker.
    :param test_fraction: Share of the test part where the dataset has no official one.
    :param progress: Show progress while clips are read for the first time.
    :return: The parts.
    :raises ValueError: If the record does not fit the folder.
    """
    dataset = load_dataset(
        spec,
        seconds=seconds,
        sample_rate=sample_rate,
        seed=seed,
        clips=clips,
        speaker_pattern=speaker_pattern,
        progress=progress,
    )
    train, test = split_dataset(dataset, test_fraction=test_fraction, seed=seed)
    record, root = poison_record(spec)
    if record is None:
        return Splits(train, test, np.empty(0, dtype=np.int64), train.labels.copy(), None, None)
    listed = {_relative(entry["path"]): entry["true_label"] for entry in record["poisoned"]}
    in_test = np.array([_relative(path) in listed for path in test.paths], dtype=bool)
    index, true_labels = _recorded_rows(train, listed)
    if not len(index):
        raise ValueError(
            f"no training clip of {spec} is listed in {RECORD_NAME}: poison the folder again, or use more clips"
        )
    return Splits(train, test.subset(~in_test), index, true_labels, record, root, int(in_test.sum()))


def splits_of(options: dict[str, Any]) -> Splits:
    """
    The splits that a scenario's dataset entry names; those of the last call are kept, since Armory asks for each part
    on its own, and for the data's shape before that.

    :param options: `spec` and any of `DATA_KEYS`; keys that are Armory's own are passed over.
    :return: The parts; with `test_clips`, at most so many test clips, with the same share of every class.
    :raises ValueError: If a key is unknown, or the data or an option will not do.
    """
    if unknown := sorted(set(options) - _ARMORY_KEYS - set(DATA_KEYS)):
        raise ValueError(f"unknown dataset option {', '.join(unknown)}: choose among {', '.join(DATA_KEYS)}")
    return last_splits(options.get("spec", "builtin"), **{key: options[key] for key in DATA_KEYS if key in options})


@lru_cache(maxsize=1)
def last_splits(spec: str, *, test_clips: int | None = None, **options: Any) -> Splits:
    """
    What `load_splits` gives, with few test clips if so wished.

    :param spec: As :func:`load_splits` takes it.
    :param test_clips: Keep at most so many test clips, with the same share of every class; None keeps all.
    :param options: Of :func:`load_splits`.
    :raises ValueError: If the data or an option will not do.
    """
    if test_clips is not None and (isinstance(test_clips, bool) or not isinstance(test_clips, int) or test_clips < 1):
        raise ValueError(f"test_clips must be a positive whole number, got {test_clips!r}")
    splits = load_splits(spec, **options)
    if test_clips is None:
        return splits
    return replace(splits, test=stratified_sample(splits.test, test_clips, options.get("seed", 0)))


def poison_record(spec: str) -> tuple[dict[str, Any] | None, Path | None]:
    """
    The record of a folder written by `art-audio poison`.

    :param spec: As :func:`load_splits` takes it.
    :return: (record, folder), or (None, None) for any other dataset.
    :raises ValueError: If there is a record that is not one.
    """
    root = folder_of(spec)
    return (None, None) if root is None or not (root / RECORD_NAME).is_file() else (read_record(root), root)


def folder_of(spec: str) -> Path | None:
    """
    The folder that a dataset's name means, as `load_dataset` understands it.

    :param spec: As :func:`load_splits` takes it.
    :return: The folder, or None if the name means something else, even if a folder is called so too.
    """
    kind, _, rest = spec.partition(":")
    if kind == "folder" and rest:
        return Path(rest).expanduser()
    if spec in ("", "builtin") or kind == "speech-commands":
        return None
    path = Path(spec).expanduser()
    return path if path.is_dir() else None


def class_index(label: str | int, names: tuple[str, ...]) -> int:
    """
    The index of a class named by its label, or by the index itself.

    :param label: A label name or a class index.
    :param names: The label name of each class.
    :return: The index.
    :raises ValueError: If there is no such class (the message lists the labels), or `label` is neither.
    """
    if isinstance(label, str):
        if label not in names:
            raise ValueError(f"there is no label {label!r} in this dataset: choose one of {', '.join(names)}")
        return names.index(label)
    if isinstance(label, bool) or not isinstance(label, (int, np.integer)):
        raise ValueError(f"a class must be named by its label or its index, got {label!r}")
    if not 0 <= label < len(names):
        raise ValueError(f"class {label} is not in 0 to {len(names) - 1}: {', '.join(names)}")
    return int(label)


def _recorded_rows(train: AudioDataset, listed: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the training part that are listed, and every row's true label."""
    true_labels = train.labels.copy()
    index = []
    for row, path in enumerate(train.paths):
        true_label = listed.get(_relative(path))
        if true_label is not None:
            index.append(row)
            true_labels[row] = class_index(true_label, train.label_names)
    return np.array(index, dtype=np.int64), true_labels


def _relative(path: str) -> str:
    return str(path).replace("\\", "/").removeprefix("./")
