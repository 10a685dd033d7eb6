"""Recordings whose label is who speaks, as an `AudioDataset` split by utterance within each speaker."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.clip_files import ClipFile, read_clips, to_dataset
from art_audio_ext.datasets.decode import clip_length
from art_audio_ext.datasets.folder import scan_sounds
from art_audio_ext.functional.checks import check_sample_rate

logger = logging.getLogger(__name__)
TEST_SHARE = 0.1  # of a speaker's utterances


@dataclass(frozen=True)
class Utterance:
    """
    What one person said at a stretch.

    :param clips: It, or its pieces.
    :param speaker: Who said it.
    :param partition: "train" or "test" where the corpus says so, else "".
    """

    clips: tuple[ClipFile, ...]
    speaker: str
    partition: str = ""


def speaker_dataset(
    utterances: Sequence[Utterance],
    name: str,
    skipped: Sequence[tuple[str, str]],
    *,
    seconds: float,
    sample_rate: int,
    seed: int,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> AudioDataset:
    """
    Decode the utterances; a tenth of each speaker's are for testing unless the corpus says which.

    :param utterances: In a fixed order.
    :param name: How the dataset was named.
    :param skipped: (path, reason) of files that were left out already.
    :param seconds: Every clip is cut or padded with zeros, at its end, to this length.
    :param sample_rate: In Hz.
    :param seed: Decides which utterances are for testing.
    :param cache_dir: Where decoded clips are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :param jobs: Threads that decode; None takes one for each core.
    :param progress: Show progress bars.
    :return: The dataset: labels are speakers, sorted by name, and `partition` is "train" or "test".
    :raises ValueError: If fewer than two people speak, or over a tenth of the files cannot be read.
    """
    speakers = sorted({utterance.speaker for utterance in utterances})
    if len(speakers) < 2:
        found = f"one speaker only ({speakers[0]!r})" if speakers else "no speaker"
        raise ValueError(f"{name!r} has {found}, two are needed to tell them apart: correct the folder")
    clips = [
        replace(clip, label=utterance.speaker, partition=partition)
        for utterance, partition in zip(utterances, _partitions(utterances, seed), strict=True)
        for clip in utterance.clips
    ]
    options: dict[str, Any] = {"sample_rate": sample_rate, "cache": cache_dir, "jobs": jobs, "progress": progress}
    read = read_clips(clips, seconds=seconds, skipped=skipped, **options)
    return to_dataset(read, speakers, sample_rate, name, read.labels)


def corpus_files(
    root: Path | str, what: str, seconds: float, sample_rate: int
) -> tuple[Path, list[Path], list[tuple[str, str]]]:
    """
    The sound files of a corpus that lies on the disk.

    :param root: Its folder.
    :param what: The corpus and its layout, for messages.
    :param seconds: Of a clip, to be checked.
    :param sample_rate: In Hz, to be checked.
    :return: The folder with its links resolved, the files in order, and (path, reason) of what is left out.
    :raises ValueError: If the folder is not there or holds no sound, or a number will not do.
    """
    clip_length(seconds, check_sample_rate(sample_rate))
    folder = Path(root).expanduser()
    if not str(root) or not folder.is_dir():  # an empty name would be the folder that one stands in
        state = "is a file" if folder.is_file() else "does not exist"
        raise ValueError(f"{str(root)!r} {state}: name the folder of {what}; nothing is downloaded")
    folder = folder.resolve()
    files, skipped = scan_sounds(folder)
    if not files:
        why = f" ({skipped[0][0]!r}: {skipped[0][1]})" if skipped else ""
        raise ValueError(f"{str(root)!r} holds no sound files{why}: name the folder of {what}")
    return folder, files, skipped


def left_out(stray: Sequence[str], what: str) -> None:
    """
    Say that files lie where the corpus has none.

    :param stray: Their paths.
    :param what: The corpus and its layout.
    """
    if stray:
        logger.warning("left out %d files that are not of %s, such as %r", len(stray), what, stray[0])


def _partitions(utterances: Sequence[Utterance], seed: int) -> list[str]:
    """As the corpus says; else, speaker by speaker, a tenth for testing, one at least where there are two."""
    partitions = [utterance.partition or "train" for utterance in utterances]
    if any(utterance.partition for utterance in utterances):
        return partitions
    by_speaker: dict[str, list[int]] = defaultdict(list)
    for row, utterance in enumerate(utterances):
        by_speaker[utterance.speaker].append(row)
    for number, speaker in enumerate(sorted(by_speaker)):
        rows = by_speaker[speaker]
        count = max(1, round(TEST_SHARE * len(rows))) if len(rows) > 1 else 0
        for chosen in np.random.default_rng([seed, number]).permutation(len(rows))[:count]:
            partitions[rows[chosen]] = "test"
    return partitions
