"""The one record that every audiovisual dataset becomes: sound, mouth pictures, labels, sentences and speakers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.checks import class_indices


@dataclass(frozen=True)
class AudioVisualDataset:
    """
    Labelled clips of a talking mouth with their sound, all of one length.

    :param layout: Frames, size, samples and rates.
    :param audio: float32 (N, S) in [-1, 1].
    :param video: uint8 (N, T, H, W), grey.
    :param labels: int64 class indices (N,); the word of a word clip.
    :param label_names: The name of each class, by index.
    :param sentences: What is said in each clip, "" where unknown.
    :param speakers: Who speaks in each clip, "" where unknown.
    :param paths: Where each clip came from: a path relative to the dataset's root, or a made-up name.
    :param name: How the dataset was named when it was loaded.
    :param partition: "train", "val", "test" or "" for each clip; None stands for "" everywhere.
    :param skipped: Files left out, each with the reason: ((path, reason), ...).
    :raises ValueError: If shapes, types or counts do not fit together.
    """

    layout: AudioVisualLayout
    audio: np.ndarray
    video: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    sentences: tuple[str, ...]
    speakers: tuple[str, ...]
    paths: tuple[str, ...]
    name: str = ""
    partition: tuple[str, ...] | None = None
    skipped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        layout, count = self.layout, len(self.audio)
        for name, dtype, shape in (
            ("audio", np.float32, (count, layout.samples)),
            ("video", np.uint8, (count, layout.frames, layout.size, layout.size)),
        ):
            part = getattr(self, name)
            if part.shape != shape or part.dtype != dtype:
                got = f"{part.dtype} {part.shape}"
                raise ValueError(f"{name} must be {np.dtype(dtype).name} {shape} for {layout.describe()}, got {got}")
        object.__setattr__(self, "labels", class_indices(self.labels, count, "labels"))
        if count and self.labels.max() >= len(self.label_names):
            raise ValueError(f"label {self.labels.max()} has no name: {len(self.label_names)} label names were given")
        if self.partition is None:
            object.__setattr__(self, "partition", ("",) * count)
        for name in ("sentences", "speakers", "paths", "partition"):
            values = tuple(str(value) for value in getattr(self, name))
            object.__setattr__(self, name, values)
            if len(values) != count:
                raise ValueError(f"{name} must have one entry a clip ({count}), got {len(values)}")

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, indices: Any = None) -> np.ndarray:
        """
        Clips as the flat rows that ART, the networks' wrapper and the detector take.

        :param indices: Which, as for `subset`; None takes all.
        :return: float32 (n, D).
        """
        chosen = slice(None) if indices is None else self._whole(indices)
        return self.layout.pack(np.asarray(self.audio[chosen]), np.asarray(self.video[chosen]))

    def subset(self, indices: Any) -> AudioVisualDataset:
        """
        Some of the clips; label names stay as they are.

        :param indices: Which, in the order wanted: whole numbers (M,), or a bool mask (N,).
        :return: A dataset of those clips.
        :raises IndexError: If a clip does not exist.
        """
        chosen = self._whole(indices)
        names = ("sentences", "speakers", "paths", "partition")
        texts: dict[str, Any] = {name: tuple(getattr(self, name)[i] for i in chosen) for name in names}
        return replace(
            self,
            audio=np.asarray(self.audio[chosen]),
            video=np.asarray(self.video[chosen]),
            labels=self.labels[chosen],
            **texts,
        )

    def _whole(self, indices: Any) -> np.ndarray:
        """Indices or a mask as whole numbers."""
        asked = np.asarray(indices)
        if asked.dtype == bool:
            if asked.shape != (len(self),):
                raise IndexError(f"a mask must have one entry a clip ({len(self)}), got shape {asked.shape}")
            return np.flatnonzero(asked)
        return asked.reshape(-1).astype(np.int64)
