"""Sound with the loudness taken out of every moment and band, so that what is left is its fine structure in time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

WINDOW_SECONDS = 0.032
EDGE_SECONDS = 0.004  # a clip cut off in the middle of a sound has a step there, the same in every such clip
LOWEST_HZ = 90.0
NEIGHBOURS = 9  # frames and bands over which a level is averaged
_FLOOR = 1e-5  # of the magnitude: digital silence stays silent


def flatten_sound(waveforms: np.ndarray, sample_rate: int = 16000, batch_size: int = 256) -> Tensor:
    """
    Divide each cell of the short-time spectrum by the mean magnitude around it, and go back to sound.

    Speech and noise of different recordings are then unrelated wherever they are compared, loud or quiet, while a
    sound that was added to several of them unchanged still agrees with itself sample by sample, whatever its level.

    :param waveforms: Shape (N, L) in [-1, 1].
    :param sample_rate: In Hz.
    :param batch_size: Clips at a time.
    :return: float32 (N, L); each clip has unit energy, or is 0 where it was silent.
    """
    size = max(16, 2 ** round(np.log2(WINDOW_SECONDS * sample_rate)))
    edge = min(max(1, round(EDGE_SECONDS * sample_rate)), waveforms.shape[1] // 4)
    lowest = max(1, round(LOWEST_HZ * size / sample_rate))
    flat = torch.empty(waveforms.shape, dtype=torch.float32)
    for start in range(0, len(waveforms), batch_size):
        batch = torch.from_numpy(np.array(waveforms[start : start + batch_size], dtype=np.float32))
        sound = _flatten(batch, size, lowest)
        sound[:, :edge] = 0
        sound[:, batch.shape[1] - edge :] = 0
        flat[start : start + len(batch)] = sound / sound.norm(dim=1, keepdim=True).clamp(min=1e-6)
    return flat


def _flatten(batch: Tensor, size: int, lowest: int) -> Tensor:
    """One batch, before its edges are cut and its energy set."""
    window, hop, around = torch.hann_window(size), size // 4, NEIGHBOURS // 2
    spectrum = torch.stft(batch, size, hop, window=window, pad_mode="constant", return_complex=True)
    mean = torch.nn.functional.avg_pool2d(spectrum.abs()[:, None], NEIGHBOURS, 1, around, count_include_pad=False)
    spectrum = spectrum / (mean[:, 0] + _FLOOR)
    spectrum[:, :lowest] = 0
    return torch.istft(spectrum, size, hop, window=window, length=batch.shape[1])
