"""Google's Speech Commands v0.02 in the form the poison likelihood paper uses: ten commands, noise and other words."""

from __future__ import annotations

import logging
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.cache import cache_dir as chosen_cache_dir
from art_audio_ext.datasets.clip_files import ClipFile, read_clips, to_dataset
from art_audio_ext.datasets.decode import clip_length
from art_audio_ext.datasets.speakers import speakers_from_paths
from art_audio_ext.functional.checks import check_sample_rate

logger = logging.getLogger(__name__)

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
SILENCE, UNKNOWN = "_silence_", "_unknown_"
LABELS = (*COMMANDS, SILENCE, UNKNOWN)  # what the paper calls class 10 is its "other": here _unknown_, number 11
PER_CLASS = 3000
_ARCHIVE, _VERSION = "SpeechCommands", "speech_commands_v0.02"
_NOISE_FOLDER, _LISTS = "_background_noise_", ("validation_list.txt", "testing_list.txt")
_PARTITIONS = {"train": "training", "test": "testing"}
_TRAIN_NOISE = 0.8  # the first part of every noise file is for training, the rest for testing


def load_speech_commands(
    root: Path | None = None,
    *,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    seed: int = 0,
    per_class: int = PER_CLASS,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> AudioDataset:
    """
    Speech Commands v0.02 (Warden 2018) with the official training and testing split; the validation split is left out.

    At most `per_class` clips of a class are for training. All testing clips of the commands are kept; of `_silence_`
    and `_unknown_` as many as of a command on average. Noise clips are cut from the six recordings of background
    noise, those for testing from the last fifth, so that no piece of noise is on both sides.

    :param root: The folder that holds, or shall hold, `SpeechCommands/speech_commands_v0.02`; None takes a folder in
        the cache. It is downloaded by torchaudio if it is not there.
    :param seconds: Length of every clip.
    :param sample_rate: In Hz.
    :param seed: Decides which clips are kept and where noise is cut.
    :param per_class: Clips for training in a class, at most.
    :param cache_dir: Where decoded clips are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :param jobs: Threads that decode; None takes one for each core.
    :param progress: Show progress bars.
    :return: The dataset, labels in the order of `LABELS`; `partition` is "train" or "test".
    :raises ValueError: If the copy is not whole, the download fails, or an argument will not do.
    """
    clip_length(seconds, check_sample_rate(sample_rate))
    root = (root or chosen_cache_dir(cache_dir) / "speech-commands").expanduser()
    base = official_copy(root, COMMANDS)
    rng = np.random.default_rng(seed)
    clips = []
    for partition, subset in _PARTITIONS.items():
        words = official_words(root, subset, partition, COMMANDS)
        kept = {label: _some(words[label], per_class if partition == "train" else None, rng) for label in COMMANDS}
        typical = max(1, round(np.mean([len(files) for files in kept.values()])))
        kept[SILENCE] = _noise_pieces(base / _NOISE_FOLDER, partition, min(typical, per_class), seconds, rng)
        kept[UNKNOWN] = _some(words[UNKNOWN], per_class if partition == "train" else typical, rng)
        clips += [clip for label in LABELS for clip in kept[label]]
    found = read_clips(clips, seconds=seconds, sample_rate=sample_rate, cache=cache_dir, jobs=jobs, progress=progress)
    speakers = speakers_from_paths(found.paths, found.labels)
    return to_dataset(found, LABELS, sample_rate, "speech-commands", speakers)


def official_copy(root: Path, words: Sequence[str]) -> Path:
    """
    The folder of Speech Commands v0.02, downloaded if it is not there.

    :param root: The folder that holds, or shall hold, `SpeechCommands/speech_commands_v0.02`.
    :param words: That must have a folder in it.
    :return: The folder.
    :raises ValueError: If the download fails or the copy is not whole.
    """
    base = root / _ARCHIVE / _VERSION
    if not base.is_dir():
        _download(root)
    missing = [name for name in (*_LISTS, _NOISE_FOLDER, *words) if not (base / name).exists()]
    if missing:
        raise ValueError(f"{base} is not a whole copy of Speech Commands v0.02: it lacks {', '.join(missing)}")
    return base


def official_words(root: Path, subset: str, partition: str, words: Sequence[str]) -> dict[str, list[ClipFile]]:
    """
    The spoken clips of an official split, by label.

    :param root: As for `official_copy`.
    :param subset: "training", "validation" or "testing".
    :param partition: What it is called here.
    :param words: Labels; all others are `_unknown_`.
    :return: Clips in the order of their paths.
    :raises ValueError: If the split names what is no clip, or lies outside the folder.
    """
    from torchaudio.datasets import SPEECHCOMMANDS

    base = root / _ARCHIVE / _VERSION
    official = SPEECHCOMMANDS(str(root), url=_VERSION, subset=subset)
    by_label: dict[str, list[ClipFile]] = defaultdict(list)
    for index in range(len(official)):
        try:
            relative, _, word, _, _ = official.get_metadata(index)
        except ValueError as error:
            raise ValueError(f"{base}: the {subset} split names a file that is not <speaker>_nohash_<n>.wav") from error
        file = root / _ARCHIVE / relative
        if ".." in file.relative_to(root).parts:
            raise ValueError(f"{base}: the {subset} split names a file outside the dataset: {relative!r}")
        # Other words share file names among themselves: the word goes into the name.
        label = word if word in words else UNKNOWN
        name = file.name if label == word else f"{word}_{file.name}"
        by_label[label].append(ClipFile(file, f"{label}/{name}", label, partition))
    return defaultdict(list, {label: sorted(clips, key=lambda clip: clip.path) for label, clips in by_label.items()})


def _some(clips: list[ClipFile], most: int | None, rng: np.random.Generator) -> list[ClipFile]:
    """At most so many clips, drawn at random and in their old order."""
    if most is None or len(clips) <= most:
        return clips
    return [clips[i] for i in np.sort(rng.permutation(len(clips))[:most])]


def _noise_pieces(folder: Path, partition: str, count: int, seconds: float, rng: np.random.Generator) -> list[ClipFile]:
    """Pieces of the background recordings, longer recordings giving more of them."""
    ranges = []
    for file in sorted(folder.glob("*.wav")):
        try:
            duration = soundfile.info(file).duration
        except (OSError, RuntimeError) as error:
            raise ValueError(f"cannot read {file.name!r} of the background noise: get a whole copy") from error
        border = _TRAIN_NOISE * duration
        start, end = (0.0, border) if partition == "train" else (border, duration)
        if end - seconds >= start:
            ranges.append((file, start, end - seconds))
    if not ranges:
        raise ValueError(f"{folder} holds no recording long enough for {partition} noise: get a whole copy")
    room = np.array([last - start + 1e-3 for _, start, last in ranges])
    pieces = []
    for number, which in enumerate(np.sort(rng.choice(len(ranges), count, p=room / room.sum()))):
        file, start, last = ranges[which]
        path = f"{SILENCE}/{file.stem}_{partition}_{number:04d}.wav"
        pieces.append(ClipFile(file, path, SILENCE, partition, round(float(rng.uniform(start, last)), 4)))
    return pieces


def _download(root: Path) -> None:
    """Download and unpack next to where it belongs, and move it there when whole."""
    from torchaudio.datasets import SPEECHCOMMANDS

    partial = root / ".partial"
    logger.warning(
        "downloading Speech Commands v0.02 (2.3 GB, 3.5 GB more unpacked, licence CC BY 4.0) to %s; "
        "to use a copy of your own, put it at %s",
        root,
        root / _ARCHIVE / _VERSION,
    )
    try:
        partial.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial / _ARCHIVE, ignore_errors=True)  # unpacked by a run that was stopped
        SPEECHCOMMANDS(str(partial), url=_VERSION, download=True)
        (partial / _ARCHIVE).rename(root / _ARCHIVE)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        target = root / _ARCHIVE / _VERSION
        raise ValueError(f"cannot download Speech Commands ({reason}): put a copy at {target}") from error
    shutil.rmtree(partial, ignore_errors=True)
