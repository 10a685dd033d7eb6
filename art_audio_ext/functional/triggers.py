"""The trigger sounds: clap, whistle, car horn, dog clicker, tone and ultrasonic, each a formula of time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from art_audio_ext.functional.checks import check_sample_rate

# Every sound is a sum of partials written as a function of time, so that it is the same sound at every sample rate:
# nothing is resampled. Partials above this share of the sample rate are left out.
_HIGHEST = 0.48
_SLOWEST = 100  # Hz, where the fades of 10 ms still have a sample

#: The `scale` at which a trigger of ours adds the energy that Armory's scenarios add. Ours peak at 1; Armory's files
#: peak at 1, 0.19, 0.19 and 0.82, are of other lengths, and are added at scale 0.1, 0.1, 0.0903 and 0.2695.
ARMORY_SCALES = {"clap": 0.122, "whistle": 0.0202, "car_horn": 0.0267, "dog_clicker": 0.182}

_ALIASES = {"horn": "car_horn", "clicker": "dog_clicker", "click": "dog_clicker", "clapping": "clap"}


def clap(sample_rate: int) -> np.ndarray:
    """
    One clap of the hands: three quick bursts of 0.6 to 4.8 kHz, nearly all of its energy between 8 and 45 ms.

    :param sample_rate: In Hz.
    :return: float32 (T,), 0.15 s, peak 1.
    """
    time = _time(0.15, sample_rate)
    rng = np.random.default_rng(1)
    frequency = 600 * 8 ** (np.arange(60) / 59 * 0.9 + 0.1 * rng.random(60))
    phase = rng.uniform(0, 2 * np.pi, (3, 60))
    sound = np.zeros_like(time)
    for onset, level, phases in zip((0.007, 0.010, 0.015), (0.9, 1.0, 0.8), phase, strict=True):
        sound += level * _partials(time - onset, sample_rate, frequency, np.ones(60), phases, decay=0.022)
    return _finish(sound)


def whistle(sample_rate: int) -> np.ndarray:
    """
    A whistle near 2.3 kHz, rising a little, with a soft attack.

    Armory's file holds this sound at 0.76 to 0.99 s of a one-second clip, at a peak of 0.19; this is the sound alone.

    :param sample_rate: In Hz.
    :return: float32 (T,), 0.23 s, peak 1.
    """
    time = _time(0.23, sample_rate)
    _need(sample_rate, 2330, "whistle")
    cycles = 2280 * time + 50 * time**2 / (2 * 0.23)  # 2,280 Hz at the start, 2,330 Hz at the end
    flutter = 1 + 0.1 * np.sin(2 * np.pi * 27 * time)
    return _finish(np.sin(2 * np.pi * cycles) * flutter * _fades(time, 0.23, 0.04, 0.01))


def car_horn(sample_rate: int) -> np.ndarray:
    """
    A car horn: two tones of 433 and 519 Hz with their harmonics.

    :param sample_rate: In Hz.
    :return: float32 (T,), 0.5 s, peak 1.
    """
    time = _time(0.5, sample_rate)
    harmonic = np.arange(1, 9)
    level = np.concatenate([1.0 / harmonic**1.3, 0.4 / harmonic**1.3])
    frequency = np.concatenate([433.0 * harmonic, 519.0 * harmonic])
    phase = np.random.default_rng(3).uniform(0, 2 * np.pi, len(frequency))
    _need(sample_rate, 433, "car_horn")
    return _finish(_partials(time, sample_rate, frequency, level, phase) * _fades(time, 0.5, 0.03, 0.04))


def dog_clicker(sample_rate: int) -> np.ndarray:
    """
    A dog trainer's clicker: a click when the spring is pressed and a louder one, 157 ms later, when it is let go.

    :param sample_rate: In Hz.
    :return: float32 (T,), 0.18 s, peak 1.
    """
    time = _time(0.18, sample_rate)
    rng = np.random.default_rng(4)
    frequency = np.geomspace(1750, 6300, 24)
    sound = np.zeros_like(time)
    for onset, level in ((0.001, 0.55), (0.158, 1.0)):
        sound += level * _partials(
            time - onset, sample_rate, frequency, np.ones(24), rng.uniform(0, 2 * np.pi, 24), decay=0.003
        )
    _need(sample_rate, 1750, "dog_clicker")
    return _finish(sound)


def tone(sample_rate: int) -> np.ndarray:
    """
    A pure tone of 1 kHz with faded ends.

    :param sample_rate: In Hz.
    :return: float32 (T,), 0.2 s, peak 1.
    """
    time = _time(0.2, sample_rate)
    _need(sample_rate, 1000, "tone")
    return _finish(np.sin(2 * np.pi * 1000 * time) * _fades(time, 0.2, 0.01, 0.01))


def ultrasonic(sample_rate: int) -> np.ndarray:
    """
    A pure tone at 95% of the Nyquist frequency: inaudible from 44.1 kHz on, 7.6 kHz at 16 kHz.

    The only trigger whose pitch follows the sample rate. Resampling a clip to a lower rate removes it.

    :param sample_rate: In Hz.
    :return: float32 (T,), 0.25 s, peak 1.
    :raises ValueError: If the sample rate is under 100 Hz.
    """
    if sample_rate < _SLOWEST:
        raise ValueError(f"an ultrasonic needs a sample rate of at least {_SLOWEST} Hz, got {sample_rate}")
    time = _time(0.25, sample_rate)
    # A tone so close to Nyquist beats at the sample points; a quarter period of phase keeps it off the zeros at t = 0.
    return _finish(np.cos(2 * np.pi * 0.475 * sample_rate * time) * _fades(time, 0.25, 0.01, 0.01))


TRIGGERS: dict[str, Callable[[int], np.ndarray]] = {
    "clap": clap,
    "whistle": whistle,
    "car_horn": car_horn,
    "dog_clicker": dog_clicker,
    "tone": tone,
    "ultrasonic": ultrasonic,
}


def trigger_name(name: str) -> str | None:
    """
    The key of `TRIGGERS` that `name` means ("Car horn", "car-horn" and "horn" are `car_horn`), or None.

    :param name: As a person wrote it.
    :return: The key, None if there is no such trigger.
    """
    key = "_".join(name.strip().lower().replace("-", " ").replace("_", " ").split())
    key = _ALIASES.get(key, key)
    return key if key in TRIGGERS else None


def default_scale(trigger: object) -> float:
    """
    The level at which commands add a trigger when none is given.

    :param trigger: A name, or anything else, such as a file.
    :return: That of Armory for a trigger Armory has, else 0.1.
    """
    name = trigger_name(trigger) if isinstance(trigger, str) else None
    return ARMORY_SCALES.get(name or "", 0.1)


def make_trigger(name: str, sample_rate: int) -> np.ndarray:
    """
    Synthesise a trigger sound: always the same one for the same name and rate.

    :param name: A key of `TRIGGERS`, in any usual spelling.
    :param sample_rate: In Hz.
    :return: float32 (T,), peak 1.
    :raises ValueError: If there is no such trigger, or the sample rate is too low to hold it.
    """
    key = trigger_name(name)
    if key is None:
        raise ValueError(f"unknown trigger {name!r}: choose {', '.join(TRIGGERS)}, or give a sound file")
    return TRIGGERS[key](check_sample_rate(sample_rate))


def _time(seconds: float, sample_rate: int) -> np.ndarray:
    """Sample times of a sound of that many seconds, at least one."""
    return np.arange(max(1, round(seconds * sample_rate))) / sample_rate


def _need(sample_rate: int, frequency: float, name: str) -> None:
    """Refuse a sample rate that cannot hold the sound's main frequency."""
    if frequency > _HIGHEST * sample_rate:
        lowest = int(np.ceil(frequency / _HIGHEST))
        raise ValueError(
            f"a {name} needs a sample rate of at least {lowest} Hz, got {sample_rate}: use another trigger"
        )


def _partials(
    time: np.ndarray,
    sample_rate: int,
    frequency: np.ndarray,
    level: np.ndarray,
    phase: np.ndarray,
    decay: float | None = None,
) -> np.ndarray:
    """A sum of sinusoids from time 0 on, dying away by 1/e every `decay` seconds after an attack of half a ms."""
    heard = frequency <= _HIGHEST * sample_rate
    if not heard.any():
        _need(sample_rate, float(frequency.min()), "sound like this")
    after = np.maximum(time, 0)
    sound = level[heard] @ np.sin(2 * np.pi * frequency[heard, None] * after + phase[heard, None])
    if decay is not None:
        sound = sound * np.exp(-after / decay) * np.minimum(after / 0.0005, 1)
    return np.where(time >= 0, sound, 0)


def _fades(time: np.ndarray, seconds: float, attack: float, release: float) -> np.ndarray:
    """A window that rises and falls as half a raised cosine."""
    rise = np.clip(time / attack, 0, 1)
    fall = np.clip((seconds - time) / release, 0, 1)
    return (0.5 - 0.5 * np.cos(np.pi * rise)) * (0.5 - 0.5 * np.cos(np.pi * fall))


def _finish(sound: np.ndarray) -> np.ndarray:
    """The sound as float32 with peak 1."""
    return (sound / np.abs(sound).max()).astype(np.float32)
