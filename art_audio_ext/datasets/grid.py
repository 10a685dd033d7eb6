"""The GRID corpus: talkers who say command, colour, preposition, letter, digit, adverb, as words or as sentences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.datasets.video_clips import Cut, cut_clips, video_files
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

COMMANDS = ("bin", "lay", "place", "set")

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_WORDS: tuple[dict[str, str], ...] = (
    {word[0]: word for word in COMMANDS},
    {word[0]: word for word in ("blue", "green", "red", "white")},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {letter: letter for letter in "abcdefghijklmnopqrstuvwxyz"},
    dict(zip("z123456789", _DIGITS, strict=True)),
    {word[0]: word for word in ("again", "now", "please", "soon")},
)
_SILENCE = ("sil", "sp")
_UNITS = 25000  # of an alignment a second: 1000 a frame


def load_grid(
    root: Path | str, *, clips: str = "word", frames: int | None = None, size: int | None = None, **cutting: Any
) -> AudioVisualDataset:
    """
    Read `s1/*.mpg` with `s1/align/*.align`, for any number of talkers; labels are the four commands.

    Word clips show the command at its middle by the alignment, and are named `s1/NAME.mpg#command`; a file without an
    alignment gives sentence clips only. A talker is a folder s1, s2, ...; in any other folder each file counts as a
    talker of its own, by its name, for nothing says who speaks.

    :param root: The folder.
    :param clips: "word" or "sentence".
    :param frames: Pictures a clip; None takes 29 for words and 75 for sentences. The sound lasts as long: a sentence's
        last 22 ms are silence, for GRID's sound ends there.
    :param size: Height and width of the mouth crop in pixels; None takes 72.
    :param cutting: Options of `cut_clips`.
    :return: The dataset.
    :raises ValueError: If the folder holds no GRID, or none of its files can be used.
    """
    folder, files, skipped = video_files(root, "GRID, with s1/*.mpg and s1/align/*.align")
    word = clips == "word"
    alignments = {(_talker(path, folder), path.stem): path for path in sorted(folder.rglob("*.align"))}
    cuts = []
    for file in files:
        path, talker = file.relative_to(folder).as_posix(), _talker(file, folder)
        try:
            spoken = grid_sentence(file.stem)
            centre = _command_centre(alignments.get((talker, file.stem)), spoken) if word else None
        except ValueError as error:
            skipped.append((path, str(error)))
            continue
        command = spoken.split()[0]
        named = (f"{path}#{command}", command, command) if word else (path, command, spoken)
        cuts.append(Cut(file, *named, speaker=talker or file.stem, centre=centre))
    layout = AudioVisualLayout.of_frames(frames or (29 if word else 75), size or 72)
    return cut_clips(cuts, layout, COMMANDS, name=f"grid:{root}", skipped=skipped, **cutting)


def grid_sentence(stem: str) -> str:
    """
    The sentence that a file's name spells.

    :param stem: The name, such as "bbaf2n"; what stands before its last six letters does not count.
    :return: Such as "bin blue at f two now".
    :raises ValueError: If the name spells no sentence.
    """
    letters = stem.lower()[-len(_WORDS) :]
    if len(letters) < len(_WORDS) or any(letter not in words for letter, words in zip(letters, _WORDS, strict=True)):
        raise ValueError("its name spells no sentence of GRID: bbaf2n is bin blue at f two now")
    return " ".join(words[letter] for letter, words in zip(letters, _WORDS, strict=True))


def read_alignment(path: Path) -> list[tuple[float, float, str]]:
    """
    The words of an alignment file.

    :param path: Lines of start, end (25,000 units a second) and word.
    :return: (start, end) in seconds, and the word; silence and pauses left out.
    :raises ValueError: If a line is not of that form.
    """
    words = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        match = re.fullmatch(r"\s*(\d+)\s+(\d+)\s+(\S+)\s*", line)
        if match is None:
            raise ValueError(f"line {number} of its alignment is not START END WORD: {line[:40]!r}")
        if match[3] not in _SILENCE:
            words.append((int(match[1]) / _UNITS, int(match[2]) / _UNITS, match[3]))
    return words


def _command_centre(alignment: Path | None, spoken: str) -> float:
    """The middle of the command, in seconds."""
    if alignment is None:
        raise ValueError("it has no alignment: take sentence clips, or put the .align file of its name beside it")
    words = read_alignment(alignment)
    command = spoken.split()[0]
    if not words or words[0][2].lower() != command:
        heard = words[0][2] if words else "nothing"
        raise ValueError(f"its name says {command!r} and its alignment {heard!r}: one of them is of another file")
    return (words[0][0] + words[0][1]) / 2


def _talker(file: Path, folder: Path) -> str:
    """The folder s1, s2, ... in which a file lies, "" if there is none."""
    parts = (folder.name, *file.relative_to(folder).parts[:-1])
    return next((part for part in reversed(parts) if re.fullmatch(r"s\d+", part)), "")
