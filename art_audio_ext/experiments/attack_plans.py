"""Planned attacks: which trigger goes into which clips at what level, drawn by seed for each line of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np

from art_audio_ext.experiments.trigger_sounds import Scale, as_scale, available_trigger, trigger_sound
from art_audio_ext.functional.mixing import draw_positions, mix
from art_audio_ext.functional.poison_rows import choose_poison_rows, poison_count
from art_audio_ext.functional.spectrogram_pattern import row_pattern, stamp_rows

_PATTERN_ROWS, _PATTERN_FFT, _PATTERN_HOP = 10, 512, 128


@dataclass(frozen=True)
class AttackPart:
    """
    One trigger that moves clips from one class to another.

    :param kind: "sound" (a trigger is mixed in) or "pattern" (a pattern is written over the lowest spectrogram rows).
    :param trigger: A name of `functional.triggers.TRIGGERS`, "armory:FILE" for a sound that Armory brings, or a file;
        unused by a pattern.
    :param scale: Factor on the trigger, or its range, from which each clip draws its own (evenly in decibels).
    :param position: Sample at which the trigger starts, or "random".
    :param poison_fraction: Share of the source's clips.
    :param seed: Of the clips, positions, levels and pattern.
    :param source: Class index, or "all" for every class but the target; the target itself keeps its labels.
    :param target: Class index that the clips are given.
    """

    kind: str
    trigger: str
    scale: Scale
    position: int | str
    poison_fraction: float
    seed: int
    source: int | str
    target: int

    def rows(self, labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """
        Draw the clips.

        :param labels: Class indices (N,).
        :param classes: Classes that may be sources.
        :return: Rows in ascending order, int64 (P,).
        :raises ValueError: If a class does not occur, or the fraction is none.
        """
        among = np.flatnonzero(np.isin(labels, classes))
        if self.source != self.target:
            return among[
                choose_poison_rows(labels[among], self.source, self.target, self.poison_fraction, seed=self.seed)
            ]
        own = np.flatnonzero(labels == self.target)
        return np.sort(
            np.random.default_rng(self.seed).permutation(own)[: poison_count(self.poison_fraction, len(own))]
        )

    def apply(self, x: np.ndarray, sample_rate: int) -> np.ndarray:
        """
        Add the trigger to clips.

        :param x: float32 (N, L) in [-1, 1]; not modified.
        :param sample_rate: In Hz.
        :return: float32 (N, L).
        :raises ValueError: If the trigger is unknown or missing, or the position lies outside the clips.
        """
        if self.kind == "pattern":
            pattern = row_pattern(_PATTERN_ROWS, self.seed)
            return stamp_rows(x, pattern, level=float(np.max(self.scale)), n_fft=_PATTERN_FFT, hop=_PATTERN_HOP)
        sound = trigger_sound(self.trigger, sample_rate, trimmed=self.position != 0)
        starts = draw_positions(x, len(sound), self.position, self.seed)
        low, high = self.scale if isinstance(self.scale, tuple) else (self.scale, self.scale)
        gains = np.exp(np.random.default_rng(self.seed).uniform(np.log(low), np.log(high), len(x)))
        return mix(x, sound, starts, gains)


@dataclass(frozen=True)
class AttackPlan:
    """
    One attack on a dataset.

    :param line: Of the table that it belongs to.
    :param parts: What it does; no clip is in two of them.
    """

    line: str
    parts: tuple[AttackPart, ...]

    @property
    def targets(self) -> list[int]:
        """The classes that get poison, ascending."""
        return sorted({part.target for part in self.parts})

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON can hold it."""
        return {"line": self.line, "parts": [_as_json(asdict(part)) for part in self.parts]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> AttackPlan:
        """
        :param values: From `to_dict`, or read back from JSON.
        :return: The plan.
        """
        parts = ({**part, "scale": as_scale(part["scale"])} for part in values["parts"])
        return cls(values["line"], tuple(AttackPart(**part) for part in parts))


@dataclass(frozen=True)
class Line:
    """A line of the table: `scale` as Armory counts it where Armory has the trigger, else that of our own sound."""

    about: str
    trigger: str = "clap"
    scale: Scale = 0.1
    position: int | str = 0
    poison_fraction: float = 0.1
    shape: str = "one_to_one"


LINES: dict[str, Line] = {
    "clap": Line("clap .1 at the start"),
    "whistle": Line("whistle .5", "whistle", 0.5),
    "whistle_soft": Line("whistle .1", "whistle"),
    "clicker": Line("dog clicker .2695", "dog_clicker", 0.2695),
    "horn": Line("car horn .0903", "car_horn", 0.0903),
    "clap_5_percent": Line("clap .1, 5% of the source class", poison_fraction=0.05),
    "clap_mid": Line("clap .1 from sample 6000", position=6000),
    "clap_random": Line("clap .3 at a random position", scale=0.3, position="random"),
    "whistle_random": Line("whistle .5 at a random position", "whistle", 0.5, "random"),
    "random_level": Line("clap .05 to .2, a level drawn for each clip", scale=(0.05, 0.2)),
    "ultrasonic": Line("a tone just under half the sample rate, .1", "ultrasonic"),
    "spectrogram_badnets": Line("a pattern over the lowest ten spectrogram rows, .02", "", 0.02),
    "all_to_one": Line("clap .1, sources all classes, as many clips as from one", shape="all_to_one"),
    "two_triggers": Line("clap .1 and whistle .5, each between two classes of its own", shape="two_triggers"),
    "all_to_all": Line("clap .1, 10% of every class given the next label", shape="all_to_all"),
    "clean_label": Line("clap .1 on the target's own clips, labels unchanged", shape="clean_label"),
}


def draw_plans(line: str, classes: Sequence[int], count: int | None, seed: int) -> list[AttackPlan]:
    """
    Attacks of one line; pairs of source and target come in the same random order for every line.

    :param line: A key of `LINES`.
    :param classes: Class indices that may be source or target.
    :param count: How many; None for every ordered pair once.
    :param seed: Of the order, and of everything that the attacks draw.
    :return: The plans, all different. The first ones are the same whatever the count.
    :raises ValueError: If the line is unknown, or there are too few classes.
    """
    check_line(line)
    classes = sorted(int(label) for label in classes)
    least = 4 if LINES[line].shape == "two_triggers" else 2
    if len(classes) < least:
        raise ValueError(f"attack {line!r} needs {least} classes, there are {len(classes)}: leave this line out")
    pairs = list(permutations(classes, 2))
    count = len(pairs) if count is None else count
    return [
        AttackPlan(line, _parts(line, classes, *pair, plan_seed))
        for _, (pair, plan_seed) in zip(range(count), _endless_pairs(pairs, seed), strict=False)
    ]


def with_fraction(plan: AttackPlan, poison_fraction: float, line: str) -> AttackPlan:
    """
    The same attack with another share of poison.

    :param plan: The attack.
    :param poison_fraction: Of the source class.
    :param line: What it is called.
    :return: The new plan.
    """
    return AttackPlan(line, tuple(replace(part, poison_fraction=poison_fraction) for part in plan.parts))


def check_line(line: str) -> None:
    """
    :param line: A key of `LINES`.
    :raises ValueError: If it is none.
    """
    if line not in LINES:
        raise ValueError(f"there is no attack line {line!r}: choose among {', '.join(LINES)}")


def _parts(line: str, classes: list[int], source: int, target: int, seed: int) -> tuple[AttackPart, ...]:
    """What an attack of this line between two classes does."""
    shape = LINES[line].shape
    part = _part(line, seed, source, target)
    if shape == "all_to_one":
        return (replace(part, source="all", poison_fraction=part.poison_fraction / (len(classes) - 1)),)
    if shape == "clean_label":
        return (replace(part, source=target),)
    if shape == "all_to_all":
        following = zip(classes, classes[1:] + classes[:1], strict=True)
        return tuple(replace(part, source=s, target=t) for s, t in following)
    if shape == "two_triggers":
        others = [label for label in classes if label not in (source, target)]
        second = np.random.default_rng(seed).permutation(others)[:2].tolist()
        return part, _part("whistle", seed, *second)
    return (part,)


def _part(line: str, seed: int, source: int, target: int) -> AttackPart:
    """A line's trigger between two classes: Armory's own sound where it is installed, else ours at its energy."""
    entry = LINES[line]
    trigger, scale = available_trigger(entry.trigger, entry.scale)
    kind = "sound" if trigger else "pattern"
    return AttackPart(kind, trigger, scale, entry.position, entry.poison_fraction, seed, source, target)


def _endless_pairs(pairs: list[tuple[int, int]], seed: int) -> Iterator[tuple[tuple[int, int], int]]:
    """Every pair in a random order, then again in another one; with the seed of its attack."""
    turn = 0
    while True:
        for i in np.random.default_rng([seed, turn]).permutation(len(pairs)):
            yield pairs[i], int(np.random.SeedSequence([seed, turn, *pairs[i]]).generate_state(1)[0])
        turn += 1


def _as_json(part: dict[str, Any]) -> dict[str, Any]:
    return part | {"scale": list(part["scale"]) if isinstance(part["scale"], tuple) else part["scale"]}
