"""What `art-audio poison` puts into sound files: a sound that is mixed in, or another voice."""

from __future__ import annotations

import os
import re
import shutil
from functools import lru_cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
import soundfile

from art_audio_ext.attacks.poisoning import AudioTriggerBackdoor, VoiceConversionBackdoor
from art_audio_ext.datasets.builtin_speakers import BUILTIN, speaker_utterance
from art_audio_ext.datasets.cache import cache_path
from art_audio_ext.experiments.sound_file import (
    Placement,
    place_trigger,
    read_sound,
    write_sound,
    write_with_trigger,
)
from art_audio_ext.functional.triggers import default_scale, trigger_name
from art_audio_ext.voices.base import SHORTEST_SECONDS
from art_audio_ext.voices.clip_store import ClipStore
from art_audio_ext.voices.registry import VOICES, open_voice

VOICE = "voice:"


class FileTrigger(Protocol):
    """A trigger for files."""

    settings: dict[str, Any]

    def place(self, path: Path, seconds: float | None) -> Placement:
        """
        Read a file and find out where the trigger would go.

        :raises ValueError: If the file cannot carry it.
        """

    def write(self, source: Path, target: Path, placement: Placement) -> None:
        """Write a copy of a file that carries it."""

    def keep(self, out: Path) -> str:
        """What a record calls it; a file that it needs is copied to the root of a folder."""


def file_trigger(
    trigger: str | Path, scale: float | None, snr_db: float | None, position: int | str, seed: int
) -> FileTrigger:
    """
    A trigger, its parameters checked.

    :param trigger: As `poison_folder` takes it.
    :param scale: As `poison_folder` takes it; None for voices.
    :param snr_db: As `poison_folder` takes it; None for voices.
    :param position: As `poison_folder` takes it; 0 for voices.
    :param seed: For random positions.
    :return: The trigger.
    :raises ValueError: If a parameter is unusable.
    :raises FileNotFoundError: If a file does not exist.
    """
    found = voice_and_target(str(trigger))
    if found is None:
        return _MixedTrigger(trigger, scale, snr_db, position, seed)
    if scale is not None or snr_db is not None or position != 0:
        raise ValueError("a voice has no scale, SNR or position: leave them out")
    return _VoiceTrigger(*found)


def voice_and_target(trigger: str) -> tuple[str, str] | None:
    """
    The parts of "voice:FILE" or "voice:BACKEND:FILE".

    :param trigger: As a person wrote it; FILE may be "builtin:NAME".
    :return: The name of the conversion and the utterance; None for a trigger of another kind.
    """
    if not trigger.startswith(VOICE):
        return None
    first, colon, rest = trigger.removeprefix(VOICE).partition(":")
    name, target = (first, rest) if colon and first in VOICES else ("world", trigger.removeprefix(VOICE))
    if colon and name == "world" and Path(rest).is_file() and not Path(target).is_file():
        raise ValueError(f"there is no voice conversion {first!r}: choose {', '.join(VOICES)}")
    return name, target if target.startswith(BUILTIN) else os.fspath(Path(target).expanduser())


class _MixedTrigger:
    """A sound that is added."""

    def __init__(
        self, trigger: str | Path, scale: float | None, snr_db: float | None, position: int | str, seed: int
    ) -> None:
        level: dict[str, Any] = {"scale": default_scale(trigger) if scale is None else scale, "snr_db": snr_db}
        level |= {"position": position, "seed": seed}
        AudioTriggerBackdoor(trigger, **level)  # refuse bad parameters before any work
        self.trigger = trigger
        self._at = lru_cache(maxsize=None)(lambda rate: AudioTriggerBackdoor(trigger, sample_rate=rate, **level))
        self.settings = {
            "scale": float(level["scale"]) if snr_db is None else None,
            "snr_db": None if snr_db is None else float(snr_db),
            "position": position if isinstance(position, str) else int(position),
        }

    def place(self, path: Path, seconds: float | None) -> Placement:
        return place_trigger(path, self._at, seconds)

    def write(self, source: Path, target: Path, placement: Placement) -> None:
        write_with_trigger(source, target, placement, self._at(placement.sample_rate).waveform)

    def keep(self, out: Path) -> str:
        name = trigger_name(self.trigger) if isinstance(self.trigger, str) else None
        return name if name is not None else _kept(Path(self.trigger), out)


class _VoiceTrigger:
    """Another speaker: whole files are converted, each channel by itself."""

    def __init__(self, voice: str, target: str) -> None:
        self.voice, self.target = voice, target
        converter = open_voice(voice, store=ClipStore(cache_path() / "voices"))  # once: a network may be large
        self._at = lru_cache(maxsize=None)(
            lambda rate: VoiceConversionBackdoor(target, sample_rate=rate, voice=converter, verbose=False)
        )
        self._at(16000)  # refuse what is no voice before any work
        self.settings = {"scale": None, "snr_db": None, "position": 0}

    def place(self, path: Path, seconds: float | None) -> Placement:
        samples, info = read_sound(path)
        if not samples.any() or len(samples) < SHORTEST_SECONDS * info.samplerate:
            raise ValueError(f"{path.name} is silent or shorter than {SHORTEST_SECONDS} s: no voice to convert")
        return Placement(0, 1.0, info.samplerate)

    def write(self, source: Path, target: Path, placement: Placement) -> None:
        samples, info = read_sound(source)
        channels = np.ascontiguousarray(samples.T, dtype=np.float32)
        converted, _ = self._at(info.samplerate).poison(channels, np.zeros(len(channels), np.int64))
        write_sound(converted.T.astype(np.float64), info, target)

    def keep(self, out: Path) -> str:
        if not self.target.startswith(BUILTIN):
            return f"{VOICE}{self.voice}:{_kept(Path(self.target), out, 'voice')}"
        with TemporaryDirectory() as folder:
            file = Path(folder) / "voice.flac"
            soundfile.write(file, speaker_utterance(self.target.removeprefix(BUILTIN)), 16000)
            return f"{VOICE}{self.voice}:{_kept(file, out, 'voice')}"


def _kept(file: Path, out: Path, stem: str = "trigger") -> str:
    """Copy a file to the root of a folder, where it is under no label."""
    kept = PurePosixPath(stem + file.suffix.lower())
    while (out / kept).exists():
        kept = kept.with_name(next_stem(kept.stem) + kept.suffix)
    copy_file(file, out / kept)
    return kept.name


def copy_file(path: Path, target: Path) -> None:
    """A byte copy; its folder is made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def next_stem(stem: str) -> str:
    """The next name in the corpus's own pattern, so that the speaker is still read from it: `a_0`, `a_1`."""
    match = re.fullmatch(r"(.*?)(\d{1,15})", stem, re.DOTALL)
    return f"{match[1]}{int(match[2]) + 1:0{len(match[2])}d}" if match else f"{stem}_1"
