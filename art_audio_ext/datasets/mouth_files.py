"""A video file as its mouth crops and its sound, kept on disk by what the file holds, since the face search is slow."""

from __future__ import annotations

import hashlib
import logging
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np

from art_audio_ext.datasets.cache import cache_dir
from art_audio_ext.datasets.mouth import FixedMouth, HaarMouth, MouthFinder, NoFaceError, mouth_crops
from art_audio_ext.datasets.video_files import FPS, SAMPLE_RATE, Video, VideoError, read_video, video_spans

logger = logging.getLogger(__name__)

_FORMAT = 1


def read_mouth(path: Path | str, size: int, finder: MouthFinder | None = None, cache: Path | None = None) -> Video:
    """
    A file's mouth crops at 25 pictures a second with its sound at 16 kHz, from the cache where they lie there.

    An entry is named by the file's content, the size and the finder: `FixedMouth` and `HaarMouth` are kept, a callable
    of your own is asked each time. A damaged entry is made anew.

    :param path: The video.
    :param size: Height and width of a crop.
    :param finder: Says where the mouth is; None searches the face.
    :param cache: Where crops are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :return: `pictures` are the crops, uint8 (T, size, size).
    :raises VideoError: A ValueError that names the file, if it cannot be used or shows no face.
    :raises ImportError: If PyAV or OpenCV is not installed.
    """
    path, finder = Path(path), HaarMouth() if finder is None else finder
    entry = _entry(path, size, finder, cache)
    kept = None if entry is None else _open(entry, size)
    if kept is not None:
        return kept
    found = _mouths(path, read_video(path), size, finder)
    if entry is not None:
        _keep(entry, found)
    return found


def mouth_spans(
    path: Path | str, size: int, finder: MouthFinder | None = None, cache: Path | None = None
) -> Iterator[tuple[float, Video | VideoError]]:
    """
    The same of a file of any length, a span at a time, see `video_spans`; a file of one span is kept in the cache.

    :param path: The video.
    :param size: Height and width of a crop.
    :param finder: Says where the mouth is, in a span alone; None searches the face.
    :param cache: Where crops are kept.
    :return: The second at which each span starts, and its crops with its sound, or why it shows no mouth.
    :raises VideoError: As `read_mouth`, but for spans without a face.
    :raises ImportError: If PyAV or OpenCV is not installed.
    """
    path, finder = Path(path), HaarMouth() if finder is None else finder
    entry = _entry(path, size, finder, cache)
    kept = None if entry is None else _open(entry, size)
    if kept is not None:
        yield 0.0, kept
        return
    spans, found = 0, None
    for start, video in video_spans(path):
        spans += 1
        try:
            found = _mouths(path, video, size, finder)
        except VideoError as error:
            yield start, error
        else:
            yield start, found
    if entry is not None and spans == 1 and found is not None:
        _keep(entry, found)


def _mouths(path: Path, video: Video, size: int, finder: MouthFinder) -> Video:
    """Crops in place of the pictures."""
    try:
        crops = mouth_crops(video.pictures, size, finder)
    except ValueError as error:
        if isinstance(error, NoFaceError) or isinstance(finder, (FixedMouth, HaarMouth)):
            raise VideoError(path.name, str(error)) from error
        raise
    return Video(crops, video.audio, video.fps, video.sample_rate)


def _entry(path: Path, size: int, finder: MouthFinder, cache: Path | None) -> Path | None:
    """The file that keeps these crops, or None where they are not kept."""
    if not isinstance(finder, (FixedMouth, HaarMouth)):
        return None
    try:
        with open(path, "rb") as file:
            content = hashlib.sha256()
            while block := file.read(1 << 22):
                content.update(block)
    except OSError:
        return None  # reading the video says why
    content.update(f"{_FORMAT} {FPS} {SAMPLE_RATE} {size} {finder!r}".encode())
    return cache_dir(cache) / "mouths" / f"{content.hexdigest()[:40]}.npz"


def _open(entry: Path, size: int) -> Video | None:
    """The crops of an entry, or None if it is absent or damaged; the archive has a checksum of each part."""
    if not entry.is_file():
        return None
    try:
        with np.load(entry, allow_pickle=False) as parts:
            crops, audio = parts["crops"], parts["audio"]
        whole = crops.dtype == np.uint8 and crops.shape == (len(crops), size, size)
        if whole and audio.dtype == np.float32 and audio.shape == (round(len(crops) / FPS * SAMPLE_RATE),):
            return Video(crops, audio)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    logger.warning("the cached crops %s are damaged: making them anew", entry.name)
    return None


def _keep(entry: Path, video: Video) -> None:
    """Write an entry under another name and rename it, so that a stopped run leaves none that is not whole."""
    temporary = entry.with_name(f"{entry.stem}.tmp-{uuid4().hex}")
    try:
        entry.parent.mkdir(exist_ok=True)
        with open(temporary, "wb") as file:
            np.savez(file, crops=video.pictures, audio=video.audio)
        os.replace(temporary, entry)
    except OSError as error:
        logger.warning("the crops cannot be kept in %s (%s): they are made again next time", entry.parent, error)
        temporary.unlink(missing_ok=True)
