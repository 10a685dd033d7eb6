"""One window of all clips: its coordinates, the background of each class, and what is novel in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from art_audio_ext.functional.novel_background import (
    Background,
    backgrounds,
    members_of,
    pooled_statistics,
    whitening,
)
from art_audio_ext.functional.novel_search import component_log_odds, find_components
from art_audio_ext.functional.packed_gaussians import features


@dataclass(frozen=True)
class WindowFit:
    """What one window says of each class, and how to tell of further clips of a class."""

    statistic: np.ndarray  # (C,) float64
    centre: Tensor  # (D,)
    matrix: Tensor  # (D, D)
    background: Background
    components: Tensor  # (C, F), see `NovelComponents`

    def white(self, tokens: np.ndarray) -> Tensor:
        """
        :param tokens: Shape (n, D).
        :return: In coordinates in which all clips together are white, float32 (n, D).
        """
        return _white(tokens, self.centre, self.matrix)

    def log_odds(self, tokens: np.ndarray, place: int) -> np.ndarray:
        """
        How surely clips belong to what was found in a class.

        :param tokens: Of clips of that class, shape (n, D).
        :param place: Which class, as they were given to :func:`fit_window`.
        :return: Shape (n,), in nats.
        """
        x = features(self.white(tokens))
        return component_log_odds(x, self.background.log_density(x, place), self.components[place]).numpy()


def fit_window(tokens: np.ndarray, rows: list[np.ndarray], seed: int) -> WindowFit:
    """
    Look for something novel in each class, in one window.

    :param tokens: Of all clips, shape (N, D).
    :param rows: The clips of each class to look at, ascending.
    :param seed: Of first guesses, the same in every window.
    :return: The fit.
    """
    used = np.sort(np.concatenate(rows))
    members = members_of([np.searchsorted(used, r) for r in rows])
    chosen = tokens[used]
    centre, matrix = whitening(torch.from_numpy(np.asarray(chosen, dtype=np.float64)))
    x = _white(chosen, centre, matrix)
    statistics = pooled_statistics(x, members, seed)
    vectors = x[members.rows] * members.present[..., None]
    table = features(vectors)
    background, log_background = backgrounds(table, members, statistics)
    found = find_components(table, vectors, log_background, members, seed)
    return WindowFit(found.statistic.double().numpy(), centre, matrix, background, found.rows)


def _white(tokens: np.ndarray, centre: Tensor, matrix: Tensor) -> Tensor:
    """Mapped in float64, for tokens may lie far from 0; what comes out does not."""
    return ((torch.from_numpy(np.asarray(tokens, dtype=np.float64)) - centre) @ matrix).float()
