"""How sound and pictures share one flat row, the only form that ART knows: `[audio | video]`, built and taken apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np

from art_audio_ext.functional.checks import check_sample_rate, check_waveforms

Array = TypeVar("Array")  # numpy.ndarray or torch.Tensor

_TOLERANCE = 1e-4
_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class AudioVisualLayout:
    """
    A row is float32 `[audio | video]`: the waveform (samples,) in [-1, 1], where 1/32768 is a 16-bit step, then the
    grey pictures (frames, size, size) flattened, in [0, 1], where 1/255 is a step of a pixel.

    :param frames: Pictures a clip.
    :param size: Height and width of a picture, in pixels.
    :param samples: Samples of sound a clip.
    :param sample_rate: Samples a second, in Hz.
    :param fps: Pictures a second.
    :raises ValueError: If one of them is not a positive number (whole, but for `fps`).
    """

    frames: int
    size: int
    samples: int
    sample_rate: int = 16000
    fps: float = 25

    def __post_init__(self) -> None:
        for name in ("frames", "size", "samples"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"{name} must be a positive whole number, got {value!r}")
            object.__setattr__(self, name, int(value))
        object.__setattr__(self, "sample_rate", check_sample_rate(self.sample_rate))
        if isinstance(self.fps, bool) or not isinstance(self.fps, (int, float, np.number)) or not 0 < self.fps < np.inf:
            raise ValueError(f"fps must be a positive number, got {self.fps!r}")

    @classmethod
    def of_frames(cls, frames: int, size: int, *, sample_rate: int = 16000, fps: float = 25) -> AudioVisualLayout:
        """
        The layout whose sound lasts exactly as long as its pictures.

        :param frames: Pictures a clip.
        :param size: Height and width of a picture, in pixels.
        :param sample_rate: Samples a second, in Hz.
        :param fps: Pictures a second.
        :return: The layout, with `samples` = frames / fps * sample_rate, rounded.
        :raises ValueError: If an argument will not do.
        """
        checked = cls(frames, size, 1, sample_rate, fps)
        return cls(frames, size, round(checked.frames * checked.sample_rate / checked.fps), sample_rate, fps)

    @property
    def length(self) -> int:
        """Values in a row, D."""
        return self.samples + self.frames * self.size**2

    def pack(self, audio: Array, video: Array) -> Array:
        """
        Sound and pictures as rows.

        :param audio: (N, samples) in [-1, 1].
        :param video: (N, frames, size, size), uint8, or floats in [0, 1]. Both arrays, or both tensors.
        :return: float32 (N, D), of the kind that came in; gradients pass.
        :raises ValueError: If a shape is not the layout's, or the numbers of clips differ.
        """
        sound, pictures = _of_one_kind(audio, video)
        clips = (len(sound), len(pictures))
        wanted = ((clips[0], self.samples), (clips[0], self.frames, self.size, self.size))
        for name, part, shape in zip(("audio", "video"), (sound, pictures), wanted, strict=True):
            if tuple(part.shape) != shape:
                raise ValueError(f"{name} has shape {tuple(part.shape)}, expected {shape} for {self.describe()}")
        if isinstance(sound, np.ndarray):
            rows = np.empty((clips[0], self.length), np.float32)
            rows[:, : self.samples] = sound
            rows[:, self.samples :] = pictures.reshape(clips[0], -1)
            if pictures.dtype == np.uint8:
                rows[:, self.samples :] /= 255
            return rows  # type: ignore[return-value]
        import torch

        scale = 255 if pictures.dtype == torch.uint8 else 1
        return torch.cat([sound.float(), pictures.reshape(clips[0], -1).float() / scale], dim=1)  # type: ignore

    def unpack(self, rows: Array) -> tuple[Array, Array]:
        """
        Rows as sound and pictures: views, so that nothing is copied and gradients pass.

        :param rows: (N, D), an array or a tensor.
        :return: Sound (N, samples) and pictures (N, frames, size, size).
        :raises ValueError: If the rows have another length.
        """
        taken: Any = rows
        if taken.ndim != 2 or taken.shape[1] != self.length:
            shape = tuple(taken.shape)
            raise ValueError(f"rows have shape {shape}, expected (N, {self.length}) for {self.describe()}")
        pictures = taken[:, self.samples :].reshape(len(taken), self.frames, self.size, self.size)
        return taken[:, : self.samples], pictures

    def clip_values(self) -> tuple[np.ndarray, np.ndarray]:
        """
        Bounds for every value of a row.

        :return: float32 (D,) of the lowest values (-1 and 0) and of the highest (1 and 1).
        """
        return self.vector(-1.0, 0.0), self.vector(1.0, 1.0)

    def vector(self, audio: float, video: float) -> np.ndarray:
        """
        One number for each modality, such as an epsilon or a step, for every value of a row.

        :param audio: For the sound; 1/32768 is a 16-bit step.
        :param video: For the pictures; 1/255 is a step of a pixel.
        :return: float32 (D,).
        """
        return np.repeat(np.array([audio, video], np.float32), (self.samples, self.length - self.samples))

    def spread(self, audio: Array, video: Array) -> Array:
        """
        One number for each clip and modality, such as the sides of boxes, for every value of their rows.

        :param audio: (N,), for the sound.
        :param video: (N,), for the pictures. Both arrays, or both tensors.
        :return: (N, D), of the kind that came in.
        :raises ValueError: If the two are not of one kind or of one length.
        """
        heard, seen = _of_one_kind(audio, video)
        if heard.ndim != 1 or heard.shape != seen.shape:
            raise ValueError(f"audio has shape {tuple(heard.shape)}, video {tuple(seen.shape)}, expected (N,) twice")
        which = np.repeat([0, 1], (self.samples, self.length - self.samples))
        if isinstance(heard, np.ndarray):
            return np.stack([heard, seen], 1)[:, which]  # type: ignore[return-value]
        import torch

        return torch.stack([heard, seen], 1)[:, torch.from_numpy(which).to(heard.device)]  # type: ignore[return-value]

    def mask(self, audio: bool, video: bool) -> np.ndarray:
        """
        Which values of a row may change.

        :param audio: Whether the sound may.
        :param video: Whether the pictures may.
        :return: float32 (D,) of 0 and 1.
        """
        return self.vector(float(bool(audio)), float(bool(video)))

    def check_rows(self, x: np.ndarray, name: str = "x") -> np.ndarray:
        """
        Return `x` as float32 rows, or say what is wrong with it, in which row, and what to do.

        :param x: Rows (N, D).
        :param name: What the message calls the array.
        :return: The same values as float32.
        :raises ValueError: If `x` is not floating, has another shape, is empty, not finite or out of bounds.
        """
        if isinstance(x, np.ndarray) and x.dtype == np.uint8:
            raise ValueError(f"{name} holds uint8 values, not rows: build them with AudioVisualLayout.pack")
        if np.ndim(x) != 2 or np.shape(x)[1] != self.length:
            wanted = f"(N, {self.length}), rows of {self.describe()} as AudioVisualLayout.pack builds them"
            raise ValueError(f"{name} has shape {np.shape(x)}, expected {wanted}")
        x = check_waveforms(x, name)
        for start in range(0, len(x), _ROWS_AT_ONCE):
            lowest = x[start : start + _ROWS_AT_ONCE, self.samples :].min(1)
            if lowest.min() < -_TOLERANCE:
                row = int(lowest.argmin())
                raise ValueError(
                    f"{name} row {start + row} has a pixel of {lowest[row]:.4g}, outside [0, 1]: pictures are scaled "
                    f"to [0, 1], not to [-1, 1]"
                )
        return x

    def describe(self) -> str:
        """The layout in a few words, for messages."""
        return f"{self.samples} samples and {self.frames} frames of {self.size} x {self.size}"

    def to_dict(self) -> dict[str, Any]:
        """
        :return: The constructor's arguments, fit for JSON.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> AudioVisualLayout:
        """
        :param values: What `to_dict` returned.
        :return: The same layout.
        :raises ValueError: If an argument is unknown, missing or wrong.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"this is no layout: {error}") from error


def _of_one_kind(audio: Any, video: Any) -> tuple[Any, Any]:
    """Two arrays, or two tensors."""
    tensors = [hasattr(part, "detach") for part in (audio, video)]
    if all(tensors):
        return audio, video
    if any(tensors):
        raise ValueError("audio and video must both be arrays or both be tensors")
    return np.asarray(audio), np.asarray(video)
