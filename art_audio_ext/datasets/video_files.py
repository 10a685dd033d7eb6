"""A video file to grey pictures at 25 a second and mono sound at 16 kHz that lie in step, or the reason why not."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from art_audio_ext.datasets.placed_sound import PlacedSound
from art_audio_ext.datasets.steady_pictures import SteadyPictures

SUFFIXES = frozenset({".mpg", ".mpeg", ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"})
FPS, SAMPLE_RATE = 25.0, 16000

_TALLEST = 720  # a larger picture is shrunk as it is kept: a minute of it fills 1.4 GB
_MISSING_SECONDS = 0.5  # that the header promises and the file lacks, before it counts as cut off
_SPAN_SECONDS, _REST_SECONDS = 120, 10  # of a long file at a time; the last span is this much longer at most


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
    """What is kept of a file: pictures on a steady clock, sound by its times, and the end that its header promises."""

    pictures: SteadyPictures
    sound: PlacedSound
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
    with _reasons(path, av):
        longer = "it is longer than {:g} s: cut it into shorter files"
        (found,) = deque(_decoded(path, av, fps, most_seconds, longer), maxlen=1)
        pictures = found.pictures.taken()
        audio = found.sound.cut(found.pictures.first, 0, round(len(pictures) / fps * sample_rate), sample_rate)
    return Video(pictures, audio, fps, sample_rate)


def video_spans(
    path: Path | str, *, fps: float = FPS, sample_rate: int = SAMPLE_RATE, seconds: int = _SPAN_SECONDS
) -> Iterator[tuple[float, Video]]:
    """
    Read a file of any length as `read_video` does, a span at a time, so that memory does not grow with it.

    :param path: The file.
    :param fps: Wanted pictures a second.
    :param sample_rate: Wanted samples a second, in Hz.
    :param seconds: Of a span; the last one is up to ten seconds longer, so that no span is a short rest.
    :return: The second at which each span starts, and its pictures and sound, in step to the sample across spans.
    :raises VideoError: As `read_video`, when the fault is reached: spans before it have been given by then.
    :raises ImportError: If PyAV is not installed.
    """
    path, av = Path(path), load_av()
    count, begin = round(seconds * fps), 0
    far = "its sound and pictures lie more than {:g} s apart in the file, or a time is damaged: encode it again"
    with _reasons(path, av):
        for found in _decoded(path, av, fps, 2.0 * (seconds + _REST_SECONDS), far):
            shown, heard = found.pictures, found.sound.end - found.pictures.first
            if shown.ready < count + _REST_SECONDS * fps or heard < begin + seconds + _REST_SECONDS:
                continue
            audio = found.sound.cut(shown.first, begin, round(seconds * sample_rate), sample_rate, ends=False)
            yield float(begin), Video(shown.give(count), audio, fps, sample_rate)
            begin += seconds
        rest = found.pictures.taken()
        audio = found.sound.cut(found.pictures.first, begin, round(len(rest) / fps * sample_rate), sample_rate)
    yield float(begin), Video(rest, audio, fps, sample_rate)


@contextmanager
def _reasons(path: Path, av: Any) -> Iterator[None]:
    """Turn what goes wrong with a file into a `VideoError` that names it."""
    try:
        if not path.is_file():
            raise ValueError("there is no such file: check the path")
        if path.stat().st_size == 0:
            raise ValueError("it is empty: copy it again")
        yield
    except av.error.FFmpegError as error:
        what = " ".join(str(error.strerror or error).split())
        raise VideoError(path.name, f"it is corrupt, cut off or no video ({what}): copy or encode it again") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise VideoError(path.name, reason) from error


def _decoded(path: Path, av: Any, fps: float, most_seconds: float, longer: str) -> Iterator[_Decoded]:
    """What is kept so far, after each frame: the wanted pictures of the first video stream, the first audio stream."""
    with av.open(str(path), metadata_errors="replace") as container:
        if not container.streams.video:
            raise ValueError("it has no video stream: a file with pictures and sound is needed")
        if not container.streams.audio:
            raise ValueError("it has no audio stream: sync needs sound, add it with ffmpeg -i VIDEO -i SOUND")
        video, audio = container.streams.video[0], container.streams.audio[0]
        even = 1 / float(video.average_rate or FPS)  # read here: it is garbage once the file is closed
        pictures = SteadyPictures(fps, even, _grey, most_seconds, longer)
        found = _Decoded(pictures, PlacedSound(), (container.duration or 0) / av.time_base)
        for frame in container.decode(video, audio):
            if isinstance(frame, av.VideoFrame):
                pictures.show(frame, frame.time)
            else:
                found.sound.take(_mono(frame), frame.time, frame.sample_rate)
            yield found
    if not pictures.shown:
        raise ValueError("not one of its pictures can be decoded: encode it again")
    if pictures.shown < 2:
        raise ValueError("it has one frame only: sync needs pictures that move")
    if not found.sound.rate:
        raise ValueError("nothing of its sound can be decoded: encode it again")
    end = max(pictures.last + even, found.sound.end)
    if found.promised - end > _MISSING_SECONDS:
        raise ValueError(f"it breaks off after {end:.2f} of {found.promised:.2f} s: copy it again")
    yield found


def _grey(frame: Any) -> np.ndarray:
    """A picture in grey, upright and no taller than needed."""
    scale = min(1.0, _TALLEST / min(frame.width, frame.height))
    picture = frame.to_ndarray(format="gray", width=round(frame.width * scale), height=round(frame.height * scale))
    # Phones store a picture as the sensor lies and say by how much to turn it, against the clock.
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def _mono(frame: Any) -> np.ndarray:
    """A piece of sound as the mean of its channels, scaled to [-1, 1]."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind == "u":
        samples = samples.astype(np.float64) / 128 - 1
    elif samples.dtype.kind == "i":
        samples = samples / -float(np.iinfo(samples.dtype).min)
    return samples.mean(0, dtype=np.float64)
