"""The sounds that the suspects of an audit share, recovered from them and written as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.recovered_sound import LEAST_CLIPS, recover_sound

_MOST = 120  # suspects, and as many others, of one class: more would not change what is heard


def recovered_sounds(dataset: AudioDataset, scores: PoisonScores, seed: int) -> dict[int, np.ndarray]:
    """
    What the suspects of each flagged class have in common.

    :param dataset: What was scored.
    :param scores: Of its clips.
    :param seed: Of the choice of clips and of the search.
    :return: Class index to sound (T,), for flagged classes whose suspects share one.
    """
    found = {}
    for label in scores.classes[scores.flagged].tolist():
        inside = dataset.labels == label
        chosen = [
            np.random.default_rng([seed, label]).permutation(np.flatnonzero(inside & part))[:_MOST]
            for part in (scores.suspects, ~scores.suspects)
        ]
        if min(map(len, chosen)) < LEAST_CLIPS:
            continue
        suspects, others = (np.asarray(dataset.waveforms[np.sort(rows)]) for rows in chosen)
        sound = recover_sound(suspects, others, dataset.sample_rate, seed=seed).sound
        if len(sound):
            found[label] = sound
    return found


def write_sounds(sounds: dict[int, np.ndarray], dataset: AudioDataset, out: Path) -> dict[str, str]:
    """
    Write each as `shared_sound_<class index>.wav`, 16 bits, at the level it has in the clips.

    :param sounds: From :func:`recovered_sounds`.
    :param dataset: For the sample rate.
    :param out: Folder, which exists.
    :return: Label to file name.
    """
    for stale in out.glob("shared_sound_*.wav"):  # of an earlier audit in this folder
        stale.unlink()
    names = {}
    for label, sound in sounds.items():
        names[dataset.label_names[label]] = name = f"shared_sound_{label}.wav"
        soundfile.write(out / name, np.clip(sound, -1, 1), dataset.sample_rate, subtype="PCM_16")
    return names
