"""Settings of a diffusion model and of its training, and the presets that name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from art_audio_ext.functional.diffusion import DiffusionSchedule
from art_audio_ext.networks import diffwave, mel_diffusion
from art_audio_ext.training.plain_settings import LARGEST, PlainSettings, preset

DOMAINS = ("mel", "wave")
_NETWORK = {
    "mel": ("base", "multipliers", "blocks", "attention", "heads", "dropout"),
    "wave": ("residual_channels", "layers", "dilation_cycle", "skip_channels", "embedding"),
}
_TUPLES = ("multipliers", "attention", "embedding")


@dataclass(frozen=True)
class DiffusionSettings(PlainSettings):
    """
    Everything that decides what is learnt, apart from the sound and the seed.

    :param domain: "mel", the pictures of `speech_mel` (`MelUNet`), or "wave", the waveform itself (`DiffWave`).
    :param base: Of `MelUNet`, as the next five are; another domain ignores them.
    :param multipliers: See `MelUNet`.
    :param blocks: See `MelUNet`.
    :param attention: See `MelUNet`.
    :param heads: See `MelUNet`.
    :param dropout: See `MelUNet`.
    :param residual_channels: Of `DiffWave`, as the next five are; another domain ignores them.
    :param layers: See `DiffWave`.
    :param dilation_cycle: See `DiffWave`.
    :param skip_channels: See `DiffWave`.
    :param embedding: See `DiffWave`.
    :param crop: Samples of a waveform that a training step sees, cut at random; None is all of it.
    :param epochs: Passes over the training clips.
    :param batch_size: Clips a step and a device.
    :param learning_rate: Of AdamW, without decay of the weights.
    :param ema: Decay a step of the averaged weights, which are what the training returns. In its first steps k it is
        (1 + k) / (10 + k), where that is less: an average of few steps must not consist of the first weights.
    :param validation_fraction: Share of the clips held out to note a second loss; none of sets under 200 clips.
    :param steps: Of the `DiffusionSchedule`.
    :param first: Its first variance.
    :param last: Its last variance.
    :raises ValueError: If a value is out of its range.
    """

    kind: ClassVar[str] = "diffusion"

    domain: str = "mel"
    base: int = 32
    multipliers: tuple[int, ...] = (1, 2, 2)
    blocks: int = 1
    attention: tuple[int, ...] = (8,)
    heads: int = 4
    dropout: float = 0.0
    residual_channels: int = 48
    layers: int = 12
    dilation_cycle: int = 6
    skip_channels: int = 48
    embedding: tuple[int, int, int] = (128, 512, 512)
    crop: int | None = None
    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    ema: float = 0.999
    validation_fraction: float = 0.05
    steps: int = 200
    first: float = 1e-4
    last: float = 0.02

    def __post_init__(self) -> None:
        self.check_choice("domain", DOMAINS)
        self.check_sizes("base", "blocks", "heads", "residual_channels", "layers", "dilation_cycle", "skip_channels")
        self.check_sizes("epochs", "batch_size")
        for name in _TUPLES:
            self._check_tuple(name)
        if self.crop is not None and (isinstance(self.crop, bool) or not isinstance(self.crop, int) or self.crop < 1):
            raise ValueError(f"diffusion setting crop must be a positive whole number or None, got {self.crop!r}")
        self.check_numbers("learning_rate")
        self.check_numbers("dropout", "ema", "validation_fraction", zero=True)
        for name in ("dropout", "ema", "validation_fraction"):
            if getattr(self, name) >= 1:
                raise ValueError(f"diffusion setting {name} must lie in [0, 1), got {getattr(self, name)!r}")
        self.schedule()

    def schedule(self) -> DiffusionSchedule:
        """The variances of the steps."""
        return DiffusionSchedule(self.steps, self.first, self.last)

    def network_arguments(self) -> dict[str, Any]:
        """The part that the constructor of the domain's network takes."""
        return {name: getattr(self, name) for name in _NETWORK[self.domain]}

    def _check_tuple(self, name: str) -> None:
        """A list, as JSON has it, becomes a tuple of whole numbers."""
        value = getattr(self, name)
        whole = isinstance(value, (list, tuple)) and all(
            isinstance(v, int) and not isinstance(v, bool) and 1 <= v <= LARGEST for v in value
        )
        length = 3 if name == "embedding" else None
        if not whole or (length is not None and len(value) != length) or len(value) > 6:
            wanted = "3" if length else "up to 6"
            raise ValueError(
                f"diffusion setting {name} must be {wanted} whole numbers from 1 to {LARGEST}, got {value!r}"
            )
        object.__setattr__(self, name, tuple(value))


PRESETS: dict[tuple[str, str], DiffusionSettings] = {
    # 22 ms a clip and epoch on one core: ten minutes for 2,650 clips.
    ("mel", "quick"): DiffusionSettings(**mel_diffusion.SIZES["small"]),
    # 10 million weights, 3.1 GFLOP a picture: for a GPU, or a night.
    ("mel", "standard"): DiffusionSettings(
        base=64,
        multipliers=(1, 2, 2, 2),
        blocks=2,
        attention=(16, 8),
        dropout=0.1,
        epochs=60,
        learning_rate=3e-4,
    ),
    # The paper does not say for how long.
    ("mel", "paper"): DiffusionSettings(
        **mel_diffusion.SIZES["full"], epochs=200, batch_size=64, learning_rate=1e-4, ema=0.9999
    ),
    # A quarter of each clip a step: the layers see 255 samples to either side, so there is little in more. By its
    # first epoch 25 ms a clip and epoch on one core in half precision: nine minutes for 2,650 clips.
    ("wave", "quick"): DiffusionSettings(
        "wave", **diffwave.SIZES["tiny"], crop=4000, epochs=8, batch_size=16, learning_rate=2e-3
    ),
    # The sizes of the smaller of the two published vocoders, 31 GFLOP a clip: for a GPU, or a night.
    ("wave", "standard"): DiffusionSettings(
        "wave",
        residual_channels=64,
        layers=30,
        dilation_cycle=10,
        skip_channels=64,
        epochs=60,
        batch_size=16,
        learning_rate=2e-4,
    ),
    # Published for 31,000 clips: rate, batch and a million steps, which are 500 epochs. 1.8 TFLOP a clip and epoch.
    ("wave", "paper"): DiffusionSettings(
        "wave", **diffwave.SIZES["full"], epochs=500, batch_size=16, learning_rate=2e-4, ema=0.9999
    ),
}


def resolve_settings(
    domain: str, settings: DiffusionSettings | str = "quick", epochs: int | None = None
) -> DiffusionSettings:
    """
    Settings from a preset's name or as given, with another number of epochs if one is said.

    :param domain: "mel" or "wave".
    :param settings: A `DiffusionSettings` of that domain, or "quick", "standard" or "paper".
    :param epochs: Replaces the number of epochs unless None.
    :return: The settings.
    :raises ValueError: If a name is unknown, the settings are of the other domain or `epochs` is out of its range.
    """
    if domain not in DOMAINS:
        raise ValueError(f"unknown diffusion domain {domain!r}: choose {', '.join(DOMAINS)}")
    known = {name: value for (where, name), value in PRESETS.items() if where == domain}
    chosen: DiffusionSettings = preset(known, settings, "diffusion").changed(epochs=epochs)
    if chosen.domain != domain:
        raise ValueError(f"the settings are for domain {chosen.domain!r}, not {domain!r}: give one or the other")
    return chosen
