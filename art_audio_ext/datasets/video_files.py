"""One video file to grey pictures at 25 a second and mono sound at 16 kHz that lie in step, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from art_audio_ext.datasets.steady_pictures import SteadyPictures
from art_audio_ext.functional.resampling import resampled

SUFFIXES = frozenset({".mpg", ".mpeg", ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"})
FPS, SAMPLE_RATE = 25.0, 16000

_TALLEST = 720  # a larger picture is shrunk as it is kept: a minute of it fills 1.4 GB
# Containers round the times of packets (Matroska to 1 ms): only a step larger than that is a gap in the sound.
_JITTER_SECONDS = 0.005
_MISSING_SECONDS = 0.5  # that the header promises and the file lacks, before it counts as cut off


class VideoError(ValueError):
    """
    A file that is not a usable video.

    :param name: Its name.
    :param reason: Why not and what to do, in one line.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot use {name!r}: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class Video:
    """
    Pictures and sound of one file; both begin where the first picture is shown.

    :param pictures: uint8 (T, H, W), grey.
    :param audio: float32 (S,) in [-1, 1], exactly as long as the pictures; silence where the file has no sound.
    :param fps: Pictures a second.
    :param sample_rate: Samples a second, in Hz.
    """

    pictures: np.ndarray
    audio: np.ndarray
    fps: float = FPS
    sample_rate: int = SAMPLE_RATE


@dataclass
class _Decoded:
    """What is kept of a file: pictures on a steady clock, pieces of sound with their times in seconds; its end."""

    pictures: SteadyPictures
    sound: list[np.ndarray]
    heard: list[float]
    rate: int
    promised: float


def load_av() -> ModuleType:
    """
    :return: PyAV.
    :raises ImportError: If it is not installed, with the line that installs it.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError('reading video needs PyAV: pip install "art-audio-ext[video]"') from error
    return av


def read_video(
    path: Path | str, *, fps: float = FPS, sample_rate: int = SAMPLE_RATE, most_seconds: float = 120.0
) -> Video:
    """
    Read a file of any frame rate, constant or not, and any sound.

    Picture k is the one whose presentation time is nearest to k / fps after the first. The sound is the mean of its
    channels, placed by its own presentation times, so that streams which start apart stay in step to the sample: what
    sounds before the first picture is cut off, what is missing is silence.

    :param path: A file that FFmpeg reads; the first video stream and the first audio stream are used.
    :param fps: Wanted pictures a second.
    :param sample_rate: Wanted samples a second, in Hz.
    :param most_seconds: A longer file is refused, since its pictures are held in memory, `fps` a second.
    :return: Pictures and sound.
    :raises VideoError: A ValueError that names the file, if it has no sound or no pictures, one picture only, is too
        long, or is corrupt or cut off.
    :raises ImportError: If PyAV is not installed.
    """
    path, av = Path(path), load_av()
    try:
        if not path.is_file():
            raise ValueError("there is no such file: check the path")
        if path.stat().st_size == 0:
            raise ValueError("it is empty: copy it again")
        found = _decode(path, av, fps, most_seconds)
        pictures = found.pictures.taken()
        audio = _placed_sound(found, round(len(pictures) / fps * sample_rate), sample_rate)
    except av.error.FFmpegError as error:
        what = " ".join(str(error.strerror or error).split())
        raise VideoError(path.name, f"it is corrupt, cut off or no video ({what}): copy or encode it again") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise VideoError(path.name, reason) from error
    return Video(pictures, audio, fps, sample_rate)


def _decode(path: Path, av: Any, fps: float, most_seconds: float) -> _Decoded:
    """The pictures of the first video stream that are wanted, and all of the first audio stream."""
    with av.open(str(path), metadata_errors="replace") as container:
        if not container.streams.video:
            raise ValueError("it has no video stream: a file with pictures and sound is needed")
        if not container.streams.audio:
            raise ValueError("it has no audio stream: sync needs sound, add it with ffmpeg -i VIDEO -i SOUND")
        video, audio = container.streams.video[0], container.streams.audio[0]
        even = 1 / float(video.average_rate or FPS)  # read here: it is garbage once the file is closed
        pictures = SteadyPictures(fps, even, _grey, most_seconds)
        found = _Decoded(pictures, [], [], 0, (container.duration or 0) / av.time_base)
        for frame in container.decode(video, audio):
            if isinstance(frame, av.VideoFrame):
                pictures.show(frame, frame.time)
            else:
                _take_sound(found, frame)
    if not pictures.shown:
        raise ValueError("not one of its pictures can be decoded: encode it again")
    if pictures.shown < 2:
        raise ValueError("it has one frame only: sync needs pictures that move")
    if not found.sound:
        raise ValueError("nothing of its sound can be decoded: encode it again")
    end = max(pictures.last + even, found.heard[-1] + len(found.sound[-1]) / found.rate)
    if found.promised - end > _MISSING_SECONDS:
        raise ValueError(f"it breaks off after {end:.2f} of {found.promised:.2f} s: copy it again")
    return found


def _grey(frame: Any) -> np.ndarray:
    """A picture in grey, upright and no taller than needed."""
    scale = min(1.0, _TALLEST / min(frame.width, frame.height))
    picture = frame.to_ndarray(format="gray", width=round(frame.width * scale), height=round(frame.height * scale))
    # Phones store a picture as the sensor lies and say by how much to turn it, against the clock.
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def _take_sound(found: _Decoded, frame: Any) -> None:
    """Keep a piece of sound as the mean of its channels, scaled to [-1, 1]."""
    if found.rate not in (0, frame.sample_rate):
        raise ValueError(f"its sound changes from {found.rate} to {frame.sample_rate} Hz: encode it again")
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind == "u":
        samples = samples.astype(np.float64) / 128 - 1
    elif samples.dtype.kind == "i":
        samples = samples / -float(np.iinfo(samples.dtype).min)
    follows = found.heard[-1] + len(found.sound[-1]) / found.rate if found.sound else 0.0
    found.rate = frame.sample_rate
    found.heard.append(follows if frame.time is None else float(frame.time))
    found.sound.append(samples.mean(0, dtype=np.float64))


def _placed_sound(found: _Decoded, length: int, sample_rate: int) -> np.ndarray:
    """The sound from the first picture on, float32 (length,) at `sample_rate`, each piece where its time says."""
    rate, start = found.rate, found.pictures.first
    track = np.zeros(int(np.ceil(length / sample_rate * rate)) + 1)
    end: int | None = None
    for heard, piece in zip(found.heard, found.sound, strict=True):
        at = round((heard - start) * rate)
        if end is not None and abs(at - end) <= _JITTER_SECONDS * rate:
            at = end
        end = at + len(piece)
        kept = piece[max(0, -at) : max(0, len(track) - at)]
        track[max(0, at) : max(0, at) + len(kept)] = kept
    if not np.isfinite(track).all():
        raise ValueError("its sound holds values that are not finite (NaN or infinity): encode it again")
    sound = resampled(track, rate, sample_rate)[:length]
    return np.clip(np.pad(sound, (0, length - len(sound))), -1.0, 1.0).astype(np.float32)
