"""How every training here runs: Lightning, resumed from the last whole epoch, silent, and free of global state."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from art_audio_ext.training.vae_data import EpochOrder

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from art_audio_ext.training.seeded_module import SeededModule

Network = TypeVar("Network", bound=nn.Module)
PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed"}  # ours -> Lightning's


def run_training(
    module: SeededModule,
    learn: DataLoader,
    judge: DataLoader | None,
    *,
    epochs: int,
    folder: Path | None,
    progress: bool = True,
    accelerator: str = "auto",
    devices: int = 1,
    precision: str = "float32",
) -> None:
    """
    Train, going on from the last whole epoch if there is one.

    :param module: Learns in place; its fingerprint says which checkpoints are its own.
    :param learn: Batches to learn from.
    :param judge: Batches to judge by, or None.
    :param epochs: How many in all.
    :param folder: Where checkpoints lie; None keeps none.
    :param progress: Show a bar.
    :param accelerator: "auto", "cpu", "gpu" or another that Lightning knows.
    :param devices: How many of them; more than one trains data-parallel.
    :param precision: Of the networks' arithmetic, a key of `PRECISIONS`; weights are kept in 32 bits.
    :raises ValueError: If the precision, the device or the checkpoints will not do, or the loss is not finite.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    if precision != "float32":
        module.fingerprint["precision"] = precision
    resume = _resume_from(folder, module.fingerprint, epochs)
    # A DataLoader draws a number from torch's global state at every epoch; a generator of its own cannot travel to
    # the processes of several devices. Nothing uses the number, and the state is put back.
    with _quiet(), torch.random.fork_rng(devices=[]):
        trainer = _trainer(module.name, epochs, folder, progress, accelerator, devices, PRECISIONS[precision])
        _fit(trainer, module, (learn, judge), resume)


def fast_precision() -> str:
    """
    :return: "bfloat16" where this machine computes in it, else "float32". A processor without it would be slower.
    """
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    able = torch.cpu.get_capabilities()
    return "bfloat16" if any(able.get(name) for name in ("avx512_bf16", "amx_bf16")) else "float32"


def seeded(build: Callable[[], Network], seed: int) -> Network:
    """
    A network with first weights by seed; torch draws them from its global state, which is put back.

    :param build: Makes the network.
    :param seed: Of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build()


def loader(rows: Dataset, which: np.ndarray, seed: int | None, batch_size: int) -> DataLoader:
    """
    Batches in the order of (seed, epoch).

    :param rows: Gives whole batches, by `__getitems__`.
    :param which: Row numbers.
    :param seed: Of the order; None keeps it as it is.
    :param batch_size: Rows a step and a device.
    """
    return DataLoader(rows, batch_size=batch_size, sampler=EpochOrder(which, seed), collate_fn=_as_is)


def check_seed(seed: object) -> int:
    """
    :param seed: To be a whole number, not negative.
    :return: It.
    :raises ValueError: If it is not.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number, not negative, got {seed!r}")
    return int(seed)


def _as_is(batch: Any) -> Any:
    """The rows give whole batches already."""
    return batch


def _resume_from(folder: Path | None, fingerprint: dict[str, Any], epochs: int) -> Path | None:
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
    if done > epochs:
        raise ValueError(f"{path} has {done} epochs already, more than the {epochs} asked for: delete {folder}")
    return path


def _trainer(
    name: str, epochs: int, folder: Path | None, progress: bool, accelerator: str, devices: int, precision: str
) -> Trainer:
    """A Trainer that writes nothing but our checkpoints, and says nothing."""
    from lightning.pytorch import Trainer
    from lightning.pytorch.utilities.exceptions import MisconfigurationException

    from art_audio_ext.training.checkpoints import EpochCheckpoints
    from art_audio_ext.training.seeded_module import EpochBar

    if isinstance(devices, bool) or not isinstance(devices, int) or devices < 1:
        raise ValueError(f"devices must be a positive whole number, got {devices!r}")
    callbacks: list[Any] = [EpochBar(name)] if progress else []
    callbacks += [EpochCheckpoints(Path(folder))] if folder is not None else []
    try:
        return Trainer(
            accelerator=accelerator,
            devices=devices,
            strategy="ddp_spawn" if devices > 1 else "auto",
            max_epochs=epochs,
            precision=precision,  # type: ignore[arg-type]
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
    trainer: Trainer, module: SeededModule, loaders: tuple[DataLoader, DataLoader | None], resume: Path | None
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
