"""Distances over shifts of clips under one synchronisation network or several, as one differentiable module."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from art_audio_ext.functional.sync import LEAST_SHARE, MAX_SHIFT, reference_windows, shift_distances
from art_audio_ext.functional.sync_views import SyncDraws, moved_pictures, moved_sound
from art_audio_ext.networks.syncnet import SyncEmbeddings, SyncNetwork

EDGES = ("masked", "reference")


class SyncScorer(nn.Module):
    """
    What a detector computes, and an attack that knows the detector differentiates.

    :param networks: One or more; their distances should be of one scale, as those of `CompactSyncNet` are.
    :param max_shift: Frames either way.
    :param edges: "masked" leaves pairs without a partner out; "reference" drops a window and pads with zeros, as the
        public code does.
    :param least_share: Of the windows that must have a partner for a shift to count, by "masked".
    :raises ValueError: If there is no network, or an argument is unknown.
    """

    def __init__(
        self,
        networks: Sequence[SyncNetwork],
        max_shift: int = MAX_SHIFT,
        edges: str = "masked",
        least_share: float = LEAST_SHARE,
    ) -> None:
        super().__init__()
        if not networks:
            raise ValueError("give at least one synchronisation network")
        if edges not in EDGES:
            raise ValueError(f"edges must be one of {', '.join(EDGES)}, got {edges!r}")
        self.networks = nn.ModuleList(networks)
        self.max_shift, self.edges, self.least_share = max_shift, edges, least_share

    def forward(self, audio: Tensor, video: Tensor, draws: SyncDraws | None = None) -> Tensor:
        """
        :param audio: Sound (N, S) in [-1, 1] at 16 kHz.
        :param video: Grey pictures (N, T, H, W) in [0, 1], 25 a second.
        :param draws: What to look at, see `draw_views`; None looks at all as it is.
        :return: Distances (N, networks, 2K + 1); NaN where a shift has too few windows.
        """
        weights = None
        if draws is not None:
            audio, video = moved_sound(audio, draws.shifts), moved_pictures(video, draws.moves)
            weights = draws.weights.to(video)
        counted = reference_windows(video.shape[1], audio.shape[1])
        curves = [self._distances(network(audio, video), weights, counted) for network in self.networks]
        return torch.stack(curves, 1)

    def _distances(self, parts: SyncEmbeddings, weights: Tensor | None, counted: int) -> Tensor:
        """Of one network (N, 2K + 1)."""
        if self.edges == "masked":
            some = {"least_share": self.least_share, "weights": weights}
            return shift_distances(*parts, max_shift=self.max_shift, edges="masked", **some)  # type: ignore[arg-type]
        video, audio = parts.video[:, :counted], parts.audio[:, :counted]
        weights = None if weights is None else weights[:, :counted]
        return shift_distances(video, audio, max_shift=self.max_shift, edges="zeros", weights=weights)
