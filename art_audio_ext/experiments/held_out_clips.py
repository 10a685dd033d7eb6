"""Talking clips for a training, and a tenth of the files or the corpus's own part, never seen, to judge it by."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import numpy as np

from art_audio_ext.datasets.audiovisual import load_audiovisual
from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.experiments.av_sync_models import files_of
from art_audio_ext.experiments.official_split import TEST_FIRST, learnt_and_judged

_PARTS = 10


def load_and_hold_out(
    data: str | AudioVisualDataset, kind: str, seed: int, judges: tuple[str, ...] = TEST_FIRST, **loading: Any
) -> tuple[AudioVisualDataset, AudioVisualDataset]:
    """
    Load clips and set a tenth of the files aside, or the part that a corpus itself sets aside, such as LRW; all clips
    of a file go the same way.

    :param data: As `load_audiovisual` takes it, or a dataset.
    :param kind: "word" or "sentence": which clips are loaded.
    :param seed: Of the loading and of the draw.
    :param judges: Which part of an official split judges, see `official_parts`.
    :param loading: Other options of `load_audiovisual`.
    :return: Clips to learn from, and clips held out; with fewer than ten files, one of these.
    :raises ValueError: If the data are unusable, or come from one file alone.
    """
    dataset = data if isinstance(data, AudioVisualDataset) else load_audiovisual(data, clips=kind, seed=seed, **loading)
    files = len(np.unique(files_of(dataset)))
    if files < 2:
        raise ValueError(f"{dataset.name or 'the dataset'} has one file only: one to learn from and one to judge by")
    return learnt_and_judged(dataset, min(_PARTS, files), seed, judges)


def check_sentences(dataset: AudioVisualDataset) -> None:
    """
    Refuse clips of which it is not known what is said.

    :param dataset: Clips that shall be learnt or attacked as sentences.
    :raises ValueError: If one has no sentence; the message names the first and says how to give it one.
    """
    silent = [path for path, sentence in zip(dataset.paths, dataset.sentences, strict=True) if not sentence.split()]
    if silent:
        raise ValueError(
            f"{dataset.name or 'the dataset'}: {len(silent)} of {len(dataset)} clips have no sentence, the first is "
            f"{silent[0]}: write what is said into {PurePosixPath(silent[0].split('#')[0]).with_suffix('.txt')} "
            f"beside it"
        )
