"""A fixed pattern written over the lowest rows of a clip's spectrogram, and turned back into sound."""

from __future__ import annotations

import numpy as np
import torch


def row_pattern(rows: int, seed: int) -> np.ndarray:
    """
    How loud each row of the pattern is, between a half and one: the same for every clip and every frame.

    :param rows: Number of frequency rows.
    :param seed: For the draw.
    :return: float32 (rows,).
    """
    return np.random.default_rng(seed).uniform(0.5, 1.0, rows).astype(np.float32)


def stamp_rows(x: np.ndarray, pattern: np.ndarray, *, level: float, n_fft: int, hop: int) -> np.ndarray:
    """
    Replace the magnitudes of the lowest rows of the short-time spectrum by a static pattern, keep each clip's phase,
    and invert: the adaptive BadNets baseline of the voice-conversion backdoor paper.

    :param x: Clips, float32 (N, L) in [-1, 1]; not modified.
    :param pattern: Magnitude of each row from row 0 (0 Hz) up, relative to `level`; shape (rows,).
    :param level: Amplitude of a sinusoid whose magnitude in its own row would be that of a pattern value of 1.
    :param n_fft: Window and transform length in samples.
    :param hop: Hop in samples.
    :return: float32 (N, L), clipped to [-1, 1].
    """
    sound = torch.tensor(np.asarray(x), dtype=torch.float32)
    window = torch.hann_window(n_fft)
    spectrum = torch.stft(sound, n_fft, hop, window=window, center=True, pad_mode="constant", return_complex=True)
    rows = spectrum[:, : len(pattern)]
    magnitude = torch.from_numpy(pattern * np.float32(level) * np.float32(n_fft / 4))
    spectrum[:, : len(pattern)] = torch.polar(magnitude[:, None].expand_as(rows).contiguous(), rows.angle())
    stamped = torch.istft(spectrum, n_fft, hop, window=window, center=True, length=sound.shape[1])
    return stamped.clamp(-1, 1).numpy()
