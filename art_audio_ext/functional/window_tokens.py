"""Short windows of a log-mel as few numbers each: principal components, a basis a window, nothing trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from art_audio_ext.functional.checks import check_sample_rate
from art_audio_ext.functional.front_end import HOP_SECONDS, log_mel
from art_audio_ext.functional.streaming import release_pages, waveform_batches

WINDOW_FRAMES = 8  # an eighth of a second
DIMS = 16
MOST_CLIPS = 4096
_BATCH = 256


@dataclass(frozen=True)
class WindowBasis:
    """The frozen map from log-mels to tokens; D numbers a window of M = 8 frames x mel bands."""

    means: np.ndarray  # (T, M) float32
    axes: np.ndarray  # (T, M, D) float32, orthonormal columns, the widest direction first


class WindowScatter:
    """Sums over batches of log-mels from which a basis follows: memory does not grow with the number of clips."""

    def __init__(self) -> None:
        self.clips = 0
        self._shift = self._scatter = np.zeros((0, 0, 0))
        self._sum = np.zeros((0, 0))

    def add(self, mels: np.ndarray) -> None:
        """
        Take in a batch.

        :param mels: Shape (N, mel bands, frames).
        :raises ValueError: If the shape is wrong, or differs from that of the first batch.
        """
        windows = _cut(mels)
        if not self.clips:
            # sums are taken about the mean of the first batch: about 0 they would cancel
            self._shift = windows.mean(1, keepdims=True)
            self._sum = np.zeros((len(windows), windows.shape[2]))
            self._scatter = np.zeros((*self._sum.shape, windows.shape[2]))
        if windows[:, :1].shape != self._shift.shape:
            raise ValueError(f"mels of shape {mels.shape[1:]} do not go with those before: give clips of one length")
        windows = windows - self._shift
        self._sum += windows.sum(1, dtype=np.float64)
        self._scatter += windows.transpose(0, 2, 1) @ windows
        self.clips += len(mels)

    def merge(self, other: WindowScatter) -> None:
        """
        Take in what another one has, such as that of another shard.

        :param other: Of clips of the same length; it is left as it is.
        :raises ValueError: If the clips have another length.
        """
        if not self.clips or not other.clips:
            if other.clips:
                self.__dict__.update({name: np.array(value) for name, value in other.__dict__.items()})
                self.clips = int(self.clips)
            return
        if other._shift.shape != self._shift.shape:
            raise ValueError("the clips of two shards have different lengths: give clips of one length")
        moved = (other._shift - self._shift)[:, 0]  # from the other's origin to this one
        cross = other._sum[:, :, None] * moved[:, None]
        self._scatter += other._scatter + cross + cross.transpose(0, 2, 1)
        self._scatter += other.clips * moved[:, :, None] * moved[:, None]
        self._sum += other._sum + other.clips * moved
        self.clips += other.clips

    def basis(self, dims: int = DIMS) -> WindowBasis:
        """
        :param dims: Numbers a window.
        :return: Means and leading principal axes of what was taken in.
        :raises ValueError: If that was fewer than 2 clips, or `dims` is not between 1 and the size of a window.
        """
        if self.clips < 2:
            raise ValueError(f"a basis needs at least 2 clips, got {self.clips}")
        if isinstance(dims, bool) or not isinstance(dims, (int, np.integer)) or not 1 <= dims <= self._sum.shape[1]:
            raise ValueError(f"dims must be a whole number from 1 to {self._sum.shape[1]}, got {dims!r}")
        mean = self._sum / self.clips
        covariance = self._scatter / self.clips - mean[:, :, None] * mean[:, None]
        axes = np.linalg.eigh(covariance)[1][:, :, : -dims - 1 : -1]
        means = self._shift[:, 0] + mean
        return WindowBasis(means.astype(np.float32), np.ascontiguousarray(axes, dtype=np.float32))


def fit_window_basis(mels: np.ndarray, dims: int = DIMS) -> WindowBasis:
    """
    Principal axes of the log-mel in each window of 8 frames.

    :param mels: Log-mels, shape (N, mel bands, frames), at least 8 frames.
    :param dims: Numbers a window.
    :return: The basis; the last window overlaps the one before where frames are no multiple of 8.
    :raises ValueError: If the shape is wrong, or there are too few clips.
    """
    scatter = WindowScatter()
    for start in range(0, len(mels), _BATCH):
        scatter.add(mels[start : start + _BATCH])
    return scatter.basis(dims)


def window_tokens(mels: np.ndarray, basis: WindowBasis) -> np.ndarray:
    """
    Each window of each clip as D numbers.

    :param mels: Log-mels, shape (N, mel bands, frames).
    :param basis: Fitted to these or others of the same shape.
    :return: float32 of shape (T, N, D).
    :raises ValueError: If the basis is of windows of another number or size.
    """
    windows = _cut(mels)
    if (len(windows), windows.shape[2]) != basis.means.shape:
        raise ValueError(
            f"mels make {len(windows)} windows of {windows.shape[2]} numbers, the basis has {basis.means.shape[0]} of "
            f"{basis.means.shape[1]}: fit it to clips of the same length and sample rate"
        )
    return (windows - basis.means[:, None]) @ basis.axes


def waveform_window_basis(
    waveforms: np.ndarray, sample_rate: int = 16000, *, seed: int, most_clips: int = MOST_CLIPS, dims: int = DIMS
) -> WindowBasis:
    """
    Fit a basis to the log-mels of waveforms, of a random sub-sample where there are many.

    :param waveforms: Shape (N, L) in [-1, 1], an array or a memory map.
    :param sample_rate: In Hz.
    :param seed: Of the sub-sample.
    :param most_clips: Its size.
    :param dims: Numbers a window.
    :return: The basis.
    :raises ValueError: If the clips are shorter than 8 frames (an eighth of a second) or fewer than 2.
    """
    check_sample_rate(sample_rate)
    rows = np.arange(len(waveforms))
    if len(rows) > most_clips:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most_clips, replace=False))
    scatter = WindowScatter()
    for start in range(0, len(rows), _BATCH):
        batch = np.array(waveforms[rows[start : start + _BATCH]], dtype=np.float32)
        release_pages(waveforms)
        scatter.add(_log_mels(batch, sample_rate))
    return scatter.basis(dims)


def waveform_window_tokens(waveforms: np.ndarray, basis: WindowBasis, sample_rate: int = 16000) -> np.ndarray:
    """
    Tokens of waveforms, a batch at a time.

    :param waveforms: Shape (N, L) in [-1, 1], an array or a memory map.
    :param basis: From :func:`waveform_window_basis`, for the same length.
    :param sample_rate: In Hz.
    :return: float32 of shape (T, N, D).
    :raises ValueError: As :func:`window_tokens` does.
    """
    check_sample_rate(sample_rate)
    tokens = np.zeros((len(basis.means), len(waveforms), basis.axes.shape[2]), dtype=np.float32)
    done = 0
    for batch in waveform_batches(waveforms, _BATCH):
        tokens[:, done : done + len(batch)] = window_tokens(_log_mels(batch, sample_rate), basis)
        done += len(batch)
    return tokens


def window_seconds(frames: int) -> np.ndarray:
    """
    Where each window lies.

    :param frames: Of the log-mel.
    :return: Start and end in seconds, shape (T, 2).
    """
    starts = _starts(frames)
    return np.stack([starts, starts + WINDOW_FRAMES], 1) * HOP_SECONDS


def pca_windows(waveforms: np.ndarray, sample_rate: int, seed: int) -> np.ndarray:
    """
    Principal components of the log-mel in each eighth of a second; nothing is trained.

    :param waveforms: Shape (N, L) in [-1, 1], an array or a memory map.
    :param sample_rate: In Hz.
    :param seed: Of the sub-sample that the components are fitted to where there are many clips.
    :return: float32 of shape (T, N, D).
    :raises ValueError: If the clips are shorter than a window, or fewer than 2.
    """
    basis = waveform_window_basis(waveforms, sample_rate, seed=seed)
    return waveform_window_tokens(waveforms, basis, sample_rate)


def pca_window_seconds(samples: int, sample_rate: int) -> list[list[float]]:
    """
    Where the windows of :func:`pca_windows` lie.

    :param samples: Length of a clip.
    :param sample_rate: In Hz.
    :return: Start and end in seconds, (T, 2).
    :raises ValueError: If the clip is shorter than a window.
    """
    seconds: list[list[float]] = window_seconds(samples // max(1, round(HOP_SECONDS * sample_rate))).tolist()
    return seconds


def _starts(frames: int) -> np.ndarray:
    """First frame of each window; the last window ends with the clip, so that no frame is left out."""
    if frames < WINDOW_FRAMES:
        raise ValueError(
            f"clips have {frames} frames, a window needs {WINDOW_FRAMES} (an eighth of a second): pad them"
        )
    return np.minimum(np.arange(0, frames, WINDOW_FRAMES), frames - WINDOW_FRAMES)


def _cut(mels: np.ndarray) -> np.ndarray:
    """Windows (T, N, M) of log-mels (N, mel bands, frames)."""
    if mels.ndim != 3 or 0 in mels.shape:
        raise ValueError(f"mels have shape {mels.shape}, expected (N, mel bands, frames)")
    parts = [mels[:, :, a : a + WINDOW_FRAMES].reshape(len(mels), -1) for a in _starts(mels.shape[2])]
    return np.stack(parts).astype(np.float32, copy=False)


def _log_mels(batch: np.ndarray, sample_rate: int) -> np.ndarray:
    """Log-mels (n, 64, frames) of waveforms (n, L)."""
    with torch.no_grad():
        return log_mel(torch.from_numpy(batch), sample_rate).numpy()
