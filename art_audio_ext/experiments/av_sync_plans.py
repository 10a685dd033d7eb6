"""What is done to audiovisual clips in the comparison of sync detectors: attacks, controls, and how much is run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

AUDIO_EPS, VIDEO_EPS = (256, 512, 1024), (4, 8, 16)  # of 32768 and of 255; Table 1
_PAIRS = tuple(zip(AUDIO_EPS, VIDEO_EPS, strict=True))
_GRID = tuple((audio, video) for video in reversed(VIDEO_EPS) for audio in reversed(AUDIO_EPS))
KINDS = ("none", "noisy", "mismatched", "frozen", "late", "fgsm", "bim", "adaptive")
MODALITIES = ("heard alone", "seen alone", "neither")  # what the victim makes of them; no detector is asked
WEIGHTS = (0.1, 0.25, 0.5, 1.0, 2.0)  # of confidence in the loss of an attack that knows the detector
DETECTORS = ("single", "random", "ensemble", "random ensemble")
TRAINED = ("trained", "random trained", "random trained ensemble")  # of networks that have learnt from such attacks
VIEWS = 4  # of a random detector, whose mean it takes each time it looks


@dataclass(frozen=True)
class Change:
    """
    One thing done to clips.

    :param kind: "none"; "noisy", white noise 20 dB below the sound; "mismatched", the sound of a clip of another label;
        "frozen", the middle picture all the time; "late", sound ten frames late, its end in front; of `MODALITIES`, the
        pictures blanked, the sound, or both; "fgsm", "bim"; or "adaptive": steps of BIM on cross-entropy plus `weight`
        times the confidence of `detector`.
    :param audio: Largest change of a sample, of 32768.
    :param video: Largest change of a pixel, of 255.
    :param weight: Of an adaptive attack.
    :param detector: That it knows, of `DETECTORS` or `TRAINED`.
    :param eot: Looks a step whose gradients are averaged, each of `VIEWS` views if the detector is random.
    :param goal: Of an adaptive attack: the "highest" confidence, or each clip's "own" before the attack, which a
        detector that suspects either side takes for benign.
    :param mix: Of an adaptive attack, see `AudioVisualPGD`: "sum", or "selective", which needs no weight.
    :param loss: That it climbs, see `adversarial_loss`.
    """

    kind: str
    audio: int = 0
    video: int = 0
    weight: float = 0.0
    detector: str = ""
    eot: int = 1
    goal: str = "highest"
    mix: str = "sum"
    loss: str = "cross_entropy"

    @property
    def attacks(self) -> bool:
        """Whether it is made against the victim."""
        return self.kind in ("fgsm", "bim", "adaptive")

    @property
    def name(self) -> str:
        """What a table calls it."""
        if not self.attacks:
            return self.kind
        return f"{self.kind} {self.audio}/{self.video}{self._known()}"

    def _known(self) -> str:
        """What is said of an adaptive attack."""
        if self.kind != "adaptive":
            return ""
        of = "confidence" if self.goal == "highest" else "the clip's own confidence"
        how = f"{self.weight:g} x {of}" if self.mix == "sum" else f"error first, then {of},"
        climbed = "" if self.loss == "cross_entropy" else f", {self.loss.replace('_', ' ')}"
        drawn = f", EOT over {self.eot * VIEWS} views a step" if self.eot > 1 else ""
        return f", {how} of {self.detector}{climbed}{drawn}"

    def to_dict(self) -> dict[str, Any]:
        """As plain types; what came later only where it is not as before, so that older cells stay known."""
        later = {"mix": "sum", "loss": "cross_entropy"}
        return {name: value for name, value in asdict(self).items() if later.get(name) != value}


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


def _selective(detector: str) -> tuple[Change, ...]:
    """Error first, then confidence, both goals: no weight, and a loss that no sure recogniser flattens."""
    known: dict[str, Any] = {"detector": detector, "mix": "selective", "loss": "logit_ratio"}
    return tuple(Change("adaptive", 512, 8, 1.0, goal=goal, **known) for goal in ("highest", "own"))


SELECTIVE = _selective("single")
# both goals against each detector of trained networks
COST_TRAINED = tuple(
    Change("adaptive", 512, 8, weight, detector, goal=goal)
    for detector in TRAINED
    for weight, goal in ((0.5, "highest"), (2.0, "own"))
)
SELECTIVE_TRAINED = tuple(change for detector in TRAINED for change in _selective(detector))
JUDGED_AGAIN = (*CONTROLS, *MAIN, CURVE[2], OWN[1])  # by the trained networks too; the last two know an untrained one
PARTS = ("table_1", "one_modality", "adaptive", "trained")
_EOT = 4


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
    :param hardening: Epochs in which the part "trained" goes on with each network, against attacked clips.
    """

    folds: int
    tested: int
    parts: tuple[str, ...]
    sync: str
    networks: int
    victim: str
    hardening: int = 15


PRESETS = {
    "quick": Size(3, 1, (), "quick", 1, "small", hardening=8),
    "standard": Size(3, 3, PARTS, "standard", 3, "small"),
    "paper": Size(3, 3, PARTS, "standard", 3, "full"),
}


def changes(parts: tuple[str, ...]) -> list[Change]:
    """
    :param parts: Of `PARTS`.
    :return: Everything that is done to the clips of a fold, each once, in the order of the tables.
    """
    chosen = [*CONTROLS, *(Change(kind) for kind in MODALITIES), *MAIN]
    for part, more in (
        ("table_1", TABLE_1),
        ("one_modality", ONE_MODALITY),
        ("adaptive", (*CURVE, *COST, *OWN, *SELECTIVE)),
    ):
        chosen += more if part in parts else ()
    return list(dict.fromkeys(chosen))


def trained_changes(networks: int) -> list[Change]:
    """
    :param networks: Of an ensemble; 1 for none.
    :return: The attacks of the part "trained": on each detector, and with EOT on the one that has everything.
    """
    full = TRAINED[2 if networks > 1 else 1]
    every = (*COST_TRAINED, *SELECTIVE_TRAINED)
    known = [change for change in every if networks > 1 or "ensemble" not in change.detector]
    return known + [replace(change, eot=_EOT) for change in known if change.detector == full]
