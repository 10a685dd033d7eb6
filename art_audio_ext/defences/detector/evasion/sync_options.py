"""Options of the synchronisation detector, checked, and the seed of each clip's view."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from art_audio_ext.functional.checks import class_indices
from art_audio_ext.networks.sync_scorer import EDGES
from art_audio_ext.training.sync_model import SyncModel

COMBINE = ("mean", "least")
_MOST_SHIFT = 320  # half a frame of samples: more would be taken for an offset


def as_models(models: SyncModel | Sequence[SyncModel]) -> tuple[SyncModel, ...]:
    """
    :param models: One, or several.
    :return: A tuple of them.
    :raises ValueError: If there is none, or one is something else.
    """
    several = (models,) if isinstance(models, SyncModel) else models
    if not isinstance(several, (list, tuple)) or not several or not all(isinstance(m, SyncModel) for m in several):
        raise ValueError("models must be a SyncModel or a list of them: train one with train_syncnet")
    return tuple(several)


def check_options(options: dict[str, Any]) -> None:
    """
    :param options: By name, as the detector's constructor takes them.
    :raises ValueError: If one is out of its range.
    """
    for name, least, most in (
        ("seed", 0, 2**63),
        ("draws", 1, 1000),
        ("jitter", 0, 64),
        ("sample_shift", 0, _MOST_SHIFT),
    ):
        value = options[name]
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
            raise ValueError(f"{name} must be a whole number from {least} to {most}, got {value!r}")
    for name, choices in (("edges", EDGES), ("combine", COMBINE), ("two_sided", (True, False))):
        value = options[name]
        if not isinstance(value, type(choices[0])) or value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}, got {value!r}")
    for name in ("threshold", "high_threshold"):
        if options[name] is not None and not (_number(options[name]) and math.isfinite(options[name])):
            raise ValueError(f"{name} must be a number, or None until it is learnt, got {options[name]!r}")
    for name, highest in (("false_positive_rate", 0.5), ("window_share", 1.0)):
        if not _number(options[name]) or not 0 < options[name] <= highest:
            raise ValueError(f"{name} must be a number above 0 and up to {highest:g}, got {options[name]!r}")


def adversarial_labels(y: np.ndarray | None, count: int) -> np.ndarray:
    """
    :param y: 1 where a clip is adversarial and 0 where it is benign, (N,) or one-hot; None for all benign.
    :param count: How many clips there are.
    :return: bool (N,).
    :raises ValueError: If it holds something else, or no benign clip.
    """
    if y is None:
        return np.zeros(count, dtype=bool)
    given = np.asarray(y)
    labels = class_indices(given.astype(np.int64) if given.dtype == bool else given, count)
    if labels.max(initial=0) > 1:
        raise ValueError(f"y must hold 0 (benign) and 1 (adversarial), got {labels.max()}")
    if count and labels.all():
        raise ValueError("all clips of y are adversarial: a threshold needs benign ones")
    return labels.astype(bool)


def clip_generator(seed: int, row: np.ndarray, draw: int) -> torch.Generator:
    """
    What a clip is looked at through follows from its content, so that it does not depend on the clips around it, and
    asking again about the same clip tells nothing new.

    :param seed: The detector's, which an attacker should not know.
    :param row: float32 (D,).
    :param draw: Which of several.
    :return: A generator on the CPU.
    """
    parts = (seed, zlib.crc32(np.ascontiguousarray(row).data), draw)
    state = np.random.SeedSequence(parts).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def _number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
