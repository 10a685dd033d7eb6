"""Trained classifiers whose output is the logarithm of probabilities: posteriors of clips, and decisions by them."""

from __future__ import annotations

import numpy as np
import torch

from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.training.clip_model import ClipModel, Settings


class PosteriorModel(ClipModel[Settings]):
    """A `ClipModel` of mean posteriors over windows or chunks; the logits of its ART classifier are their logarithm."""

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
