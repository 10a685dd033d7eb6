"""The split that a corpus brings with it, such as LRW's, in place of one that is drawn."""

from __future__ import annotations

import numpy as np

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.experiments.av_sync_models import fold_of

TEST_FIRST, VAL_FIRST = ("test", "val"), ("val", "test")  # which part judges, the second where the first is missing
_LEARNT, _UNUSED = 1, -2
_OURS = "builtin-av"  # its parts are no corpus's: speakers apart, as folds have them too, and of these all are tested


def official_parts(dataset: AudioVisualDataset, judges: tuple[str, ...] = TEST_FIRST) -> np.ndarray | None:
    """
    :param dataset: Clips (N,).
    :param judges: Which part judges: the first of these that has clips.
    :return: int (N,): 0 of clips that judge, 1 of those to learn from ("train"), -2 of those that do neither; None
        where a split must be drawn, for clips are of no part, or of one only, or there are none to learn from; and for
        `builtin-av`, whose folds by speaker test all of it.
    """
    parts = np.array(dataset.partition or (), str)
    judge = next((name for name in judges if name in parts), None)
    if dataset.name == _OURS or judge is None or "" in parts or "train" not in parts:
        return None
    return np.where(parts == judge, 0, np.where(parts == "train", _LEARNT, _UNUSED))


def learnt_and_judged(
    dataset: AudioVisualDataset, folds: int, seed: int, judges: tuple[str, ...] = TEST_FIRST
) -> tuple[AudioVisualDataset, AudioVisualDataset]:
    """
    Clips to learn from and clips to judge by: the official parts, or else one of several folds held out.

    :param dataset: Clips.
    :param folds: How many parts are drawn where there is no official split.
    :param seed: Of that draw.
    :param judges: As `official_parts` takes it.
    :return: Both.
    :raises ValueError: If there are fewer groups than folds.
    """
    parts = official_parts(dataset, judges)
    if parts is None:
        parts = np.minimum(fold_of(dataset, folds, seed), _LEARNT)
    return dataset.subset(parts == _LEARNT), dataset.subset(parts == 0)
