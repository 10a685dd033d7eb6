"""Folders of video files, one sub-folder a label: LRW's layout, and any other."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.datasets.mouth import FixedMouth
from art_audio_ext.datasets.video_clips import Cut, cut_clips, video_files
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

_PARTITIONS = ("train", "val", "test")
_MARKS = string.punctuation + "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{HORIZONTAL ELLIPSIS}"


def load_lrw(
    root: Path | str, *, clips: str = "word", frames: int | None = None, size: int | None = None, **cutting: Any
) -> AudioVisualDataset:
    """
    Read LRW (Lip Reading in the Wild): `WORD/{train,val,test}/WORD_00001.mp4`, faces aligned in 256 x 256.

    The mouth is the fixed crop of rows 115:211 and columns 79:175.

    :param root: The folder that holds the words.
    :param clips: "word"; LRW has no sentences.
    :param frames: Pictures a clip, from the middle, where the word is; None takes all 29.
    :param size: Height and width of the mouth crop in pixels; None takes 96, as they are.
    :param cutting: Options of `cut_clips`.
    :return: The dataset, with `partition` as in the folders.
    :raises ValueError: If sentences are asked for, the folder is not LRW, or none of its files can be used.
    """
    if clips != "word":
        raise ValueError(f"LRW has clips of words only, got clips={clips!r}: take clips='word'")
    folder, files, skipped = video_files(root, "LRW, with WORD/{train,val,test}/WORD_00001.mp4")
    cuts = []
    for file in files:
        path = file.relative_to(folder)
        if len(path.parts) != 3 or path.parts[1] not in _PARTITIONS:
            skipped.append((path.as_posix(), "it does not lie in WORD/train, WORD/val or WORD/test"))
            continue
        word, partition = path.parts[:2]
        cuts.append(Cut(file, path.as_posix(), word, word.lower(), partition=partition))
    layout = AudioVisualLayout.of_frames(frames or 29, size or 96)
    words = sorted({cut.label for cut in cuts})
    cutting = {"finder": FixedMouth(), **cutting}
    return cut_clips(cuts, layout, words, name=f"lrw:{root}", skipped=skipped, **cutting)


def load_video_folder(
    root: Path | str, *, clips: str = "word", frames: int | None = None, size: int | None = None, **cutting: Any
) -> AudioVisualDataset:
    """
    Read `<label>/**/*.{mp4,mpg,mov,avi,mkv,webm}`, the middle of each file; the label is the first folder.

    What is said in a sentence clip is read from the text file of the same name beside the video (`a.txt` of `a.mp4`),
    see `read_transcript`; without one its sentence is "", which suffices to train a sync network.

    :param root: The folder.
    :param clips: "word" or "sentence": how many pictures a clip has, and whether transcripts are read.
    :param frames: Pictures a clip; None takes 29 for words and 75 for sentences.
    :param size: Height and width of the mouth crop in pixels; None takes 72.
    :param cutting: Options of `cut_clips`.
    :return: The dataset.
    :raises ValueError: If the folder holds no labelled videos, or none of them can be used.
    """
    folder, files, skipped = video_files(root, "videos, with one sub-folder a label")
    cuts = []
    for file in files:
        path = file.relative_to(folder)
        if len(path.parts) == 1:
            skipped.append((path.name, "it lies in no sub-folder: put it in one named after its label"))
            continue
        try:
            spoken = read_transcript(file.with_suffix(".txt")) if clips == "sentence" else ""
        except ValueError as error:
            skipped.append((path.as_posix(), str(error)))
        else:
            cuts.append(Cut(file, path.as_posix(), path.parts[0], spoken))
    layout = AudioVisualLayout.of_frames(frames or (29 if clips == "word" else 75), size or 72)
    labels = sorted({cut.label for cut in cuts})
    return cut_clips(cuts, layout, labels, name=str(root), skipped=skipped, **cutting)


def read_transcript(path: Path) -> str:
    """
    What is said in a clip: the words of a text file in small letters, without the marks around them.

    :param path: The file, in UTF-8; lines are joined.
    :return: Such as "it's red, isn't it" as "it's red isn't it"; "" if there is no such file, or no word in it.
    :raises ValueError: If it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"its transcript {path.name} cannot be read ({error}): write it as plain UTF-8") from error
    words = (word.strip(_MARKS) for word in text.lower().split())
    return " ".join(word for word in words if word)
