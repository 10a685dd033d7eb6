"""Converted clips kept on disk: one file a clip, found by the clip itself and what was done to it."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

import numpy as np


class ClipStore:
    """
    A folder of results.

    :param folder: Made when the first clip is kept.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()

    def find(self, clip: np.ndarray, parts: tuple[str, ...]) -> np.ndarray | None:
        """
        :param clip: Before, float32 (L,).
        :param parts: What was done to it, in words.
        :return: After, float32 (L,), or None where it is not kept or not whole.
        """
        path = self._path(clip, parts)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        sound = np.frombuffer(data[:-8], "<f4") if len(data) == 4 * len(clip) + 8 else None
        if sound is None or _digest(data[:-8]) != data[-8:]:
            return None
        return np.array(sound, np.float32)

    def keep(self, clip: np.ndarray, parts: tuple[str, ...], result: np.ndarray) -> None:
        """
        Write a result; a reader beside sees all of it or none.

        :param clip: Before, float32 (L,).
        :param parts: What was done to it, in words.
        :param result: After, float32 (L,).
        :raises OSError: If it cannot be written.
        """
        path = self._path(clip, parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = np.ascontiguousarray(result, dtype="<f4").tobytes()
        part = path.with_name(f"{path.name}.{uuid4().hex}.part")
        try:
            part.write_bytes(data + _digest(data))
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def _path(self, clip: np.ndarray, parts: tuple[str, ...]) -> Path:
        digest = blake2b("\0".join(parts).encode(), digest_size=16)
        digest.update(np.ascontiguousarray(clip, dtype="<f4").data)
        name = digest.hexdigest()
        return self.folder / name[:2] / name[2:]


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=8).digest()
