"""What the mouth does for each phoneme, and how it moves from one to the next."""

# ruff: noqa: RUF001 (letters of the phonetic alphabet)

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Columns of a track: opening of the lips, width (1 spread, -1 narrow), rounding, upper teeth seen, tongue seen, lower
# lip tucked under the teeth. The sixth number of a viseme says how far it holds its own against its neighbours.
OPEN, WIDTH, ROUND, TEETH, TONGUE, TUCK = range(6)
REST = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
# fmt: off
_VISEMES: dict[str, tuple[tuple[float, ...], float]] = {
    "pbm": ((-0.12, -0.05, 0.10, 0.0, 0.0, 0.0), 6.0),
    "fvʋ": ((0.10, 0.10, 0.00, 0.9, 0.0, 1.0), 4.0),
    "θð": ((0.26, 0.10, 0.00, 0.6, 1.0, 0.0), 2.5),
    "tdnɾɗ": ((0.20, 0.20, 0.00, 0.7, 0.4, 0.0), 1.2),
    "szɬ": ((0.12, 0.40, 0.00, 1.0, 0.0, 0.0), 2.0),
    "lɫ": ((0.28, 0.15, 0.00, 0.5, 0.8, 0.0), 1.2),
    "ʃʒ": ((0.22, -0.35, 0.70, 0.9, 0.0, 0.0), 2.5),
    "kɡgŋxʔç": ((0.30, 0.05, 0.00, 0.3, 0.0, 0.0), 0.6),
    "hɦ": ((0.40, 0.00, 0.00, 0.2, 0.0, 0.0), 0.3),
    "ɹrɻ": ((0.22, -0.25, 0.50, 0.4, 0.0, 0.0), 1.5),
    "wʍ": ((0.08, -0.60, 1.00, 0.0, 0.0, 0.0), 3.0),
    "j": ((0.22, 0.60, 0.00, 0.6, 0.0, 0.0), 1.0),
    "i": ((0.26, 0.90, 0.00, 0.7, 0.0, 0.0), 1.2),
    "ɪᵻɨ": ((0.40, 0.50, 0.00, 0.5, 0.0, 0.0), 1.0),
    "eɛɜɚɝ": ((0.58, 0.40, 0.00, 0.4, 0.1, 0.0), 1.0),
    "æ": ((0.85, 0.50, 0.00, 0.4, 0.2, 0.0), 1.2),
    "aɑ": ((1.00, 0.05, 0.00, 0.2, 0.2, 0.0), 1.2),
    "ʌɐ": ((0.70, 0.05, 0.00, 0.3, 0.1, 0.0), 1.0),
    "ə": ((0.42, 0.00, 0.00, 0.3, 0.0, 0.0), 0.7),
    "ɒɔ": ((0.80, -0.30, 0.60, 0.1, 0.0, 0.0), 1.2),
    "o": ((0.55, -0.45, 0.80, 0.0, 0.0, 0.0), 1.2),
    "ʊ": ((0.34, -0.45, 0.80, 0.0, 0.0, 0.0), 1.0),
    "uʉ": ((0.20, -0.65, 1.00, 0.0, 0.0, 0.0), 1.5),
}
# fmt: on
_TARGETS = {letter: (target, weight) for letters, (target, weight) in _VISEMES.items() for letter in letters}
_REST_WEIGHT = 1.0
_REACH_SECONDS = 0.045  # how far a gesture reaches beyond the middle of its phoneme
_HELD_SHARE = 0.35
_UNSTRESSED = 0.8
_STRESS = "ˈˌ"
# espeak-ng dates a plosive by its burst, as a look at its sound shows: the mouth has closed before that, in the time
# that it counts to the sound before.
_PLOSIVES = "pbtdkɡg"
_CLOSURE_SECONDS = 0.05
_BURST_SHARE = 0.3

_Gesture = tuple[float, float, tuple[float, ...], float]  # start and end in seconds, target, weight


@dataclass(frozen=True)
class Phoneme:
    """
    One phoneme with its time.

    :param start_seconds: When it begins.
    :param end_seconds: When it ends.
    :param name: In IPA, with its stress; "" for a pause.
    """

    start_seconds: float
    end_seconds: float
    name: str


def mouth_track(phonemes: Sequence[Phoneme], times: np.ndarray) -> np.ndarray:
    """
    The mouth at any moment: every phoneme pulls towards its own shape, most in its middle, and neighbours blend.

    The mean of the targets, weighted by dominance functions as in Cohen & Massaro (1993), "Modeling coarticulation in
    synthetic visual speech", here with a flat top and Gaussian flanks.

    :param phonemes: In the order of time; outside them the mouth rests.
    :param times: When, in seconds, (T,).
    :return: float64 (T, 6): opening, width, rounding, teeth, tongue and tuck, as the columns above.
    :raises ValueError: If a phoneme has no viseme.
    """
    times = np.asarray(times, float)
    first = phonemes[0].start_seconds if phonemes else 0.0
    last = phonemes[-1].end_seconds if phonemes else 0.0
    gestures: list[_Gesture] = [(-1e3, first, REST, _REST_WEIGHT), (last, 1e3, REST, _REST_WEIGHT)]
    for phoneme, after in zip(phonemes, [*phonemes[1:], None], strict=False):
        closes = after is not None and base_letters(after.name)[:1] in tuple(_PLOSIVES)
        gestures += _gestures(phoneme, closes)
    start, end, weight = (np.array([gesture[i] for gesture in gestures]) for i in (0, 1, 3))
    targets = np.array([gesture[2] for gesture in gestures])
    outside = np.abs(times[:, None] - (start + end) / 2) - _HELD_SHARE * (end - start)
    # Rest reaches up to the first sound: its flat top must not end a third of a long silence before it.
    outside[:, :2] = np.maximum(start[:2] - times[:, None], times[:, None] - end[:2]) + _REACH_SECONDS
    dominance = weight * np.exp(-((np.maximum(outside, 0) / _REACH_SECONDS) ** 2)) + 1e-12
    track = dominance @ targets / dominance.sum(1, keepdims=True)
    track[:, [OPEN, ROUND, TEETH, TONGUE, TUCK]] = track[:, [OPEN, ROUND, TEETH, TONGUE, TUCK]].clip(0)
    return track


def base_letters(name: str) -> str:
    """
    The letters of a phoneme without stress, length and diacritics, as "aɪ" of "ˈaɪ".

    :param name: In IPA.
    :return: Letters that have a viseme.
    :raises ValueError: If a letter has none.
    """
    kept = [c for c in unicodedata.normalize("NFD", name) if unicodedata.category(c) in ("Ll", "Lo")]
    unknown = [c for c in kept if c not in _TARGETS]
    if unknown:
        raise ValueError(f"the phoneme {name!r} has no viseme: {', '.join(map(repr, unknown))}")
    return "".join(kept)


def _gestures(phoneme: Phoneme, closes: bool) -> list[_Gesture]:
    """
    One for each letter: a diphthong or an affricate goes through its two shapes in turn.

    With `closes` a plosive follows, and its closure takes the end of this phoneme.
    """
    letters = base_letters(phoneme.name)
    begin, finish = phoneme.start_seconds, phoneme.end_seconds
    if letters[:1] in tuple(_PLOSIVES):
        finish = begin + _BURST_SHARE * (finish - begin) if len(letters) == 1 else finish
        begin -= _CLOSURE_SECONDS
    elif closes:
        finish -= min(_CLOSURE_SECONDS, 0.4 * (finish - begin))
    if not letters:
        return [(begin, finish, REST, _REST_WEIGHT)]
    edges = np.linspace(begin, finish, len(letters) + 1)
    found = []
    for letter, start, end in zip(letters, edges[:-1], edges[1:], strict=True):
        target, weight = _TARGETS[letter]
        if target[OPEN] > 0.3 and phoneme.name[0] not in _STRESS:
            target = (_UNSTRESSED * target[OPEN], *target[1:])
        found.append((float(start), float(end), target, weight))
    return found
