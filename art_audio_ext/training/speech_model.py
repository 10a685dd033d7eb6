"""A trained speech-command classifier as an object: predictions, two files, and an ART classifier of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.functional.front_end import SPEECH_MEL_RATE
from art_audio_ext.networks.speech_classifiers import SpeechClassifier
from art_audio_ext.training.classifier_settings import ClassifierSettings
from art_audio_ext.training.clip_model import ClipModel, checked_label_names
from art_audio_ext.training.weight_files import read_weights

if TYPE_CHECKING:
    from art.estimators.classification import PyTorchClassifier

_SOURCE = "`art-audio train classifier`"


class SpeechModel(ClipModel[ClassifierSettings]):
    """
    A trained classifier of speech commands, one second at 16 kHz.

    :param network: Trained; it is put in eval mode.
    :param settings: What it was built and trained with.
    :param label_names: By class index.
    :param history: Losses of each epoch.
    """

    FORMAT = "art_audio_ext.SpeechModel"
    sample_rate = SPEECH_MEL_RATE

    def predict(self, waveforms: np.ndarray, batch_size: int = 128) -> np.ndarray:
        """
        Class indices of clips, without any defence.

        :param waveforms: Sound (N, L) in [-1, 1].
        :param batch_size: Clips at a time.
        :return: int64 (N,).
        :raises ValueError: If the sound is not acceptable.
        """
        sound = torch.from_numpy(check_waveforms(waveforms))
        device = next(self.network.parameters()).device
        with torch.no_grad():
            parts = [self.network(some.to(device)).argmax(1).cpu() for some in sound.split(batch_size)]
        return torch.cat(parts).numpy()

    def as_art(
        self, defences: Sequence[Any] = (), *, length: int = 16000, device_type: str = "gpu"
    ) -> PyTorchClassifier:
        """
        An ART classifier on waveforms, with PyTorch preprocessing before it.

        :param defences: Purifiers in the order in which sound meets them.
        :param length: Samples a clip.
        :param device_type: "gpu" where there is one, or "cpu".
        :return: The classifier; it shares this model's network.
        """
        return super().as_art(defences, length=length, device_type=device_type)

    def copy_network(self, classes: int, floor_sigma: float) -> SpeechClassifier:
        """
        The network anew with the same weights, to be trained further.

        :param classes: How many labels it shall have.
        :param floor_sigma: Of its pictures.
        :return: In train mode.
        :raises ValueError: If this one has another number.
        """
        if classes != len(self.label_names):
            raise ValueError(f"the model knows {len(self.label_names)} labels, the data have {classes}")
        network = SpeechClassifier(self.settings.architecture, classes, self.settings.width, floor_sigma)
        network.load_state_dict(self.network.state_dict())
        return network.train()

    @classmethod
    def load(cls, path: str | Path) -> SpeechModel:
        """
        Read what `save` wrote.

        :param path: With or without `.safetensors`.
        :raises FileNotFoundError: If the weights are not there.
        :raises ValueError: If the JSON is missing or either file is damaged or of something else.
        """
        needed = ("settings", "label_names")
        network, about = read_weights(path, cls.FORMAT, _build, needed, kind="classifier", source=_SOURCE)
        return cls(network, ClassifierSettings.from_dict(about["settings"]), about["label_names"], about["history"])


def _build(about: dict[str, Any]) -> SpeechClassifier:
    """The network that a JSON describes."""
    names = checked_label_names(about["label_names"])
    settings = ClassifierSettings.from_dict(about["settings"])
    return SpeechClassifier(settings.architecture, len(names), settings.width, settings.floor_sigma)
