"""VoxCeleb1 as a task of telling its 1,251 speakers apart, by its own identification split where that is there."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.clip_files import ClipFile
from art_audio_ext.datasets.speaker_clips import Utterance, corpus_files, left_out, speaker_dataset

logger = logging.getLogger(__name__)

SPLIT_FILE = "iden_split.txt"
_WHAT = "VoxCeleb1 (id10001/1zcIwhmdeo4/00001.wav)"
_PATH = re.compile(r"(?:.*/)?(?P<name>(?P<speaker>id\d{5})/[^/]+/\d+\.wav)")
_LINE = re.compile(r"([123])\s+(id\d{5}/[^/\s]+/\d+\.wav)")
_PARTS = {"1": "train", "2": "validation", "3": "test"}
_LARGEST_SPLIT = 64 << 20  # bytes; the published file has 5.2 million


def load_voxceleb1(
    root: Path | str, *, seconds: float = 3.0, sample_rate: int = 16000, seed: int = 0, **reading: Any
) -> AudioDataset:
    """
    The utterances of VoxCeleb1.

    With `iden_split.txt` in the folder, its training and testing part (it keeps the videos apart); its validation part
    is left out. Without, nine tenths of each speaker's utterances to train on, in which case pieces of one video lie
    on both sides. Source: Nagrani, Chung and Zisserman, 2017; it is never downloaded.

    :param root: The folder that holds `id10001` and the others, or one above it (`wav`, `dev/wav` and `test/wav`).
    :param seconds: Every utterance is cut or padded with zeros, at its end, to this length.
    :param sample_rate: In Hz.
    :param seed: Decides which utterances are for testing, without the split file.
    :param reading: Other options of `speaker_dataset`.
    :return: The dataset; labels are speakers, as in `id10001`.
    :raises ValueError: If it is no copy of VoxCeleb1, the split file is damaged or names none of its files, over a
        tenth of its files cannot be read, or an argument will not do.
    """
    folder, files, skipped = corpus_files(root, _WHAT, seconds, sample_rate)
    found: dict[str, tuple[ClipFile, str]] = {}
    stray = []
    for file in files:
        path = file.relative_to(folder).as_posix()
        match = _PATH.fullmatch(f"{folder.name}/{path}")  # the folder that was named may be a speaker's own
        if match is None:
            stray.append(path)
        else:
            found.setdefault(match["name"], (ClipFile(file, path, match["speaker"]), match["speaker"]))
    if not found:
        raise ValueError(f"{str(root)!r} is no copy of {_WHAT}: it holds {stray[0]!r}")
    left_out(stray, _WHAT)
    split = folder / SPLIT_FILE
    if split.is_file():
        utterances = _by_split(found, _read_split(split), split)
    else:
        logger.warning("no %s in %s: a tenth of each speaker's utterances is for testing", SPLIT_FILE, folder)
        utterances = [Utterance((clip,), speaker) for clip, speaker in found.values()]
    given: dict[str, Any] = {"seconds": seconds, "sample_rate": sample_rate, "seed": seed, **reading}
    return speaker_dataset(utterances, "voxceleb1", skipped, **given)


def _read_split(path: Path) -> dict[str, str]:
    """Part of each file, by its name below the folder of the speakers."""
    if path.stat().st_size > _LARGEST_SPLIT:
        raise ValueError(f"{path} is larger than any copy of {SPLIT_FILE}: get it anew")
    parts = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(
                f"{path} line {number} is {line[:60]!r}, not such as '1 id10001/1zcIwhmdeo4/00001.wav': get it anew"
            )
        parts[match[2]] = _PARTS[match[1]]
    return parts


def _by_split(found: dict[str, tuple[ClipFile, str]], parts: dict[str, str], split: Path) -> list[Utterance]:
    """The utterances of the training and testing part that are there."""
    utterances = [
        Utterance((clip,), speaker, parts[name])
        for name, (clip, speaker) in found.items()
        if parts.get(name) in ("train", "test")
    ]
    for part in ("train", "test"):
        if not any(utterance.partition == part for utterance in utterances):
            raise ValueError(f"{split} names no {part} file that is here: get a whole copy, or remove {SPLIT_FILE}")
    unknown = len(set(found) - set(parts))
    missing = sum(name not in found for name, part in parts.items() if part != "validation")
    if unknown or missing:
        logger.warning("%s: %d files here are not in it, %d of its own are not here", SPLIT_FILE, unknown, missing)
    return utterances
