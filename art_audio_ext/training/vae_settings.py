"""Settings of the sequential autoencoder and of its training, and the presets that name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from art_audio_ext.training.plain_settings import PlainSettings, preset

ARCHITECTURES = ("dsa", "steps")
_NETWORK = ("bands", "frames", "f_dim", "z_dim", "conv_channels", "conv_dim", "hidden_dim", "literal")


@dataclass(frozen=True)
class VaeSettings(PlainSettings):
    """
    Everything that decides what is learnt, apart from the sound and the seed.

    :param architecture: "dsa", the Disentangled Sequential Autoencoder, or "steps", the `StepAutoencoder`, which uses
        `bands`, `frames`, `z_dim` and `conv_channels` alone.
    :param bands: Mel bands, a multiple of 8.
    :param frames: Time steps a clip; the front end's 64 a second are averaged down to this number.
    :param f_dim: Length of the latent of the clip.
    :param z_dim: Length of the latent of a time step.
    :param conv_channels: Channels of every convolution.
    :param conv_dim: Length of the code of a frame.
    :param hidden_dim: Width of the recurrent layers.
    :param literal: The paper's images instead of single columns.
    :param epochs: Passes over the training clips, at most.
    :param batch_size: Clips a step and a device.
    :param learning_rate: Of Adam.
    :param reconstruction_weight: Factor of the summed squared error against the divergences. 192 is how often the
        paper's images repeat each value of a 64-band spectrogram, so the native form weighs it the same.
    :param patience: Stop after this many epochs without a better held-out loss.
    :param validation_fraction: Share of the clips held out for that loss; sets under 200 clips use the training loss.
    :raises ValueError: If a value is out of its range.
    """

    kind: ClassVar[str] = "VAE"

    architecture: str = "dsa"
    bands: int = 64
    frames: int = 64
    f_dim: int = 64
    z_dim: int = 24
    conv_channels: int = 256
    conv_dim: int = 256
    hidden_dim: int = 128
    literal: bool = False
    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    reconstruction_weight: float = 192.0
    patience: int = 5
    validation_fraction: float = 0.05

    def __post_init__(self) -> None:
        self.check_sizes(*(name for name in _NETWORK[:-1] if name != "frames"), "epochs", "batch_size", "patience")
        self.check_sizes("frames", least=2)
        self.check_choice("architecture", ARCHITECTURES)
        if self.bands % 8:
            raise ValueError(f"VAE setting bands must be a multiple of 8, got {self.bands}")
        if self.architecture == "steps" and self.frames % 8:
            raise ValueError(f"VAE setting frames must be a multiple of 8 with architecture steps, got {self.frames}")
        self.check_numbers("learning_rate", "reconstruction_weight")
        self.check_flags("literal")
        if not isinstance(self.validation_fraction, (int, float)) or not 0 <= self.validation_fraction < 1:
            raise ValueError(f"VAE setting validation_fraction must lie in [0, 1), got {self.validation_fraction!r}")

    def network_arguments(self) -> dict[str, Any]:
        """The part that the network's constructor takes."""
        if self.architecture == "steps":
            sizes = {"bands": self.bands, "frames": self.frames, "z_dim": self.z_dim}
            return sizes | {"channels": self.conv_channels}
        return {name: getattr(self, name) for name in _NETWORK}


PRESETS: dict[str, VaeSettings] = {
    # One pass over a clip costs 0.1 GFLOP, a training step three times that: minutes on two cores.
    "quick": VaeSettings(frames=16, conv_channels=64, epochs=12, batch_size=32, patience=3),
    # 8 steps of 16 numbers and nothing recurrent: 20 MFLOP a clip. For scores over windows.
    "steps": VaeSettings(
        architecture="steps", z_dim=16, conv_channels=32, epochs=14, reconstruction_weight=100.0, patience=14
    ),
    # 5 GFLOP a clip: for a GPU, or a night.
    "standard": VaeSettings(),
    # 73 GFLOP a clip; about 22 CPU-days on the paper's 33,000 clips. The images already repeat each value 192 times.
    "paper": VaeSettings(frames=8, literal=True, batch_size=32, reconstruction_weight=1.0, patience=30),
}


def resolve_settings(settings: VaeSettings | str, epochs: int | None = None) -> VaeSettings:
    """
    Settings from a preset's name or as given, with another number of epochs if one is said.

    :param settings: A `VaeSettings`, or a key of `PRESETS`.
    :param epochs: Replaces the number of epochs unless None.
    :return: The settings.
    :raises ValueError: If the name is unknown or `epochs` is out of its range.
    """
    chosen: VaeSettings = preset(PRESETS, settings, "VAE").changed(epochs=epochs)
    return chosen
