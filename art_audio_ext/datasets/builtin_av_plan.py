"""What is said in the built-in audiovisual clips, by whom and with which face, drawn before anything sounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from art_audio_ext.datasets.builtin import VOICES
from art_audio_ext.datasets.espeak import Utterance

# fmt: off
WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
COMMANDS = ("bin", "lay", "place", "set")
GRAMMAR = (  # GRID's: command, colour, preposition, letter, digit, adverb
    COMMANDS,
    ("blue", "green", "red", "white"),
    ("at", "by", "in", "with"),
    tuple("abcdefghijklmnopqrstuvxyz"),
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("again", "now", "please", "soon"),
)
_BEFORE = ("now say", "please choose", "we heard the", "then read", "they ask for", "you may call", "here comes")
_AFTER = ("again please", "for me now", "before the end", "and then wait", "if you can", "to the man", "this time")
# fmt: on
SPEAKERS = VOICES[:24]  # the first variants are plain voices, which a listener understands best
_TEST_SHARE = 0.25
_AS_SPOKEN = {"a": "eigh"}  # espeak-ng reads a letter "a" in a sentence as the article


@dataclass(frozen=True)
class PlannedClip:
    """
    One clip before anything sounds.

    :param number: Its place in the dataset.
    :param label: The word (word clips) or the command (sentence clips).
    :param sentence: All that is said in it.
    :param focus: Which word of the sentence a word clip is centred on; -1 for a sentence clip.
    :param speaker: Number of the speaker in `SPEAKERS`.
    :param partition: "train" or "test": no speaker is in both.
    :param utterance: What espeak-ng is asked.
    """

    number: int
    label: str
    sentence: str
    focus: int
    speaker: int
    partition: str
    utterance: Utterance


def plan_clip(number: int, kind: str, seed: int) -> PlannedClip:
    """
    What is drawn for one clip; clip 7 is the same whether ten clips are made or a thousand.

    :param number: Its place in the dataset; labels and speakers come in turn.
    :param kind: "word" or "sentence".
    :param seed: Decides everything.
    :return: The plan.
    """
    rng = np.random.default_rng([seed, 10, number])
    labels = WORDS if kind == "word" else COMMANDS
    label = labels[number % len(labels)]
    order = np.random.default_rng([seed, 11]).permutation(len(SPEAKERS))
    tests = round(_TEST_SHARE * len(SPEAKERS))
    # The round over all labels changes the speaker, so that every speaker says every label.
    place = (number // len(labels) + 5 * (number % len(labels))) % len(SPEAKERS)
    speaker, partition = int(order[place]), "test" if place < tests else "train"
    words, focus = _word_in_context(label, rng) if kind == "word" else (_sentence(label, rng), -1)
    spoken = " ".join(_AS_SPOKEN.get(word, word) for word in words)
    manner = np.random.default_rng([12, speaker])  # a speaker keeps speed and pitch in every dataset
    speed = manner.uniform(145, 175) + rng.normal(0, 6)
    pitch = manner.uniform(35, 65) + rng.normal(0, 5)
    utterance = Utterance(
        SPEAKERS[speaker], spoken, round(float(speed)), round(float(pitch)), int(rng.integers(30, 71))
    )
    return PlannedClip(number, label, " ".join(words), focus, speaker, partition, utterance)


def _word_in_context(word: str, rng: np.random.Generator) -> tuple[list[str], int]:
    """The word among others, as in broadcasts, and where it stands."""
    before, after = (part[rng.integers(len(part))].split() for part in (_BEFORE, _AFTER))
    return [*before, word, *after], len(before)


def _sentence(command: str, rng: np.random.Generator) -> list[str]:
    """One sentence of the grammar."""
    return [command, *(part[rng.integers(len(part))] for part in GRAMMAR[1:])]
