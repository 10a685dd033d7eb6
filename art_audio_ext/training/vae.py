"""Training of the sequential autoencoder, from waveforms to an `AudioVae`, resumable and free of global state."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from art_audio_ext.functional.checks import check_sample_rate
from art_audio_ext.training.audio_vae import AudioVae, build_network
from art_audio_ext.training.runs import check_seed, loader, run_training, seeded
from art_audio_ext.training.vae_data import LogMelRows, hold_out
from art_audio_ext.training.vae_settings import PRESETS, VaeSettings, resolve_settings

__all__ = ["PRESETS", "AudioVae", "VaeSettings", "train_vae"]


def train_vae(
    waveforms: np.ndarray,
    sample_rate: int,
    settings: VaeSettings | str = "quick",
    *,
    seed: int,
    epochs: int | None = None,
    checkpoint_dir: Path | None = None,
    progress: bool = True,
    accelerator: str = "auto",
    devices: int = 1,
) -> AudioVae:
    """
    Train the Disentangled Sequential Autoencoder, or the small one over steps, on sound. Labels are not needed.

    With `checkpoint_dir`, every epoch is kept, and the same call after an interruption goes on from the last whole
    epoch to the same weights, bit for bit on the CPU with as many threads.

    :param waveforms: Sound of shape (N, L) in [-1, 1]; an array or a memory map.
    :param sample_rate: In Hz.
    :param settings: A `VaeSettings`, or the name of a preset: "quick", "steps", "standard", "paper".
    :param seed: Of the first weights, the order and the noise; not negative.
    :param epochs: Replaces the number in the settings.
    :param checkpoint_dir: Where checkpoints lie; None keeps none.
    :param progress: Show a bar.
    :param accelerator: "auto", "cpu", "gpu" or another that Lightning knows.
    :param devices: How many of them; more than one trains data-parallel.
    :return: The trained autoencoder, on the CPU, with the weights of the last epoch.
    :raises ValueError: If the sound, the settings, the device or the checkpoints will not do.
    """
    number = check_seed(seed)
    chosen = resolve_settings(settings, epochs)
    rows = LogMelRows(waveforms, check_sample_rate(sample_rate), chosen)
    learn, judge = hold_out(len(rows), chosen.validation_fraction, number)
    fingerprint = {
        "settings": {**chosen.to_dict(), "epochs": None},  # a training may be continued for longer
        "seed": number,
        "sample_rate": int(sample_rate),
        "data": f"{len(rows)} clips, checksum {rows.checksum:08x}",
    }
    from art_audio_ext.training.vae_module import VaeModule  # Lightning takes seconds to import

    module = VaeModule(seeded(partial(build_network, chosen), number), chosen, number, fingerprint)
    run_training(
        module,
        loader(rows, learn, number, chosen.batch_size),
        loader(rows, judge, None, chosen.batch_size) if len(judge) else None,
        epochs=chosen.epochs,
        folder=checkpoint_dir,
        progress=progress,
        accelerator=accelerator,
        devices=devices,
    )
    return AudioVae(module.network.cpu(), replace(chosen), int(sample_rate), module.history)
