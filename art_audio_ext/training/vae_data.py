"""Sound on its way into a network: checked batches, log-mels, and an order fixed by seed and epoch."""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.functional.front_end import log_mel
from art_audio_ext.functional.streaming import release_pages, waveform_batches
from art_audio_ext.training.vae_settings import VaeSettings

CACHE_BYTES = 1 << 30  # log-mels up to this size stay in memory: 65,000 clips at 64 x 64
_SMALL_SET = 200


def checked_batches(waveforms: np.ndarray, batch_size: int, name: str = "waveforms") -> Iterator[np.ndarray]:
    """
    Batches of sound, each checked as it comes, so that a memory map is read once and never held.

    :param waveforms: Shape (N, L) in [-1, 1]; an array or a memory map.
    :param batch_size: Clips a batch.
    :param name: What a message calls the array.
    :return: float32 arrays of shape (n, L).
    :raises ValueError: If `check_waveforms` would refuse the array, with the row counted from its start.
    """
    if not isinstance(waveforms, np.ndarray) or waveforms.ndim != 2 or not len(waveforms):
        waveforms = check_waveforms(waveforms, name)
    check_waveforms(waveforms[:1], name)  # the type, before a batch is cast to float32
    for batch in waveform_batches(waveforms, batch_size):
        try:
            check_waveforms(batch, name)
        except ValueError:
            check_waveforms(waveforms, name)  # the same fault, with the right row number
            raise
        yield batch


def log_mels(batch: np.ndarray, sample_rate: int, settings: VaeSettings) -> Tensor:
    """
    The network's input.

    :param batch: float32 sound of shape (n, L).
    :param sample_rate: In Hz.
    :param settings: Gives bands and frames.
    :return: Shape (n, bands, frames).
    """
    return log_mel(torch.from_numpy(batch), sample_rate, settings.bands, settings.frames)


class LogMelRows(Dataset):
    """
    Log-mels by row number, whole batches at a time: kept in memory where they fit, else computed from the sound.

    :param waveforms: Sound of shape (N, L) in [-1, 1]; an array or a memory map.
    :param sample_rate: In Hz.
    :param settings: Gives bands and frames.
    :param cache_bytes: Keep the log-mels if they are not larger.
    :raises ValueError: If `check_waveforms` would refuse the sound.
    """

    def __init__(
        self, waveforms: np.ndarray, sample_rate: int, settings: VaeSettings, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.sample_rate, self.settings = sample_rate, settings
        waveforms = waveforms if isinstance(waveforms, np.ndarray) else check_waveforms(waveforms, "waveforms")
        keep = 4 * len(waveforms) * settings.bands * settings.frames <= cache_bytes
        parts, self.checksum = [], 0
        for batch in checked_batches(waveforms, 256):
            self.checksum = zlib.crc32(np.ascontiguousarray(batch).data, self.checksum)
            if keep:
                parts.append(log_mels(batch, sample_rate, settings))
        self.length = len(waveforms)
        self.cached = torch.cat(parts) if keep else None
        self.waveforms = None if keep else waveforms

    def __len__(self) -> int:
        return self.length

    def __getitems__(self, rows: list[int]) -> Tensor:
        if self.cached is not None:
            return self.cached[rows]
        assert self.waveforms is not None
        batch = np.asarray(self.waveforms[rows], dtype=np.float32)
        release_pages(self.waveforms)
        return log_mels(batch, self.sample_rate, self.settings)

    def __getitem__(self, row: int) -> Tensor:
        return self.__getitems__([row])[0]

    def __getstate__(self) -> dict[str, Any]:
        """A whole memory map travels to another process by its file name, not by its content."""
        state = dict(self.__dict__)
        kept = self.waveforms
        if isinstance(kept, np.memmap) and isinstance(kept.base, mmap.mmap) and kept.filename is not None:
            state["waveforms"] = (kept.filename, kept.dtype, kept.offset, kept.shape)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state["waveforms"], tuple):
            filename, dtype, offset, shape = state["waveforms"]
            state["waveforms"] = np.memmap(filename, dtype, "r", offset, shape)
        self.__dict__.update(state)


class EpochOrder(Sampler[int]):
    """
    Rows in an order that is a function of (seed, epoch) alone, shared out evenly when several processes train.

    :param rows: Row numbers.
    :param seed: Of the order; None keeps the order as it is.
    """

    def __init__(self, rows: np.ndarray, seed: int | None) -> None:
        self.rows, self.seed, self.epoch = rows, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, after a resume too."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        order = (
            self.rows if self.seed is None else np.random.default_rng([self.seed, self.epoch]).permutation(self.rows)
        )
        rank, world = _place()
        return iter(order[: len(self) * world][rank::world].tolist())

    def __len__(self) -> int:
        return len(self.rows) // _place()[1]


def hold_out(count: int, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Rows to learn from and rows to judge by; none are held out of a small set.

    :param count: Number of clips.
    :param fraction: Share to hold out.
    :param seed: Of the draw.
    :return: Two sorted arrays of row numbers.
    """
    held = round(count * fraction) if count >= _SMALL_SET else 0
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[held:]), np.sort(order[:held])


def _place() -> tuple[int, int]:
    """This process's rank and how many there are."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
