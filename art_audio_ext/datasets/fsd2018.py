"""FSDKaggle2018: sounds of 41 kinds from Freesound, the data of DCASE 2018 task 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.decode import clip_length
from art_audio_ext.datasets.metadata_table import listed_clip, listed_dataset, read_table, whole_copy
from art_audio_ext.functional.checks import check_sample_rate

_META = "FSDKaggle2018.meta"
_PARTS = {
    "train": ("FSDKaggle2018.audio_train", f"{_META}/train_post_competition.csv"),
    "test": ("FSDKaggle2018.audio_test", f"{_META}/test_post_competition_scoring_clips.csv"),
}


def load_fsd2018(
    root: Path | str,
    *,
    seconds: float = 3.0,
    sample_rate: int = 16000,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> AudioDataset:
    """
    The training clips, verified by hand or not, and the clips by which the competition was judged.

    Source: Fonseca et al., "General-purpose tagging of Freesound audio with AudioSet labels", DCASE 2018; on Zenodo,
    each clip under CC0 or CC BY, never downloaded here. 44.1 kHz, 0.3 to 30 s.

    :param root: The folder with `FSDKaggle2018.audio_train`, `FSDKaggle2018.audio_test` and `FSDKaggle2018.meta`.
    :param seconds: Every clip is cut or padded with zeros, at its end, to this length.
    :param sample_rate: In Hz.
    :param cache_dir: Where decoded clips are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :param jobs: Threads that decode; None takes one for each core.
    :param progress: Show progress bars.
    :return: The dataset; `partition` is "train" or "test", `speakers` holds the number of the sound at Freesound.
    :raises ValueError: If the copy is not whole, over a tenth of its files cannot be read, or an argument will not do.
    """
    clip_length(seconds, check_sample_rate(sample_rate))
    folder = whole_copy(root, [name for part in _PARTS.values() for name in part], "FSDKaggle2018")
    clips, recordings = [], []
    for partition, (audio, table) in _PARTS.items():
        for row in read_table(folder / table, ("fname", "label")):
            clips.append(listed_clip(folder, audio, row["fname"], row["label"], partition))
            recordings.append(row.get("freesound_id") or "")
    reading: dict[str, Any] = {"seconds": seconds, "jobs": jobs, "progress": progress}
    return listed_dataset(clips, recordings, "fsd2018", sample_rate=sample_rate, cache_dir=cache_dir, **reading)
