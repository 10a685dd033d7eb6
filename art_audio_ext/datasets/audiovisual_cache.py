"""Pictures and sound kept on disk between runs: one .npz an entry, written under another name and then renamed."""

from __future__ import annotations

import logging
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import numpy as np

from art_audio_ext.datasets.cache import cache_dir

logger = logging.getLogger(__name__)

_FOLDER = "audiovisual"


def kept_arrays(
    key: str, make: Callable[[], dict[str, np.ndarray]], cache: Path | str | None = None
) -> dict[str, np.ndarray]:
    """
    The arrays under `key`: as they lie in the cache if they are whole, else made anew and kept.

    A zip file holds a checksum of each of its parts, so that a damaged entry is seen when it is read.

    :param key: Names everything that the arrays depend on; letters, digits and hyphens.
    :param make: Makes them; what it raises is passed on and nothing is kept.
    :param cache: The cache folder, as `cache.cache_dir` takes it.
    :return: The arrays by name.
    :raises ValueError: If the cache cannot be written.
    """
    folder = cache_dir(Path(cache_dir(cache)) / _FOLDER)
    entry = folder / f"{key}.npz"
    found = _open(entry)
    if found is not None:
        return found
    made = make()
    temporary = folder / f"{key}.tmp-{uuid4().hex}"
    try:
        with open(temporary, "wb") as file:
            np.savez(file, **made)  # type: ignore[arg-type]
        os.replace(temporary, entry)
    except OSError as error:
        remedy = "make room, or name another folder in the environment variable ART_AUDIO_CACHE"
        raise ValueError(f"cannot write to {folder}: {error.strerror or error}; {remedy}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return made


def _open(entry: Path) -> dict[str, np.ndarray] | None:
    """The arrays of an entry, or None if it is absent or damaged."""
    try:
        with np.load(entry, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        logger.warning("the cached clips %s are damaged (%s): making them anew", entry.name, error)
        return None
