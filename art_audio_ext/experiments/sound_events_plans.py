"""What is done to sound events in the study of their classifiers: models, attacks, channels, and how much is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from art.attacks.attack import EvasionAttack
from art.estimators.classification import PyTorchClassifier

from art_audio_ext.attacks.evasion.audio_carlini import AudioCarliniL2
from art_audio_ext.attacks.evasion.audio_deepfool import AudioDeepFool
from art_audio_ext.attacks.evasion.fgsm_snr import FGSMAtSNR
from art_audio_ext.attacks.evasion.lbfgs import LBFGS
from art_audio_ext.attacks.evasion.pgd_snr import PGDAtSNR
from art_audio_ext.attacks.evasion.white_noise import WhiteNoise
from art_audio_ext.networks.sound_event_classifiers import ARCHITECTURES

UNTARGETED = ("white-noise", "fgsm", "deepfool", "carlini")
TARGETED = ("carlini-targeted", "lbfgs")
ATTACKS = (*UNTARGETED, *TARGETED)
ATTACK_CLASSES: dict[str, type[EvasionAttack]] = {
    "white-noise": WhiteNoise,
    "fgsm": FGSMAtSNR,
    "pgd": PGDAtSNR,
    "deepfool": AudioDeepFool,
    "carlini": AudioCarliniL2,
    "carlini-targeted": AudioCarliniL2,
    "lbfgs": LBFGS,
}
CURVES = ("white-noise", "fgsm", "pgd")  # of fixed size: searched over ratios; PGD has no ratio of its own
PARTS = ("transfer", "survival", "inputs", "curves")
SNR_DB = 20.0  # of the baselines, as published
CHANNELS = (
    *("none", "pcm-24", "pcm-16", "resample-48000", "resample-3/4", "resample-1/2", "gain-0.95", "room"),
    *("mp3-128", "mp3-64", "mp3-32", "opus-64", "opus-32", "opus-16"),
)
LOSSY = ("mp3", "opus")


@dataclass(frozen=True)
class Size:
    """
    How much is run.

    :param models: As `model_parts` takes them.
    :param training: Preset of their training.
    :param clips: Test clips at most, None for all.
    :param attacks: Of `ATTACKS`.
    :param per_label: Clips of each label that are attacked towards others.
    :param targets: How many other labels for each of these.
    :param parts: Of `PARTS`.
    :param options: Of the attacks, by name, instead of their own.
    :param search: Of `highest_snr`, for the curves of attacks of fixed size.
    :param labels: From which targeted attacks start and at which they aim; None for all.
    """

    models: tuple[str, ...]
    training: str
    clips: int | None
    attacks: tuple[str, ...]
    per_label: int
    targets: int
    parts: tuple[str, ...] = PARTS
    options: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = ()
    search: tuple[tuple[str, float], ...] = (("low_db", 0.0), ("high_db", 100.0))
    labels: tuple[str, ...] | None = None

    def options_of(self, attack: str) -> dict[str, Any]:
        """What this size says of an attack."""
        return dict(dict(self.options).get(attack, ()))


_FAST = (
    ("carlini", (("binary_search_steps", 4), ("max_iter", 30))),
    ("carlini-targeted", (("binary_search_steps", 4), ("max_iter", 30))),
    ("lbfgs", (("bisections", 2), ("max_iter", 40))),
    ("pgd", (("max_iter", 5),)),
)
_COARSE = (("low_db", 0.0), ("high_db", 100.0), ("step_db", 20.0), ("tolerance_db", 2.0))
_COMPARED = (*ARCHITECTURES, "vgg13@wave", "vgg13@constant_q")  # one network with each input, beside all five
PRESETS = {
    # five minutes of one core's time with 150 clips of three seconds; L-BFGS alone would be two more
    "quick": Size(
        ("vgg13", "vgg13@wave"), "quick", 20, (*UNTARGETED, "carlini-targeted"), 1, 1, options=_FAST, search=_COARSE
    ),
    "standard": Size(_COMPARED, "quick", None, ATTACKS, 2, 3),
    "paper": Size(_COMPARED, "paper", None, ATTACKS, 6, 5),
}


def build_attack(name: str, classifier: PyTorchClassifier, seed: int, options: dict[str, Any]) -> EvasionAttack:
    """
    :param name: Of `ATTACKS` or `CURVES`.
    :param classifier: To be attacked.
    :param seed: Of noise.
    :param options: Instead of the attack's own.
    :return: The attack.
    :raises ValueError: If an option is unusable.
    """
    given: dict[str, Any] = {"batch_size": 8, "verbose": False}
    if name in CURVES:
        given["snr_db"] = SNR_DB
    if name == "white-noise":
        given["seed"] = seed
    if name == "carlini-targeted":
        given["targeted"] = True
    return ATTACK_CLASSES[name](classifier, **{**given, **options})
