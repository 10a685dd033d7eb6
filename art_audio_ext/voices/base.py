"""The protocol of voice conversion, the utterance that says which voice, and what every back end checks."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, ClassVar

import numpy as np
from tqdm import tqdm

from art_audio_ext.functional.checks import check_sample_rate, check_waveforms
from art_audio_ext.functional.voice_mapping import at_level
from art_audio_ext.voices.clip_store import ClipStore

SHORTEST_SECONDS = 0.05


class TargetVoice:
    """
    Utterances of one speaker, who clips shall sound like.

    :param utterances: One (L,), or several, of any lengths, in [-1, 1].
    :param sample_rate: In Hz.
    :param name: What messages call it.
    :raises ValueError: If they are no sound, silent, or shorter than .05 s.
    """

    def __init__(self, utterances: np.ndarray | Sequence[np.ndarray], sample_rate: int, name: str = "target") -> None:
        self.sample_rate, self.name = check_sample_rate(sample_rate), name
        several = list(utterances) if len(utterances) and np.ndim(utterances[0]) == 1 else [utterances]
        self.utterances = [self._checked(np.asarray(sound)) for sound in several]

    def checksum(self) -> str:
        """Hexadecimal; tells this voice from others, whatever its name."""
        digest = blake2b(str(self.sample_rate).encode(), digest_size=8)
        for sound in self.utterances:
            digest.update(f"|{len(sound)}|".encode())
            digest.update(np.ascontiguousarray(sound, dtype="<f4").data)
        return digest.hexdigest()

    def _checked(self, sound: np.ndarray) -> np.ndarray:
        sound = check_waveforms(sound, f"voice {self.name!r}", single=True)
        if sound.ndim != 1:
            raise ValueError(f"voice {self.name!r} has shape {sound.shape}, expected (L,): give mono utterances")
        if len(sound) < SHORTEST_SECONDS * self.sample_rate:
            raise ValueError(f"voice {self.name!r} is shorter than {SHORTEST_SECONDS} s: give some seconds of speech")
        if not sound.any():
            raise ValueError(f"voice {self.name!r} is silent: give some seconds of speech")
        return np.array(sound)


class Voice(abc.ABC):
    """
    A way to convert voices. The same clip, target and parameters give the same bytes, alone or in a batch.

    :param store: Keeps what was converted, or None.
    """

    name: ClassVar[str]

    def __init__(self, store: ClipStore | None = None) -> None:
        self.store = store
        self._last: tuple[Any, Any] = (None, None)  # a target that was prepared: attacks convert clip by clip

    def __getstate__(self) -> dict[str, Any]:
        """What was prepared of a target is prepared again."""
        return {**self.__dict__, "_last": (None, None)}

    @property
    @abc.abstractmethod
    def identity(self) -> dict[str, Any]:
        """What decides the result beside clip and target; plain types."""

    @abc.abstractmethod
    def _prepare(self, target: TargetVoice, sample_rate: int) -> Any:
        """
        What is needed of the target.

        :raises ValueError: If there is no voice in it.
        """

    @abc.abstractmethod
    def _convert(self, clip: np.ndarray, sample_rate: int, target: Any) -> np.ndarray:
        """A clip float32 (L,) that is neither silent nor short, as float32 (L,) in [-1, 1]."""

    def check_target(self, target: TargetVoice, sample_rate: int) -> None:
        """
        Refuse a target that cannot be used, before any clip is converted.

        :param target: Whose voice.
        :param sample_rate: Of the clips, in Hz.
        :raises ValueError: If there is no voice in it.
        """
        self._prepare(target, sample_rate)

    def convert(
        self, waveforms: np.ndarray, sample_rate: int, target: TargetVoice, *, progress: bool = False
    ) -> np.ndarray:
        """
        Clips in the target's voice.

        Silent clips, and those shorter than .05 s, have no voice to convert and come back as they are. Zeros at both
        ends of a clip, which it was padded with, stay zeros: what a converter puts there would tell converted clips
        from others, whatever the voice.

        :param waveforms: Sound (N, L) in [-1, 1].
        :param sample_rate: In Hz.
        :param target: Whose voice.
        :param progress: Show a bar.
        :return: float32 (N, L), each clip of the length and level it had.
        :raises ValueError: If the sound or the target is unusable.
        """
        x = check_waveforms(waveforms)
        rate = check_sample_rate(sample_rate)
        parts = (self.name, repr(sorted(self.identity.items())), target.checksum(), str(rate))
        if self._last[0] != parts:
            self._last = (parts, self._prepare(target, rate))
        ready = self._last[1]
        converted = np.empty(x.shape, np.float32)
        for row, clip in enumerate(_shown(x, progress)):
            converted[row] = self._one(np.asarray(clip), rate, ready, parts)
        return converted

    def _one(self, clip: np.ndarray, sample_rate: int, target: Any, parts: tuple[str, ...]) -> np.ndarray:
        if not clip.any() or len(clip) < SHORTEST_SECONDS * sample_rate:
            return clip
        kept = None if self.store is None else self.store.find(clip, parts)
        if kept is not None:
            return kept
        found = self._convert(clip, sample_rate, target)
        if found.shape != clip.shape or not np.isfinite(found).all():
            raise ValueError(f"{self.name} made no usable sound of a clip: leave that clip out")
        found = _padded_like(clip, found)
        if self.store is not None:
            self.store.keep(clip, parts, found)
        return found


def _padded_like(clip: np.ndarray, found: np.ndarray) -> np.ndarray:
    """What was made of a clip (L,), zero where the clip's padding is, at the clip's level."""
    sounding = np.flatnonzero(clip)
    first, end = int(sounding[0]), int(sounding[-1]) + 1
    if end - first == len(clip):
        return found
    inner = np.zeros_like(found)
    inner[first:end] = found[first:end]
    return at_level(inner, clip)


def _shown(x: np.ndarray, progress: bool) -> Iterable[np.ndarray]:
    return tqdm(x, desc="converting voices", unit="clip", disable=not progress, delay=1)
