"""A trained speaker classifier as an object: decisions about clips, two files, and an ART classifier of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.networks.speaker_classifier import SpeakerClassifier
from art_audio_ext.training.speaker_settings import SPEAKER_RATE, SpeakerSettings
from art_audio_ext.training.speech_model import art_classifier, checked_label_names
from art_audio_ext.training.weight_files import read_weights, weights_checksum, write_weights

if TYPE_CHECKING:
    from art.estimators.classification import PyTorchClassifier

_FORMAT, _SOURCE = "art_audio_ext.SpeakerModel", "`art-audio train speaker`"


class SpeakerModel:
    """
    A trained classifier of speakers, clips of any one length at 16 kHz.

    :param network: Trained; it is put in eval mode.
    :param settings: What it was built and trained with.
    :param label_names: The speakers, by class index.
    :param history: Losses of each epoch.
    """

    sample_rate = SPEAKER_RATE

    def __init__(
        self,
        network: SpeakerClassifier,
        settings: SpeakerSettings,
        label_names: Sequence[str],
        history: list[dict[str, float]] | None = None,
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.settings, self.label_names, self.history = settings, tuple(label_names), list(history or [])

    def predict_proba(self, waveforms: np.ndarray, batch_size: int = 32) -> np.ndarray:
        """
        Mean posterior of the windows of each clip.

        :param waveforms: Sound (N, L) in [-1, 1] at 16 kHz.
        :param batch_size: Clips at a time.
        :return: float32 (N, C), rows sum to 1.
        :raises ValueError: If the sound is not acceptable, or shorter than a window.
        """
        sound = torch.from_numpy(check_waveforms(waveforms))
        device = next(self.network.parameters()).device
        with torch.no_grad():
            parts = [self.network(some.to(device)).softmax(1).cpu() for some in sound.split(batch_size)]
        return torch.cat(parts).numpy()

    def predict(self, waveforms: np.ndarray, batch_size: int = 32) -> np.ndarray:
        """
        Class indices of clips by the summed posteriors of their windows.

        :param waveforms: Sound (N, L) in [-1, 1] at 16 kHz.
        :param batch_size: Clips at a time.
        :return: int64 (N,).
        :raises ValueError: If the sound is not acceptable, or shorter than a window.
        """
        return self.predict_proba(waveforms, batch_size).argmax(1)

    def as_art(self, defences: Sequence[Any] = (), *, length: int, device_type: str = "gpu") -> PyTorchClassifier:
        """
        An ART classifier on waveforms, whose logits are the log of the mean posterior.

        :param defences: Purifiers in the order in which sound meets them.
        :param length: Samples a clip.
        :param device_type: "gpu" where there is one, or "cpu".
        :return: The classifier; it shares this model's network.
        """
        return art_classifier(self.network, len(self.label_names), defences, length=length, device_type=device_type)

    def checksum(self) -> int:
        """A number that tells these weights from others."""
        return weights_checksum(self.network)

    def save(self, path: str | Path) -> Path:
        """
        Write the weights as safetensors, and beside them a JSON of what is needed to rebuild the object.

        :param path: With or without `.safetensors`; the folder is made if absent.
        :return: The path of the weights.
        """
        about = {
            "settings": self.settings.to_dict(),
            "label_names": list(self.label_names),
            "history": self.history,
        }
        return write_weights(self.network, path, _FORMAT, about)

    @classmethod
    def load(cls, path: str | Path) -> SpeakerModel:
        """
        Read what `save` wrote.

        :param path: With or without `.safetensors`.
        :raises FileNotFoundError: If the weights are not there.
        :raises ValueError: If the JSON is missing or either file is damaged or of something else.
        :raises ImportError: If the library of the filters is missing.
        """
        needed = ("settings", "label_names")
        network, about = read_weights(path, _FORMAT, _build, needed, kind="speaker classifier", source=_SOURCE)
        return cls(network, SpeakerSettings.from_dict(about["settings"]), about["label_names"], about["history"])


def _build(about: dict[str, Any]) -> SpeakerClassifier:
    """The network that a JSON describes."""
    names = checked_label_names(about["label_names"])
    settings = SpeakerSettings.from_dict(about["settings"])
    return SpeakerClassifier(settings.architecture, len(names), settings.window, settings.hop, settings.width)
