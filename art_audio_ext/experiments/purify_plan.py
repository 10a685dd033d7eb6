"""Which files `art-audio purify` is to purify, what their results are called, and which places it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from art_audio_ext.datasets.decode import SUFFIXES
from art_audio_ext.datasets.folder import scan_sounds

FINISHED_NAME = "purify.jsonl"
_OURS = (FINISHED_NAME, "purify.json", "report.html")


@dataclass(frozen=True)
class PurifyTask:
    """
    A file to purify.

    :param file: Where it lies.
    :param path: Its path in the folder, with slashes.
    :param output: The path of its result in the folder of results, with slashes.
    """

    file: Path
    path: str
    output: str


def check_places(source: Path, out: Path) -> None:
    """
    Refuse places that are missing, inside each other, or hold what is not ours.

    :param source: A sound file, or a folder of them.
    :param out: The folder of results, which may have been begun.
    :raises ValueError: If one of them will not do.
    """
    if not source.exists():
        raise ValueError(f"{source} does not exist: name a sound file, or a folder of them")
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise ValueError(f"{out} and {source} lie inside each other: name a folder elsewhere")
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: name a folder for the results")
    if out.is_dir() and any(out.iterdir()) and not (out / FINISHED_NAME).is_file():
        raise ValueError(f"{out} exists and is not an empty folder: delete it, or name another")


def plan_files(source: Path, suffix: str) -> tuple[list[PurifyTask], dict[str, str]]:
    """
    What is to be done. The name of a result depends on nothing but the path of its file, and says what that was.

    :param source: A sound file of any name, or a folder, of which sound files at any depth are taken.
    :param suffix: Of results, ".wav" or ".npy".
    :return: Tasks in order of path, and by path the reason why a file cannot be taken.
    :raises ValueError: If there is no sound file.
    """
    paths, failed = {source.name: source}, dict[str, str]()
    if source.is_dir():
        root = source.resolve()
        files, skipped = scan_sounds(root)
        paths, failed = {file.relative_to(root).as_posix(): file for file in files}, dict(skipped)
    if not paths and not failed:
        raise ValueError(f"{source} holds no sound file ({', '.join(sorted(SUFFIXES))})")
    tasks, taken = [], dict[str, str]()
    for path in sorted(paths):
        output = path if suffix == ".wav" and path.lower().endswith(".wav") else path + suffix
        key = output.casefold()  # some file systems take these for the same
        if PurePosixPath(key).parts[0] in _OURS:
            failed[path] = f"its folder would have the name of a file of ours ({', '.join(_OURS)}): rename it"
        elif key in taken:
            failed[path] = f"its result would have the name of that of {taken[key]!r}: rename one of them"
        else:
            taken[key] = path
            tasks.append(PurifyTask(paths[path], path, output))
    return tasks, failed
