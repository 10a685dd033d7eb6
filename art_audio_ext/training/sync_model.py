"""A trained synchronisation network as an object: distances, offset and confidence of rows, and two files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from art_audio_ext.functional.audio_features import FEATURE_SAMPLE_RATE, feature_frames
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.row_batches import row_batches
from art_audio_ext.functional.sync import sync_confidence, sync_offset
from art_audio_ext.networks.sync_scorer import SyncScorer
from art_audio_ext.networks.syncnet import FEATURES_A_FRAME, WINDOW_FEATURES, WINDOW_FRAMES, SyncNetwork
from art_audio_ext.training.syncnet_checkpoint import read_public_syncnet
from art_audio_ext.training.syncnet_settings import SyncNetSettings
from art_audio_ext.training.weight_files import read_weights, weights_checksum, write_weights

_FORMAT, _SOURCE = "art_audio_ext.SyncModel", "`train_syncnet`"
_FPS = 25
_LEAST_FEATURES = WINDOW_FEATURES + FEATURES_A_FRAME  # two windows


class SyncModel:
    """
    A trained network that tells whether sound and pictures belong together.

    :param network: Trained; it is put in eval mode.
    :param settings: What it was built and trained with.
    :param layout: Of the rows that it is given.
    :param history: Losses of each epoch.
    :raises ValueError: If the layout is not one that the network can look at.
    """

    def __init__(
        self,
        network: SyncNetwork,
        settings: SyncNetSettings,
        layout: AudioVisualLayout,
        history: list[dict[str, float]] | None = None,
    ) -> None:
        check_sync_layout(layout, settings)
        self.network = network.eval().requires_grad_(False)
        self.settings, self.layout, self.history = settings, layout, list(history or [])

    @classmethod
    def from_public(cls, path: str | Path, layout: AudioVisualLayout) -> SyncModel:
        """
        The original with its published weights; see `read_public_syncnet` for the file and what is raised.

        :param path: Of the file.
        :param layout: Of the rows that it is given: whole faces.
        """
        return cls(read_public_syncnet(path), SyncNetSettings(architecture="original"), layout)

    def for_layout(self, layout: AudioVisualLayout) -> SyncModel:
        """
        :param layout: Of other rows, longer or shorter.
        :return: A model on these, which shares this one's network.
        :raises ValueError: If the network cannot look at them.
        """
        return SyncModel(self.network, self.settings, layout, self.history)

    def distances(self, rows: np.ndarray, batch_size: int = 16, *, edges: str = "masked") -> np.ndarray:
        """
        Mean distance of pictures to the sound at each shift.

        :param rows: Shape (N, D); an array or a memory map, of which a batch at a time is held.
        :param batch_size: Clips at a time.
        :param edges: "masked" or "reference", see `SyncScorer`.
        :return: float32 (N, 31), shifts -15 to 15 of the sound's lateness in frames; NaN where too few windows meet.
        :raises ValueError: If rows are not those of the layout.
        """
        scorer = SyncScorer([self.network], edges=edges)
        device = next(self.network.parameters()).device
        parts = []
        with torch.no_grad():
            for batch in row_batches(rows, self.layout, batch_size, "rows"):
                audio, video = self.layout.unpack(torch.from_numpy(batch).to(device))
                parts.append(scorer(audio, video)[:, 0].cpu())
        return torch.cat(parts).numpy()

    def confidence(self, rows: np.ndarray, batch_size: int = 16) -> np.ndarray:
        """
        Median less minimum of the distances over shifts.

        :param rows: As for `distances`.
        :param batch_size: Clips at a time.
        :return: float32 (N,).
        """
        return sync_confidence(torch.from_numpy(self.distances(rows, batch_size))).numpy()

    def offset(self, rows: np.ndarray, batch_size: int = 16) -> np.ndarray:
        """
        By how many frames the sound comes late.

        :param rows: As for `distances`.
        :param batch_size: Clips at a time.
        :return: int64 (N,), -15 to 15.
        """
        return sync_offset(torch.from_numpy(self.distances(rows, batch_size))).numpy()

    def checksum(self) -> int:
        """A number that tells these weights from others."""
        return weights_checksum(self.network)

    def save(self, path: str | Path) -> Path:
        """
        Write the weights as safetensors, and beside them a JSON of what is needed to rebuild the object.

        :param path: With or without `.safetensors`; the folder is made if absent.
        :return: The path of the weights.
        """
        about = {
            "settings": self.settings.to_dict(),
            "layout": self.layout.to_dict(),
            "history": self.history,
        }
        return write_weights(self.network, path, _FORMAT, about)

    @classmethod
    def load(cls, path: str | Path) -> SyncModel:
        """
        Read what `save` wrote.

        :param path: With or without `.safetensors`.
        :raises FileNotFoundError: If the weights are not there.
        :raises ValueError: If the JSON is missing or either file is damaged or of something else.
        """
        needed = ("settings", "layout")
        network, about = read_weights(path, _FORMAT, _build, needed, kind="sync model", source=_SOURCE)
        layout = AudioVisualLayout.from_dict(about["layout"])
        return cls(network, SyncNetSettings.from_dict(about["settings"]), layout, about["history"])


def _build(about: dict[str, Any]) -> SyncNetwork:
    """The network that a JSON describes."""
    if not isinstance(about["layout"], dict):
        raise ValueError("layout of a sync model must be a dictionary: copy its JSON again")
    settings = SyncNetSettings.from_dict(about["settings"])
    check_sync_layout(AudioVisualLayout.from_dict(about["layout"]), settings)
    return settings.build()


def check_sync_layout(layout: AudioVisualLayout, settings: SyncNetSettings) -> None:
    """
    Refuse rows that a network cannot look at.

    :param layout: Of the rows.
    :param settings: Of the network.
    :raises ValueError: If rates, lengths or sizes will not do; the message says which.
    """
    if layout.sample_rate != FEATURE_SAMPLE_RATE or layout.fps != _FPS:
        raise ValueError(
            f"rows have {layout.sample_rate} Hz and {layout.fps:g} frames a second, the network "
            f"{FEATURE_SAMPLE_RATE} and {_FPS}: load clips at these rates"
        )
    if layout.frames <= WINDOW_FRAMES or feature_frames(layout.samples) < _LEAST_FEATURES:
        raise ValueError(f"{layout.describe()} are too few: a sync network needs 7 frames and as much sound (0.28 s)")
    if layout.size < settings.least_side:
        raise ValueError(f"pictures have {layout.size} pixels a side, the network looks at {settings.least_side}")
