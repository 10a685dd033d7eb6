"""How much of the voice-conversion tables is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from art_audio_ext.experiments.voice_victims import Settings, victim_settings
from art_audio_ext.training.classifier_settings import ClassifierSettings

_RATES = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1)
PARTS = ("targets", "utterances", "speakers", "fine_tune", "clean_label", "quality", "defences")
CHOICES = ("random", "even")  # which clips are poisoned: any, or as many of every label


@dataclass(frozen=True)
class Size:
    """
    How much is run.

    :param seeds: Trainings of each cell.
    :param rates: Shares of all training clips that are poisoned (Figure 4); the BadNets baseline has the same.
    :param parts: Which of the other tables, of `PARTS`.
    :param rate: Share that is poisoned in those.
    :param victim: Of the victims.
    :param speakers: Most target speakers, where none are named.
    :param named: Target speakers by name, the one that poisons first; None for the first there are.
    :param targets: Labels of the part "targets", see `target_labels`.
    :param choose: Which clips are poisoned, of `CHOICES`.
    """

    seeds: int
    rates: tuple[float, ...]
    parts: tuple[str, ...]
    rate: float
    victim: Settings
    speakers: int = 5
    named: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    choose: str = "random"


_QUICK_VICTIM = ClassifierSettings(epochs=16)
_PAPER_VICTIM = ClassifierSettings("vgg19_bn", None, 70, 512, "sgd", 1e-2)
_PAPER_BATCHES = {"vgg19_bn": 512, "wide_resnet50": 128}  # of its two victims
_OTHER_BATCH = 128
_SPEAKERS = {"quick": "quick", "standard": "quick", "paper": "paper"}  # presets of speaker classifiers
PRESETS = {
    "quick": Size(1, (0.01, 0.05), ("quality",), 0.05, _QUICK_VICTIM, 2),
    "standard": Size(5, _RATES, PARTS, 0.05, _QUICK_VICTIM),
    "paper": Size(5, _RATES, PARTS, 0.01, _PAPER_VICTIM),
}


def choose_size(
    preset: str,
    rates: Sequence[float] | None = None,
    seeds: int | None = None,
    parts: Sequence[str] | None = None,
    epochs: int | None = None,
    architecture: str | None = None,
    *,
    targets: Sequence[str] | None = None,
    speakers: Sequence[str] | None = None,
    changes: dict[str, Any] | None = None,
    choose: str = "random",
) -> Size:
    """
    A preset, with what was asked for in its place.

    :param preset: A key of `PRESETS`.
    :param rates: Shares of all training clips; None as the preset says.
    :param seeds: How many; None as the preset says.
    :param parts: Of `PARTS`; None as the preset says.
    :param epochs: Of the victims; None as the preset says.
    :param architecture: Of the victims, commands or speakers; None as the preset says.
    :param targets: Labels of the part "targets", see `target_labels`.
    :param speakers: Target speakers by name; None for as many as the preset says.
    :param changes: Other settings of the victims by name, see `ClassifierSettings` and `SpeakerSettings`.
    :param choose: Which clips are poisoned, of `CHOICES`.
    :return: How much to run.
    :raises ValueError: If a name is unknown, or a number out of its range.
    """
    if preset not in PRESETS:
        raise ValueError(f"there is no preset {preset!r}: choose {', '.join(PRESETS)}")
    if unknown := sorted(set(parts or ()) - set(PARTS)):
        raise ValueError(f"there is no part {', '.join(unknown)}: choose among {', '.join(PARTS)}")
    if choose not in CHOICES:
        raise ValueError(f"there is no choice {choose!r}: choose {' or '.join(CHOICES)}")
    if rates is not None and (not rates or any(not 0 < rate < 1 for rate in rates)):
        raise ValueError(f"rates must be shares above 0 and below 1, got {list(rates)}")
    if seeds is not None and (isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1):
        raise ValueError(f"seeds must be a whole number from 1 up, got {seeds!r}")
    if targets is not None and "targets" not in (PRESETS[preset].parts if parts is None else parts):
        raise ValueError('targets are named, but the part "targets" is not run: name it in parts, too')
    size = PRESETS[preset]
    assert isinstance(size.victim, ClassifierSettings)
    usual = size.victim
    if preset == "paper" and architecture is not None:
        usual = replace(usual, batch_size=_PAPER_BATCHES.get(architecture, _OTHER_BATCH))
    victim = victim_settings(usual, _SPEAKERS[preset], architecture, epochs)
    victim = type(victim).from_dict({**victim.to_dict(), **(changes or {})})
    given: dict[str, Any] = {
        "rates": rates and tuple(dict.fromkeys(rates)),
        "parts": None if parts is None else tuple(parts),
        "targets": None if targets is None else tuple(targets),
        "named": None if speakers is None else tuple(speakers),
    }
    given |= {"seeds": seeds, "victim": victim, "choose": choose}
    return replace(size, **{name: value for name, value in given.items() if value is not None})
