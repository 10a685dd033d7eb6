"""Train and test parts that share no speaker and no identical clip."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.speakers import NOISE_LABELS
from art_audio_ext.functional.streaming import waveform_batches

logger = logging.getLogger(__name__)


def split_dataset(ds: AudioDataset, test_fraction: float = 0.15, seed: int = 0) -> tuple[AudioDataset, AudioDataset]:
    """
    Split into train and test so that no known speaker and no bit-identical clip is on both sides.

    Where the source has an official split, it is kept; test clips that also lie in train, or whose speaker does, are
    dropped. Otherwise, or if that dropped over half of the test clips (the official split is not by speaker), clips
    that share a speaker or are identical are kept together, and whole groups are drawn for test until every class has
    about its fraction there. If every class has one speaker of its own (the speakers are what is to be recognised),
    speakers are not kept apart, in an official split neither: no class could be on both sides. A warning says where
    most speakers are not known.

    :param ds: The dataset.
    :param test_fraction: Wanted share of test clips in each class, in (0, 1); unused with an official split.
    :param seed: Decides which groups are drawn.
    :return: The train part and the test part, in memory; label names are those of `ds`.
    :raises ValueError: If the fraction is outside (0, 1), or no split leaves every class in train and a clip in test.
    """
    if isinstance(test_fraction, bool) or not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction must lie between 0 and 1, got {test_fraction!r}")
    _warn_of_unknown_speakers(ds)
    content, speakers = _content_ids(ds.waveforms), _speaker_ids(ds)
    parts = _official(ds, content, speakers)
    if parts is None:
        test = _drawn(ds, content, speakers, test_fraction, seed)
        parts = ~test, test
    train, test = parts
    _check(ds, train, test)
    return ds.subset(train), ds.subset(test)


def _warn_of_unknown_speakers(ds: AudioDataset) -> None:
    """Say so where most clips that are not noise have no speaker: keeping speakers apart then means little."""
    noise = [index for index, name in enumerate(ds.label_names) if name.lower() in NOISE_LABELS]
    spoken = ~np.isin(ds.labels, noise)
    unknown = int((spoken & (ds.speakers == "")).sum())
    if 2 * unknown > spoken.sum():
        logger.warning(
            "the speakers of %d of %d clips are unknown, so train and test may share some and results look too good: "
            "say where the speaker stands in a file name with --speaker-pattern",
            unknown,
            spoken.sum(),
        )


def _official(ds: AudioDataset, content: np.ndarray, speakers: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Masks of the official split, less what test shares with train; None if there is none, or too little is left."""
    train, test = ds.partition == "train", ds.partition == "test"
    if not train.any() or not test.any():
        return None
    twins = test & np.isin(content, content[train])
    known = test & (speakers >= 0) & np.isin(speakers, speakers[train])
    dropped = int((twins | known).sum())
    if 2 * dropped > test.sum():
        logger.warning("the official split shares %d of %d test clips with train: drawn anew", dropped, test.sum())
        return None
    if dropped:
        logger.warning(
            "left out %d test clips: %d lie in train too, the speaker of %d does", dropped, twins.sum(), known.sum()
        )
    return train, test & ~twins & ~known


def _drawn(ds: AudioDataset, content: np.ndarray, speakers: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Mask of the test part, drawn group by group."""
    groups = _groups(speakers, content)
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    left = np.bincount(ds.labels, minlength=len(ds.label_names))
    wanted = left * fraction
    taken = np.zeros(len(left))
    test = np.zeros(len(ds), bool)
    rng = np.random.default_rng(seed)
    shuffled = [members[i] for i in rng.permutation(len(members))]
    # First what comes nearer to the wanted share of every class, then something for each class that is still without.
    for must in (False, True):
        for clips in shuffled:
            classes, counts = np.unique(ds.labels[clips], return_counts=True)
            missing, short = taken[classes], wanted[classes]
            nearer = np.abs(missing + counts - short).sum() < np.abs(missing - short).sum()
            wants = (missing == 0).any() if must else nearer
            if test[clips[0]] or not wants or (left[classes] <= counts).any():
                continue
            test[clips] = True
            taken[classes] += counts
            left[classes] -= counts
    return test


def _speaker_ids(ds: AudioDataset) -> np.ndarray:
    """A number for each speaker, -1 where unknown or where the speakers are the classes."""
    ids = np.unique(ds.speakers, return_inverse=True)[1].reshape(-1)
    ids = np.where(ds.speakers == "", -1, ids)
    known = ids >= 0
    pairs = np.unique(np.stack([ids[known], ds.labels[known]]), axis=1)
    one_to_one = all(len(np.unique(row)) == pairs.shape[1] for row in pairs)
    if pairs.shape[1] > 1 and one_to_one and len(np.unique(ds.labels)) == pairs.shape[1]:
        logger.warning("every class has one speaker of its own: train and test share speakers")
        return np.full(len(ds), -1)
    return ids


def _groups(speakers: np.ndarray, content: np.ndarray) -> np.ndarray:
    """A number for each set of clips linked by a common speaker or by identical content."""
    # Nodes: contents first, then speakers. A clip is an edge, and lies in the component of its content.
    known = speakers >= 0
    size = int(content.max() + 1 + speakers.max() + 1)
    edges = (np.ones(int(known.sum())), (content[known], content.max() + 1 + speakers[known]))
    return connected_components(coo_matrix(edges, shape=(size, size)), directed=False)[1][content]


def _content_ids(waveforms: np.ndarray) -> np.ndarray:
    """A number for each distinct clip, in order of appearance."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(digest, len(numbers)) for digest in _digests(waveforms)], dtype=np.int64)


def _digests(waveforms: np.ndarray) -> Iterable[bytes]:
    """Digest of the samples of every clip; -0.0 counts as 0.0."""
    for batch in waveform_batches(waveforms):
        for row in batch + 0.0:
            yield hashlib.blake2b(row.tobytes(), digest_size=16).digest()


def _check(ds: AudioDataset, train: np.ndarray, test: np.ndarray) -> None:
    """Refuse a split without test clips or with a class that train lacks; say which classes test lacks."""
    if not test.any():
        raise ValueError(
            "no clip is left for testing without sharing a speaker or a clip with train: add clips of other speakers, "
            "or correct the speakers with a speaker pattern"
        )
    absent = _absent(ds, train)
    if absent:
        raise ValueError(f"train would have no clip of {', '.join(absent)}: add clips to it, or remove the class")
    absent = _absent(ds, test)
    if absent:
        logger.warning("test has no clip of %s: all of its clips share speakers with train", ", ".join(absent))


def _absent(ds: AudioDataset, part: np.ndarray) -> Sequence[str]:
    """Names of the classes without a clip in a part."""
    present = set(ds.labels[part].tolist())
    return [name for index, name in enumerate(ds.label_names) if index not in present]
