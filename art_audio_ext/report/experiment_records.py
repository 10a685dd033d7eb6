"""What the experiments of a paper found, as dataclasses that turn into JSON without help."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class PoisonLikelihoodResult:
    """The experiments of the paper on poison likelihood. Classes are indices into `labels`; None = does not apply."""

    preset: str
    seed: int
    alpha: float  # chance of calling a clean dataset poisoned, for the scores that take one
    version: str  # of this package
    data: dict[str, Any]  # spec, clips, classes, sample_rate_hz, seconds_per_clip
    labels: list[str]
    scored: list[int]  # classes that are source, target and scored: all but noise
    scores: list[str]
    attacks: list[dict[str, Any]]  # line, about, and the parts of its first attack
    lines: list[dict[str, Any]]  # one row a line and score
    clean: list[dict[str, Any]]  # false alarms, one row a score
    pictures: list[dict[str, Any]]  # Figures 2 and 3: one attack, class by class and clip by clip
    roc: dict[str, dict[str, Any]]  # Figure 4, by score
    filters: list[dict[str, Any]]  # Figure 5: filter, retrain, verify; empty where it was not asked for
    maps: list[dict[str, Any]]  # Figure 6: source by target
    fractions: list[dict[str, Any]]  # Figure 7
    machine: dict[str, Any]
    seconds: float  # this run, without what an earlier one had done
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain dictionaries and lists."""
        return asdict(self)
