"""A folder of labelled sound files, one sub-folder a label, as an `AudioDataset`."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.clip_files import ClipFile, read_clips, to_dataset
from art_audio_ext.datasets.decode import SUFFIXES, clip_length
from art_audio_ext.datasets.speakers import speakers_from_paths
from art_audio_ext.functional.checks import check_sample_rate

logger = logging.getLogger(__name__)

_PARTITIONS = ("train", "test")
_LAYOUT = "put every clip in a sub-folder named after its label, as in yes/001.wav and no/001.wav"


def load_folder(
    path: Path | str,
    *,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
    speaker_pattern: str | None = None,
) -> AudioDataset:
    """
    Read `<label>/**/*.{wav,flac,ogg,mp3}`, or the same under `train/` and `test/`.

    Labels are sorted by name. Files that cannot be read are left out and listed in `skipped`. The waveforms are a
    memory map in the cache, keyed by the content of the files.

    :param path: The folder.
    :param seconds: Every clip is cut or padded with zeros, at its end, to this length.
    :param sample_rate: Every clip is resampled to this rate, in Hz.
    :param cache_dir: Where decoded clips are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :param jobs: Threads that decode; None takes one for each core.
    :param progress: Show progress bars.
    :param speaker_pattern: Regular expression that finds the speaker in a path (group "speaker", or the first group);
        None tries the patterns of known corpora.
    :return: The dataset; `partition` says "train" or "test" if the folder does.
    :raises ValueError: If the folder, a label or an argument will not do, or over a tenth of the files are unreadable.
    """
    sample_rate = check_sample_rate(sample_rate)
    clip_length(seconds, sample_rate)
    root = Path(path).expanduser()
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise ValueError(f"{str(path)!r} {what}: name a folder with one sub-folder a label")
    clips, skipped = scan_folder(root.resolve())
    _check_labels({clip.label for clip in clips}, path, skipped)
    found = read_clips(
        clips,
        seconds=seconds,
        sample_rate=sample_rate,
        skipped=skipped,
        cache=cache_dir,
        jobs=jobs,
        progress=progress,
    )
    _check_labels(set(found.labels), path, found.skipped)
    speakers = speakers_from_paths(found.paths, found.labels, speaker_pattern)
    return to_dataset(found, sorted(set(found.labels)), sample_rate, str(path), speakers)


def scan_folder(root: Path) -> tuple[list[ClipFile], list[tuple[str, str]]]:
    """
    What a folder holds, in a fixed order: by partition (train first), label and path.

    Hidden files and folders are ignored. No link to a folder is followed, and no link to a file outside `root`: a
    folder from a stranger must not reach the rest of the disk.

    :param root: The folder, with its own links resolved.
    :return: The clips, and (path, reason) of sound files and folders that are left out.
    """
    clips: list[ClipFile] = []
    skipped: list[tuple[str, str]] = []
    for partition, base in _bases(root):
        for folder in _sub_folders(base, root, skipped):
            for file in _files(folder, root, skipped):
                clips.append(ClipFile(file, file.relative_to(root).as_posix(), folder.name, partition))
    return clips, skipped


def scan_sounds(root: Path) -> tuple[list[Path], list[tuple[str, str]]]:
    """
    Every sound file of a folder at any depth, labelled or not, by the rules of `scan_folder`.

    :param root: The folder, with its own links resolved.
    :return: The files, sorted, and (path, reason) of sound files and folders that are left out.
    """
    skipped: list[tuple[str, str]] = []
    return _files(root, root, skipped), skipped


def _bases(root: Path) -> list[tuple[str, Path]]:
    """(partition, folder that holds the label folders); train/ and test/ count if they hold folders themselves."""
    names = {folder.name for folder in _sub_folders(root, root, [])}
    split = [name for name in _PARTITIONS if name in names and _sub_folders(root / name, root, [])]
    if len(split) == 2 or (split and len(names) == 1):
        left = sorted(names - set(split))
        if left:
            logger.warning("only train/ and test/ are read, not %s", ", ".join(left))
        return [(name, root / name) for name in split]
    return [("", root)]


def _sub_folders(folder: Path, root: Path, skipped: list[tuple[str, str]]) -> list[Path]:
    """The folders directly inside, sorted."""
    return [entry for entry in _entries(folder, root, skipped) if entry.is_dir()]


def _files(folder: Path, root: Path, skipped: list[tuple[str, str]]) -> list[Path]:
    """The sound files inside, at any depth, sorted; without recursion, for a folder may be nested without end."""
    found: list[Path] = []
    pending = [folder]
    while pending:
        for entry in _entries(pending.pop(), root, skipped):
            (pending if entry.is_dir() else found).append(entry)
    return sorted(found)


def _entries(folder: Path, root: Path, skipped: list[tuple[str, str]]) -> list[Path]:
    """Visible folders and sound files that may be read, sorted; what may not is noted."""
    allowed = []
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        skipped.append((_shown(folder, root), f"the folder cannot be opened: {error.strerror}"))
        return []
    for name in names:
        entry = folder / name
        sound = entry.suffix.lower() in SUFFIXES
        if name.startswith(".") or not (sound or entry.is_dir()):
            continue
        reason = _refusal(entry, root)
        if reason is None:
            allowed.append(entry)
        else:
            skipped.append((_shown(entry, root), reason))
    return allowed


def _refusal(entry: Path, root: Path) -> str | None:
    """Why an entry must not be read, or None."""
    try:
        entry.name.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not valid UTF-8: rename it"
    if entry.is_symlink():
        if entry.is_dir():
            return "a link to a folder is not followed"
        try:
            inside = entry.resolve().is_relative_to(root)
        except (OSError, RuntimeError):
            return "a link that leads nowhere"
        if not inside:
            return "a link that leaves the folder is not followed"
    if not (entry.is_dir() or entry.is_file()):
        return "not a regular file"
    return None


def _shown(entry: Path, root: Path) -> str:
    """A path that can be printed and written as JSON."""
    return entry.relative_to(root).as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def _check_labels(labels: set[str], path: Path | str, skipped: list[tuple[str, str]] | tuple) -> None:
    """Refuse a folder with fewer than two labels."""
    if not labels:
        why = f"; left out: {skipped[0][0]!r} ({skipped[0][1]})" if skipped else ""
        raise ValueError(f"{str(path)!r} has no labelled sound files{why}: {_LAYOUT}")
    if len(labels) == 1:
        raise ValueError(f"{str(path)!r} has one class only ({labels.pop()!r}), at least two are needed: {_LAYOUT}")
