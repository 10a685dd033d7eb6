"""What trained classifiers of whole clips share: labels, the two files, and an ART classifier."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import torch

from art_audio_ext.training.plain_settings import PlainSettings
from art_audio_ext.training.weight_files import weights_checksum, write_weights

if TYPE_CHECKING:
    from art.estimators.classification import PyTorchClassifier

Settings = TypeVar("Settings", bound=PlainSettings)


class ClipModel(Generic[Settings]):
    """
    A trained network, its settings and its labels; `FORMAT` is what its JSON says it is.

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

    def as_art(self, defences: Sequence[Any] = (), *, length: int, device_type: str = "gpu") -> PyTorchClassifier:
        """
        An ART classifier on waveforms, with PyTorch preprocessing before it.

        :param defences: Purifiers in the order in which sound meets them.
        :param length: Samples a clip.
        :param device_type: "gpu" where there is one, or "cpu".
        :return: The classifier; it shares this model's network.
        """
        from art.estimators.classification import PyTorchClassifier  # takes seconds to import

        return PyTorchClassifier(
            self.network,
            torch.nn.CrossEntropyLoss(),
            (length,),
            len(self.label_names),
            clip_values=(-1.0, 1.0),
            preprocessing_defences=list(defences) or None,
            device_type=device_type,
        )

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


def checked_label_names(names: Any) -> list[str]:
    """
    :param names: What a JSON says.
    :return: It.
    :raises ValueError: If it is no list of two names or more.
    """
    if not isinstance(names, list) or len(names) < 2 or not all(isinstance(name, str) for name in names):
        raise ValueError("label_names of a classifier must be a list of two names or more: copy its JSON again")
    return names
