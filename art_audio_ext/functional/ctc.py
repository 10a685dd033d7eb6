"""Sentences and connectionist temporal classification: symbols as codes, greedy and beam decoding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BLANK = 0
UNITS = ("words", "characters")


@dataclass(frozen=True)
class LabelCodes:
    """
    Sentences as whole numbers from 1 up, and back; 0 is the blank.

    :param units: "words" or "characters".
    :param symbols: By code less one.
    :raises ValueError: If the units are unknown or the symbols are no list of different strings.
    """

    units: str
    symbols: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.units not in UNITS:
            raise ValueError(f"units must be one of {', '.join(UNITS)}, got {self.units!r}")
        if not self.symbols or not all(isinstance(s, str) and s for s in self.symbols):
            raise ValueError("symbols must be strings that are not empty, one at least")
        if len(set(self.symbols)) < len(self.symbols):
            raise ValueError("symbols must differ from each other")

    @property
    def outputs(self) -> int:
        """How many logits a frame has: the symbols and the blank."""
        return len(self.symbols) + 1

    @classmethod
    def of(cls, sentences: Iterable[str], units: str = "words") -> LabelCodes:
        """
        The codes that some sentences need.

        :param sentences: Words with spaces between them; letters are made small.
        :param units: "words" or "characters".
        :return: With symbols in alphabetical order.
        :raises ValueError: If there are none.
        """
        found = {symbol for sentence in sentences for symbol in _split(sentence, units)}
        return cls(units, tuple(sorted(found)))

    def encode(self, sentence: str) -> np.ndarray:
        """
        :param sentence: Words with spaces between them.
        :return: int64 codes (L,), at least one.
        :raises ValueError: If a symbol is not known, or there is none.
        """
        places = {symbol: code for code, symbol in enumerate(self.symbols, 1)}
        parts = _split(sentence, self.units)
        unknown = sorted({part for part in parts if part not in places})
        if unknown or not parts:
            what = f"has {unknown[0]!r}, which is none" if unknown else "has none"
            raise ValueError(f"sentence {sentence!r} {what} of the {len(places)} {self.units} that are known")
        return np.array([places[part] for part in parts], np.int64)

    def decode(self, codes: Iterable[int]) -> str:
        """
        :param codes: From 1 up, without blanks.
        :return: The sentence.
        """
        return (" " if self.units == "words" else "").join(self.symbols[int(code) - 1] for code in codes)

    def to_dict(self) -> dict[str, Any]:
        """The codes as a plain dictionary."""
        return {"units": self.units, "symbols": list(self.symbols)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LabelCodes:
        """
        What `to_dict` gave.

        :raises ValueError: If it is something else.
        """
        if (
            not isinstance(values, dict)
            or set(values) != {"units", "symbols"}
            or not isinstance(values["symbols"], list)
        ):
            raise ValueError("codes must be a dictionary of units and a list of symbols")
        return cls(values["units"], tuple(values["symbols"]))


def _split(sentence: str, units: str) -> list[str]:
    """The symbols of a sentence; runs of spaces are one."""
    words = sentence.lower().split()
    return words if units == "words" else list(" ".join(words))


def greedy_decode(logits: np.ndarray) -> list[int]:
    """
    The likeliest symbol of each frame, repetitions made one, blanks dropped.

    Source: Graves et al., Connectionist temporal classification, 2006, section 3.2 (best path decoding).

    :param logits: Of one clip, (T, C) with the blank first; any monotonous scale.
    :return: Codes from 1 up.
    :raises ValueError: If the shape is another.
    """
    path = _checked(logits).argmax(1)
    first = np.concatenate([[True], path[1:] != path[:-1]])
    return path[first & (path != BLANK)].tolist()


def beam_decode(logits: np.ndarray, width: int = 16) -> list[tuple[list[int], float]]:
    """
    The likeliest sentences, each summed over its alignments as far as the beam holds them.

    Source: Hannun et al., First-pass large vocabulary continuous speech recognition using bi-directional recurrent
    DNNs, 2014, algorithm 1, without a language model.

    :param logits: Of one clip, (T, C) with the blank first.
    :param width: Prefixes that are kept after each frame; with enough of them the sums are exact.
    :return: Codes and natural log probability of up to `width` sentences, the likeliest first.
    :raises ValueError: If the shape is another or the width is not positive.
    """
    if isinstance(width, bool) or not isinstance(width, (int, np.integer)) or width < 1:
        raise ValueError(f"width must be a positive whole number, got {width!r}")
    values = _checked(logits).astype(np.float64)
    values = values - values.max(1, keepdims=True)
    values -= np.log(np.exp(values).sum(1, keepdims=True))
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}  # ends in a blank, in a symbol
    for frame in values:
        beams = _one_frame(beams, frame)
        kept = sorted(beams.items(), key=lambda item: (-np.logaddexp(*item[1]), item[0]))[:width]
        beams = dict(kept)
    return [(list(prefix), float(np.logaddexp(*ends))) for prefix, ends in beams.items()]


def _one_frame(
    beams: dict[tuple[int, ...], tuple[float, float]], frame: np.ndarray
) -> dict[tuple[int, ...], tuple[float, float]]:
    """Every prefix with what one more frame may add to it: log probabilities of both ways to end."""
    blanks: dict[tuple[int, ...], float] = defaultdict(lambda: -np.inf)
    symbols: dict[tuple[int, ...], float] = defaultdict(lambda: -np.inf)
    for prefix, (blank, symbol) in beams.items():
        total = np.logaddexp(blank, symbol)
        blanks[prefix] = np.logaddexp(blanks[prefix], total + frame[BLANK])
        if prefix:  # the last symbol goes on
            symbols[prefix] = np.logaddexp(symbols[prefix], symbol + frame[prefix[-1]])
        for code in range(1, len(frame)):
            longer = (*prefix, code)
            before = blank if prefix and prefix[-1] == code else total  # a symbol twice needs a blank between
            symbols[longer] = np.logaddexp(symbols[longer], before + frame[code])
    ends = {prefix: (blanks[prefix], symbols[prefix]) for prefix in {**blanks, **symbols}}
    return {prefix: both for prefix, both in ends.items() if max(both) > -np.inf}  # too long for the frames so far


def _checked(logits: np.ndarray) -> np.ndarray:
    logits = np.asarray(logits)
    if logits.ndim != 2 or logits.shape[1] < 2 or not len(logits) or not np.isfinite(logits).all():
        raise ValueError(f"expected finite logits (T, C) of one clip with the blank first, got shape {logits.shape}")
    return logits


def edit_distance(one: Sequence[Any], other: Sequence[Any]) -> int:
    """
    The fewest substitutions, insertions and deletions that turn one sequence into another.

    :param one: Of anything comparable.
    :param other: The like.
    """
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        corner, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (a != b))
    return row[-1]


def word_error_rate(reference: str, hypothesis: str) -> float:
    """
    Edit distance over words as a share of the reference's words; it may exceed 1.

    :param reference: What was said.
    :param hypothesis: What was understood.
    :raises ValueError: If the reference has no word.
    """
    words = reference.lower().split()
    if not words:
        raise ValueError("the reference has no word: a word error rate needs one")
    return edit_distance(words, hypothesis.lower().split()) / len(words)
