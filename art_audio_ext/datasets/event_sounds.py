"""Sounds of instruments and things, synthesised one event at a time: drums, strings, winds, bells, sirens and noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

_HIGHEST = 0.45  # partials above this share of the sample rate are left out
TRAITS = 4  # numbers from 0 to 1 that a player keeps from event to event: the build of the instrument

# Each takes the times of an event (T,) from 0, the player's traits and a generator, and gives its sound (T,).
Sound = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def bass_drum(time: np.ndarray, traits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A falling tone under 120 Hz, with the click of the beater."""
    low = 42 + 30 * traits[0] + rng.uniform(-3, 3)
    fall = rng.uniform(0.02, 0.05)
    phase = low * time + rng.uniform(60, 160) * fall * (1 - np.exp(-time / fall))
    tone = np.sin(2 * np.pi * phase) * np.exp(-time / (0.1 + 0.25 * traits[1]))
    return tone + (0.05 + 0.3 * traits[2]) * rng.standard_normal(len(time)) * np.exp(-time / 0.004)


def snare_drum(time: np.ndarray, traits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two modes of a skin, and the rattle of wires."""
    pitch = 160 + 110 * traits[0] + rng.uniform(-8, 8)
    tone = np.sin(2 * np.pi * pitch * time) + 0.6 * np.sin(2 * np.pi * 1.59 * pitch * time + 1)
    rattle = _band(rng.standard_normal(len(time)), time, 700 + 900 * traits[1], 9000)
    decay = 0.07 + 0.12 * traits[2]
    return tone * np.exp(-time / 0.06) + (1 + 1.5 * traits[3]) * rattle * np.exp(
        -time / (decay * rng.uniform(0.8, 1.2))
    )


def hi_hat(time: np.ndarray, traits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """High noise with the beating of metal; closed, or ringing open."""
    metal = sum(np.sign(np.sin(2 * np.pi * f * (1 + 0.3 * traits[0]) * time)) for f in (2460, 3150, 3780, 4510, 5230))
    sound = _band(0.3 * metal + (0.8 + traits[1]) * rng.standard_normal(len(time)), time, 3000 + 1500 * traits[2], 2e4)
    return sound * np.exp(-time / (rng.uniform(0.15, 0.4) if rng.uniform() < 0.3 else rng.uniform(0.02, 0.08)))


def plucked_string(time: np.ndarray, traits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """
    A string that is plucked: a burst of noise that circles in a delay line and loses its highs.

    Source: Karplus and Strong, "Digital synthesis of plucked-string and drum timbres", 1983; the place of the pluck is
    a comb before it.
    """
    rate = _rate(time)
    period = max(3, round(rate / _note(rng, 40, 76)))
    burst = np.zeros(len(time))
    burst[:period] = rng.uniform(-1, 1, period)[: len(time)]
    place = max(1, round(period * (0.1 + 0.35 * traits[0])))
    loss, soft = 0.988 + 0.01 * traits[1], 0.25 + 0.25 * traits[2]
    line = np.zeros(period + 2)
    line[0], line[period], line[period + 1] = 1, -loss * (1 - soft), -loss * soft
    return lfilter([1.0], line, lfilter([1.0, *[0.0] * (place - 1), -1.0], [1.0], burst))


def bowed_string(time: np.ndarray, traits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All harmonics through three resonances of the body, a slow attack, vibrato, and the scratch of the bow."""
    pitch = _note(rng, 43, 84)
    swing = 1 + 0.004 * rng.uniform(0.3, 1.5) * np.sin(2 * np.pi * (4.5 + 2 * traits[0]) * time + rng.uniform(0, 6))
    number = np.arange(1, 40)
    body = 0.15 + sum(
        np.exp(-(((number * pitch - centre) / (0.35 * centre)) ** 2))
        for centre in (280 + 120 * traits[1], 900 + 500 * traits[2], 2400 + 900 * traits[3])
    )
    tone = _harmonics(time, pitch * swing, body / number, rng)
    scratch = 0.03 * _band(rng.standard_normal(len(time)), time, 1500, 6000)
    return (tone + scratch) * _envelope(time, rng.uniform(0.08, 0.25), 0.12)


def flute(time: np.ndarray, traits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Few harmonics that tremble, in a good deal of breath."""
    pitch = _note(rng, 60, 91)
    tremble = 1 + 0.2 * traits[0] * np.sin(2 * np.pi * rng.uniform(4, 6) * time)
    tone = _harmonics(
        time, np.full(len(time), pitch), np.array([1, 0.25 + 0.3 * traits[1], 0.12 * traits[2], 0.04]), rng
    )
    breath = (0.08 + 0.15 * traits[3]) * _band(rng.standard_normal(len(time)), time, 0.8 * pitch, 3 * pitch)
    return (tone * tremble + breath) * _envelope(time, rng.uniform(0.05, 0.12), 0.08)


def clarinet(time: np.ndarray, traits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Odd harmonics, hardly any vibrato, a quick attack."""
    number = np.arange(1, 24)
    level = np.where(number % 2, 1.0, 0.04 + 0.08 * traits[0]) / number ** (0.7 + 0.8 * traits[1])
    tone = _harmonics(time, np.full(len(time), _note(rng, 50, 82)), level, rng)
    return tone * _envelope(time, rng.uniform(0.02, 0.05), 0.05)


def bell(time: np.ndarray, traits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Partials that are no harmonics, the higher the sooner gone."""
    pitch = _note(rng, 62, 90)
    ratio = np.array([0.5, 1, 1.19 + 0.02 * traits[0], 1.5, 2, 2.51, 2.66, 3.01, 4.17, 5.43]) * (1 + 0.03 * traits[1])
    ratio = ratio[ratio * pitch < _HIGHEST * _rate(time)]
    level = rng.uniform(0.4, 1, len(ratio)) / (1 + 0.4 * np.arange(len(ratio)))
    decay = (0.5 + 1.5 * traits[2]) / (0.5 + ratio)
    turns = np.sin(2 * np.pi * pitch * ratio[:, None] * time + rng.uniform(0, 6, (len(ratio), 1)))
    return level @ (turns * np.exp(-time / decay[:, None]))


def siren(time: np.ndarray, traits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A tone with harmonics that climbs and falls, or steps between two pitches."""
    middle = 700 + 500 * traits[0] + rng.uniform(-60, 60)
    turn = np.sin(2 * np.pi * rng.uniform(0.3, 3) * time + rng.uniform(0, 6))
    turn = np.tanh(8 * turn) if traits[1] > 0.6 else turn
    level = np.array([1, 0.5 * traits[2], 0.6, 0.2, 0.3])
    return _harmonics(time, middle * 2 ** (turn * (0.3 + 0.4 * traits[3])), level, rng) * _envelope(time, 0.05, 0.05)


def wind(time: np.ndarray, traits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise that howls in gusts: a narrow band over a broad low one, both swelling."""
    gust = 0.55 + 0.45 * np.sin(2 * np.pi * rng.uniform(0.2, 0.9) * time + rng.uniform(0, 6))
    low = _band(rng.standard_normal(len(time)), time, 40, 300 + 500 * traits[0])
    howl = 250 + 600 * traits[1] + rng.uniform(0, 100)
    narrow = _band(rng.standard_normal(len(time)), time, 0.85 * howl, 1.2 * howl)
    return (_unit(low) + (0.3 + traits[2]) * gust * _unit(narrow)) * gust * _envelope(time, 0.15, 0.15)


#: Name -> how one event sounds, the shortest and the longest in seconds, and the most of them in a second.
EVENTS: dict[str, tuple[Sound, float, float, float]] = {
    "bass_drum": (bass_drum, 0.3, 0.8, 3.0),
    "bell": (bell, 0.8, 2.5, 1.0),
    "bowed_string": (bowed_string, 0.5, 2.5, 1.0),
    "clarinet": (clarinet, 0.25, 1.5, 2.0),
    "flute": (flute, 0.3, 2.0, 2.0),
    "hi_hat": (hi_hat, 0.1, 0.5, 5.0),
    "plucked_string": (plucked_string, 0.5, 2.0, 2.0),
    "siren": (siren, 1.5, 3.0, 0.5),
    "snare_drum": (snare_drum, 0.2, 0.5, 3.0),
    "wind": (wind, 1.5, 3.0, 0.5),
}


def _rate(time: np.ndarray) -> float:
    """Samples a second."""
    return 1 / (time[1] - time[0])


def _note(rng: np.random.Generator, low: int, high: int) -> float:
    """Pitch in Hz of a note between two of the MIDI scale, a little out of tune."""
    return float(440 * 2 ** ((rng.integers(low, high + 1) + rng.normal(0, 0.1) - 69) / 12))


def _harmonics(time: np.ndarray, pitch: np.ndarray, level: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Harmonics of a pitch (T,) with levels (K,); those too high for the sample rate are left out."""
    turn = np.cumsum(pitch) / _rate(time)
    number = np.arange(1, len(level) + 1)
    heard = number * pitch.max() < _HIGHEST * _rate(time)
    phase = rng.uniform(0, 2 * np.pi, len(level))
    return level[heard] @ np.sin(2 * np.pi * number[heard, None] * turn + phase[heard, None])


def _envelope(time: np.ndarray, attack: float, release: float) -> np.ndarray:
    """Rises and falls as half a raised cosine."""
    rise, fall = np.clip(time / attack, 0, 1), np.clip((time[-1] - time) / release, 0, 1)
    return (0.5 - 0.5 * np.cos(np.pi * rise)) * (0.5 - 0.5 * np.cos(np.pi * fall))


def _band(sound: np.ndarray, time: np.ndarray, low: float, high: float) -> np.ndarray:
    """What lies between two frequencies in Hz, as far as the sample rate holds them."""
    nyquist = _rate(time) / 2
    high = min(high, 0.95 * nyquist)
    return sosfilt(butter(2, [min(low, 0.7 * high), high], "bandpass", fs=2 * nyquist, output="sos"), sound)


def _unit(sound: np.ndarray) -> np.ndarray:
    """With a root mean square of 1."""
    return sound / max(float(np.sqrt(np.mean(sound**2))), 1e-9)
