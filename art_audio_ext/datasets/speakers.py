"""Who speaks in a clip, read from file names that follow a known corpus or a pattern of the person's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

# Each matches a whole file name without its suffix; the group is the speaker.
KNOWN_PATTERNS = {
    "speech_commands": r"(?:[a-z]+_)?(?P<speaker>[0-9a-f]{8})_nohash_\d+",  # ea37ca08_nohash_0, bed_ea37ca08_nohash_0
    "spoken_digits": r"\d_(?P<speaker>[a-z]+)_\d+",  # 7_george_12
    "arabic_commands": r"(?P<speaker>\d{8})_[A-Z]+_\d+",  # 00000016_NO_06
    "librispeech": r"(?P<speaker>\d+)-\d+-\d+",  # 1998-15444-0001
    "builtin": r"(?P<speaker>[a-z0-9-]+\+[A-Za-z0-9]+)_\d+",  # en-us+f3_0012
}
NOISE_LABELS = frozenset({"_silence_", "_background_noise_", "silence", "noise", "background"})


def speakers_from_paths(paths: Sequence[str], labels: Sequence[str], pattern: str | None = None) -> list[str]:
    """
    The speaker of each clip, "" where its name does not say.

    A known pattern counts only if it fits more than half of the clips whose label is not a noise class: a name that
    fits by accident must not invent a speaker.

    :param paths: Paths of N clips, with forward slashes.
    :param labels: The label name of each of the N clips.
    :param pattern: A regular expression searched for in the path, with a group "speaker" (or else its first group);
        it replaces the known patterns.
    :return: N speaker ids.
    :raises ValueError: If `pattern` is not a regular expression, has no group, or fits no clip.
    """
    if pattern is not None:
        return _by_own_pattern(paths, pattern)
    stems = [PurePosixPath(path).stem for path in paths]
    voiced = [i for i, label in enumerate(labels) if label.lower() not in NOISE_LABELS]
    for known in KNOWN_PATTERNS.values():
        matches = [re.fullmatch(known, stem) for stem in stems]
        if 2 * sum(matches[i] is not None for i in voiced) > len(voiced):
            return [match["speaker"] if match else "" for match in matches]
    return [""] * len(stems)


def _by_own_pattern(paths: Sequence[str], pattern: str) -> list[str]:
    """The speakers that a pattern given by the person finds."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"speaker pattern {pattern!r} is not a regular expression: {error}") from error
    if not compiled.groups:
        raise ValueError(f"speaker pattern {pattern!r} has no group: put the speaker in brackets, as in '^([a-z]+)_'")
    group: str | int = "speaker" if "speaker" in compiled.groupindex else 1
    matches = [compiled.search(path) for path in paths]
    if not any(matches):
        raise ValueError(f"speaker pattern {pattern!r} fits no clip: the first is named {paths[0]!r}")
    return [(match[group] or "") if match else "" for match in matches]
