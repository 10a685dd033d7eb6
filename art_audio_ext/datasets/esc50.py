"""ESC-50: 2,000 environmental sounds of 50 kinds in five folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.decode import clip_length
from art_audio_ext.datasets.metadata_table import listed_clip, listed_dataset, read_table, whole_copy
from art_audio_ext.functional.checks import check_sample_rate

_AUDIO, _TABLE = "audio", "meta/esc50.csv"
_FOLDS = ("1", "2", "3", "4", "5")


def load_esc50(
    root: Path | str,
    *,
    test_fold: int = 5,
    seconds: float = 5.0,
    sample_rate: int = 16000,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> AudioDataset:
    """
    All clips; one fold is the test part. No recording has pieces in two folds.

    Source: Piczak, "ESC: Dataset for environmental sound classification", 2015; CC BY-NC 3.0, never downloaded here.
    44.1 kHz, 5 s.

    :param root: The folder with `audio` and `meta/esc50.csv`.
    :param test_fold: From 1 to 5.
    :param seconds: Every clip is cut or padded with zeros, at its end, to this length.
    :param sample_rate: In Hz.
    :param cache_dir: Where decoded clips are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :param jobs: Threads that decode; None takes one for each core.
    :param progress: Show progress bars.
    :return: The dataset; `partition` is "train" or "test", `speakers` holds the recording that a clip was cut from.
    :raises ValueError: If the copy is not whole, over a tenth of its files cannot be read, or an argument will not do.
    """
    clip_length(seconds, check_sample_rate(sample_rate))
    if str(test_fold) not in _FOLDS or isinstance(test_fold, bool):
        raise ValueError(f"test_fold must be a whole number from 1 to 5, got {test_fold!r}")
    folder = whole_copy(root, (_AUDIO, _TABLE), "ESC-50")
    clips, recordings = [], []
    for row in read_table(folder / _TABLE, ("filename", "fold", "category")):
        if row["fold"] not in _FOLDS:
            raise ValueError(f"{folder / _TABLE} names a fold {row['fold']!r}, not 1 to 5: get a whole copy")
        partition = "test" if row["fold"] == str(test_fold) else "train"
        clips.append(listed_clip(folder, _AUDIO, row["filename"], row["category"], partition))
        recordings.append(row.get("src_file") or "")
    reading: dict[str, Any] = {"seconds": seconds, "jobs": jobs, "progress": progress}
    return listed_dataset(clips, recordings, "esc50", sample_rate=sample_rate, cache_dir=cache_dir, **reading)
