"""The one record that every dataset becomes: waveforms, labels, names, rate, paths and speakers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from art_audio_ext.functional.checks import check_sample_rate, class_indices


@dataclass(frozen=True)
class AudioDataset:
    """
    Labelled mono sound of equal length.

    :param waveforms: float32 (N, L) in [-1, 1]; an array or a memory map.
    :param labels: int64 class indices (N,).
    :param label_names: The name of each class, by index.
    :param sample_rate: Samples a second, in Hz.
    :param paths: Where each clip came from (N,): a path relative to the dataset's root, or a made-up name.
    :param speakers: Speaker of each clip (N,), "" where unknown.
    :param partition: "train", "test" or "" for each clip (N,), where the source has official splits.
    :param name: How the dataset was named when it was loaded.
    :param skipped: Files left out, each with the reason: ((path, reason), ...).
    """

    waveforms: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    sample_rate: int
    paths: np.ndarray
    speakers: np.ndarray
    partition: np.ndarray
    name: str = ""
    skipped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        check_sample_rate(self.sample_rate)
        if self.waveforms.ndim != 2 or self.waveforms.dtype != np.float32:
            raise ValueError(f"waveforms must be float32 (N, L), got {self.waveforms.dtype} {self.waveforms.shape}")
        labels = class_indices(self.labels, len(self.waveforms), "labels")
        if len(labels) and labels.max() >= len(self.label_names):
            raise ValueError(f"label {labels.max()} has no name: {len(self.label_names)} label names were given")
        for field_name in ("paths", "speakers", "partition"):
            if len(getattr(self, field_name)) != len(labels):
                raise ValueError(f"{field_name} must have one entry a clip ({len(labels)})")

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, index: np.ndarray) -> AudioDataset:
        """
        Some of the clips; label names stay as they are.

        A memory map is read: the waveforms of the subset lie in memory.

        :param index: Rows in the order wanted, whole numbers (M,), or a bool mask (N,).
        :return: A dataset of those clips.
        :raises IndexError: If a row does not exist.
        """
        index = np.flatnonzero(index) if np.asarray(index).dtype == bool else np.asarray(index, dtype=np.int64)
        return replace(
            self,
            waveforms=np.asarray(self.waveforms[index]),
            labels=self.labels[index],
            paths=self.paths[index],
            speakers=self.speakers[index],
            partition=self.partition[index],
        )
