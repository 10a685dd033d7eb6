"""Sound files that a CSV beside them lists, with their label, part and recording, as an `AudioDataset`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.clip_files import ClipFile, read_clips, to_dataset


def whole_copy(root: Path | str, parts: Sequence[str], what: str) -> Path:
    """
    :param root: A folder.
    :param parts: Files and folders that must lie in it.
    :param what: Of which it is to be a copy.
    :return: The folder, with its own links resolved.
    :raises ValueError: If it does not exist, or lacks one.
    """
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise ValueError(f"{str(root)!r} is no folder: name the one that holds {parts[0]}; nothing is downloaded")
    missing = [part for part in parts if not (folder / part).exists()]
    if missing:
        raise ValueError(f"{str(root)!r} is not a whole copy of {what}: it lacks {', '.join(missing)}")
    return folder.resolve()


def read_table(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """
    The rows of a CSV with a header.

    :param file: Where it lies.
    :param columns: Which must be there.
    :return: Values by column name, row by row.
    :raises ValueError: If it cannot be read, a column is missing or a row breaks off.
    """
    try:
        with open(file, newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"{file} has no column {', '.join(missing)}: get a whole copy")
            rows = list(reader)
    except (OSError, UnicodeError, csv.Error) as error:
        raise ValueError(f"cannot read {file} ({error}): get a whole copy") from error
    for number, row in enumerate(rows, 2):
        if not all(row[name] for name in columns):
            raise ValueError(f"{file} line {number} lacks a value: get a whole copy")
    return rows


def listed_clip(root: Path, folder: str, name: str, label: str, partition: str) -> ClipFile:
    """
    A clip that a table names.

    :param root: Of the dataset, with its own links resolved.
    :param folder: In which it lies, relative to `root`.
    :param name: Its file name, as a stranger wrote it.
    :param label: Its label.
    :param partition: "train" or "test".
    :return: The clip.
    :raises ValueError: If the name is no plain file name, or a link that leads out of the dataset.
    """
    file = root / folder / name
    if Path(name).name != name or name in ("..", ".") or not file.resolve().is_relative_to(root):
        raise ValueError(f"the table of {root} names a file outside of {folder}: {name!r}")
    return ClipFile(file, f"{folder}/{name}", label, partition)


def listed_dataset(
    clips: Sequence[ClipFile],
    recordings: Sequence[str],
    name: str,
    *,
    sample_rate: int,
    cache_dir: Path | None,
    **reading: Any,
) -> AudioDataset:
    """
    Read clips, and note of which recording each is a part: two parts of one are as alike as two clips of one speaker.

    :param clips: What to read.
    :param recordings: Of each clip; it stands where the record has speakers, so that a split keeps a recording whole.
    :param name: Of the dataset.
    :param sample_rate: In Hz.
    :param cache_dir: Where decoded clips are kept.
    :param reading: Other options of `read_clips`.
    :return: The dataset, labels sorted by name.
    :raises ValueError: If there are fewer than two labels, or over a tenth of the files cannot be read.
    """
    labels = sorted({clip.label for clip in clips})
    if len(labels) < 2:
        raise ValueError(f"{name} lists {len(labels)} labels, at least two are needed: get a whole copy")
    found = read_clips(clips, sample_rate=sample_rate, cache=cache_dir, **reading)
    by_path = {clip.path: recording for clip, recording in zip(clips, recordings, strict=True)}
    return to_dataset(found, labels, sample_rate, name, [by_path[path] for path in found.paths])
