"""Settings of a speech-command classifier and of its training, and the presets that name them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from art_audio_ext.networks.speech_classifiers import ARCHITECTURES
from art_audio_ext.training.plain_settings import PlainSettings, preset

OPTIMIZERS = ("adamw", "sgd")


@dataclass(frozen=True)
class ClassifierSettings(PlainSettings):
    """
    Everything that decides what is learnt, apart from the sound and the seed.

    :param architecture: A key of `ARCHITECTURES`.
    :param width: Channels of the first stage; None is the published width.
    :param epochs: Passes over the training clips.
    :param batch_size: Clips a step and a device.
    :param optimizer: "sgd" (momentum .9, a tenth of the rate where the loss has not fallen for 5 epochs) or "adamw" (a
        linear rise, then a half cosine).
    :param learning_rate: The highest.
    :param weight_decay: Of the optimizer.
    :param augment: Change the sound at random, see `SpeechAugmentation`.
    :param masks: Share of bands and of frames that are hidden at most, see `mask_pictures`; 0 hides none.
    :param noise_sigma: White noise of this standard deviation (1 is full scale) on every clip, at each step anew.
    :param floor_sigma: Pictures stand on the power of white noise of this standard deviation, see `speech_mel`: as if
        `NoiseFloorPurifier` stood before the network, which it may.
    :param adversarial_eps: Radius of the attack that clips undergo in training (L-infinity, full scale); 0 for none.
    :param adversarial_steps: Its steps.
    :param ema: Decay a step of averaged weights, which are then what the training returns; 0 returns the last ones.
    :raises ValueError: If a value is out of its range.
    """

    kind: ClassVar[str] = "classifier"

    architecture: str = "resnet18"
    width: int | None = 32
    epochs: int = 24
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    augment: bool = True
    masks: float = 0.0
    noise_sigma: float = 0.0
    floor_sigma: float = 0.0
    adversarial_eps: float = 0.0
    adversarial_steps: int = 3
    ema: float = 0.0

    def __post_init__(self) -> None:
        self.check_choice("architecture", tuple(ARCHITECTURES))
        self.check_sizes("epochs", "batch_size", "adversarial_steps", *(() if self.width is None else ("width",)))
        self.check_numbers("learning_rate")
        self.check_numbers("weight_decay", "noise_sigma", "floor_sigma", zero=True)
        self.check_numbers("adversarial_eps", "ema", "masks", zero=True)
        for name in ("ema", "masks"):
            if getattr(self, name) >= 1:
                raise ValueError(f"classifier setting {name} must lie in [0, 1), got {getattr(self, name)!r}")
        self.check_choice("optimizer", OPTIMIZERS)
        self.check_flags("augment")


# The paper's recipe, which a ClassifierSettings() is not.
_DESCENT = ClassifierSettings(optimizer="sgd", learning_rate=1e-2)
PRESETS: dict[str, ClassifierSettings] = {
    "quick": replace(_DESCENT, epochs=45),
    "standard": replace(_DESCENT, width=None, epochs=45),
    "paper": replace(_DESCENT, width=None, epochs=70),
}


def resolve_settings(settings: ClassifierSettings | str, **changes: Any) -> ClassifierSettings:
    """
    Settings from a preset's name or as given, with some replaced.

    :param settings: A `ClassifierSettings`, or a key of `PRESETS`.
    :param changes: By name; None changes nothing.
    :return: The settings.
    :raises ValueError: If a name is unknown or a value is out of its range.
    """
    chosen: ClassifierSettings = preset(PRESETS, settings, "classifier").changed(**changes)
    return chosen
