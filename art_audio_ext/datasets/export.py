"""A dataset written as a folder of sound files, the layout that `folder:` reads."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import soundfile
from tqdm import tqdm

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.decode import SUFFIXES


def write_folder(dataset: AudioDataset, out: Path, *, progress: bool = True) -> Path:
    """
    Write `<partition>/<label>/<path>.flac` (16 bit) for each clip; a file that is already there is written again.

    :param dataset: What to write. A file keeps its path in the dataset below the label, so that `deep/a.wav` of the
        label `yes` becomes `yes/deep/a.flac`.
    :param out: Folder, made if it does not exist.
    :param progress: Show a progress bar.
    :return: `out`.
    :raises ValueError: If two clips would get the same file, or one would lie outside its label's folder; nothing is
        written then.
    """
    files = _files(dataset)
    for row, file in enumerate(tqdm(files, desc="writing clips", unit="clip", disable=not progress)):
        path = out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, dataset.waveforms[row], dataset.sample_rate, subtype="PCM_16")
    return out


def _files(dataset: AudioDataset) -> list[PurePosixPath]:
    """The file of each clip, relative to the folder; no two are the same."""
    rows: dict[PurePosixPath, int] = {}
    for row, path in enumerate(map(str, dataset.paths)):
        file = _file(path, dataset.label_names[dataset.labels[row]], str(dataset.partition[row]))
        if file in rows:
            other = str(dataset.paths[rows[file]])
            raise ValueError(f"{other!r} and {path!r} would both be written to {file}: give them different names")
        rows[file] = row
    return list(rows)


def _file(path: str, label: str, partition: str) -> PurePosixPath:
    """The file of one clip: its path below partition and label, with the suffix of what is written."""
    parts = PurePosixPath(path).parts
    for folder in (partition, label):
        parts = parts[1:] if len(parts) > 1 and parts[0] == folder else parts
    if not parts or ".." in parts or parts[0] == "/" or PurePosixPath(label).parts != (label,) or label in ("..", "."):
        raise ValueError(f"clip {path!r} with the label {label!r} would be written outside the folder: rename it")
    name = parts[-1]
    stem = PurePosixPath(name).stem if PurePosixPath(name).suffix.lower() in SUFFIXES else name
    return PurePosixPath(partition, label, *parts[:-1], f"{stem}.flac")
