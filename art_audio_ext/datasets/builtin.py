"""Spoken commands made on the spot: ten commands, noise and other words, by 48 voices of espeak-ng."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.signal import firwin, resample_poly
from tqdm import tqdm

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.cache import ClipWriter, cached_clips
from art_audio_ext.datasets.clip_files import to_dataset
from art_audio_ext.datasets.decode import clip_length
from art_audio_ext.datasets.espeak import Utterance, espeak_version, speak
from art_audio_ext.datasets.speech_commands import LABELS, SILENCE, UNKNOWN
from art_audio_ext.datasets.speech_effects import NOISES, microphone, noise, place, room, to_level, to_recording
from art_audio_ext.functional.checks import check_sample_rate

DEFAULT_CLIPS = 2400
# fmt: off
OTHER_WORDS = (
    "backward", "bed", "bird", "cat", "dog", "eight", "five", "follow", "forward", "four", "happy", "house", "learn",
    "marvin", "nine", "one", "seven", "sheila", "six", "three", "tree", "two", "visual", "wow", "zero",
)
_VARIANTS = (
    "f1", "m1", "f2", "m2", "f3", "m3", "f4", "m4", "f5", "m5", "Alicia", "m6", "Annie", "m7", "belinda", "Alex",
    "linda", "Andy", "steph", "Denis", "aunty", "Lee", "Andrea", "Michael", "Mike", "benjamin", "david", "paul",
    "quincy", "rob", "travis", "zac", "shelby", "adam", "grandma", "marcelo", "max", "michel", "norbert", "sandro",
    "victor", "ian", "robert", "Reed", "Hugo", "Mario", "Henrique", "Diogo",
)
# fmt: on

_VERSION = 1  # raise it when the same seed gives other samples
_ACCENTS = ("en-us", "en-gb-x-rp", "en-029", "en-gb-scotland", "en-us-nyc", "en-gb-x-gbclan", "en-gb-x-gbcwmd")
# A speaker is an accent with a variant; every variant occurs once, so no timbre is shared.
VOICES = tuple(f"{_ACCENTS[i % len(_ACCENTS)]}+{variant}" for i, variant in enumerate(_VARIANTS))
_BABBLE_VOICES = ("en-us", "en-029", "en-gb-x-rp+anika", "en-us+edward")  # no speaker of the dataset is heard in it
_TEST_SHARE = 0.2
_DRY_SHARE = 0.5


@dataclass(frozen=True)
class _Clip:
    """What is drawn for one clip before anything sounds."""

    number: int
    label: str
    partition: str
    voice: str  # "" for noise
    utterance: Utterance | None


def make_builtin(
    *,
    clips: int = DEFAULT_CLIPS,
    seed: int = 0,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    cache_dir: Path | None = None,
    progress: bool = True,
) -> AudioDataset:
    """
    Make spoken commands: equal classes, varied voice, speed, pitch, microphone, room, position, level and noise.

    The same arguments give the same samples. A fifth of the speakers, and of the noise clips, is the test partition.

    :param clips: How many, at least 24; class sizes differ by one at most.
    :param seed: Decides everything that is drawn.
    :param seconds: Length of every clip.
    :param sample_rate: In Hz.
    :param cache_dir: Where the clips are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :param progress: Show a progress bar.
    :return: The dataset, labels in the order of `LABELS`.
    :raises ValueError: If an argument will not do, or espeak-ng is not installed.
    """
    length = clip_length(seconds, check_sample_rate(sample_rate))
    if clips < 2 * len(LABELS):
        raise ValueError(f"built-in speech needs at least {2 * len(LABELS)} clips, two a class, got {clips}")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0, got {seed!r}")

    def make(writer: ClipWriter) -> None:
        _make_all(writer, _plan(clips, int(seed)), int(seed), sample_rate, progress)

    made_of = repr((_VERSION, clips, int(seed), length, sample_rate, espeak_version()))
    key = f"builtin-{hashlib.blake2b(made_of.encode(), digest_size=16).hexdigest()}"
    return to_dataset(cached_clips(key, length, clips, make, cache_dir), LABELS, sample_rate, "builtin")


def _plan(clips: int, seed: int) -> list[_Clip]:
    """Label, partition and words of every clip, class by class."""
    rng = np.random.default_rng([seed, 0])
    voices = [VOICES[i] for i in rng.permutation(len(VOICES))]
    split = round(_TEST_SHARE * len(voices))
    speakers = {"test": voices[:split], "train": voices[split:]}
    habits = {voice: (rng.uniform(150, 210), rng.uniform(40, 60)) for voice in voices}  # speed and pitch
    planned: list[_Clip] = []
    for index, label in enumerate(LABELS):
        size = clips // len(LABELS) + (index < clips % len(LABELS))
        tests = max(1, round(_TEST_SHARE * size))
        offset = int(rng.integers(len(voices)))
        for k in range(size):
            partition = "test" if k < tests else "train"
            pool = speakers[partition]
            voice = "" if label == SILENCE else pool[(k + offset) % len(pool)]
            word = OTHER_WORDS[rng.integers(len(OTHER_WORDS))] if label == UNKNOWN else label
            utterance = _utterance(voice, word, *habits[voice], rng) if voice else None
            planned.append(_Clip(len(planned), label, partition, voice, utterance))
    return planned


def _utterance(voice: str, word: str, speed: float, pitch: float, rng: np.random.Generator) -> Utterance:
    """One word in the manner of its speaker, never twice quite the same."""
    speed = round(float(np.clip(rng.normal(speed, 20), 110, 270)))
    return Utterance(voice, word, speed, round(float(np.clip(rng.normal(pitch, 7), 5, 95))), int(rng.integers(20, 81)))


def _make_all(writer: ClipWriter, plan: Sequence[_Clip], seed: int, sample_rate: int, progress: bool) -> None:
    """Speak every word, make it a recording, and hand it to the writer."""
    babble = _babble(seed, sample_rate)
    spoken = speak([clip.utterance for clip in plan if clip.utterance is not None], seed)
    for clip in tqdm(plan, desc="built-in speech", unit="clip", disable=not progress, delay=2):
        # A generator for each clip: no clip depends on how many draws another made.
        rng = np.random.default_rng([seed, 1, clip.number])
        if clip.utterance is None:
            sound = _silence(writer.length, sample_rate, rng, babble)
        else:
            sound = _recording(_word(*next(spoken), sample_rate), writer.length, sample_rate, rng, babble)
        path = f"{clip.label}/{clip.voice or 'noise'}_{clip.number:04d}.wav"
        writer.add(sound, path, clip.label, clip.voice, clip.partition)


def _babble(seed: int, sample_rate: int) -> list[np.ndarray]:
    """Words for the noise of other people talking."""
    rng = np.random.default_rng([seed, 2])
    requests = [
        _utterance(voice, str(word), 175, 50, rng)
        for voice in _BABBLE_VOICES
        for word in rng.choice(OTHER_WORDS, 10, replace=False)
    ]
    return [_word(sound, rate, sample_rate) for sound, rate in speak(requests, seed)]


def _word(sound: np.ndarray, rate: int, sample_rate: int) -> np.ndarray:
    """A spoken word at the wanted rate, without the silence around it."""
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max(initial=0))
    if not len(loud):
        raise ValueError("espeak-ng spoke a word without a sound: reinstall espeakng-loader")
    ratio = Fraction(sample_rate, rate)
    lowpass = _lowpass(max(ratio.numerator, ratio.denominator))
    return resample_poly(sound[loud[0] : loud[-1] + 1], ratio.numerator, ratio.denominator, window=lowpass)


@lru_cache(maxsize=8)
def _lowpass(factor: int) -> np.ndarray:
    """The filter that `resample_poly` would design for each clip anew."""
    return firwin(20 * factor + 1, 1 / factor, window=("kaiser", 5.0))


def _recording(
    word: np.ndarray, length: int, sample_rate: int, rng: np.random.Generator, babble: list[np.ndarray]
) -> np.ndarray:
    """One clip with a word in it."""
    sound = microphone(word, sample_rate, rng)
    if rng.uniform() > _DRY_SHARE:
        sound = room(sound, sample_rate, rng)[: len(sound) + sample_rate // 4]
    background = noise(NOISES[rng.integers(len(NOISES))], length, sample_rate, rng, babble)
    return to_recording(place(sound, length, rng), background, rng.uniform(10, 40), rng.uniform(-32, -12))


def _silence(length: int, sample_rate: int, rng: np.random.Generator, babble: list[np.ndarray]) -> np.ndarray:
    """One clip of noise: two kinds in a random proportion, at a random level."""
    first, second = (noise(NOISES[i], length, sample_rate, rng, babble) for i in rng.integers(len(NOISES), size=2))
    share = rng.uniform()
    return to_level(share * first + (1 - share) * second, 10 ** (rng.uniform(-60, -24) / 20))
