"""Five speakers made on the spot, who read sentences: voices to give to clips. None of them speaks our commands."""

from __future__ import annotations

from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from art_audio_ext.datasets.espeak import Utterance, speak
from art_audio_ext.functional.checks import check_sample_rate

BUILTIN = "builtin:"  # before a speaker's name, where a file could stand
SPEAKERS = {
    "anika": ("en-gb-x-rp+anika", 165, 50),
    "edward": ("en-us+edward", 160, 45),
    "nguyen": ("en-gb-scotland+Nguyen", 175, 55),
    "antonio": ("en-029+antonio", 150, 50),
    "jacky": ("en-us-nyc+Jacky", 170, 48),
}
SENTENCES = (
    "The harbour was quiet, and the last boat had gone before we found the road again. Nobody asked us where we had "
    "been all day.",
    "She counted the lamps along the bridge, wrote a number in her book, and smiled, because it was the same as every "
    "other evening.",
    "When the rain came at last, the children ran out to the yard and stood there with their faces turned up and "
    "their arms wide open.",
)
_PEAK = 0.5  # of full scale


def speaker_utterance(name: str, sample_rate: int = 16000, sentence: int = 0) -> np.ndarray:
    """
    One of the sentences in one of the voices; the same every time.

    :param name: A key of `SPEAKERS`.
    :param sample_rate: In Hz.
    :param sentence: Which of `SENTENCES`.
    :return: About seven seconds, float32 (T,), peak at .5.
    :raises ValueError: If there is no such speaker or sentence, or espeak-ng is not installed.
    """
    if name not in SPEAKERS:
        raise ValueError(f"there is no built-in speaker {name!r}: choose {', '.join(SPEAKERS)}")
    if isinstance(sentence, bool) or not isinstance(sentence, int) or not 0 <= sentence < len(SENTENCES):
        raise ValueError(f"sentence must be from 0 to {len(SENTENCES) - 1}, got {sentence!r}")
    rate = check_sample_rate(sample_rate)
    voice, speed, pitch = SPEAKERS[name]
    sound, spoken = next(iter(speak([Utterance(voice, SENTENCES[sentence], speed, pitch)])))
    common = gcd(spoken, rate)
    sound = resample_poly(sound, rate // common, spoken // common)
    return (sound * (_PEAK / np.abs(sound).max())).astype(np.float32)


def write_speakers(folder: str | Path, sample_rate: int = 16000) -> Path:
    """
    All sentences of all speakers as `<speaker>/<number>.flac`; what is there is not written again.

    :param folder: Made if absent.
    :param sample_rate: In Hz.
    :return: The folder.
    :raises ValueError: If espeak-ng is not installed.
    """
    root = Path(folder).expanduser()
    for name in SPEAKERS:
        for number in range(len(SENTENCES)):
            path = root / name / f"{number}.flac"
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_suffix(".part")
                soundfile.write(part, speaker_utterance(name, sample_rate, number), sample_rate, format="FLAC")
                part.replace(path)
    return root
