"""Adding a trigger to one sound file as it is: its rate, channels, length, format and untouched samples stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from art_audio_ext.attacks.poisoning import AudioTriggerBackdoor
from art_audio_ext.datasets.decode import LARGEST_PEAK, clip_length

_BLOCK = 65536  # frames written at once: libsndfile's Vorbis encoder does not take a long file in one piece


@dataclass(frozen=True)
class Placement:
    """Where a trigger goes in a file. Start in samples at the file's own rate; gain is the factor on the trigger."""

    start: int
    gain: float
    sample_rate: int


def is_readable(path: Path) -> bool:
    """
    Whether a file opens as sound and says that it holds some.

    :param path: Any file.
    :return: Whether it does; its samples are not read.
    """
    try:
        return soundfile.info(str(path)).frames > 0
    except (soundfile.LibsndfileError, OSError, RuntimeError, TypeError):
        return False


def place_trigger(
    path: Path, attack_at: Callable[[int], AudioTriggerBackdoor], seconds: float | None = None
) -> Placement:
    """
    Read a file and find out where and how loud the trigger would go.

    :param path: A sound file.
    :param attack_at: The attack for clips of a sample rate in Hz.
    :param seconds: Only so much from the start counts as the clip, as for who loads it; None for the whole file.
    :return: The placement; nothing is written.
    :raises ValueError: If the file cannot be read, cannot be written back in its format, or cannot carry the trigger
        within those seconds.
    """
    samples, info = read_sound(path)
    heard = samples if seconds is None else samples[: clip_length(seconds, info.samplerate)]
    mono = heard.mean(1, dtype=np.float64).astype(np.float32)
    attack = attack_at(info.samplerate)
    if not isinstance(attack.position, str) and len(mono) <= attack.position < len(samples):
        raise ValueError(
            f"position {attack.position} lies beyond the first {seconds:g} s, which is all that is loaded: "
            f"start before sample {len(mono)}, or use more seconds"
        )
    starts, gains = attack.placements(mono[None])
    return Placement(int(starts[0]), float(gains[0]), info.samplerate)


def write_with_trigger(source: Path, target: Path, placement: Placement, trigger: np.ndarray) -> None:
    """
    Write a copy of a file with the trigger added to every channel.

    Samples outside the trigger are bit for bit those of the original where the format is PCM (wav, flac); a lossy
    format (ogg, mp3) is encoded once more.

    :param source: The original.
    :param target: The new file; its folder is made.
    :param placement: From `place_trigger`.
    :param trigger: The trigger at the file's rate, (T,).
    """
    samples, info = read_sound(source)
    span = samples[placement.start : placement.start + len(trigger)]
    span += (placement.gain * trigger[: len(span)])[:, None]
    np.clip(samples, -1, 1, out=samples)
    write_sound(samples, info, target)


def write_sound(samples: np.ndarray, info: soundfile._SoundFileInfo, target: Path) -> None:
    """
    Write samples in the format of another file.

    :param samples: Float (frames, channels) in [-1, 1].
    :param info: Of that file.
    :param target: The new file; its folder is made.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(
        target, "w", info.samplerate, samples.shape[1], format=info.format, subtype=info.subtype, endian=info.endian
    ) as file:
        for start in range(0, len(samples), _BLOCK):
            file.write(samples[start : start + _BLOCK])


def read_sound(path: Path) -> tuple[np.ndarray, soundfile._SoundFileInfo]:
    """
    A sound file that can be written back.

    :param path: The file.
    :return: All samples as float64 (frames, channels) in [-1, 1], and what the header says.
    :raises ValueError: If it cannot be read or written back, breaks off, or holds no usable sound.
    """
    try:
        info = soundfile.info(str(path))
        with soundfile.SoundFile(path) as file:
            samples = file.read(dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, OSError, RuntimeError, TypeError, MemoryError) as error:
        raise ValueError(f"{path.name} cannot be read: {' '.join(str(error).split())}") from error
    if len(samples) == 0 or len(samples) < info.frames:
        raise ValueError(f"{path.name} breaks off after {len(samples)} of {info.frames} samples")
    if not soundfile.check_format(info.format, info.subtype):
        raise ValueError(f"{path.name}: the sound library here cannot write {info.format} {info.subtype}")
    if not np.isfinite(samples).all():
        raise ValueError(f"{path.name} holds values that are not finite")
    if np.abs(samples).max() > LARGEST_PEAK:  # `decode_clip` refuses it: it would not be loaded
        raise ValueError(f"{path.name} reaches {np.abs(samples).max():.4g}, outside [-1, 1]")
    return np.clip(samples, -1, 1), info
