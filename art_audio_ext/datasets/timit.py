"""TIMIT as a task of telling its 630 speakers apart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.clip_files import ClipFile
from art_audio_ext.datasets.speaker_clips import Utterance, corpus_files, left_out, speaker_dataset

_WHAT = "TIMIT (TRAIN/DR1/FCJF0/SA1.WAV)"
_PATH = re.compile(r"(?:.*/)?(?:train|test)/dr[1-8]/(?P<speaker>[fm][a-z]{3}\d)/(?P<sentence>s[aix]\d+)\.wav(\.wav)?")


def load_timit(
    root: Path | str, *, seconds: float = 3.0, sample_rate: int = 16000, seed: int = 0, **reading: Any
) -> AudioDataset:
    """
    The utterances of all speakers of TIMIT's TRAIN and TEST, nine tenths of each speaker's to train on.

    TIMIT's own two parts share no speaker, so a speaker of one could not be learnt from the other. Source: Garofolo et
    al., 1993; LDC93S1, which is sold by the LDC and is never downloaded. Upper or lower case; NIST sphere files as they
    are (uncompressed), or copies with a RIFF header; of `SA1.WAV` and `SA1.WAV.wav` one is read.

    :param root: The folder with TRAIN and TEST, or one above it.
    :param seconds: Every utterance is cut or padded with zeros, at its end, to this length.
    :param sample_rate: In Hz.
    :param seed: Decides which utterances are for testing.
    :param reading: Other options of `speaker_dataset`.
    :return: The dataset; labels are speakers in upper case, as in `FCJF0`.
    :raises ValueError: If it is no copy of TIMIT, over a tenth of its files cannot be read, or an argument will not do.
    """
    folder, files, skipped = corpus_files(root, _WHAT, seconds, sample_rate)
    utterances: dict[tuple[str, str], Utterance] = {}
    stray = []
    for file in files:
        path = file.relative_to(folder).as_posix()
        # The folder that was named may be TRAIN itself.
        match = _PATH.fullmatch(f"{folder.name}/{path}".lower())
        if match is None:
            stray.append(path)
            continue
        speaker = match["speaker"].upper()
        utterances.setdefault((speaker, match["sentence"]), Utterance((ClipFile(file, path, speaker),), speaker))
    if not utterances:
        raise ValueError(f"{str(root)!r} is no copy of {_WHAT}: it holds {stray[0]!r}")
    left_out(stray, _WHAT)
    given: dict[str, Any] = {"seconds": seconds, "sample_rate": sample_rate, "seed": seed, **reading}
    return speaker_dataset(list(utterances.values()), "timit", skipped, **given)
