"""A trained diffusion model as an object that predicts noise in sound or in its log-mels, and its two files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from art_audio_ext.functional.checks import check_sample_rate
from art_audio_ext.functional.diffusion import DiffusionSchedule
from art_audio_ext.networks.diffwave import DiffWave
from art_audio_ext.networks.mel_diffusion import MelUNet
from art_audio_ext.training.diffusion_settings import DiffusionSettings
from art_audio_ext.training.diffwave_checkpoint import read_public_checkpoint
from art_audio_ext.training.weight_files import read_weights, write_weights

NoisePredictor = DiffWave | MelUNet
_FORMAT = "art_audio_ext.AudioDiffusion"
_PUBLIC_RATE = 16000  # of the sound that the published weights know


def build_network(settings: DiffusionSettings) -> NoisePredictor:
    """
    :param settings: Say which network, and its sizes.
    :return: The network with fresh weights.
    :raises ImportError: If it is for log-mels and diffusers is not installed.
    :raises ValueError: If its sizes cannot be.
    """
    if settings.domain == "wave":
        return DiffWave(**settings.network_arguments())
    return MelUNet(**settings.network_arguments())


class AudioDiffusion:
    """
    A trained diffusion model. Its weights are fixed; gradients with respect to its input are exact.

    :param network: Trained; it is put in eval mode.
    :param settings: What it was built and trained with.
    :param sample_rate: Of the sound it knows, in Hz.
    :param history: Losses of each epoch.
    """

    def __init__(
        self,
        network: NoisePredictor,
        settings: DiffusionSettings,
        sample_rate: int,
        history: list[dict[str, float]] | None = None,
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.settings = settings
        self.sample_rate = check_sample_rate(sample_rate)
        self.history = list(history or [])

    @property
    def schedule(self) -> DiffusionSchedule:
        """The variances of the steps that it knows."""
        return self.settings.schedule()

    def to(self, device: str | torch.device) -> AudioDiffusion:
        """
        Move the network to a device, where `predict_noise` then wants its input.

        :return: Itself.
        """
        self.network.to(device)
        return self

    def predict_noise(self, x: Tensor, t: int | Tensor) -> Tensor:
        """
        The noise in x, each clip's its own, whatever the batch. Differentiable with respect to x.

        :param x: What `functional.diffusion.diffuse` gave: sound (N, L), or pictures (N, 1, 32, 32) in the mel domain.
        :param t: A step from 1 to `schedule.steps` for all, or integers of shape (N,).
        :return: The shape of `x`.
        :raises ValueError: If a shape is another, or t is no such step.
        """
        self.schedule.check_step(t)
        if not isinstance(t, Tensor):
            t = torch.full((len(x),), int(t), device=x.device)
        noise: Tensor = self.network(x, t.to(x.device))
        return noise

    def save(self, path: str | Path) -> Path:
        """
        Write the weights as safetensors, and beside them a JSON of what is needed to rebuild the object.

        :param path: With or without `.safetensors`; the folder is made if absent.
        :return: The path of the weights.
        """
        about = {"sample_rate": self.sample_rate, "settings": self.settings.to_dict(), "history": self.history}
        return write_weights(self.network, path, _FORMAT, about)

    @classmethod
    def load(cls, path: str | Path) -> AudioDiffusion:
        """
        Read what `save` wrote.

        :param path: With or without `.safetensors`.
        :raises FileNotFoundError: If the weights are not there.
        :raises ValueError: If the JSON is missing or either file is damaged or of something else.
        :raises ImportError: If it is for log-mels and diffusers is not installed.
        """

        def build(about: dict[str, Any]) -> NoisePredictor:
            check_sample_rate(about["sample_rate"])
            return build_network(DiffusionSettings.from_dict(about["settings"]))

        needed = ("sample_rate", "settings")
        network, about = read_weights(
            path, _FORMAT, build, needed, kind="diffusion model", source="`art-audio train diffusion`"
        )
        return cls(network, DiffusionSettings.from_dict(about["settings"]), about["sample_rate"], about["history"])

    @classmethod
    def from_diffwave_checkpoint(cls, path: str | Path) -> AudioDiffusion:
        """
        The published DiffWave of spoken digits, from its file: see `read_public_checkpoint`.

        Its schedule is the default one. What it was trained with is not in the file: the settings say nothing of that.

        :param path: Of the file, `.pkl` or `.pt`.
        :raises FileNotFoundError: If there is no such file.
        :raises ValueError: If it is damaged, or holds anything but finite weights of that network.
        """
        network = read_public_checkpoint(path)
        settings = DiffusionSettings(
            "wave",
            residual_channels=network.residual_channels,
            layers=network.layers,
            dilation_cycle=network.dilation_cycle,
            skip_channels=network.skip_channels,
            embedding=network.embedding,
        )
        return cls(network, settings, _PUBLIC_RATE)
