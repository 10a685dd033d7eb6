"""What trained classifiers of whole clips share: posteriors, decisions, the two files, and an ART classifier."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
import torch

from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.training.plain_settings import PlainSettings
from art_audio_ext.training.speech_model import art_classifier
from art_audio_ext.training.weight_files import weights_checksum, write_weights

if TYPE_CHECKING:
    from art.estimators.classification import PyTorchClassifier

Settings = TypeVar("Settings", bound=PlainSettings)


class PosteriorModel(Generic[Settings]):
    """
    A network whose output is the logarithm of probabilities; `FORMAT` is what its JSON says it is.

    :param network: Trained; it is put in eval mode.
    :param settings: What it was built and trained with.
    :param label_names: By class index.
    :param history: Losses of each epoch.
    """

    FORMAT: ClassVar[str] = ""
    sample_rate: int

    def __init__(
        self,
        network: torch.nn.Module,
        settings: Settings,
        label_names: Sequence[str],
        history: list[dict[str, float]] | None = None,
    ) -> None:
        self.network: Any = network.eval().requires_grad_(False)
        self.settings, self.label_names, self.history = settings, tuple(label_names), list(history or [])

    def predict_proba(self, waveforms: np.ndarray, batch_size: int = 32) -> np.ndarray:
        """
        Mean posterior of the windows, or chunks, of each clip.

        :param waveforms: Sound (N, L) in [-1, 1] at the model's sample rate.
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
        Class indices of clips by these posteriors.

        :param waveforms: Sound (N, L) in [-1, 1] at the model's sample rate.
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
        return write_weights(self.network, path, self.FORMAT, self.about())

    def about(self) -> dict[str, Any]:
        """What the JSON says, in plain types."""
        return {
            "settings": self.settings.to_dict(),
            "label_names": list(self.label_names),
            "history": self.history,
        }
