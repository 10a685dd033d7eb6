"""A trained audiovisual recogniser as an object: words or sentences of rows, two files, and ART estimators of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.ctc import LabelCodes, beam_decode, greedy_decode
from art_audio_ext.networks.audiovisual_recogniser import AudioVisualRecogniser
from art_audio_ext.networks.audiovisual_row import RowModel
from art_audio_ext.training.audiovisual_settings import RecogniserSettings
from art_audio_ext.training.clip_model import checked_label_names
from art_audio_ext.training.weight_files import read_weights, weights_checksum, write_weights

if TYPE_CHECKING:
    from art.estimators.classification import PyTorchClassifier

    from art_audio_ext.training.audiovisual_transcriber import SentenceRecogniser

_FORMAT, _SOURCE = "art_audio_ext.RecogniserModel", "train_recogniser"


class RecogniserModel:
    """
    A trained recogniser of words, or of sentences.

    :param network: Trained; it is put in eval mode.
    :param settings: What it was built and trained with.
    :param layout: Of the rows that it takes.
    :param labels: Names of the words by class index, or the codes of sentences.
    :param history: Losses of each epoch.
    """

    def __init__(
        self,
        network: AudioVisualRecogniser,
        settings: RecogniserSettings,
        layout: AudioVisualLayout,
        labels: tuple[str, ...] | LabelCodes,
        history: list[dict[str, float]] | None = None,
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.settings, self.layout, self.history = settings, layout, list(history or [])
        self.codes = labels if isinstance(labels, LabelCodes) else None
        self.label_names = () if isinstance(labels, LabelCodes) else tuple(labels)
        self.model = RowModel(self.network, layout)

    @property
    def head(self) -> str:
        """What it recognises: "word" or "sentence"."""
        return self.network.head

    def logits(self, rows: np.ndarray, batch_size: int = 16) -> np.ndarray:
        """
        What the network says, without any defence.

        :param rows: float32 (N, D).
        :param batch_size: Rows at a time.
        :return: float32 (N, classes) of words, or (N, T, codes with the blank first) of sentences.
        :raises ValueError: If the rows are not acceptable.
        """
        clips = torch.from_numpy(self.layout.check_rows(rows))
        device = next(self.network.parameters()).device
        with torch.no_grad():
            return torch.cat([self.model(some.to(device)).cpu() for some in clips.split(batch_size)]).numpy()

    def predict(self, rows: np.ndarray, batch_size: int = 16) -> np.ndarray:
        """
        Class indices of word clips.

        :param rows: float32 (N, D).
        :param batch_size: Rows at a time.
        :return: int64 (N,).
        :raises ValueError: If the rows are not acceptable, or this is a recogniser of sentences.
        """
        if self.head != "word":
            raise ValueError("this recogniser knows sentences, not words: ask for its transcripts")
        return self.logits(rows, batch_size).argmax(1)

    def transcripts(self, rows: np.ndarray, beam: int | None = None, batch_size: int = 16) -> list[str]:
        """
        What is said in clips, as text.

        :param rows: float32 (N, D).
        :param beam: Width of a beam search; None takes the best path.
        :param batch_size: Rows at a time.
        :return: A sentence each, or the word's name.
        :raises ValueError: If the rows are not acceptable, or the width is not positive.
        """
        logits = self.logits(rows, batch_size)
        if self.codes is None:
            return [self.label_names[k] for k in logits.argmax(1)]
        decode = greedy_decode if beam is None else lambda clip: beam_decode(clip, beam)[0][0]
        return [self.codes.decode(decode(clip)) for clip in logits]

    def as_art(self, *, device_type: str = "gpu") -> PyTorchClassifier:
        """
        An ART classifier of word clips on rows; it shares this model's network.

        :param device_type: "gpu" where there is one, or "cpu".
        :raises ValueError: If this is a recogniser of sentences.
        """
        if self.head != "word":
            raise ValueError("this recogniser knows sentences: ask for as_transcriber")
        from art.estimators.classification import PyTorchClassifier  # takes seconds to import

        return PyTorchClassifier(
            self.model,
            torch.nn.CrossEntropyLoss(),
            (self.layout.length,),
            len(self.label_names),
            clip_values=self.layout.clip_values(),
            device_type=device_type,
        )

    def as_transcriber(self, *, device_type: str = "gpu") -> SentenceRecogniser:
        """
        An ART speech recogniser of sentences on rows; it shares this model's network.

        :param device_type: "gpu" where there is one, or "cpu".
        :raises ValueError: If this is a recogniser of words.
        """
        if self.codes is None:
            raise ValueError("this recogniser knows words: ask for as_art")
        from art_audio_ext.training.audiovisual_transcriber import SentenceRecogniser  # ART takes seconds to import

        return SentenceRecogniser(self.model, self.layout, self.codes, device_type=device_type)

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
            "layout": self.layout.to_dict(),
            "head": self.head,
            "labels": list(self.label_names) if self.codes is None else self.codes.to_dict(),
            "history": self.history,
        }
        return write_weights(self.network, path, _FORMAT, about)

    @classmethod
    def load(cls, path: str | Path) -> RecogniserModel:
        """
        Read what `save` wrote.

        :param path: With or without `.safetensors`.
        :raises FileNotFoundError: If the weights are not there.
        :raises ValueError: If the JSON is missing or either file is damaged or of something else.
        """
        needed = ("settings", "layout", "head", "labels")
        network, about = read_weights(path, _FORMAT, _build, needed, kind="recogniser", source=_SOURCE)
        settings = RecogniserSettings.from_dict(about["settings"])
        return cls(network, settings, AudioVisualLayout.from_dict(about["layout"]), _labels(about), about["history"])


def _build(about: dict[str, Any]) -> AudioVisualRecogniser:
    """The network that a JSON describes."""
    settings, labels = RecogniserSettings.from_dict(about["settings"]), _labels(about)
    AudioVisualLayout.from_dict(about["layout"])
    outputs = labels.outputs if isinstance(labels, LabelCodes) else len(labels)
    return AudioVisualRecogniser(outputs, head=about["head"], **settings.sizes())


def _labels(about: dict[str, Any]) -> tuple[str, ...] | LabelCodes:
    """Names of words, or codes of sentences, as the head needs them."""
    if about["head"] == "sentence":
        return LabelCodes.from_dict(about["labels"])
    return tuple(checked_label_names(about["labels"]))
