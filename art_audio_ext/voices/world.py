"""Voice conversion without weights: WORLD's pitch and envelope, moved to those of the target."""

from __future__ import annotations

from typing import Any

import numpy as np

from art_audio_ext.functional.resampling import resampled
from art_audio_ext.functional.voice_mapping import (
    VoiceNumbers,
    at_level,
    mapped_envelope,
    mapped_pitch,
    voice_numbers,
)
from art_audio_ext.voices.base import TargetVoice, Voice
from art_audio_ext.voices.clip_store import ClipStore

_LOWEST_RATE = 16000  # below it WORLD takes every frame for noise
_MARGIN_SECONDS = 0.05  # of silence on both sides: WORLD's first and last frames are poor


class WorldVoice(Voice):
    """
    Pitch by its mean and spread in the logarithm, formants by the cube root of the pitch ratio, envelope by its mean
    over the utterance; aperiodicity and level stay. A clip without voiced frames gets the envelope alone.

    | Paper: Morise et al., "WORLD: A vocoder-based high-quality speech synthesis system", 2016. The mapping is ours.
    """

    name = "world"
    seconds_per_clip = 0.03

    def __init__(self, strength: float = 1.0, *, store: ClipStore | None = None) -> None:
        """
        :param strength: How far the envelope goes towards the target's, in [0, 2]; pitch goes all the way.
        :param store: Keeps what was converted, or None.
        :raises ImportError: If pyworld is not installed.
        :raises ValueError: If `strength` is out of its range.
        """
        if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not 0 <= strength <= 2:
            raise ValueError(f"strength must lie in [0, 2], got {strength!r}")
        super().__init__(store)
        self.strength = float(strength)
        _pyworld()

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the result beside clip and target."""
        return {"strength": self.strength, "version": 1}

    def _prepare(self, target: TargetVoice, sample_rate: int) -> VoiceNumbers:
        pitches, envelopes, rate = [], [], max(sample_rate, _LOWEST_RATE)
        for utterance in target.utterances:
            sound = resampled(utterance.astype(np.float64), target.sample_rate, rate)
            pitch, envelope, _ = self._analyse(sound, rate, aperiodicity=False)
            pitches.append(pitch)
            envelopes.append(envelope)
        numbers = voice_numbers(np.concatenate(pitches), np.concatenate(envelopes), rate)
        if not numbers.is_voiced:
            raise ValueError(f"voice {target.name!r} has no voiced frame, it is noise: give some seconds of speech")
        return numbers

    def _convert(self, clip: np.ndarray, sample_rate: int, target: VoiceNumbers) -> np.ndarray:
        rate = max(sample_rate, _LOWEST_RATE)
        margin = round(_MARGIN_SECONDS * sample_rate)
        sound = resampled(np.pad(clip.astype(np.float64), margin), sample_rate, rate)
        pitch, envelope, aperiodicity = self._analyse(sound, rate)
        source = voice_numbers(pitch, envelope, rate)
        moved = mapped_envelope(envelope, source, target, self.strength)
        made = _pyworld().synthesize(
            mapped_pitch(pitch, source, target), np.ascontiguousarray(moved), aperiodicity, rate
        )
        return at_level(resampled(made, rate, sample_rate)[margin : margin + len(clip)], clip)

    def _analyse(
        self, sound: np.ndarray, sample_rate: int, aperiodicity: bool = True
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Pitch (T,), envelope (T, F) and aperiodicity (T, F), frames 5 ms apart."""
        world = _pyworld()
        rough, times = world.dio(sound, sample_rate)
        pitch = world.stonemask(sound, rough, times, sample_rate)
        envelope = world.cheaptrick(sound, pitch, times, sample_rate)
        return pitch, envelope, world.d4c(sound, pitch, times, sample_rate) if aperiodicity else None


def _pyworld() -> Any:
    """The library, imported late: a module held by an object could not be pickled."""
    try:
        import pyworld
    except ImportError as error:
        raise ImportError(
            f'voice conversion "world" needs pyworld ({error}): pip install "art-audio-ext[voice]"'
        ) from error
    return pyworld
