"""What a reader of a comparison must know beside its table, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.speakers import NOISE_LABELS
from art_audio_ext.experiments.armory_data import Splits
from art_audio_ext.report.records import FilterResult


def comparison_notes(filters: Sequence[FilterResult], splits: Splits, *, at_once: int, vae_given: bool) -> list[str]:
    """
    The notes of a comparison.

    :param filters: The table.
    :param splits: The data.
    :param at_once: The largest number of scenarios that ran at a time.
    :param vae_given: Whether the poison likelihood filter was given a trained VAE.
    :return: Sentences, the general ones first.
    """
    notes = [
        "Every scenario trains its own victim. True and false positive rates and the adjusted Rand index count all "
        "training clips; attack success is that of triggered test clips of the source class."
    ]
    emptied = [entry.name for entry in filters if entry.removed >= len(splits.train)]
    if emptied:
        notes.append(
            f"{', '.join(emptied)} removed every training clip. Armory then trains nothing: the attack success and the "
            f"accuracy shown are those of a model that has learnt nothing."
        )
    if vae_given and any(entry.name == "poison_likelihood" for entry in filters):
        notes.append(
            "poison_likelihood was given a trained VAE, so its filter_seconds leave that training out; those of the "
            "other filters include training the victim they need."
        )
    notes += speaker_notes(splits)
    if splits.left_out:
        notes.append(f"{splits.left_out} poisoned clips fell into the test part and were left out of it.")
    if at_once > 1:
        notes.append(f"{at_once} scenarios ran at a time, so each had only its share of the machine: times are longer.")
    return notes


def speaker_notes(splits: Splits) -> list[str]:
    """
    Whether train and test may share voices.

    :param splits: The data.
    :return: One sentence, or none if every clip but noise names its speaker and no speaker is on both sides.
    """
    parts = [_voiced_speakers(part) for part in (splits.train, splits.test)]
    speakers = np.concatenate(parts)
    unknown = int(np.sum(speakers == ""))
    shared = set(parts[0]) & set(parts[1]) - {""}
    if shared:
        return [
            f"{len(shared)} speakers are in train and in test: every class has one speaker of its own, so they cannot "
            f"be kept apart, and the accuracy is that on voices the victim knows."
        ]
    if not unknown:
        return []
    which = "No file name tells" if unknown == len(speakers) else f"{unknown} of {len(speakers)} file names do not tell"
    return [
        f"{which} the speaker, so train and test may share voices, and the accuracy may be too good. A speaker pattern "
        f"(--speaker-pattern) says how file names tell it."
    ]


def _voiced_speakers(part: AudioDataset) -> np.ndarray:
    """Speakers of the clips that are not noise."""
    noise = [index for index, name in enumerate(part.label_names) if name.lower() in NOISE_LABELS]
    return part.speakers[~np.isin(part.labels, noise)].astype(str)
