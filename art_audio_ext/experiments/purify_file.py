"""One sound file through a purifier: in one-second pieces, with noise that its path decides, to a file and figures."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from scipy.io import wavfile

from art_audio_ext.datasets.decode import decode_clip
from art_audio_ext.experiments.purify_defences import ChosenPurifier
from art_audio_ext.functional.change_levels import picture_change, sound_change
from art_audio_ext.functional.front_end import SPEECH_MEL_RATE, speech_mel

RATE = SPEECH_MEL_RATE  # what purifiers and their models know
PART_NAME = ".purify.part"  # what is being written
_PIECES = 64  # purified in one call: bounds the memory for long files
_HASH_BYTES = 1 << 20


def noise_seed(seed: int, path: str) -> int:
    """
    The seed of a file's noise: neighbours, and the order of files, have no say in it.

    :param seed: Of the run.
    :param path: Of the file, relative to the folder, with slashes.
    :return: From 0 to 2^63 - 1.
    """
    digest = hashlib.blake2b(f"{seed} {path}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def content_digest(file: Path) -> str:
    """
    :param file: To read.
    :return: Hexadecimal digest of its bytes.
    :raises OSError: If it cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    with open(file, "rb") as opened:
        while block := opened.read(_HASH_BYTES):
            digest.update(block)
    return digest.hexdigest()


def purify_file(
    file: Path, seed: int, chosen: ChosenPurifier, tell: Callable[[int, int], None]
) -> tuple[np.ndarray, dict[str, Any]]:
    """
    Decode a file to mono at 16 kHz and purify it in pieces of a second; the last is padded with zeros.

    :param file: Any that libsndfile reads.
    :param seed: From `noise_seed`.
    :param chosen: The purifier.
    :param tell: Told how many pieces of how many are done, of a file that takes several calls of the purifier.
    :return: float32, the sound (L,), not clipped, or pictures (P, 1, 32, 32), one a second; and its figures.
    :raises ValueError: If the file is no usable sound, or what the purifier gives is not finite.
    """
    sound = decode_clip(file, RATE)
    pieces = _pieces(sound)
    chosen.purifier.set_params(seed=seed)  # and its calls are counted from 0 again
    done: list[np.ndarray] = []
    for start in range(0, len(pieces), _PIECES):
        done.append(chosen.purifier(pieces[start : start + _PIECES])[0])
        if len(pieces) > _PIECES:
            tell(min(start + _PIECES, len(pieces)), len(pieces))
    pure = np.concatenate(done)
    if not np.isfinite(pure).all():
        raise ValueError("what the purifier gives is not finite: take fewer steps, or train the diffusion model anew")
    about = soundfile.info(str(file))
    figures = {
        "seconds": len(sound) / RATE,
        "input_sample_rate_hz": about.samplerate,
        "input_channels": about.channels,
    }
    if chosen.pictures:
        return pure, {**figures, **picture_change(log_mels(pieces), pure)}
    pure = pure.reshape(-1)[: len(sound)]
    return pure, {**figures, **sound_change(sound, pure)}


def log_mels(pieces: np.ndarray) -> np.ndarray:
    """
    :param pieces: Sound (P, 16000).
    :return: Pictures (P, 1, 32, 32), as a purifier of log-mels begins with.
    """
    with torch.no_grad():
        parts = [speech_mel(some).numpy() for some in torch.from_numpy(pieces).split(_PIECES)]
    return np.concatenate(parts)


def first_second(sound: np.ndarray) -> np.ndarray:
    """
    :param sound: Shape (L,).
    :return: The first piece that was purified, (1, 16000).
    """
    return _pieces(sound[:RATE])


def write_result(result: np.ndarray, target: Path, out: Path) -> str:
    """
    Write sound as a WAV of 32-bit floats, or pictures as `.npy`, whole or not at all.

    Floats, for purifiers do not clip: 16 bits would cut off what reaches beyond full scale, and round the rest, so that
    a classifier would hear something else than behind the purifier. libsndfile would write the time into such a file.

    :param result: From `purify_file`.
    :param target: Its folder is made.
    :param out: The folder of all results, which holds the file while it is written.
    :return: The digest of what was written.
    :raises ValueError: If a link leads from `out` to elsewhere.
    :raises OSError: If it cannot be written.
    """
    if not target.parent.resolve().is_relative_to(out.resolve()):
        raise ValueError("a link in the folder of results leads out of it: delete that link")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = out / PART_NAME
    try:
        with open(part, "wb") as file:
            if result.ndim == 1:
                wavfile.write(file, RATE, result)
            else:
                np.save(file, result, allow_pickle=False)
        digest = content_digest(part)
        os.replace(part, target)  # a link in the place of the file is replaced, not followed
    finally:
        part.unlink(missing_ok=True)
    return digest


def _pieces(sound: np.ndarray) -> np.ndarray:
    """Sound (L,) as (P, 16000), the last one padded with zeros."""
    pieces = np.zeros((-(-len(sound) // RATE), RATE), np.float32)
    pieces.reshape(-1)[: len(sound)] = sound
    return pieces
