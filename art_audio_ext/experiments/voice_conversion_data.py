"""What the voice-conversion tables need beside clips: speakers, their utterances, and every clip in their voices."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from art_audio_ext.datasets import AudioDataset
from art_audio_ext.datasets.decode import decode_clip
from art_audio_ext.datasets.folder import scan_sounds
from art_audio_ext.experiments.voice_conversion_cells import VoiceContext
from art_audio_ext.voices import TargetVoice, Voice

TARGET_SECONDS = 8.0  # of an utterance that are listened to
_OWN_CLIPS = 100  # most clips of a speaker's own speech


@dataclass(frozen=True)
class Utterance:
    """A recording of a speaker."""

    speaker: str
    path: Path

    @property
    def name(self) -> str:
        """Unique among those of one folder."""
        return f"{self.speaker}/{self.path.stem}"


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
    for path in scan_sounds(root)[0]:
        parts = path.relative_to(root).parts
        if len(parts) > 1:
            speakers.setdefault(parts[0], []).append(Utterance(parts[0], path))
    if not speakers:
        raise ValueError(f"{root} has no sub-folder with sound files: one for each speaker is wanted")
    return dict(sorted(speakers.items()))


def prepare_voices(
    utterances: list[Utterance],
    everything: dict[str, list[Utterance]],
    train: AudioDataset,
    test: AudioDataset,
    voice: Voice,
    folder: Path,
    *,
    progress: bool = True,
) -> VoiceContext:
    """
    Convert all clips to every voice, and cut the speakers' own speech to clips; what is there is not made again.

    :param utterances: The voices.
    :param everything: All utterances by speaker, from `find_utterances`.
    :param train: Training clips.
    :param test: Test clips.
    :param voice: The back end.
    :param folder: Where the files go.
    :param progress: Show bars.
    :return: What cells read.
    :raises ValueError: If an utterance is no speech.
    """
    folder.mkdir(parents=True, exist_ok=True)
    converted, own = {}, {}
    for utterance in utterances:
        target = _target(utterance, train.sample_rate)
        key = hashlib.sha256(repr((voice.name, voice.identity, target.checksum())).encode()).hexdigest()[:12]
        paths = [folder / f"{key}-{part}.npy" for part in ("train", "test")]
        for part, path in zip((train, test), paths, strict=True):
            if not path.is_file():
                sound = voice.convert(np.asarray(part.waveforms), part.sample_rate, target, progress=progress)
                _write(sound, path)
        converted[utterance.name] = (str(paths[0]), str(paths[1]))
        own[utterance.name] = str(_own_speech(utterance, everything, train, folder))
    return VoiceContext(train, test, converted, own)


def _target(utterance: Utterance, sample_rate: int) -> TargetVoice:
    sound = decode_clip(utterance.path, sample_rate, duration_seconds=TARGET_SECONDS)
    return TargetVoice(sound[: round(TARGET_SECONDS * sample_rate)], sample_rate, utterance.name)


def _own_speech(utterance: Utterance, everything: dict[str, list[Utterance]], like: AudioDataset, folder: Path) -> Path:
    """Clips of the speaker as recorded, of the length of the others, quiet ones left out."""
    path = folder / f"own-{hashlib.sha256(utterance.speaker.encode()).hexdigest()[:12]}.npy"
    if not path.is_file():
        length = like.waveforms.shape[1]
        sound = [decode_clip(other.path, like.sample_rate) for other in everything[utterance.speaker]]
        clips = np.concatenate([whole[: len(whole) // length * length].reshape(-1, length) for whole in sound])
        power = np.square(clips).mean(1)
        clips = clips[power > 0.1 * np.median(power)]
        _write(clips[:: max(1, len(clips) // _OWN_CLIPS)][:_OWN_CLIPS], path)
    return path


def _write(sound: np.ndarray, path: Path) -> None:
    """Whole or not there."""
    part = path.with_name(f"{path.stem}.part.npy")
    np.save(part, sound)
    part.replace(path)
