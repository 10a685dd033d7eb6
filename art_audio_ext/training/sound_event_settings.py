"""Settings of a sound-event classifier and of its training, and the presets that name them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from art_audio_ext.networks.sound_event_classifiers import ARCHITECTURES, check_front_end
from art_audio_ext.training.plain_settings import PlainSettings, preset

OPTIMIZERS = ("adam", "adamw")


@dataclass(frozen=True)
class SoundEventSettings(PlainSettings):
    """
    Everything that decides what is learnt, apart from the sound, its sample rate and the seed.

    :param architecture: A key of `ARCHITECTURES`.
    :param front_end: "mel", "wave" or "constant_q"; None is the architecture's own.
    :param width: Channels of the first layer; None is the published width.
    :param epochs: Passes over the training clips.
    :param batch_size: Clips a step and a device.
    :param crops: Chunks of each clip in a step, cut where it sounds.
    :param optimizer: "adam" (nine tenths of the rate after every two epochs, as published) or "adamw" (a linear rise,
        then a half cosine).
    :param learning_rate: The highest.
    :param weight_decay: Of the optimizer.
    :param mixup: Pictures of two clips are mixed by a share drawn from Beta(mixup, mixup); 0 mixes none.
    :param augment: Change loudness, speed and place of the sound at random, see `SOUND_EVENT_CHANGES`.
    :param masks: Share of bands and of frames that are hidden at most, see `mask_pictures`; 0 hides none.
    :raises ValueError: If a value is out of its range.
    """

    kind: ClassVar[str] = "sound-event"

    architecture: str = "vgg13"
    front_end: str | None = None
    width: int | None = 16
    epochs: int = 30
    batch_size: int = 16
    crops: int = 1
    optimizer: str = "adamw"
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    mixup: float = 1.0
    augment: bool = True
    masks: float = 0.0

    def __post_init__(self) -> None:
        self.check_choice("architecture", tuple(ARCHITECTURES))
        check_front_end(self.architecture, self.front_end)
        self.check_choice("optimizer", OPTIMIZERS)
        self.check_sizes("epochs", "batch_size", "crops", *(() if self.width is None else ("width",)))
        self.check_numbers("learning_rate")
        self.check_numbers("weight_decay", "mixup", "masks", zero=True)
        self.check_flags("augment")
        if self.masks >= 1:
            raise ValueError(f"sound-event setting masks must lie in [0, 1), got {self.masks!r}")


# One to two minutes of one core's time each for 150 clips of three seconds at 16 kHz. Mixup was chosen with VGG13 on
# training clips held out, a hundred left to learn from: full mixup (1.0) learns too slowly for 40 epochs. The other
# models take VGG13's recipe over, with epochs by what they cost.
_QUICK = SoundEventSettings(width=8, epochs=40, mixup=0.3, masks=0.2)
_PAPER = SoundEventSettings(
    width=None, epochs=40, batch_size=128, optimizer="adam", learning_rate=5e-4, weight_decay=0.0, augment=False
)
PRESETS: dict[tuple[str, str], SoundEventSettings] = {
    ("vgg13", "quick"): _QUICK,
    ("crnn", "quick"): replace(_QUICK, architecture="crnn"),
    ("gcnn", "quick"): replace(_QUICK, architecture="gcnn"),
    ("dense-mel", "quick"): replace(_QUICK, architecture="dense-mel", width=4, epochs=20),
    ("dense-wav", "quick"): replace(_QUICK, architecture="dense-wav", width=4, epochs=40),
    **{(name, "paper"): replace(_PAPER, architecture=name) for name in ARCHITECTURES},
}


def resolve_settings(
    architecture: str, settings: SoundEventSettings | str = "quick", **changes: Any
) -> SoundEventSettings:
    """
    Settings from a preset's name or as given, with some replaced.

    :param architecture: A key of `ARCHITECTURES`.
    :param settings: A `SoundEventSettings` of that architecture, or "quick" or "paper".
    :param changes: By name; None changes nothing.
    :return: The settings.
    :raises ValueError: If a name is unknown, the settings are of another architecture or a value is out of its range.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(f"unknown sound-event model {architecture!r}: choose {', '.join(ARCHITECTURES)}")
    known = {name: value for (which, name), value in PRESETS.items() if which == architecture}
    chosen: SoundEventSettings = preset(known, settings, "sound-event").changed(**changes)
    if chosen.architecture != architecture:
        raise ValueError(f"the settings are of {chosen.architecture!r}, not {architecture!r}: give one or the other")
    return chosen
