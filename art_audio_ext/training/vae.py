"""Training of the sequential autoencoder, from waveforms to an `AudioVae`, resumable and free of global state."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from art_audio_ext.functional.checks import check_sample_rate
from art_audio_ext.training.audio_vae import AudioVae, Autoencoder, build_network
from art_audio_ext.training.vae_data import EpochOrder, LogMelRows, hold_out
from art_audio_ext.training.vae_settings import PRESETS, VaeSettings, resolve_settings

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from art_audio_ext.training.vae_module import VaeModule

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
    Train the Disentangled Sequential Autoencoder on sound. Labels are not needed.

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
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number, not negative, got {seed!r}")
    chosen = resolve_settings(settings, epochs)
    rows = LogMelRows(waveforms, check_sample_rate(sample_rate), chosen)
    learn, judge = hold_out(len(rows), chosen.validation_fraction, int(seed))
    fingerprint = {
        "settings": {**chosen.to_dict(), "epochs": None},  # a training may be continued for longer
        "seed": int(seed),
        "sample_rate": int(sample_rate),
        "data": f"{len(rows)} clips, checksum {rows.checksum:08x}",
    }
    from art_audio_ext.training.vae_module import VaeModule  # Lightning takes seconds to import

    module = VaeModule(_new_network(chosen, int(seed)), chosen, int(seed), fingerprint)
    resume = _resume_from(checkpoint_dir, fingerprint, chosen)
    loaders = _loader(rows, learn, int(seed), chosen), _loader(rows, judge, None, chosen) if len(judge) else None
    # A DataLoader draws a number from torch's global state at every epoch; a generator of its own cannot travel to
    # the processes of several devices. Nothing uses the number, and the state is put back.
    with _quiet(), torch.random.fork_rng(devices=[]):
        trainer = _trainer(chosen, checkpoint_dir, progress, accelerator, devices)
        _fit(trainer, module, loaders, resume)
    return AudioVae(module.network.cpu(), replace(chosen), int(sample_rate), module.history)


def _new_network(settings: VaeSettings, seed: int) -> Autoencoder:
    """First weights by seed; torch draws them from its global state, which is put back."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build_network(settings)


def _loader(rows: LogMelRows, which: np.ndarray, seed: int | None, settings: VaeSettings) -> DataLoader:
    """Batches in the order of (seed, epoch)."""
    return DataLoader(
        rows,
        batch_size=settings.batch_size,
        sampler=EpochOrder(which, seed),
        collate_fn=_as_is,
    )


def _as_is(batch: Any) -> Any:
    """`LogMelRows` gives whole batches already."""
    return batch


def _resume_from(folder: Path | None, fingerprint: dict[str, Any], settings: VaeSettings) -> Path | None:
    """The checkpoint to go on from, if there is one that fits."""
    if folder is None:
        return None
    from art_audio_ext.training.checkpoints import latest_checkpoint

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found = latest_checkpoint(folder, fingerprint)
    if found is None:
        return None
    path, done = found
    if done > settings.epochs:
        raise ValueError(
            f"{path} has {done} epochs already, more than the {settings.epochs} asked for: delete {folder}"
        )
    return path


def _trainer(settings: VaeSettings, folder: Path | None, progress: bool, accelerator: str, devices: int) -> Trainer:
    """A Trainer that writes nothing but our checkpoints, and says nothing."""
    from lightning.pytorch import Trainer
    from lightning.pytorch.utilities.exceptions import MisconfigurationException

    from art_audio_ext.training.checkpoints import EpochCheckpoints
    from art_audio_ext.training.vae_module import EpochBar

    if isinstance(devices, bool) or not isinstance(devices, int) or devices < 1:
        raise ValueError(f"devices must be a positive whole number, got {devices!r}")
    callbacks: list[Any] = [EpochBar()] if progress else []
    callbacks += [EpochCheckpoints(Path(folder))] if folder is not None else []
    try:
        return Trainer(
            accelerator=accelerator,
            devices=devices,
            strategy="ddp_spawn" if devices > 1 else "auto",
            max_epochs=settings.epochs,
            callbacks=callbacks,
            logger=False,
            enable_checkpointing=folder is not None,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # `EpochOrder` shares out by itself
            sync_batchnorm=devices > 1 and accelerator != "cpu" and torch.cuda.is_available(),  # it has no CPU form
            default_root_dir=folder if folder is not None else tempfile.gettempdir(),
        )
    except (MisconfigurationException, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"cannot train on {devices} x {accelerator!r}: {reason}") from error


def _fit(
    trainer: Trainer, module: VaeModule, loaders: tuple[DataLoader, DataLoader | None], resume: Path | None
) -> None:
    """Run the training; Ctrl-C stays a `KeyboardInterrupt`, where Lightning would turn it into an exit."""
    learn, judge = loaders
    try:
        trainer.fit(module, learn, judge, ckpt_path=None if resume is None else os.fspath(resume), weights_only=True)
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's hints for a while, and nobody else's."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [item.level for item in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\..*")
        try:
            for item in loggers:
                item.setLevel(logging.ERROR)
            yield
        finally:
            for item, level in zip(loggers, levels, strict=True):
                item.setLevel(level)
