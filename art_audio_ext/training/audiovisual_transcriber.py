"""An audiovisual recogniser of sentences as ART's kind of speech recogniser."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from art.estimators.pytorch import PyTorchEstimator
from art.estimators.speech_recognition.speech_recognizer import SpeechRecognizerMixin
from torch import Tensor, nn

from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.ctc import LabelCodes, greedy_decode
from art_audio_ext.functional.ctc_loss import clip_ctc_losses, frames_needed


class SentenceRecogniser(SpeechRecognizerMixin, PyTorchEstimator):
    """
    Rows in, sentences out.

    :param model: Rows (N, D) to logits (N, T, C) with the blank first; it is shared.
    :param layout: Of the rows.
    :param codes: Of the sentences.
    :param device_type: "gpu" where there is one, or "cpu".
    """

    estimator_params = [*PyTorchEstimator.estimator_params, "layout", "codes"]  # noqa: RUF012  # ART's own form

    def __init__(
        self, model: nn.Module, layout: AudioVisualLayout, codes: LabelCodes, *, device_type: str = "gpu"
    ) -> None:
        super().__init__(model=model, clip_values=layout.clip_values(), channels_first=None, device_type=device_type)
        self.layout, self.codes = layout, codes
        model.to(self._device)

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        place: torch.device = self._device
        return place

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one row."""
        return (self.layout.length,)

    def logits(self, rows: Tensor) -> Tensor:
        """
        Differentiable logits, the model in eval mode.

        :param rows: float32 (n, D) on any device.
        :return: Shape (n, T, C).
        """
        self.model.eval()
        output: Tensor = self.model(rows.to(self.device))
        return output

    def target(self, sentences: Any, count: int) -> tuple[Tensor, Tensor]:
        """
        Sentences as codes.

        :param sentences: One for all clips, or one a clip.
        :param count: Clips.
        :return: Codes (count, L) that zeros fill up, and how many each has (count,).
        :raises ValueError: If there are another number, or one is unknown or too long for the frames.
        """
        texts = [sentences] * count if isinstance(sentences, str) else [str(text) for text in np.ravel(sentences)]
        if len(texts) != count:
            raise ValueError(f"y has {len(texts)} sentences for {count} clips: give one, or one a clip")
        encoded = []
        for text in texts:
            try:
                encoded.append(self.codes.encode(text).tolist())
            except ValueError as error:
                raise ValueError(f"y: {error}") from error
            if (needed := frames_needed(encoded[-1])) > self.layout.frames:
                raise ValueError(f"y: {text!r} needs {needed} frames, clips have {self.layout.frames}")
        lengths = torch.tensor([len(one) for one in encoded])
        codes = torch.tensor([one + [0] * (int(lengths.max()) - len(one)) for one in encoded])
        return codes, lengths

    def predict(self, x: np.ndarray, batch_size: int = 16, **kwargs: Any) -> np.ndarray:
        """
        Sentences by best path.

        :param x: Rows (N, D).
        :param batch_size: Rows at a time.
        :param kwargs: Not used.
        :return: str (N,).
        :raises ValueError: If the rows are not acceptable.
        """
        rows = torch.from_numpy(self.layout.check_rows(x))
        with torch.no_grad():
            logits = torch.cat([self.logits(some).float().cpu() for some in rows.split(batch_size)]).numpy()
        return np.array([self.codes.decode(greedy_decode(clip)) for clip in logits])

    def loss_gradient(self, x: np.ndarray, y: Any, **kwargs: Any) -> np.ndarray:
        """
        Gradient of each clip's CTC loss.

        :param x: Rows (N, D).
        :param y: Sentences, as `target` takes them.
        :param kwargs: Not used.
        :return: float32 (N, D).
        :raises ValueError: If the rows or the sentences are not acceptable.
        """
        rows = torch.from_numpy(self.layout.check_rows(x)).to(self.device).requires_grad_()
        codes, lengths = self.target(y, len(rows))
        loss = clip_ctc_losses(self.logits(rows), codes.to(self.device), lengths).sum()
        slope: np.ndarray = torch.autograd.grad(loss, rows)[0].cpu().numpy()
        return slope

    def fit(self, x: np.ndarray, y: Any, batch_size: int = 16, nb_epochs: int = 20, **kwargs: Any) -> None:
        """
        Not here.

        :raises NotImplementedError: Always: `train_recogniser` trains.
        """
        raise NotImplementedError("a SentenceRecogniser is trained already: use train_recogniser")

    def get_activations(
        self, x: np.ndarray, layer: int | str, batch_size: int = 16, framework: bool = False
    ) -> np.ndarray:
        """
        Not here.

        :raises NotImplementedError: Always.
        """
        raise NotImplementedError("a SentenceRecogniser does not show its layers")
