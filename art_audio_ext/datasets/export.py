"""A dataset written as a folder of sound files, the layout that `folder:` reads."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import soundfile
from tqdm import tqdm

from art_audio_ext.datasets.audio_dataset import AudioDataset


def write_folder(dataset: AudioDataset, out: Path, *, progress: bool = True) -> Path:
    """
    Write `<partition>/<label>/<name>.flac` (16 bit) for each clip; a file that is already there is written again.

    :param dataset: What to write; the name of a file is the last part of its path in the dataset.
    :param out: Folder, made if it does not exist.
    :param progress: Show a progress bar.
    :return: `out`.
    """
    for row in tqdm(range(len(dataset)), desc="writing clips", unit="clip", disable=not progress):
        label = dataset.label_names[dataset.labels[row]]
        name = PurePosixPath(str(dataset.paths[row])).stem
        path = out / str(dataset.partition[row]) / label / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, dataset.waveforms[row], dataset.sample_rate, subtype="PCM_16")
    return out
