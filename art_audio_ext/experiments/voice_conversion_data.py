"""What the voice-conversion tables need beside clips: speakers, their utterances, and clips in their voices."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from art_audio_ext.datasets import AudioDataset
from art_audio_ext.datasets.decode import decode_clip
from art_audio_ext.datasets.folder import scan_sounds
from art_audio_ext.experiments.voice_conversion_cells import Converted, VoiceContext, poisoned_rows
from art_audio_ext.voices import TargetVoice, Voice

TARGET_SECONDS = 8.0  # of an utterance that are listened to
_OWN_CLIPS = 100  # most clips of a speaker's own speech


@dataclass(frozen=True)
class Utterance:
    """A recording of a speaker."""

    speaker: str
    path: Path
    root: Path

    @property
    def name(self) -> str:
        """The path below the folder of speakers, without its suffix."""
        return self.path.relative_to(self.root).with_suffix("").as_posix()


def find_utterances(folder: str | Path) -> dict[str, list[Utterance]]:
    """
    The utterances of a folder with a sub-folder a speaker, as in LibriSpeech.

    :param folder: Sound files at any depth below `<speaker>/`.
    :return: By speaker, sorted by path.
    :raises ValueError: If there is no such folder, or it has no speaker.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise ValueError(f"{root} is not a folder: give one with a sub-folder of utterances for each speaker")
    speakers: dict[str, list[Utterance]] = {}
    seen = set()
    for path in scan_sounds(root)[0]:
        parts = path.relative_to(root).parts
        if len(parts) > 1 and path.with_suffix("") not in seen:  # the same in two formats is one
            seen.add(path.with_suffix(""))
            speakers.setdefault(parts[0], []).append(Utterance(parts[0], path, root))
    if not speakers:
        raise ValueError(f"{root} has no sub-folder with sound files: one for each speaker is wanted")
    return dict(sorted(speakers.items()))


def rows_by_voice(tasks: list[dict[str, Any]], train: AudioDataset) -> dict[str, np.ndarray]:
    """
    Which training clips are needed in which voice.

    :param tasks: Experiments of `run_cell`.
    :param train: Training clips.
    :return: By name of a voice, rows, ascending.
    :raises ValueError: If there are too few clips for one of them.
    """
    wanted: dict[str, set[int]] = {}
    for task in tasks:
        if task["attack"] == "voice":
            wanted.setdefault(task["voice"], set()).update(poisoned_rows(task, train).tolist())
    return {name: np.array(sorted(rows), dtype=np.int64) for name, rows in wanted.items()}


def prepare_voices(
    utterances: list[Utterance],
    everything: dict[str, list[Utterance]],
    train: AudioDataset,
    test: AudioDataset,
    rows: dict[str, np.ndarray],
    voice: Voice,
    folder: Path,
    *,
    progress: bool = True,
) -> VoiceContext:
    """
    Convert what is asked for to every voice, and cut the speakers' own speech to clips; what is there is kept.

    :param utterances: The voices.
    :param everything: All utterances by speaker, from `find_utterances`.
    :param train: Training clips.
    :param test: Test clips.
    :param rows: By name of a voice, the training clips to convert; of a voice that is not named none is.
    :param voice: The back end.
    :param folder: Where the files go.
    :param progress: Show bars.
    :return: What cells read.
    :raises ValueError: If an utterance is no speech.
    """
    folder.mkdir(parents=True, exist_ok=True)
    converted, own, own_files = {}, {}, {}
    for utterance in utterances:
        target = _target(utterance, train.sample_rate)
        key = _digest(voice.name, voice.identity, target.checksum())
        some = np.asarray(rows.get(utterance.name, []), dtype=np.int64)
        parts = {"train": train.subset(some), "test": test}
        paths = {}
        for part, clips in parts.items():
            sound = np.asarray(clips.waveforms)
            paths[part] = folder / f"{key}-{part}-{_digest(sound.shape, blake2b(sound.data).hexdigest())}.npy"
            if not paths[part].is_file():
                made = voice.convert(sound, clips.sample_rate, target, progress=progress) if len(sound) else sound
                _write(made, paths[part])
        converted[utterance.name] = Converted(key, some, str(paths["train"]), str(paths["test"]))
        said, own_files[utterance.name] = _own_speech(utterance, everything, train, folder)
        own[utterance.name] = str(said)
    return VoiceContext(train, test, converted, own, own_files)


def _target(utterance: Utterance, sample_rate: int) -> TargetVoice:
    sound = decode_clip(utterance.path, sample_rate, duration_seconds=TARGET_SECONDS)
    return TargetVoice(sound[: round(TARGET_SECONDS * sample_rate)], sample_rate, utterance.name)


def _own_speech(
    utterance: Utterance, everything: dict[str, list[Utterance]], like: AudioDataset, folder: Path
) -> tuple[Path, np.ndarray]:
    """Clips of the speaker as recorded, of the length of the others, quiet ones left out; and `own_files` of them."""
    length, recordings = like.waveforms.shape[1], everything[utterance.speaker]
    contents = [blake2b(other.path.read_bytes()).hexdigest() for other in recordings]
    path = folder / f"own-{_digest(utterance.speaker, contents, length, like.sample_rate)}.npy"
    which = path.with_name(f"{path.stem}-files.npy")
    if not (path.is_file() and which.is_file()):
        clips, files = _cut_recordings(utterance.speaker, recordings, length, like.sample_rate)
        _write(clips, path)
        _write(files, which)
    files = np.load(which)
    return path, np.where(files == recordings.index(utterance), -1, files)


def _cut_recordings(
    speaker: str, recordings: list[Utterance], length: int, sample_rate: int
) -> tuple[np.ndarray, np.ndarray]:
    """At most so many clips (M, L), evenly over all recordings, and the number of its recording for each (M,)."""
    sound = [decode_clip(other.path, sample_rate) for other in recordings]
    counts = [len(whole) // length for whole in sound]
    if not any(counts):
        raise ValueError(f"no recording of speaker {speaker} is as long as a clip: name other voices")
    clips = np.concatenate(
        [whole[: count * length].reshape(-1, length) for whole, count in zip(sound, counts, strict=True)]
    )
    files, power = np.repeat(np.arange(len(sound)), counts), np.square(clips).mean(1)
    loud = np.flatnonzero(power > 0.1 * np.median(power))
    some = loud[np.linspace(0, len(loud) - 1, min(_OWN_CLIPS, len(loud))).astype(int)]
    return clips[some], files[some]


def _digest(*parts: Any) -> str:
    return blake2b(repr(parts).encode(), digest_size=6).hexdigest()


def _write(sound: np.ndarray, path: Path) -> None:
    """Whole or not there, whoever else writes the same."""
    part = path.with_name(f".{path.stem}.{uuid4().hex}.npy")
    try:
        np.save(part, sound)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
