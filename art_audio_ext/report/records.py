"""The results that commands write and reports show, as dataclasses that turn into JSON without help."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class ClassResult:
    """One class of an audited dataset."""

    label: str
    clips: int
    score: float | None  # None: not compared with the others, for a reason that the notes give
    score_spread: float | None
    outlier: float | None  # (score - median) / MAD over classes
    flagged: bool
    suspects: int  # clips of this class named as suspects; 0 unless flagged
    p_value: float | None = None  # corrected for the number of classes; None: the score has none


@dataclass(frozen=True)
class SampleResult:
    """One clip of an audited dataset."""

    path: str
    label: str
    suspect: bool
    score: float  # in [0, 1]


@dataclass(frozen=True)
class AuditResult:
    """The answer to "is this dataset poisoned, and which files?"."""

    verdict: str  # "clean" | "poisoned"
    dataset: dict[str, Any]  # path, clips, classes, sample_rate_hz, seconds_per_clip, skipped [{path, reason}]
    classes: list[ClassResult]
    samples: list[SampleResult]
    method: dict[str, Any]  # name, preset and every setting
    seed: int
    seconds: dict[str, float]  # load, train, encode, score
    notes: list[str] = field(default_factory=list)  # plain sentences a reader must know

    def to_dict(self) -> dict[str, Any]:
        """The record as plain dictionaries and lists."""
        return asdict(self)


@dataclass(frozen=True)
class FilterResult:
    """One filter of a comparison, as measured by its Armory scenario. None = does not apply."""

    name: str
    true_positive_rate: float | None
    false_positive_rate: float | None
    precision: float | None
    removed: int
    adjusted_rand_index: float | None
    attack_success_rate: float | None
    benign_accuracy: float | None
    seconds: float  # the whole scenario
    filter_seconds: float | None  # the filter alone, training what it needs (victim, VAE) included unless it was given
    setting: str = ""  # what the filter is and how it is set, in words


@dataclass(frozen=True)
class ComparisonResult:
    """Every filter on one poisoned dataset."""

    dataset: dict[str, Any]  # spec, train_clips, test_clips, classes
    attack: dict[str, Any]  # trigger, source, target, poison_fraction, scale, snr_db, position, poisoned_clips, ...
    victim: dict[str, Any]  # name, epochs, ...
    filters: list[FilterResult]
    seed: int
    machine: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain dictionaries and lists."""
        return asdict(self)
