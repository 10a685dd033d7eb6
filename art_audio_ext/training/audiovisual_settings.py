"""Settings of an audiovisual recogniser and of its training, and the presets that name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from art_audio_ext.functional.audiovisual_augment import ModalityDropout
from art_audio_ext.functional.ctc import UNITS
from art_audio_ext.training.plain_settings import PlainSettings, preset


@dataclass(frozen=True)
class RecogniserSettings(PlainSettings):
    """
    Everything that decides what is learnt, apart from the clips and the seed.

    A recogniser that is trained plainly listens and does not look: on clean sound it needs no more. Clips that lose a
    modality, or hear noise, in training make it use both.

    :param crop: Pixels of the square in the middle of each frame that is looked at; while training, of a random one.
    :param width: Channels of the first stage of the video stream.
    :param audio_width: Channels of the first layer of the audio stream.
    :param hidden: Of all recurrent layers, a direction.
    :param motion: The video stream looks at what differs from the clip's mean frame, which learns from few clips.
    :param units: What a sentence is made of, "words" or "characters".
    :param epochs: Passes over the training clips.
    :param batch_size: Clips a step and a device.
    :param learning_rate: The highest; it rises linearly over a fifth of the epochs, then falls by a half cosine.
    :param weight_decay: Of AdamW.
    :param augment: Random crops, mirrored frames and another light.
    :param blank_audio: Share of clips whose sound is silent, see `ModalityDropout`.
    :param blank_video: Share of the others whose frames are grey.
    :param noise: Share of clips with white noise over the sound.
    :param noise_least_db: The lowest signal-to-noise ratio of that noise.
    :param noise_most_db: The highest.
    :param stream_loss: Weight of the same loss of each stream alone, by a linear layer that is dropped afterwards, so
        that both learn at every step; without it the slower one, the video, has little to learn from.
    :raises ValueError: If a value is out of its range.
    """

    kind: ClassVar[str] = "recogniser"

    crop: int = 64
    width: int = 16
    audio_width: int = 32
    hidden: int = 64
    motion: bool = True
    units: str = "words"
    epochs: int = 30
    batch_size: int = 8
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    augment: bool = True
    blank_audio: float = 0.2
    blank_video: float = 0.15
    noise: float = 0.4
    noise_least_db: float = -10.0
    noise_most_db: float = 20.0
    stream_loss: float = 0.5

    def __post_init__(self) -> None:
        self.check_sizes("crop", "width", "audio_width", "hidden", "epochs", "batch_size")
        self.check_choice("units", UNITS)
        self.check_numbers("learning_rate")
        self.check_numbers("weight_decay", "blank_audio", "blank_video", "noise", "stream_loss", zero=True)
        for name in ("blank_audio", "blank_video", "noise"):
            if getattr(self, name) > 1:
                raise ValueError(f"recogniser setting {name} is a share, from 0 to 1, got {getattr(self, name)!r}")
        for name in ("noise_least_db", "noise_most_db"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not -100 <= value <= 100:
                raise ValueError(f"recogniser setting {name} must be a number from -100 to 100, got {value!r}")
        if self.noise_least_db > self.noise_most_db:
            raise ValueError("recogniser setting noise_least_db must not exceed noise_most_db")
        self.check_flags("augment", "motion")

    @property
    def dropout(self) -> ModalityDropout:
        """How often a clip loses a modality."""
        return ModalityDropout(self.blank_audio, self.blank_video, self.noise, self.noise_least_db, self.noise_most_db)

    def sizes(self) -> dict[str, Any]:
        """The sizes of the network, as its constructor takes them."""
        return {name: getattr(self, name) for name in ("crop", "width", "audio_width", "hidden", "motion")}


_PUBLISHED: dict[str, Any] = {"crop": 88, "width": 64, "audio_width": 64, "hidden": 512, "motion": False}
PRESETS: dict[str, RecogniserSettings] = {
    "small": RecogniserSettings(),
    "plain": RecogniserSettings(blank_audio=0.0, blank_video=0.0, noise=0.0, stream_loss=0.0),  # listens only
    "full": RecogniserSettings(**_PUBLISHED, batch_size=32, learning_rate=3e-4),
}


def resolve_settings(settings: RecogniserSettings | str, **changes: Any) -> RecogniserSettings:
    """
    Settings from a preset's name or as given, with some replaced.

    :param settings: A `RecogniserSettings`, or a key of `PRESETS`.
    :param changes: By name; None changes nothing.
    :return: The settings.
    :raises ValueError: If a name is unknown or a value is out of its range.
    """
    chosen: RecogniserSettings = preset(PRESETS, settings, "recogniser").changed(**changes)
    return chosen
