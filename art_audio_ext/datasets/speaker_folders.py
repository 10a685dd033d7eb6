"""Folders of recordings taken together as one task of telling the speakers apart, long ones cut into pieces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.clip_files import ClipFile
from art_audio_ext.datasets.decode import DecodeError, sound_duration
from art_audio_ext.datasets.speaker_clips import Utterance, corpus_files, speaker_dataset
from art_audio_ext.datasets.speakers import speakers_from_paths

_WHAT = "recordings of speakers"
_LEAST_PIECE = 0.5  # of a clip: what is left over at the end of an utterance and shorter is not used
_MOST_PIECES = 3600  # of one file: a broken header may promise years


def load_speaker_folders(
    roots: Sequence[Path | str],
    *,
    seconds: float = 3.0,
    sample_rate: int = 16000,
    seed: int = 0,
    speaker_pattern: str | None = None,
    **reading: Any,
) -> AudioDataset:
    """
    Every recording of some folders, labelled by who speaks; one speaker id in two folders is one speaker.

    The speaker is read off the file name where the names of a folder follow a known corpus or `speaker_pattern`, else
    it is the folder directly below the root (or below its train/ and test/). Utterances longer than a clip are cut into
    clips one after the other; a rest of less than half a clip is not used. A tenth of each speaker's utterances are for
    testing, with all their pieces.

    :param roots: The folders.
    :param seconds: Length of every clip; shorter utterances are padded with zeros at their end.
    :param sample_rate: Everything is resampled to this rate, in Hz.
    :param seed: Decides which utterances are for testing.
    :param speaker_pattern: Regular expression that finds the speaker in a path, see `speakers_from_paths`.
    :param reading: Other options of `speaker_dataset`.
    :return: The dataset.
    :raises ValueError: If a folder or an argument will not do, one folder is named twice, no speaker can be told, or
        over a tenth of the files cannot be read.
    """
    utterances: list[Utterance] = []
    skipped: list[tuple[str, str]] = []
    seen: set[Path] = set()
    for number, root in enumerate(roots):
        folder, files, refused = corpus_files(root, _WHAT, seconds, sample_rate)
        if folder in seen or any(folder in other.parents or other in folder.parents for other in seen):
            raise ValueError(f"{str(root)!r} is named twice, or lies in another of the folders: name each once")
        name = folder.name if folder.name not in {other.name for other in seen} else f"{folder.name}-{number + 1}"
        seen.add(folder)
        paths = [file.relative_to(folder).as_posix() for file in files]
        skipped += [(f"{name}/{path}", reason) for path, reason in refused]
        for file, path, speaker in zip(files, paths, _speakers(paths, root, speaker_pattern), strict=True):
            try:
                starts = _starts(file, seconds)
            except DecodeError as error:
                skipped.append((f"{name}/{path}", error.reason))
                continue
            utterances.append(Utterance(_pieces(file, f"{name}/{path}", speaker, starts), speaker))
    named = "+".join(str(root) for root in roots)
    given: dict[str, Any] = {"seconds": seconds, "sample_rate": sample_rate, "seed": seed, **reading}
    return speaker_dataset(utterances, f"speakers:{named}", skipped, **given)


def _speakers(paths: list[str], root: Path | str, pattern: str | None) -> list[str]:
    """Who speaks in each file; never nobody."""
    names = speakers_from_paths(paths, [PurePosixPath(path).parent.name for path in paths], pattern)
    if not any(names):
        names = [_folder_below(path) for path in paths]
    if "" in names:
        path = paths[names.index("")]
        raise ValueError(
            f"{str(root)!r}: nothing says who speaks in {path!r}: put each speaker's files in a folder, or "
            f"say where the speaker stands in a path with --speaker-pattern"
        )
    return names


def _folder_below(path: str) -> str:
    """The first folder of a path, after train/ or test/."""
    folders = PurePosixPath(path).parts[:-1]
    folders = folders[1:] if len(folders) > 1 and folders[0] in ("train", "test") else folders
    return folders[0] if folders else ""


def _starts(file: Path, seconds: float) -> list[float]:
    """Where the pieces of a file start, in seconds."""
    clips = sound_duration(file) / seconds + 1e-6  # .35 s are three and a half clips of .1 s, whatever binary says
    pieces = max(1, int(clips) + (clips - int(clips) >= _LEAST_PIECE))
    return [round(number * seconds, 6) for number in range(min(pieces, _MOST_PIECES))]


def _pieces(file: Path, path: str, speaker: str, starts: list[float]) -> tuple[ClipFile, ...]:
    """The clips of one file, numbered if there is more than one."""
    if len(starts) == 1:
        return (ClipFile(file, path, speaker),)
    pure = PurePosixPath(path)
    return tuple(
        ClipFile(file, str(pure.with_name(f"{pure.stem}_{number:03d}{pure.suffix}")), speaker, offset_seconds=start)
        for number, start in enumerate(starts)
    )
