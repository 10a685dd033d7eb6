"""A folder that is written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(out: Path, last: str) -> Iterator[Path]:
    """
    A hidden folder beside `out` to write into; it gets the name `out` when the block ends without an error.

    After an error, or when the run is stopped, it is removed, and what a killed run left is removed first.

    :param out: Absolute; does not exist, or is an empty folder.
    :param last: Name of the file that shows that `out` is complete.
    :return: The folder to write into, empty.
    """
    part = out.with_name(f".{out.name}.art-audio.part")
    if part.exists():
        shutil.rmtree(part)
    try:
        part.mkdir(parents=True)
        yield part
        try:
            os.replace(part, out)  # an empty folder is replaced too
        except OSError:  # a disk is mounted at `out`, or the system replaces no folders
            out.mkdir(exist_ok=True)
            for entry in sorted(part.iterdir(), key=lambda entry: entry.name == last):
                shutil.move(entry, out / entry.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
