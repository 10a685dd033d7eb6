"""How a filter or an audit comes by its encoder, given or loaded, and by the latents of its clips."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm.auto import tqdm

from art_audio_ext.training.vae_data import checked_batches


class Encoder(Protocol):
    """Anything that turns sound into latents, such as an `AudioVae`."""

    def encode(self, waveforms: np.ndarray) -> np.ndarray:
        """Latents (N, D) of waveforms (N, L)."""
        ...


def check_encoder(vae: object, sample_rate: int) -> None:
    """
    Refuse what cannot be an encoder of sound at `sample_rate`; a file is not opened.

    :param vae: An object with `encode`, a file name, or None.
    :param sample_rate: Of the clips, in Hz.
    :raises ValueError: If it is none of these, or was trained at another rate.
    """
    if not (vae is None or isinstance(vae, (str, Path)) or hasattr(vae, "encode")):
        raise ValueError(f"vae must be a trained encoder, a file or None, got {type(vae).__name__}")
    rate = getattr(vae, "sample_rate", sample_rate)
    if rate != sample_rate:
        raise ValueError(
            f"the VAE was trained at {rate} Hz but the clips are at {sample_rate} Hz: "
            f"load the clips at {rate} Hz, or train another VAE"
        )


def load_encoder(vae: Encoder | str | Path, sample_rate: int) -> Encoder:
    """
    Open the file of a VAE, or take one as it is, and check its sample rate.

    :param vae: An object with `encode`, or the file of an `AudioVae`.
    :param sample_rate: Of the clips, in Hz.
    :return: The encoder.
    :raises FileNotFoundError: If there is no such file.
    :raises ValueError: If the file is not that of a VAE, or the VAE was trained at another rate.
    """
    if isinstance(vae, (str, Path)):
        from art_audio_ext.training.vae import AudioVae  # slow to import, and not needed for one that is given

        encoder: Encoder = AudioVae.load(Path(vae))
    else:
        encoder = vae
    check_encoder(encoder, sample_rate)
    return encoder


def encode_all(encoder: Encoder, waveforms: np.ndarray, batch_size: int = 256, progress: bool = False) -> np.ndarray:
    """
    Encode clips a batch at a time, so that a memory map never comes into memory as a whole.

    :param encoder: With `encode`.
    :param waveforms: Shape (N, L), an array or a memory map.
    :param batch_size: Clips at a time.
    :param progress: Show a progress bar.
    :return: Latents (N, D).
    :raises ValueError: If the sound is not acceptable, or the encoder does not give one vector a clip.
    """
    latents: list[np.ndarray] = []
    with tqdm(total=len(waveforms), desc="encoding", unit="clip", disable=not progress) as bar:
        for batch in checked_batches(waveforms, batch_size):
            latents.append(np.asarray(encoder.encode(batch)))
            if latents[-1].ndim != 2 or len(latents[-1]) != len(batch):
                raise ValueError(f"the encoder gave shape {latents[-1].shape} for {len(batch)} clips, expected (N, D)")
            bar.update(len(batch))
    return np.concatenate(latents)
