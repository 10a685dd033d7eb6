"""Settings of a synchronisation network and of its training, and the presets that name them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from art_audio_ext.functional.sync_views import SyncAugmentation
from art_audio_ext.networks.syncnet import (
    PICTURE_INPUTS,
    SOUND_FEATURES,
    CompactSyncNet,
    SyncNet,
    SyncNetwork,
)
from art_audio_ext.training.plain_settings import PlainSettings, preset

ARCHITECTURES = ("compact", "original")


@dataclass(frozen=True)
class SyncNetSettings(PlainSettings):
    """
    Everything that decides what is learnt, apart from the clips and the seed.

    :param architecture: "compact" or "original"; sizes and front ends below are the compact one's.
    :param size: Pixels a side that the network sees, a multiple of 16.
    :param crop: Pixels a side of the middle of a picture that are scaled to `size`; None takes `size` of them.
    :param sound: A key of `SOUND_FEATURES`.
    :param pictures: A key of `PICTURE_INPUTS`.
    :param epochs: Passes over the clips.
    :param batch_size: Clips a step and a device.
    :param windows: Of each clip in a step, from a random frame on; all where there are fewer.
    :param learning_rate: The highest; AdamW, a linear rise over a fifth of the epochs, then a half cosine.
    :param weight_decay: Of AdamW.
    :param sharpness: Factor of the cosine in the softmax.
    :param augment: Change clips at random by the figures below, see `SyncAugmentation`.
    :param jitter: Pixels.
    :param gain_db: Either way.
    :param noise_share: Of the clips; 0 trains a detector of noise.
    :param least_snr_db: Of the sound's noise; the largest is 20 dB more.
    :param pixel_noise: Largest standard deviation.
    :param attack_weight: Of the loss of attacked clips, where training is given an attack.
    :raises ValueError: If a value is out of its range.
    """

    kind: ClassVar[str] = "syncnet"

    architecture: str = "compact"
    size: int = 64
    crop: int | None = None
    sound: str = "log_mel"
    pictures: str = "centred"
    epochs: int = 60
    batch_size: int = 8
    windows: int = 48
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    sharpness: float = 10.0
    augment: bool = True
    jitter: int = 4
    gain_db: float = 10.0
    noise_share: float = 0.4
    least_snr_db: float = 10.0
    pixel_noise: float = 0.03
    attack_weight: float = 1.0

    def __post_init__(self) -> None:
        self.check_choice("architecture", ARCHITECTURES)
        self.check_choice("sound", tuple(SOUND_FEATURES))
        self.check_choice("pictures", tuple(PICTURE_INPUTS))
        self.check_sizes("epochs", "batch_size", *(() if self.crop is None else ("crop",)))
        self.check_sizes("size", least=16)
        self.check_sizes("windows", least=2)
        self.check_sizes("jitter", least=0)
        self.check_numbers("learning_rate", "sharpness")
        self.check_numbers("weight_decay", "gain_db", "noise_share", "least_snr_db", "pixel_noise", zero=True)
        self.check_numbers("attack_weight", zero=True)
        self.check_flags("augment")
        if self.size % 16:
            raise ValueError(f"syncnet setting size must be a multiple of 16, got {self.size}")
        if self.noise_share > 1:
            raise ValueError(f"syncnet setting noise_share must lie in [0, 1], got {self.noise_share!r}")

    @property
    def recipe(self) -> SyncAugmentation:
        """How clips are changed."""
        snr = (self.least_snr_db, self.least_snr_db + 20)
        return SyncAugmentation(
            jitter=self.jitter,
            gain_db=self.gain_db,
            noise_share=self.noise_share,
            noise_snr_db=snr,
            pixel_noise=self.pixel_noise,
        )

    @property
    def least_side(self) -> int:
        """Pixels a side that pictures must have."""
        return 16 if self.architecture == "original" else self.crop or self.size

    def build(self) -> SyncNetwork:
        """:return: The network, untrained."""
        if self.architecture == "original":
            return SyncNet()
        return CompactSyncNet(self.size, self.crop, self.sound, self.pictures)


PRESETS: dict[str, SyncNetSettings] = {
    "quick": SyncNetSettings(epochs=20),
    "standard": SyncNetSettings(),
    "mfcc": replace(SyncNetSettings(), sound="mfcc", pictures="differences"),  # another front end, for an ensemble
}


def resolve_settings(settings: SyncNetSettings | str, **changes: Any) -> SyncNetSettings:
    """
    Settings from a preset's name or as given, with some replaced.

    :param settings: A `SyncNetSettings`, or a key of `PRESETS`.
    :param changes: By name; None changes nothing.
    :return: The settings.
    :raises ValueError: If a name is unknown or a value is out of its range.
    """
    chosen: SyncNetSettings = preset(PRESETS, settings, "syncnet").changed(**changes)
    return chosen
