"""SC09, the ten spoken digits of Speech Commands, on which purifiers of speech commands are compared."""

from __future__ import annotations

from pathlib import Path

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.cache import cache_dir as chosen_cache_dir
from art_audio_ext.datasets.clip_files import read_clips, to_dataset
from art_audio_ext.datasets.decode import clip_length
from art_audio_ext.datasets.speakers import speakers_from_paths
from art_audio_ext.datasets.speech_commands import official_copy, official_words
from art_audio_ext.functional.checks import check_sample_rate

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def load_sc09(
    root: Path | None = None,
    *,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> AudioDataset:
    """
    The digits of Speech Commands v0.02 with its official training and testing split; validation is left out.

    Source: Donahue et al., "Adversarial audio synthesis", 2019, who named it.

    :param root: The folder that holds, or shall hold, `SpeechCommands/speech_commands_v0.02`; None takes a folder in
        the cache. It is downloaded by torchaudio if it is not there.
    :param seconds: Length of every clip.
    :param sample_rate: In Hz.
    :param cache_dir: Where decoded clips are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :param jobs: Threads that decode; None takes one for each core.
    :param progress: Show progress bars.
    :return: The dataset, labels in the order of `DIGITS`; `partition` is "train" or "test".
    :raises ValueError: If the copy is not whole, the download fails, or an argument will not do.
    """
    clip_length(seconds, check_sample_rate(sample_rate))
    root = (root or chosen_cache_dir(cache_dir) / "speech-commands").expanduser()
    official_copy(root, DIGITS)
    clips = []
    for partition, subset in (("train", "training"), ("test", "testing")):
        words = official_words(root, subset, partition, DIGITS)
        clips += [clip for digit in DIGITS for clip in words.get(digit, [])]
    found = read_clips(clips, seconds=seconds, sample_rate=sample_rate, cache=cache_dir, jobs=jobs, progress=progress)
    return to_dataset(found, DIGITS, sample_rate, "sc09", speakers_from_paths(found.paths, found.labels))
