"""What is done to audiovisual clips in the comparison of sync detectors: attacks, controls, and how much is run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

AUDIO_EPS, VIDEO_EPS = (256, 512, 1024), (4, 8, 16)  # of 32768 and of 255; Table 1
_PAIRS = tuple(zip(AUDIO_EPS, VIDEO_EPS, strict=True))
_GRID = tuple((audio, video) for video in reversed(VIDEO_EPS) for audio in reversed(AUDIO_EPS))
KINDS = ("none", "noisy", "mismatched", "frozen", "late", "fgsm", "bim", "adaptive")
WEIGHTS = (0.1, 0.25, 0.5, 1.0, 2.0)  # of confidence in the loss of an attack that knows the detector
DETECTORS = ("single", "random", "ensemble", "random ensemble")


@dataclass(frozen=True)
class Change:
    """
    One thing done to clips.

    :param kind: "none"; "noisy", white noise 20 dB below the sound; "mismatched", the sound of a clip of another label;
        "frozen", the middle picture all the time; "late", sound ten frames late, its end in front; "fgsm", "bim"; or
        "adaptive": steps of BIM on cross-entropy plus `weight` times the confidence of `detector`.
    :param audio: Largest change of a sample, of 32768.
    :param video: Largest change of a pixel, of 255.
    :param weight: Of an adaptive attack.
    :param detector: That it knows, of `DETECTORS`.
    :param eot: Draws of the detector's randomness a step.
    :param goal: Of an adaptive attack: the "highest" confidence, or each clip's "own" before the attack, which a
        detector that suspects either side takes for benign.
    """

    kind: str
    audio: int = 0
    video: int = 0
    weight: float = 0.0
    detector: str = ""
    eot: int = 1
    goal: str = "highest"

    @property
    def attacks(self) -> bool:
        """Whether it is made against the victim."""
        return self.kind in ("fgsm", "bim", "adaptive")

    @property
    def name(self) -> str:
        """What a table calls it."""
        if not self.attacks:
            return self.kind
        of = "confidence" if self.goal == "highest" else "the clip's own confidence"
        known = f", {self.weight:g} x {of} of {self.detector}" if self.kind == "adaptive" else ""
        return f"{self.kind} {self.audio}/{self.video}{known}"

    def to_dict(self) -> dict[str, Any]:
        """As plain types."""
        return asdict(self)


def _both(pairs: Any) -> tuple[Change, ...]:
    return tuple(Change(kind, audio, video) for kind in ("fgsm", "bim") for audio, video in pairs)


CONTROLS = tuple(Change(kind) for kind in KINDS[:5])
MAIN = _both(_PAIRS)
TABLE_1 = _both(_GRID)
ONE_MODALITY = tuple(Change("bim", audio, video) for pair in _PAIRS for audio, video in ((pair[0], 0), (0, pair[1])))
CURVE = tuple(Change("adaptive", 512, 8, weight, "single") for weight in WEIGHTS)
# a random detector averages several views of its own in each step
COST = tuple(Change("adaptive", 512, 8, 0.5, detector) for detector in DETECTORS[1:])
OWN = tuple(Change("adaptive", 512, 8, weight, "single", goal="own") for weight in (0.5, 2.0, 10.0))
PARTS = ("table_1", "one_modality", "adaptive")


@dataclass(frozen=True)
class Size:
    """
    How much is run.

    :param folds: Parts of the clips, each tested once by networks that learnt from the others.
    :param tested: How many of the folds.
    :param parts: Of `PARTS`, beside the main attacks and the controls.
    :param sync: Preset of the sync networks.
    :param networks: Of an ensemble.
    :param victim: Preset of the victim.
    """

    folds: int
    tested: int
    parts: tuple[str, ...]
    sync: str
    networks: int
    victim: str


PRESETS = {
    "quick": Size(3, 1, (), "quick", 1, "small"),
    "standard": Size(3, 3, PARTS, "standard", 3, "small"),
    "paper": Size(3, 3, PARTS, "standard", 3, "full"),
}


def changes(parts: tuple[str, ...]) -> list[Change]:
    """
    :param parts: Of `PARTS`.
    :return: Everything that is done to the clips of a fold, each once, in the order of the tables.
    """
    chosen = [*CONTROLS, *MAIN]
    for part, more in (("table_1", TABLE_1), ("one_modality", ONE_MODALITY), ("adaptive", (*CURVE, *COST, *OWN))):
        chosen += more if part in parts else ()
    return list(dict.fromkeys(chosen))
