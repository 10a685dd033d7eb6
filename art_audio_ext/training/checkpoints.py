"""Checkpoints of an interrupted training: one an epoch, the last two kept, and the newest that can still be read."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

logger = logging.getLogger(__name__)
_KEPT = 2
_PATTERN = "epoch-*.ckpt"


class EpochCheckpoints(Checkpoint):
    """
    Write a checkpoint at the end of every epoch, under its final name only once it is whole.

    :param folder: Where; made if absent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save, then remove all but the newest two."""
        partial = self.folder / ".partial.ckpt"
        trainer.save_checkpoint(partial)
        if trainer.is_global_zero:
            os.replace(partial, self.folder / f"epoch-{trainer.current_epoch + 1:04d}.ckpt")
            for old in sorted(self.folder.glob(_PATTERN))[:-_KEPT]:
                old.unlink(missing_ok=True)


def latest_checkpoint(folder: Path, fingerprint: dict[str, Any]) -> tuple[Path, int] | None:
    """
    The newest checkpoint that can be read, after a look at whether it belongs to this training.

    :param folder: Where `EpochCheckpoints` wrote; it need not exist.
    :param fingerprint: What decides the result (data, settings, seed), as the module stored it.
    :return: Path and epochs done, or None if there is no checkpoint.
    :raises ValueError: If none of the files can be read, or the checkpoint is from another training.
    """
    found = sorted(folder.glob(_PATTERN), reverse=True)
    for path in found:
        state = _read(path)
        if state is None:
            logger.warning("%s is damaged; going back to the checkpoint before it", path.name)
            continue
        stored = state["fingerprint"]
        if stored != fingerprint:
            differing = sorted(k for k in {*stored, *fingerprint} if stored.get(k) != fingerprint.get(k))
            raise ValueError(
                f"{path} is from a training with another {', '.join(differing)}: delete {folder} or name another folder"
            )
        return path, int(state["epoch"]) + 1
    if found:
        raise ValueError(f"no checkpoint in {folder} can be read ({len(found)} damaged): delete it to start again")
    return None


def _read(path: Path) -> dict[str, Any] | None:
    """A checkpoint of ours, plain types and tensors only, or None if it is damaged or something else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's doubts about a foreign file; what matters is said below
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # a damaged file may break the reader at any place: IndexError, struct.error, AssertionError ...
        return None
    whole = isinstance(state, dict) and isinstance(state.get("fingerprint"), dict) and "state_dict" in state
    return state if whole and isinstance(state.get("epoch"), int) else None
