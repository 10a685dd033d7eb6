"""LibriSpeech, by default its dev-clean, as a task of telling its readers apart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.clip_files import ClipFile
from art_audio_ext.datasets.speaker_clips import Utterance, corpus_files, left_out, speaker_dataset

_WHAT = "LibriSpeech (dev-clean/1272/128104/1272-128104-0000.flac)"
_PATH = re.compile(r"(?:.*/)?(?P<speaker>\d+)/(?P<chapter>\d+)/(?P=speaker)-(?P=chapter)-\d+\.flac")


def load_librispeech(
    root: Path | str, *, seconds: float = 3.0, sample_rate: int = 16000, seed: int = 0, **reading: Any
) -> AudioDataset:
    """
    The utterances of a part of LibriSpeech, nine tenths of each reader's to train on.

    Source: Panayotov et al., 2015; openslr.org/12, CC BY 4.0; it is never downloaded. The target voices of the voice
    conversion backdoor are of dev-clean.

    :param root: The folder of one part, such as dev-clean, or one above, of which every part is then read.
    :param seconds: Every utterance is cut or padded with zeros, at its end, to this length.
    :param sample_rate: In Hz.
    :param seed: Decides which utterances are for testing.
    :param reading: Other options of `speaker_dataset`.
    :return: The dataset; labels are the numbers of the readers.
    :raises ValueError: If it is no copy of LibriSpeech, over a tenth of its files cannot be read, or an argument will
        not do.
    """
    folder, files, skipped = corpus_files(root, _WHAT, seconds, sample_rate)
    utterances, stray = [], []
    for file in files:
        path = file.relative_to(folder).as_posix()
        match = _PATH.fullmatch(path)
        if match is None:
            stray.append(path)
        else:
            utterances.append(Utterance((ClipFile(file, path, match["speaker"]),), match["speaker"]))
    if not utterances:
        raise ValueError(f"{str(root)!r} is no copy of {_WHAT}: it holds {stray[0]!r}")
    left_out(stray, _WHAT)
    given: dict[str, Any] = {"seconds": seconds, "sample_rate": sample_rate, "seed": seed, **reading}
    return speaker_dataset(utterances, "librispeech", skipped, **given)
