"""Sound events made on the spot: ten kinds, each by a dozen players, in rooms and noise."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.cache import ClipWriter, cached_clips
from art_audio_ext.datasets.clip_files import to_dataset
from art_audio_ext.datasets.decode import clip_length
from art_audio_ext.datasets.event_sounds import EVENTS, TRAITS
from art_audio_ext.datasets.speech_effects import noise, rms, room, to_level
from art_audio_ext.functional.checks import check_sample_rate

DEFAULT_EVENT_CLIPS = 400
LABELS = tuple(sorted(EVENTS))
_VERSION = 1  # raise it when the same seed gives other samples
_PLAYERS = 12  # of each kind; a quarter of them are heard in the test part alone
_TEST_SHARE = 0.25
_LEAST_RATE, _LEAST_SECONDS = 4000, 0.1
_BACKGROUNDS = ("white", "pink", "brown", "hum")


def make_builtin_events(
    *,
    clips: int = DEFAULT_EVENT_CLIPS,
    seed: int = 0,
    seconds: float = 3.0,
    sample_rate: int = 16000,
    cache_dir: Path | None = None,
    progress: bool = True,
) -> AudioDataset:
    """
    Make sound events: equal classes, varied players, pitches, envelopes, places, rooms, levels and noise.

    The same arguments give the same samples. A quarter of the players of each kind is the test partition.

    :param clips: How many, at least 40; class sizes differ by one at most.
    :param seed: Decides everything that is drawn.
    :param seconds: Length of every clip, at least 0.1.
    :param sample_rate: In Hz, at least 4000.
    :param cache_dir: Where the clips are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :param progress: Show a progress bar.
    :return: The dataset, labels in the order of `LABELS`; `speakers` holds the players.
    :raises ValueError: If an argument will not do.
    """
    length = clip_length(seconds, check_sample_rate(sample_rate))
    if sample_rate < _LEAST_RATE or seconds < _LEAST_SECONDS:
        raise ValueError(
            f"built-in sound events need {_LEAST_RATE} Hz and {_LEAST_SECONDS} s at least, "
            f"got {sample_rate} Hz and {seconds:g} s"
        )
    if clips < 4 * len(LABELS):
        raise ValueError(f"built-in sound events need at least {4 * len(LABELS)} clips, four a class, got {clips}")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0, got {seed!r}")

    def make(writer: ClipWriter) -> None:
        for number in tqdm(range(clips), desc="built-in events", unit="clip", disable=not progress, delay=2):
            label, player, partition = _who(number)
            # A generator for each clip: no clip depends on how many draws another made.
            rng = np.random.default_rng([int(seed), 1, number])
            name = f"{label}-{player:02d}"
            sound = _clip(label, _traits(int(seed), label, player), length, sample_rate, rng)
            writer.add(sound, f"{label}/{name}_{number:04d}.wav", label, name, partition)

    made_of = repr((_VERSION, clips, int(seed), length, sample_rate))
    key = f"events-{hashlib.blake2b(made_of.encode(), digest_size=16).hexdigest()}"
    return to_dataset(cached_clips(key, length, clips, make, cache_dir), LABELS, sample_rate, "builtin-events")


def _who(number: int) -> tuple[str, int, str]:
    """Label, player and partition of a clip: every class has as many, every fourth of its clips is for testing."""
    turn, label = divmod(number, len(LABELS))
    tests = round(_TEST_SHARE * _PLAYERS)
    every = round(1 / _TEST_SHARE)
    if turn % every == every - 1:
        return LABELS[label], turn // every % tests, "test"
    return LABELS[label], tests + (turn - turn // every) % (_PLAYERS - tests), "train"


def _traits(seed: int, label: str, player: int) -> np.ndarray:
    """What a player keeps: numbers (TRAITS,) from 0 to 1."""
    return np.random.default_rng([seed, 0, LABELS.index(label), player]).uniform(size=TRAITS)


def _clip(label: str, traits: np.ndarray, length: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """One clip: events of one player, a room, noise 15 to 45 dB below where it sounds, a level."""
    sound = np.zeros(length)
    make, shortest, longest, rate = EVENTS[label]
    most = max(1, int(rate * length / sample_rate))
    for start in np.sort(rng.integers(0, max(1, round(0.6 * length)), rng.integers(1, most + 1))):
        size = max(round(0.05 * sample_rate), round(rng.uniform(shortest, longest) * sample_rate))
        event = make(np.arange(size) / sample_rate, traits, rng)
        kept = event[: length - start]
        sound[start : start + len(kept)] += rng.uniform(0.4, 1) * kept / max(np.abs(event).max(), 1e-9)
    if rng.uniform() < 0.5:
        sound = room(sound, sample_rate, rng)[:length]
    loud = sound[np.abs(sound) > 0.05 * np.abs(sound).max()]
    background = noise(_BACKGROUNDS[rng.integers(len(_BACKGROUNDS))], length, sample_rate, rng, [])
    mixed = sound / max(rms(loud), 1e-9) + background * 10 ** (-rng.uniform(15, 45) / 20)
    return to_level(mixed, 10 ** (rng.uniform(-30, -10) / 20))
