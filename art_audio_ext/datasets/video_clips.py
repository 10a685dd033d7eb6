"""Cuts out of video files, planned by what a corpus is, made into one `AudioVisualDataset`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.datasets.mouth import MouthFinder
from art_audio_ext.datasets.mouth_files import read_mouth
from art_audio_ext.datasets.video_files import SUFFIXES, Video, VideoError
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

_REASONS_SHOWN = 3


@dataclass(frozen=True)
class Cut:
    """
    One clip to be cut from a file.

    :param file: The video.
    :param path: What the dataset calls the clip.
    :param label: Its label name.
    :param sentence: What is said in it, "" where unknown.
    :param speaker: Who speaks, "" where unknown.
    :param partition: "train", "val", "test" or "".
    :param centre: Its middle in seconds; it is moved inside where an edge is near. None takes the file's middle.
    """

    file: Path
    path: str
    label: str
    sentence: str = ""
    speaker: str = ""
    partition: str = ""
    centre: float | None = None


def video_files(root: Path | str, what: str) -> tuple[Path, list[Path], list[tuple[str, str]]]:
    """
    The video files of a folder at any depth; hidden ones and links that lead out of it are not followed.

    :param root: The folder.
    :param what: What it should be, for messages.
    :return: The folder with its links resolved, the files, sorted, and (path, reason) of those left out.
    :raises ValueError: If there is no such folder, or no video in it.
    """
    folder = Path(root).expanduser()
    if not folder.is_dir():
        wrong = "is a file, not a folder" if folder.exists() else "does not exist"
        raise ValueError(f"{str(root)!r} {wrong}: name the folder of {what}")
    folder = folder.resolve()
    files: list[Path] = []
    skipped: list[tuple[str, str]] = []
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if file.suffix.lower() not in SUFFIXES or any(part.startswith(".") for part in name.parts) or file.is_dir():
            continue
        if file.is_symlink() and not file.resolve().is_relative_to(folder):
            skipped.append((name.as_posix(), "a link that leaves the folder is not followed"))
        else:
            files.append(file)
    if not files:
        raise ValueError(
            f"{str(root)!r} holds no video files ({', '.join(sorted(SUFFIXES))}): name the folder of {what}"
        )
    return folder, files, skipped


def cut_clips(
    cuts: Sequence[Cut],
    layout: AudioVisualLayout,
    label_names: Sequence[str],
    *,
    name: str,
    skipped: Sequence[tuple[str, str]] = (),
    finder: MouthFinder | None = None,
    seed: int = 0,
    limit: int | None = None,
    progress: bool = True,
) -> AudioVisualDataset:
    """
    Read the files and cut the clips; a file that cannot be used is left out and listed in `skipped`.

    :param cuts: What to cut.
    :param layout: Frames and size of a clip; its sound lasts as long.
    :param label_names: The name of each class.
    :param name: Of the dataset.
    :param skipped: (path, reason) of what was left out before.
    :param finder: Says where the mouth is; None searches the face.
    :param seed: Decides which clips a limit takes.
    :param limit: Clips at most.
    :param progress: Show a progress bar.
    :return: The clips in the order of `cuts`.
    :raises ValueError: If not one clip is left; the message gives the first reasons.
    """
    order = range(len(cuts)) if limit is None else np.random.default_rng(seed).permutation(len(cuts)).tolist()
    left_out = list(skipped)
    made: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    with tqdm(total=min(limit or len(cuts), len(cuts)), desc=name, unit="clip", disable=not progress, delay=2) as bar:
        for index in order:
            if len(made) == limit:
                break
            try:
                made[index] = _cut(read_mouth(cuts[index].file, layout.size, finder), cuts[index], layout)
            except VideoError as error:
                left_out.append((cuts[index].path, error.reason))
            bar.update()
    if not made:
        reasons = "; ".join(f"{path}: {reason}" for path, reason in left_out[:_REASONS_SHOWN])
        raise ValueError(f"{name}: none of the {len(left_out)} clips can be used. First reasons: {reasons or 'none'}")
    taken = [(cuts[index], *made[index]) for index in sorted(made)]
    return _dataset(taken, list(label_names), layout=layout, name=name, skipped=tuple(left_out))


def _cut(found: Video, cut: Cut, layout: AudioVisualLayout) -> tuple[np.ndarray, np.ndarray]:
    """Sound (samples,) and crops (frames, size, size) of one clip, which begin together to the sample."""
    spare = len(found.pictures) - layout.frames
    if spare < 0:
        had = f"it lasts {len(found.pictures)} frames, {layout.frames} are wanted"
        raise VideoError(cut.file.name, f"{had}: ask for fewer frames, or is it cut off?")
    centre = len(found.pictures) / 2 if cut.centre is None else cut.centre * layout.fps
    first = int(np.clip(round(centre - layout.frames / 2), 0, spare))
    start = round(first / layout.fps * layout.sample_rate)
    audio = found.audio[start : start + layout.samples]
    return audio, found.pictures[first : first + layout.frames]


def _dataset(taken: list[tuple[Cut, np.ndarray, np.ndarray]], names: list[str], **about: Any) -> AudioVisualDataset:
    """Clips, each with its sound and crops, put together."""
    return AudioVisualDataset(
        audio=np.stack([audio for _, audio, _ in taken]),
        video=np.stack([video for _, _, video in taken]),
        labels=np.array([names.index(cut.label) for cut, _, _ in taken], np.int64),
        label_names=tuple(names),
        sentences=tuple(cut.sentence for cut, _, _ in taken),
        speakers=tuple(cut.speaker for cut, _, _ in taken),
        paths=tuple(cut.path for cut, _, _ in taken),
        partition=tuple(cut.partition for cut, _, _ in taken),
        **about,
    )
