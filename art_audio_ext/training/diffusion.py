"""Training of diffusion models, from waveforms to an `AudioDiffusion`, resumable and free of global state."""

from __future__ import annotations

import zlib
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from art_audio_ext.functional.checks import check_sample_rate, check_waveforms
from art_audio_ext.functional.front_end import SPEECH_MEL_HOP, SPEECH_MEL_RATE, speech_mel
from art_audio_ext.functional.streaming import release_pages
from art_audio_ext.networks.mel_diffusion import SIDE
from art_audio_ext.training.audio_diffusion import AudioDiffusion, build_network
from art_audio_ext.training.diffusion_settings import PRESETS, DiffusionSettings, resolve_settings
from art_audio_ext.training.runs import check_seed, loader, run_training, seeded
from art_audio_ext.training.vae_data import CACHE_BYTES, LogMelRows, checked_batches, hold_out

__all__ = ["PRESETS", "AudioDiffusion", "DiffusionSettings", "train_diffusion"]


def train_diffusion(
    waveforms: np.ndarray,
    sample_rate: int,
    domain: str,
    settings: DiffusionSettings | str = "quick",
    *,
    seed: int,
    epochs: int | None = None,
    checkpoint_dir: Path | None = None,
    progress: bool = True,
    accelerator: str = "auto",
    devices: int = 1,
    precision: str = "float32",
) -> AudioDiffusion:
    """
    Train a network to predict the noise in sound, or in its log-mels. Labels are not needed.

    With `checkpoint_dir`, every epoch is kept, and the same call after an interruption goes on from the last whole
    epoch to the same weights, bit for bit on the CPU with as many threads.

    :param waveforms: Sound of shape (N, L) in [-1, 1]; an array or a memory map.
    :param sample_rate: In Hz; in the mel domain 16000.
    :param domain: "mel" for the pictures of `speech_mel`, "wave" for the waveform itself.
    :param settings: A `DiffusionSettings` of that domain, or the name of a preset: "quick", "standard", "paper".
    :param seed: Of the first weights, the order, the noise and dropout; not negative.
    :param epochs: Replaces the number in the settings.
    :param checkpoint_dir: Where checkpoints lie; None keeps none.
    :param progress: Show a bar.
    :param accelerator: "auto", "cpu", "gpu" or another that Lightning knows.
    :param devices: How many of them; more than one trains data-parallel.
    :param precision: Of the arithmetic, "float32" or "bfloat16"; weights are kept in 32 bits.
    :return: The model on the CPU, with the averaged weights after the last epoch.
    :raises ImportError: If the domain is "mel" and diffusers is not installed.
    :raises ValueError: If the sound, the settings, the device or the checkpoints will not do.
    """
    number, rate = check_seed(seed), check_sample_rate(sample_rate)
    chosen = resolve_settings(domain, settings, epochs)
    network = seeded(partial(build_network, chosen), number)
    rows = ClipRows(waveforms, rate, chosen)
    learn, judge = hold_out(len(rows), chosen.validation_fraction, number)
    fingerprint = {
        "settings": {**chosen.to_dict(), "epochs": None},  # a training may be continued for longer
        "seed": number,
        "sample_rate": rate,
        "data": f"{len(rows)} clips, checksum {rows.checksum:08x}",
    }
    from art_audio_ext.training.diffusion_module import DiffusionModule  # Lightning takes seconds to import

    module = DiffusionModule(network, chosen, number, fingerprint)
    batches = loader(rows, learn, number, chosen.batch_size)
    judged = loader(rows, judge, None, chosen.batch_size) if len(judge) else None
    run: dict = {"progress": progress, "accelerator": accelerator, "devices": devices, "precision": precision}
    run_training(module, batches, judged, epochs=chosen.epochs, folder=checkpoint_dir, **run)
    return AudioDiffusion(module.average.cpu(), chosen, rate, module.history)


class ClipRows(LogMelRows):
    """
    What a diffusion model learns from, by row number, whole batches at a time.

    Waveforms are read from where they lie. Pictures are kept in memory where they fit, else computed from the sound.
    How a memory map travels to another process is as in `LogMelRows`.

    :param waveforms: Sound of shape (N, L) in [-1, 1]; an array or a memory map.
    :param sample_rate: In Hz.
    :param settings: Give the domain.
    :param cache_bytes: Keep the pictures if they are not larger.
    :raises ValueError: If `check_waveforms` would refuse the sound, or it does not give 32 x 32 pictures.
    """

    def __init__(
        self, waveforms: np.ndarray, sample_rate: int, settings: DiffusionSettings, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.pictures = settings.domain == "mel"
        waveforms = waveforms if isinstance(waveforms, np.ndarray) else check_waveforms(waveforms, "waveforms")
        keep = self.pictures and 4 * len(waveforms) * SIDE * SIDE <= cache_bytes
        parts, self.checksum = [], 0
        for batch in checked_batches(waveforms, 256):
            if self.pictures:
                _check_speech(batch.shape[1], sample_rate)
            self.checksum = zlib.crc32(np.ascontiguousarray(batch).data, self.checksum)
            if keep:
                parts.append(speech_mel(torch.from_numpy(batch)))
        self.length = len(waveforms)
        self.cached = torch.cat(parts) if keep else None
        self.waveforms = None if keep else waveforms

    def __getitems__(self, rows: list[int]) -> Tensor:
        if self.cached is not None:
            return self.cached[rows]
        assert self.waveforms is not None
        batch = torch.from_numpy(np.asarray(self.waveforms[rows], dtype=np.float32))
        release_pages(self.waveforms)
        return speech_mel(batch) if self.pictures else batch


def _check_speech(length: int, sample_rate: int) -> None:
    """Refuse clips that do not give 32 x 32 pictures."""
    frames = length // SPEECH_MEL_HOP + 1
    if sample_rate != SPEECH_MEL_RATE or frames != SIDE:
        raise ValueError(
            f"clips of {length} samples at {sample_rate} Hz give no {SIDE} x {SIDE} pictures: "
            f"load them as one second, {SPEECH_MEL_RATE} samples at {SPEECH_MEL_RATE} Hz"
        )
