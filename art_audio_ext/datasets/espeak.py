"""Words spoken by espeak-ng: a list of requests in, waveforms out, the same ones every time."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import IO

import numpy as np

_CHILD = Path(__file__).with_name("espeak_child.py")


@dataclass(frozen=True)
class Utterance:
    """
    One thing to say.

    :param voice: Language and variant, as in "en-us+f3".
    :param text: The words.
    :param words_per_minute: Speed, 80 to 450.
    :param pitch: 0 to 100, 50 is the voice's own.
    :param pitch_range: 0 (flat) to 100, 50 is the voice's own.
    """

    voice: str
    text: str
    words_per_minute: int = 175
    pitch: int = 50
    pitch_range: int = 50


@dataclass(frozen=True)
class Spoken:
    """
    One thing said.

    :param sound: float32 (L,) in [-1, 1].
    :param sample_rate: In Hz.
    :param words: (first sample, index of its first character in the text) of each word.
    :param phonemes: (first sample, name in IPA, "" for a pause) of each phoneme.
    """

    sound: np.ndarray
    sample_rate: int
    words: tuple[tuple[int, int], ...]
    phonemes: tuple[tuple[int, str], ...]


def speak(utterances: Sequence[Utterance], seed: int = 0) -> Iterator[tuple[np.ndarray, int]]:
    """
    Speak in the order given. The same list and seed give the same samples.

    :param utterances: What to say.
    :param seed: Seeds espeak-ng's own noise (breath, flutter).
    :return: For each utterance its float32 waveform (L,) in [-1, 1] and its sample rate in Hz.
    :raises ValueError: If espeak-ng is not installed, a voice does not exist, or the program fails.
    """
    for spoken in _talk(utterances, seed, events=False):
        yield spoken.sound, spoken.sample_rate


def speak_timed(utterances: Sequence[Utterance], seed: int = 0) -> Iterator[Spoken]:
    """
    Speak as `speak` does, and say when each word and phoneme begins.

    :param utterances: What to say.
    :param seed: Seeds espeak-ng's own noise (breath, flutter).
    :return: The utterances with their times, in the order given.
    :raises ValueError: If espeak-ng is not installed, a voice does not exist, or the program fails.
    """
    return _talk(utterances, seed, events=True)


def _talk(utterances: Sequence[Utterance], seed: int, events: bool) -> Iterator[Spoken]:
    """What the child says."""
    library, data = _locations()
    _check_variants(utterances, Path(data) / "voices" / "!v")
    command = [sys.executable, "-I", str(_CHILD), library, data]
    requests = [astuple(utterance) for utterance in utterances]
    job = json.dumps({"seed": int(seed) % 2**31, "events": events, "requests": requests})
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as child,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            try:
                child.stdin.write(job.encode())
                child.stdin.close()
            except BrokenPipeError:
                pass  # the child has failed: reading says why
            (rate,) = struct.unpack("<i", child.stdout.read(4))
            for _ in utterances:
                samples = np.frombuffer(_block(child.stdout, 2), "<i2")
                heard = json.loads(_block(child.stdout)) if events else ()
                times = {kind: tuple((at, what) for at, k, what in heard if k == kind) for kind in ("word", "phoneme")}
                yield Spoken(samples.astype(np.float32) / 32768, rate, times["word"], times["phoneme"])
        except struct.error as error:
            child.wait()
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            raise ValueError(f"espeak-ng failed: {lines[-1] if lines else f'exit {child.returncode}'}") from error
        finally:
            child.kill()


def _block(stream: IO[bytes], width: int = 1) -> bytes:
    """A count, then so many items of `width` bytes."""
    (count,) = struct.unpack("<i", stream.read(4))
    return stream.read(width * count)


def espeak_version() -> str:
    """
    The version of the package that brings espeak-ng: part of what decides the samples.

    :return: As it calls itself.
    :raises ValueError: If it is not installed.
    """
    from importlib.metadata import version

    _locations()
    return version("espeakng-loader")


def _check_variants(utterances: Sequence[Utterance], folder: Path) -> None:
    """Refuse a variant without a file: espeak-ng would leave it out in silence and speak with the plain voice."""
    there = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    for voice in dict.fromkeys(utterance.voice for utterance in utterances):
        _, plus, variant = voice.partition("+")
        if plus and variant not in there:
            raise ValueError(f"espeak-ng has no voice {voice!r}: there is no variant {variant!r}")


def _locations() -> tuple[str, str]:
    """The library and its data."""
    try:
        import espeakng_loader

        return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
    except (ImportError, OSError, RuntimeError) as error:
        raise ValueError('built-in speech needs espeak-ng: pip install "art-audio-ext[demo]"') from error
