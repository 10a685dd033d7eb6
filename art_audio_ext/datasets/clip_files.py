"""From a list of sound files to an `AudioDataset`: hashed, decoded in parallel, cached, the unreadable ones counted."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.cache import CachedClips, ClipWriter, cached_clips
from art_audio_ext.datasets.decode import DecodeError, clip_length, decode_clip, fit_length

logger = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")

_VERSION = 1  # raise it when the same files come out as other samples
_AT_ONCE = 256  # clips in flight: bounds the memory
_HASH_BYTES = 1 << 20
_MOST_UNREADABLE = 0.1
_SHOWN = 5


@dataclass(frozen=True)
class ClipFile:
    """
    One clip to read.

    :param file: Where it lies.
    :param path: What the dataset calls it.
    :param label: Its label name.
    :param partition: "train", "test" or "".
    :param offset_seconds: Where in the file the clip starts.
    """

    file: Path
    path: str
    label: str
    partition: str = ""
    offset_seconds: float = 0.0


def read_clips(
    clips: Sequence[ClipFile],
    *,
    seconds: float,
    sample_rate: int,
    skipped: Sequence[tuple[str, str]] = (),
    cache: Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> CachedClips:
    """
    Decode every file once, cut or pad it at its end to `seconds`, and keep the result by the content of the files.

    :param clips: What to read.
    :param seconds: Length of every clip.
    :param sample_rate: Samples a second, in Hz.
    :param skipped: (path, reason) of files that were left out already; they count as unreadable.
    :param cache: The cache folder; None takes the usual one.
    :param jobs: Threads; None takes one for each core.
    :param progress: Show progress bars.
    :return: The readable clips, in the order given.
    :raises ValueError: If over a tenth of the files cannot be read, or an argument is wrong.
    """
    length, threads = clip_length(seconds, sample_rate), _threads(jobs)
    with ThreadPoolExecutor(threads) as pool:
        key = _key(clips, skipped, length, sample_rate, pool, progress)

        def make(writer: ClipWriter) -> None:
            for path, reason in skipped:
                writer.skip(path, reason)
            _decode_all(clips, writer, sample_rate, seconds, pool, progress)
            _check_unreadable(writer)

        try:
            found = cached_clips(key, length, len(clips), make, cache)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if found.skipped:
        logger.warning("left out %d of %d files: %s", len(found.skipped), _total(found), _examples(found.skipped))
    return found


def to_dataset(
    found: CachedClips, label_order: Sequence[str], sample_rate: int, name: str, speakers: Sequence[str] | None = None
) -> AudioDataset:
    """
    Decoded clips as the record that the rest of the package knows; labels without a single clip are left out.

    :param found: The clips.
    :param label_order: Label names in the order of their class index.
    :param sample_rate: In Hz.
    :param name: How the dataset was named.
    :param speakers: Speaker of each clip; None takes those of the cache.
    :return: The dataset.
    """
    present = set(found.labels)
    names = tuple(label for label in label_order if label in present)
    index = {label: i for i, label in enumerate(names)}
    return AudioDataset(
        waveforms=found.waveforms,
        labels=np.array([index[label] for label in found.labels], dtype=np.int64),
        label_names=names,
        sample_rate=sample_rate,
        paths=np.array(found.paths, dtype=str),
        speakers=np.array(found.speakers if speakers is None else list(speakers), dtype=str),
        partition=np.array(found.partition, dtype=str),
        name=name,
        skipped=found.skipped,
    )


def _decode_all(
    clips: Sequence[ClipFile],
    writer: ClipWriter,
    sample_rate: int,
    seconds: float,
    pool: ThreadPoolExecutor,
    progress: bool,
) -> None:
    """Hand every clip to the writer, in order."""

    def decode(clip: ClipFile) -> np.ndarray | str:
        try:
            sound = decode_clip(clip.file, sample_rate, offset_seconds=clip.offset_seconds, duration_seconds=seconds)
        except DecodeError as error:
            return error.reason
        return fit_length(sound, writer.length)

    for clip, result in zip(clips, _in_order(decode, clips, pool, progress, "decoding"), strict=True):
        if isinstance(result, str):
            writer.skip(clip.path, result)
        else:
            writer.add(result, clip.path, clip.label, partition=clip.partition)


def _in_order(
    work: Callable[[T], R], items: Sequence[T], pool: ThreadPoolExecutor, progress: bool, title: str
) -> Iterator[R]:
    """Results in the order of the items, a bounded number in flight."""
    rest = iter(items)
    with tqdm(total=len(items), desc=title, unit="clip", disable=not progress, delay=2) as bar:
        while chunk := list(islice(rest, _AT_ONCE)):
            for result in pool.map(work, chunk):
                bar.update()
                yield result


def _key(
    clips: Sequence[ClipFile],
    skipped: Sequence[tuple[str, str]],
    length: int,
    sample_rate: int,
    pool: ThreadPoolExecutor,
    progress: bool,
) -> str:
    """A name made of everything that decides the clips: names and contents of the files, length and rate."""
    total = hashlib.blake2b(repr((_VERSION, length, sample_rate, list(skipped))).encode(), digest_size=16)
    files = sorted({clip.file for clip in clips})
    digests = dict(zip(files, _in_order(_content, files, pool, progress, "checking"), strict=True))
    for clip in clips:
        about = (clip.path, clip.label, clip.partition, clip.offset_seconds, digests[clip.file])
        total.update(repr(about).encode())
    return f"clips-{total.hexdigest()}"


def _content(file: Path) -> str:
    """Digest of a file's bytes, or why it has none."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open(file, "rb") as opened:
            while block := opened.read(_HASH_BYTES):
                digest.update(block)
    except OSError as error:
        return f"unreadable: {error.strerror}"
    return digest.hexdigest()


def _check_unreadable(writer: ClipWriter) -> None:
    """Refuse a dataset of which too much is missing."""
    left_out, total = len(writer.skipped), len(writer.skipped) + len(writer)
    if not len(writer) or left_out > _MOST_UNREADABLE * total:
        raise ValueError(
            f"{left_out} of {total} files cannot be read, more than {_MOST_UNREADABLE:.0%}: repair or remove them; "
            f"the first: {_examples(writer.skipped)}"
        )


def _examples(skipped: Sequence[tuple[str, str]]) -> str:
    """The first few files left out, in one line."""
    shown = "; ".join(f"{path!r} ({reason})" for path, reason in skipped[:_SHOWN])
    return shown + ("; ..." if len(skipped) > _SHOWN else "")


def _total(found: CachedClips) -> int:
    return len(found.skipped) + len(found.paths)


def _threads(jobs: int | None) -> int:
    """How many threads decode: soundfile and torch release the interpreter lock, processes would import torch anew."""
    if jobs is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(jobs, bool) or not isinstance(jobs, (int, np.integer)) or jobs < 1:
        raise ValueError(f"jobs must be a positive whole number, got {jobs!r}")
    return int(jobs)
