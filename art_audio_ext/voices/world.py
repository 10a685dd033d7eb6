"""Voice conversion without weights: WORLD's pitch and envelope, moved to those of the target."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from art_audio_ext.functional.resampling import resampled
from art_audio_ext.functional.shaped_noise import shaped_noise
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
NOISES = ("fresh", "world")
_FRAME_SECONDS = 0.005
_LEAST_NOISE, _NOTHING = 1e-3, 1e-16  # of an aperiodicity and of power, below which WORLD does not go
_ANY_PITCH = 100.0  # Hz
_MARGIN_SECONDS = 0.05  # of silence on both sides: WORLD's first and last frames are poor


class WorldVoice(Voice):
    """
    Pitch by its mean and spread in the logarithm, formants by the cube root of the pitch ratio, envelope by its mean
    over the utterance; aperiodicity and level stay. A clip without voiced frames gets the envelope alone.

    | Paper: Morise et al., "WORLD: A vocoder-based high-quality speech synthesis system", 2016. The mapping is ours.
    """

    name = "world"

    def __init__(self, strength: float = 1.0, *, noise: str = "fresh", store: ClipStore | None = None) -> None:
        """
        :param strength: How far the envelope goes towards the target's, in [0, 2]; pitch goes all the way.
        :param noise: What breath and hiss are made of: "fresh", noise of each clip's own; or "world", WORLD's, which is
            the same sequence in every clip it makes: a fingerprint that has nothing to do with the voice.
        :param store: Keeps what was converted, or None.
        :raises ImportError: If pyworld is not installed.
        :raises ValueError: If `strength` is out of its range.
        """
        if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not 0 <= strength <= 2:
            raise ValueError(f"strength must lie in [0, 2], got {strength!r}")
        if noise not in NOISES:
            raise ValueError(f"noise must be one of {', '.join(NOISES)}, got {noise!r}")
        super().__init__(store)
        self.strength, self.noise = float(strength), noise
        _pyworld()

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the result beside clip and target."""
        return {"strength": self.strength, "noise": self.noise, "version": 4}

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
        assert aperiodicity is not None
        source = voice_numbers(pitch, envelope, rate)
        moved = mapped_envelope(envelope, source, target, self.strength)
        made = self._synthesised(mapped_pitch(pitch, source, target), moved, aperiodicity, rate, clip)
        return at_level(resampled(made, rate, sample_rate)[margin : margin + len(clip)], clip)

    def _synthesised(
        self, pitch: np.ndarray, power: np.ndarray, aperiodicity: np.ndarray, rate: int, clip: np.ndarray
    ) -> np.ndarray:
        """Sound at `rate` from pitch (T,), power (T, F) and its share that is noise, in amplitude (T, F)."""
        world = _pyworld()
        if self.noise == "world":
            sound: np.ndarray = world.synthesize(pitch, np.ascontiguousarray(power), aperiodicity, rate)
            return sound
        voiced = pitch[:, None] > 0
        noisy = power * np.where(voiced, np.square(aperiodicity), 1.0)
        tones = np.where(voiced, power - noisy, 0) + _NOTHING
        noisy[:, :2] = 0  # no direct current
        sound = world.synthesize(_without_gaps(pitch), tones, np.full_like(tones, _LEAST_NOISE), rate)
        rng = np.random.default_rng(int.from_bytes(blake2b(clip.tobytes(), digest_size=8).digest(), "little"))
        return sound + shaped_noise(noisy, rate * _FRAME_SECONDS, len(sound), rng)

    def _analyse(
        self, sound: np.ndarray, sample_rate: int, aperiodicity: bool = True
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Pitch (T,), envelope (T, F) and aperiodicity (T, F), frames 5 ms apart."""
        world = _pyworld()
        rough, times = world.dio(sound, sample_rate)
        pitch = world.stonemask(sound, rough, times, sample_rate)
        envelope = world.cheaptrick(sound, pitch, times, sample_rate)
        return pitch, envelope, world.d4c(sound, pitch, times, sample_rate) if aperiodicity else None


def _without_gaps(pitch: np.ndarray) -> np.ndarray:
    """Pitch (T,) through frames without one, where nothing sounds: WORLD would put 500 silent pulses a second there."""
    places = np.flatnonzero(pitch)
    if not len(places):
        return np.full_like(pitch, _ANY_PITCH)
    return np.interp(np.arange(len(pitch)), places, pitch[places])


def _pyworld() -> Any:
    """The library, imported late: a module held by an object could not be pickled."""
    try:
        import pyworld
    except ImportError as error:
        raise ImportError(
            f'voice conversion "world" needs pyworld ({error}): pip install "art-audio-ext[voice]"'
        ) from error
    return pyworld
