"""Datasets by name: what a person writes after `--data`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset

CHOICES = (
    "builtin, folder:PATH, the path of an existing folder, speech-commands[:ROOT] or sc09[:ROOT]; "
    "of sound events: builtin-events, fsd2018:ROOT or esc50:ROOT; "
    "of speakers: speakers:PATH[+PATH...], timit:ROOT, voxceleb1:ROOT or librispeech:ROOT"
)

_EVENTS = {"fsd2018": "fsd2018:ROOT", "esc50": "esc50:ROOT"}
_SPEAKERS = {
    "speakers": "speakers:PATH[+PATH...]",
    "timit": "timit:ROOT",
    "voxceleb1": "voxceleb1:ROOT",
    "librispeech": "librispeech:ROOT",
}


def load_dataset(
    spec: str,
    *,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    seed: int = 0,
    clips: int | None = None,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    progress: bool = True,
    speaker_pattern: str | None = None,
) -> AudioDataset:
    """
    Load a dataset by its name.

    :param spec: `builtin`, `folder:PATH`, the path of an existing folder, `speech-commands[:ROOT]`, or
        `sc09[:ROOT]`, its ten digits; of sound events `builtin-events`, `fsd2018:ROOT` or `esc50:ROOT`; with speakers
        as labels `speakers:PATH[+PATH...]`, `timit:ROOT`, `voxceleb1:ROOT` or `librispeech:ROOT`.
    :param seconds: Length of every clip.
    :param sample_rate: In Hz.
    :param seed: Decides the built-in speech or events, which clips of Speech Commands are kept, which utterances of
        each speaker are for testing, and the sub-sample.
    :param clips: How many clips; built-in speech makes so many (2,400 if None), built-in events too (400); from others
        a sub-sample with the same share of every class is drawn (all if None).
    :param cache_dir: Where decoded clips are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :param jobs: Threads that decode; None takes one for each core.
    :param progress: Show progress bars.
    :param speaker_pattern: For folders and `speakers:`: a regular expression that finds the speaker in a path.
    :return: The dataset.
    :raises ValueError: If the name is unknown, or the data or an argument will not do.
    """
    common: dict[str, Any] = {
        "seconds": seconds,
        "sample_rate": sample_rate,
        "cache_dir": cache_dir,
        "progress": progress,
    }
    if clips is not None and (isinstance(clips, bool) or not isinstance(clips, (int, np.integer)) or clips < 1):
        raise ValueError(f"clips must be a positive whole number, got {clips!r}")
    # Imported late: a folder needs neither torchaudio's datasets nor espeak-ng.
    if spec == "builtin":
        from art_audio_ext.datasets.builtin import DEFAULT_CLIPS, make_builtin

        return make_builtin(clips=clips or DEFAULT_CLIPS, seed=seed, **common)
    if spec == "builtin-events":
        from art_audio_ext.datasets.builtin_events import DEFAULT_EVENT_CLIPS, make_builtin_events

        return make_builtin_events(clips=clips or DEFAULT_EVENT_CLIPS, seed=seed, **common)
    loaded = _recordings(spec, seed, speaker_pattern, {"jobs": jobs, **common})
    return loaded if clips is None else stratified_sample(loaded, clips, seed)


def _recordings(spec: str, seed: int, pattern: str | None, options: dict[str, Any]) -> AudioDataset:
    """All clips of a dataset that is not made on the spot."""
    kind, _, rest = spec.partition(":")
    if kind == "speech-commands":
        from art_audio_ext.datasets.speech_commands import load_speech_commands

        return load_speech_commands(_root(spec), seed=seed, **options)
    if kind == "sc09":
        from art_audio_ext.datasets.sc09 import load_sc09

        return load_sc09(_root(spec), **options)
    if kind in _EVENTS:
        return _events(spec, options)
    if kind in _SPEAKERS:
        return _speakers(spec, pattern, {"seed": seed, **options})
    if (kind == "folder" and rest) or (spec and Path(spec).expanduser().exists()):
        from art_audio_ext.datasets.folder import load_folder

        path = rest if kind == "folder" and rest else spec
        return load_folder(path, speaker_pattern=pattern, **options)
    raise ValueError(f"there is no dataset {spec!r}: choose {CHOICES}")


def _events(spec: str, options: dict[str, Any]) -> AudioDataset:
    """Sounds that are no speech, listed by a table."""
    kind, _, rest = spec.partition(":")
    if not rest:
        raise ValueError(f"{kind}: names no folder: say where it lies, as in {_EVENTS[kind]}; nothing is downloaded")
    if kind == "fsd2018":
        from art_audio_ext.datasets.fsd2018 import load_fsd2018

        return load_fsd2018(rest, **options)
    from art_audio_ext.datasets.esc50 import load_esc50

    return load_esc50(rest, **options)


def _speakers(spec: str, pattern: str | None, options: dict[str, Any]) -> AudioDataset:
    """Recordings labelled by who speaks."""
    kind, _, rest = spec.partition(":")
    if not rest:
        raise ValueError(f"{kind}: names no folder: say where it lies, as in {_SPEAKERS[kind]}; nothing is downloaded")
    if kind == "timit":
        from art_audio_ext.datasets.timit import load_timit

        return load_timit(rest, **options)
    if kind == "voxceleb1":
        from art_audio_ext.datasets.voxceleb import load_voxceleb1

        return load_voxceleb1(rest, **options)
    if kind == "librispeech":
        from art_audio_ext.datasets.librispeech import load_librispeech

        return load_librispeech(rest, **options)
    from art_audio_ext.datasets.speaker_folders import load_speaker_folders

    roots = [rest] if Path(rest).expanduser().exists() else rest.split("+")
    return load_speaker_folders(roots, speaker_pattern=pattern, **options)


def _root(spec: str) -> Path | None:
    """The folder after the colon, if there is one."""
    kind, colon, rest = spec.partition(":")
    if colon and not rest:
        raise ValueError(f"{kind}: names no folder after the colon: leave the colon out, or add the folder")
    return Path(rest) if rest else None


def stratified_sample(ds: AudioDataset, clips: int, seed: int) -> AudioDataset:
    """
    Draw clips so that every class, in train and in test, keeps its share.

    :param ds: The dataset.
    :param clips: How many to draw; the dataset comes back as it is if it has no more.
    :param seed: Decides which.
    :return: The clips drawn, in their old order.
    :raises ValueError: If there are fewer clips to draw than classes (counted apart in train and in test).
    """
    if clips >= len(ds):
        return ds
    _, strata = np.unique(
        np.stack([ds.labels, np.unique(ds.partition, return_inverse=True)[1]]), axis=1, return_inverse=True
    )
    strata = strata.reshape(-1)
    sizes = np.bincount(strata)
    if clips < len(sizes):
        raise ValueError(f"clips must be at least {len(sizes)}, one for each class of train and test, got {clips}")
    # One each, the rest by size; what rounding leaves over goes to the largest remainders.
    share = (clips - len(sizes)) * (sizes - 1) / max(1, (sizes - 1).sum())
    counts = np.floor(share).astype(int)
    counts[np.argsort(counts - share, kind="stable")[: clips - len(sizes) - counts.sum()]] += 1
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(np.flatnonzero(strata == stratum))[: count + 1] for stratum, count in enumerate(counts)]
    return ds.subset(np.sort(np.concatenate(drawn)))
