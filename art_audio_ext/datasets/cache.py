"""Decoded clips kept on disk between runs: one .npy memory map and one JSON index an entry, trusted only when whole."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np

logger = logging.getLogger(__name__)

_FORMAT = 1
_WAVEFORMS, _INDEX = "waveforms.npy", "index.json"
_COLUMNS = ("paths", "labels", "speakers", "partition")
_READ_BYTES = 1 << 22
_STALE_SECONDS = 3600.0
_REMEDY = "name another folder in the environment variable ART_AUDIO_CACHE"


def cache_path(explicit: Path | str | None = None) -> Path:
    """
    The folder that keeps decoded clips: `explicit`, else the environment's ART_AUDIO_CACHE, else ~/.cache/art-audio.

    :param explicit: A folder that wins over both.
    :return: The folder, whether it exists or not: nothing is made.
    :raises ValueError: If it lies in the home of a person who is not known here.
    """
    chosen = explicit or os.environ.get("ART_AUDIO_CACHE") or Path("~/.cache/art-audio")
    try:
        return Path(chosen).expanduser()
    except RuntimeError as error:
        raise ValueError(f"cannot find the cache folder {chosen}: {error}; {_REMEDY}") from error


def cache_dir(explicit: Path | str | None = None) -> Path:
    """
    The folder of `cache_path`, made if it is missing.

    :param explicit: As for `cache_path`.
    :return: The folder, which exists.
    :raises ValueError: If it cannot be made.
    """
    folder = cache_path(explicit)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot make the cache folder {folder}: {error.strerror}; {_REMEDY}") from error
    return folder


@dataclass(frozen=True)
class CachedClips:
    """
    What one cache entry holds.

    :param waveforms: float32 (N, L), a memory map opened for reading.
    :param paths: Path of each clip.
    :param labels: Label name of each clip.
    :param speakers: Speaker of each clip, "" where unknown.
    :param partition: "train", "test" or "" for each clip.
    :param skipped: (path, reason) of each file left out.
    """

    waveforms: np.ndarray
    paths: list[str]
    labels: list[str]
    speakers: list[str]
    partition: list[str]
    skipped: tuple[tuple[str, str], ...]


@dataclass
class ClipWriter:
    """Takes clips one by one and writes them to an entry in the making; nothing but the index stays in memory."""

    file: BinaryIO
    length: int
    columns: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in _COLUMNS})
    skipped: list[tuple[str, str]] = field(default_factory=list)
    crc32: int = 0

    def __len__(self) -> int:
        return len(self.columns["paths"])

    def add(self, clip: np.ndarray, path: str, label: str, speaker: str = "", partition: str = "") -> None:
        """
        Write the next clip.

        :param clip: float32 (L,) in [-1, 1].
        :param path: Where it came from.
        :param label: Its label name.
        :param speaker: Its speaker, "" where unknown.
        :param partition: "train", "test" or "".
        :raises ValueError: If the clip has another length.
        """
        if clip.shape != (self.length,):
            raise ValueError(f"clip {path!r} has shape {clip.shape}, expected ({self.length},)")
        data = np.ascontiguousarray(clip, dtype="<f4").tobytes()
        self.file.write(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        for name, value in zip(_COLUMNS, (path, label, speaker, partition), strict=True):
            self.columns[name].append(value)

    def skip(self, path: str, reason: str) -> None:
        """
        Note a file that is left out.

        :param path: What the dataset calls it.
        :param reason: Why, in one line.
        """
        self.skipped.append((path, reason))

    def write_header(self) -> None:
        """Write the .npy header for the clips so far; the format leaves room for the first axis to grow."""
        self.file.seek(0)
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(self), self.length)}
        np.lib.format.write_array_header_1_0(self.file, header)

    def index(self) -> dict[str, Any]:
        """What the JSON beside the waveforms says."""
        shape = [len(self), self.length]
        return {"format": _FORMAT, "shape": shape, "crc32": self.crc32, **self.columns, "skipped": self.skipped}


def cached_clips(
    key: str, length: int, most: int, make: Callable[[ClipWriter], None], cache: Path | str | None = None
) -> CachedClips:
    """
    The clips under `key`: as they lie in the cache if they are whole, else made anew and kept.

    An entry is made under another name and renamed when complete, so a run that is stopped leaves nothing that a later
    run would trust.

    :param key: Names everything that the clips depend on; letters, digits and hyphens.
    :param length: Samples a clip.
    :param most: Clips that `make` can add at most, to check that the disk holds them.
    :param make: Adds every clip to the writer it is given; what it raises is passed on and nothing is kept.
    :param cache: The cache folder, as `cache_dir` takes it.
    :return: The clips; their waveforms are a memory map.
    :raises ValueError: If the cache cannot be written.
    """
    folder = cache_dir(cache)
    entry = folder / key
    found = _open_entry(entry, length)
    if found is not None:
        logger.info("using the cached clips %s", key)
        return found
    _remove_stale(folder)
    needed, free = most * length * 4, shutil.disk_usage(folder).free
    if needed > free:
        wanted = f"{most} clips of {length} samples need {needed / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free"
        raise ValueError(f"the cache {folder} is too small: {wanted}; choose another with ART_AUDIO_CACHE")
    temporary = folder / f"{key}.tmp-{uuid4().hex}"
    try:
        _make_entry(temporary, length, make)
        _rename(temporary, entry)
    except OSError as error:
        raise ValueError(f"cannot write to {folder}: {error.strerror or error}; make room, or {_REMEDY}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    made = _open_entry(entry, length)
    if made is None:
        raise ValueError(f"the cache {folder} did not keep what was written: choose another with ART_AUDIO_CACHE")
    return made


def _make_entry(folder: Path, length: int, make: Callable[[ClipWriter], None]) -> None:
    """Write both files of an entry."""
    folder.mkdir()
    with open(folder / _WAVEFORMS, "wb") as file:
        writer = ClipWriter(file, length)
        writer.write_header()
        make(writer)
        end = file.tell()
        writer.write_header()
        file.seek(end)
        file.flush()
        os.fsync(file.fileno())
    (folder / _INDEX).write_text(json.dumps(writer.index()), encoding="utf-8")


def _rename(temporary: Path, entry: Path) -> None:
    """Move a complete entry into place; where another run was faster, or a broken one lies there, replace it."""
    for _ in range(3):
        try:
            os.rename(temporary, entry)
            return
        except OSError:
            if not entry.exists():
                raise
            aside = entry.with_name(f"{entry.name}.tmp-{uuid4().hex}")
            os.rename(entry, aside)
            shutil.rmtree(aside, ignore_errors=True)
    os.rename(temporary, entry)


def _open_entry(entry: Path, length: int) -> CachedClips | None:
    """The clips of an entry, or None if it is absent or not whole in any respect."""
    if not entry.is_dir():
        return None
    try:
        index = json.loads((entry / _INDEX).read_text(encoding="utf-8"))
        waveforms = np.load(entry / _WAVEFORMS, mmap_mode="r", allow_pickle=False)
        columns = {name: [str(value) for value in index[name]] for name in _COLUMNS}
        skipped = tuple((str(path), str(reason)) for path, reason in index["skipped"])
        whole = (
            index["format"] == _FORMAT
            and waveforms.dtype == np.float32
            and waveforms.shape == (len(columns["paths"]), length)
            and len({len(column) for column in columns.values()}) == 1
            and _crc32(entry / _WAVEFORMS, waveforms.offset) == index["crc32"]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        whole, reason = False, str(error)
    else:
        reason = "its contents do not fit its index"
    if not whole:
        logger.warning("the cached clips %s are damaged (%s): making them anew", entry.name, reason)
        return None
    return CachedClips(waveforms=waveforms, skipped=skipped, **columns)


def _crc32(path: Path, offset: int) -> int:
    """Checksum of a file from `offset` on, read a block at a time."""
    checksum = 0
    with open(path, "rb") as file:
        file.seek(offset)
        while block := file.read(_READ_BYTES):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _remove_stale(folder: Path) -> None:
    """Delete what killed runs left behind: temporary entries in which nothing was written for an hour."""
    for left in folder.glob("*.tmp-*"):
        try:
            newest = max(item.stat().st_mtime for item in (left, *left.iterdir()))
        except OSError:
            continue
        if time.time() - newest > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
