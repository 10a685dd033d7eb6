"""One sound file to one mono waveform at the wanted rate, or the reason why not."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from scipy.signal import resample_poly

if TYPE_CHECKING:
    from torchaudio.transforms import Resample

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3"})
# A little more than wanted is decoded, so that the end of a cut clip is resampled like its middle.
_MARGIN_SECONDS = 0.05
# Loud masters stored as floats pass 1 by some dB. Twice full scale means that the samples were never scaled to [-1, 1].
LARGEST_PEAK = 2.0
_RATES = (1_000, 768_000)  # a header that says anything else is broken, or wants to fill the memory
_MOST_CHANNELS = 64
# torchaudio's kernel has about (rate / gcd) * (wanted / gcd) weights: gigabytes for rates without a common divisor.
_LARGEST_KERNEL = 2_000_000


class DecodeError(ValueError):
    """
    A file that is not usable sound.

    :param name: Its name.
    :param reason: Why not, in one line.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot decode {name!r}: {reason}")
        self.reason = reason


def clip_length(seconds: float, sample_rate: int) -> int:
    """
    Samples in a clip.

    :param seconds: Length in seconds.
    :param sample_rate: Samples a second, in Hz.
    :return: `seconds * sample_rate`, rounded.
    :raises ValueError: If `seconds` is not a positive finite number, or makes less than one sample.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float, np.number)) or not np.isfinite(seconds):
        raise ValueError(f"seconds must be a positive number, got {seconds!r}")
    length = round(float(seconds) * sample_rate)
    if seconds <= 0 or length < 1:
        raise ValueError(f"seconds must be a positive number of at least one sample, got {seconds!r}")
    return length


def decode_clip(
    path: Path, sample_rate: int, *, offset_seconds: float = 0.0, duration_seconds: float | None = None
) -> np.ndarray:
    """
    Decode a file to mono at `sample_rate`: the mean of its channels, resampled by torchaudio, clipped to [-1, 1].

    :param path: A file that libsndfile reads (wav, flac, ogg, mp3).
    :param sample_rate: Wanted samples a second, in Hz.
    :param offset_seconds: Where to start.
    :param duration_seconds: How much is wanted; a little more may come back. None reads to the end.
    :return: float32 waveform of shape (L,) in [-1, 1].
    :raises DecodeError: A ValueError that names the file, if it cannot be read, is empty, or is not sound.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        samples, file_rate = _read(path, offset_seconds, duration_seconds)
        return _to_clip(samples, file_rate, sample_rate)
    except (OSError, RuntimeError, ValueError, TypeError, MemoryError) as error:
        raise DecodeError(path.name, _reason(error)) from error


def sound_duration(path: Path) -> float:
    """
    How long a file is by its header.

    :param path: A file that libsndfile reads.
    :return: Seconds.
    :raises DecodeError: A ValueError that names the file, if it cannot be read.
    """
    path = Path(path)
    try:
        if path.stat().st_size == 0:
            raise ValueError("the file is empty")
        with soundfile.SoundFile(path) as file:
            _check_header(file)
            return file.frames / file.samplerate
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise DecodeError(path.name, _reason(error)) from error


def fit_length(clip: np.ndarray, length: int) -> np.ndarray:
    """
    Cut the end off a clip, or pad its end with zeros.

    :param clip: Waveform of shape (L,).
    :param length: Wanted number of samples.
    :return: float32 waveform of shape (length,).
    """
    fitted = np.zeros(length, np.float32)
    fitted[: min(length, len(clip))] = clip[:length]
    return fitted


def _read(path: Path, offset_seconds: float, duration_seconds: float | None) -> tuple[np.ndarray, int]:
    """Samples (frames, channels) as float32, and their rate."""
    if path.stat().st_size == 0:
        raise ValueError("the file is empty")
    with soundfile.SoundFile(path) as file:
        _check_header(file)
        rate = file.samplerate
        if offset_seconds > 0:
            file.seek(min(round(offset_seconds * rate), file.frames))
        frames = file.frames - file.tell()
        if duration_seconds is not None:
            frames = min(frames, int(np.ceil((duration_seconds + _MARGIN_SECONDS) * rate)))
        samples = file.read(frames, dtype="float32", always_2d=True)
    # Half, because some mp3 files only estimate how long they are.
    if len(samples) < 0.5 * frames:
        raise ValueError(f"it breaks off after {len(samples)} of {frames} samples")
    return samples, rate


def _check_header(file: soundfile.SoundFile) -> None:
    """Refuse a file that says what no sound is."""
    if not _RATES[0] <= file.samplerate <= _RATES[1] or file.channels > _MOST_CHANNELS:
        raise ValueError(f"its header says {file.samplerate} Hz and {file.channels} channels")


def _to_clip(samples: np.ndarray, file_rate: int, sample_rate: int) -> np.ndarray:
    """Check, mix to mono, resample and clip."""
    if not samples.size:
        raise ValueError("it holds no samples")
    mono = samples.mean(axis=1) if samples.shape[1] > 1 else samples[:, 0]
    if not np.isfinite(mono).all():
        raise ValueError("it holds values that are not finite (NaN or infinity)")
    peak = float(np.abs(samples).max())
    if peak > LARGEST_PEAK:
        raise ValueError(f"its samples reach {peak:.4g}, outside [-1, 1]: scale it to full scale 1")
    if file_rate != sample_rate:
        mono = _resample(mono, file_rate, sample_rate)
    if not len(mono):
        raise ValueError("it is too short to hold one sample at the wanted rate")
    return np.clip(mono, -1.0, 1.0)


def _resample(mono: np.ndarray, file_rate: int, sample_rate: int) -> np.ndarray:
    """Windowed sinc resampling of one clip, by torchaudio wherever its kernel is of a sane size."""
    divisor = math.gcd(file_rate, sample_rate)
    if (file_rate // divisor) * (sample_rate // divisor) > _LARGEST_KERNEL:
        return resample_poly(mono, sample_rate // divisor, file_rate // divisor).astype(np.float32)
    import torch

    with torch.inference_mode():
        return _resampler(file_rate, sample_rate)(torch.from_numpy(np.ascontiguousarray(mono))).numpy()


@lru_cache(maxsize=32)
def _resampler(file_rate: int, sample_rate: int) -> Resample:
    """`torchaudio.functional.resample` with its kernel kept: computing it takes longer than using it."""
    # Imported late: a folder already at the wanted rate never waits for torch.
    from torchaudio.transforms import Resample

    return Resample(file_rate, sample_rate)


def _reason(error: BaseException) -> str:
    """One line of why, without the path that libsndfile puts in front."""
    if isinstance(error, soundfile.LibsndfileError):
        return error.error_string.strip().rstrip(".")
    if isinstance(error, UnicodeError):
        return "its name is not valid UTF-8: rename it"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return " ".join(str(error).split()) or type(error).__name__
