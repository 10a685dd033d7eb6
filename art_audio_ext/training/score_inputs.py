"""Windows of clips as scores take them: which kinds there are, and the steps of a sequential encoder."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from tqdm.auto import tqdm

from art_audio_ext.training.vae_data import checked_batches

TOKENS = ("pca", "vae")


class StepEncoder(Protocol):
    """Anything that turns sound into one vector a step, such as an `AudioVae`."""

    def encode_steps(self, waveforms: np.ndarray) -> np.ndarray:
        """Latents (T, N, D) of waveforms (N, L)."""
        ...


def check_tokens(tokens: object) -> None:
    """
    Refuse what is no kind of windows.

    :param tokens: To be one of `TOKENS`.
    :raises ValueError: If it is not.
    """
    if tokens not in TOKENS:
        raise ValueError(f"tokens must be one of {', '.join(TOKENS)}, got {tokens!r}")


def encode_windows(
    encoder: StepEncoder, waveforms: np.ndarray, batch_size: int = 256, progress: bool = False
) -> np.ndarray:
    """
    Steps of a sequential encoder, a batch of clips at a time, so that a memory map never comes into memory as a whole.

    :param encoder: With `encode_steps`.
    :param waveforms: Shape (N, L), an array or a memory map.
    :param batch_size: Clips at a time.
    :param progress: Show a progress bar.
    :return: Shape (T, N, D).
    :raises ValueError: If the encoder has no steps or does not give (T, n, D) for n clips, or the sound is not
        acceptable.
    """
    if not hasattr(encoder, "encode_steps"):
        raise ValueError(
            f"{type(encoder).__name__} has no encode_steps, as an AudioVae has: give another encoder, or take windows "
            f"of the log-mel (tokens pca)"
        )
    parts: list[np.ndarray] = []
    with tqdm(total=len(waveforms), desc="encoding", unit="clip", disable=not progress) as bar:
        for batch in checked_batches(waveforms, batch_size):
            part = np.asarray(encoder.encode_steps(batch))
            if part.ndim != 3 or part.shape[1] != len(batch):
                raise ValueError(f"the encoder gave shape {part.shape} for {len(batch)} clips, expected (T, N, D)")
            parts.append(part)
            bar.update(len(batch))
    return np.concatenate(parts, axis=1)
