"""Settings of a speaker classifier and of its training, and the presets that name them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from art_audio_ext.networks.speaker_classifier import SPEAKER_NETWORKS
from art_audio_ext.training.plain_settings import PlainSettings, preset

SPEAKER_RATE = 16000  # Hz; the filters of both networks are laid out for it
OPTIMIZERS = ("rmsprop", "adamw")
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.1, 60.0


@dataclass(frozen=True)
class SpeakerSettings(PlainSettings):
    """
    Everything that decides what is learnt, apart from the sound and the seed.

    :param architecture: A key of `SPEAKER_NETWORKS`.
    :param width: See `SincNet` and `RawNet3`; None is the published width.
    :param window_seconds: Of a window, in training and after; of RawNet3, a shorter clip is one window.
    :param hop_seconds: From window to window of a clip that is classified; in training they lie anywhere.
    :param epochs: Passes over the training clips.
    :param batch_size: Clips a step and a device.
    :param crops: Windows of each clip in a step.
    :param optimizer: "rmsprop" at a constant rate (SincNet's own: smoothing .95) or "adamw" (a linear rise, then a half
        cosine).
    :param learning_rate: The highest.
    :param weight_decay: Of the optimizer.
    :param gain: Loudness of a window is multiplied by a number drawn from 1 - gain to 1 + gain.
    :raises ValueError: If a value is out of its range.
    """

    kind: ClassVar[str] = "speaker"

    architecture: str = "sincnet"
    width: int | None = 20
    window_seconds: float = 0.2
    hop_seconds: float = 0.05
    epochs: int = 10
    batch_size: int = 32
    crops: int = 2
    optimizer: str = "rmsprop"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    gain: float = 0.2

    def __post_init__(self) -> None:
        self.check_choice("architecture", tuple(SPEAKER_NETWORKS))
        self.check_choice("optimizer", OPTIMIZERS)
        self.check_sizes("epochs", "batch_size", "crops", *(() if self.width is None else ("width",)))
        self.check_numbers("learning_rate", "window_seconds", "hop_seconds")
        self.check_numbers("weight_decay", "gain", zero=True)
        if not _SHORTEST_SECONDS <= self.window_seconds <= _LONGEST_SECONDS:
            raise ValueError(
                f"speaker setting window_seconds must lie from {_SHORTEST_SECONDS:g} to {_LONGEST_SECONDS:g}, "
                f"got {self.window_seconds!r}"
            )
        if not 0.001 <= self.hop_seconds <= self.window_seconds:
            raise ValueError(
                f"speaker setting hop_seconds must lie from 0.001 to window_seconds, got {self.hop_seconds!r}"
            )
        if self.gain >= 1:
            raise ValueError(f"speaker setting gain must lie in [0, 1), got {self.gain!r}")

    @property
    def window(self) -> int:
        """Samples of a window."""
        return round(self.window_seconds * SPEAKER_RATE)

    @property
    def hop(self) -> int:
        """Samples from window to window."""
        return round(self.hop_seconds * SPEAKER_RATE)


_SINCNET = SpeakerSettings()
_RAWNET3 = SpeakerSettings(
    "rawnet3",
    window_seconds=3.0,
    hop_seconds=1.0,
    crops=1,
    optimizer="adamw",
    weight_decay=5e-5,
)
PRESETS: dict[tuple[str, str], SpeakerSettings] = {
    # One to two minutes of one core's time each for 2,000 clips of two seconds.
    ("sincnet", "quick"): _SINCNET,
    ("sincnet", "standard"): replace(_SINCNET, width=None, epochs=60, hop_seconds=0.02, batch_size=16, crops=8),
    # Published: windows of 200 ms every 10 ms, 128 a step, 360 epochs of 800 steps, which is 37 million windows; on
    # nine tenths of TIMIT these are 33 million.
    ("sincnet", "paper"): replace(_SINCNET, width=None, epochs=360, hop_seconds=0.01, batch_size=8, crops=16),
    ("rawnet3", "quick"): replace(
        _RAWNET3, width=64, window_seconds=1.0, hop_seconds=0.5, epochs=4, learning_rate=5e-3
    ),
    ("rawnet3", "standard"): replace(_RAWNET3, width=256, epochs=30, batch_size=64),
    ("rawnet3", "paper"): replace(_RAWNET3, width=None, epochs=40, batch_size=128),
}


def resolve_settings(architecture: str, settings: SpeakerSettings | str = "quick", **changes: Any) -> SpeakerSettings:
    """
    Settings from a preset's name or as given, with some replaced.

    :param architecture: A key of `SPEAKER_NETWORKS`.
    :param settings: A `SpeakerSettings` of that architecture, or "quick", "standard" or "paper".
    :param changes: By name; None changes nothing.
    :return: The settings.
    :raises ValueError: If a name is unknown, the settings are of another architecture or a value is out of its range.
    """
    if architecture not in SPEAKER_NETWORKS:
        raise ValueError(f"unknown speaker model {architecture!r}: choose {', '.join(SPEAKER_NETWORKS)}")
    known = {name: value for (which, name), value in PRESETS.items() if which == architecture}
    chosen: SpeakerSettings = preset(known, settings, "speaker").changed(**changes)
    if chosen.architecture != architecture:
        raise ValueError(f"the settings are of {chosen.architecture!r}, not {architecture!r}: give one or the other")
    return chosen
