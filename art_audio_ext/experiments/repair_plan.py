"""What becomes of each suspect: left out, put under another label, or freed of the sound that the suspects share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments.audit_file import Place
from art_audio_ext.functional.front_end import HOP_SECONDS
from art_audio_ext.functional.recovered_sound import LEAST_CLIPS, RecoveredSound, recover_sound, remove_sound
from art_audio_ext.functional.relabel import guess_labels, windows_outside
from art_audio_ext.functional.window_tokens import (
    WindowBasis,
    waveform_window_basis,
    waveform_window_tokens,
    window_seconds,
)

WAYS = ("drop", "relabel", "clean")
CONFIDENCE = 0.6
_MOST_TEACHERS = 6000  # clips; the classifier's time grows with the square
_LEAST_OTHERS = 40
_BATCH = 256


@dataclass(frozen=True)
class Repair:
    """
    What becomes of one clip.

    :param row: In the dataset.
    :param action: "dropped", "relabelled" (under another label, as it was) or "cleaned" (under the label that it
        sounds like, without the sound).
    :param label: New class index; None where it was dropped.
    :param guess: Class index that it sounds like; None where nobody asked.
    :param confidence: Of that guess, in [0, 1].
    :param reason: Why it was dropped.
    :param sound: What was taken out of it, as recovered from all suspects of its class, with its own start and gain.
    """

    row: int
    action: str
    label: int | None = None
    guess: int | None = None
    confidence: float | None = None
    reason: str | None = None
    sound: RecoveredSound | None = None


def check_way(how: str, confidence: float) -> None:
    """
    :param how: One of `WAYS`.
    :param confidence: In [0, 1].
    :raises ValueError: If one of them is not.
    """
    if how not in WAYS:
        raise ValueError(f"there is no repair {how!r}: choose {', '.join(WAYS)}")
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 <= confidence <= 1:
        raise ValueError(f"confidence must be a number from 0 to 1, got {confidence!r}")


def plan_repairs(
    dataset: AudioDataset,
    suspects: np.ndarray,
    how: str = "drop",
    *,
    places: Mapping[int, Place] | None = None,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> list[Repair]:
    """
    Decide on every suspect.

    A suspect gets the label that it sounds like to a classifier taught by all other clips, which does not look where
    the sound sits, if it is sure enough. One that sounds like the label it has already is dropped all the same, unless
    the sound was taken out of it: with it, it would go on teaching that label.

    :param dataset: The clips.
    :param suspects: bool (N,), suspects of flagged classes.
    :param how: "drop", "relabel" or "clean".
    :param places: Start and end in seconds of what the suspects of a class share, by class index, where known.
    :param confidence: Least confidence of a new label, in [0, 1].
    :param seed: Of the classifier's sub-sample and of the search for the sound.
    :return: One decision a suspect, in the order of the dataset.
    :raises ValueError: If an option is unusable, or the other clips cannot teach a classifier.
    """
    check_way(how, confidence)
    rows = np.flatnonzero(suspects)
    if how == "drop" or len(rows) == 0:
        return [Repair(int(row), "dropped", reason="a suspect") for row in rows]
    listener = _Listener(dataset, suspects, seed)
    found: list[Repair] = []
    for label in np.unique(dataset.labels[rows]):
        own = rows[dataset.labels[rows] == label]
        place = (places or {}).get(int(label))
        if how == "relabel":
            found += listener.decide(own, dataset.waveforms[own], place, confidence, [None] * len(own))
        else:
            found += _clean(listener, own, place, confidence, seed)
    return sorted(found, key=lambda repair: repair.row)


def repaired(dataset: AudioDataset, repairs: list[Repair]) -> AudioDataset:
    """
    The dataset with the decisions carried out.

    :param dataset: The clips.
    :param repairs: From :func:`plan_repairs`.
    :return: A dataset in memory; paths stay those of the originals.
    """
    keep, labels = np.ones(len(dataset), dtype=bool), dataset.labels.copy()
    waveforms = np.array(dataset.waveforms)
    for repair in repairs:
        keep[repair.row] = repair.label is not None
        if repair.label is not None:
            labels[repair.row] = repair.label
        if repair.sound is not None:
            waveforms[repair.row] = remove_sound(waveforms[repair.row][None], repair.sound)[0]
    return replace(dataset, waveforms=waveforms, labels=labels).subset(keep)


def _clean(listener: _Listener, rows: np.ndarray, place: Place | None, confidence: float, seed: int) -> list[Repair]:
    """Decisions on the suspects of a class once what they share is taken out of them."""
    dataset = listener.dataset
    waveforms = np.asarray(dataset.waveforms[rows], dtype=np.float32)
    if len(rows) < LEAST_CLIPS:
        reason = f"{len(rows)} suspects are too few to recover the sound from"
        return [Repair(int(row), "dropped", reason=reason) for row in rows]
    others = np.asarray(dataset.waveforms[listener.without(dataset.labels[rows[0]], len(rows))], dtype=np.float32)
    shared = recover_sound(waveforms, others, dataset.sample_rate, seed=seed)
    if not len(shared.sound):
        return [Repair(int(row), "dropped", reason="no sound repeats in the suspects of its class") for row in rows]
    sounds: list[RecoveredSound | None] = [
        RecoveredSound(shared.sound, shared.starts[i : i + 1], shared.gains[i : i + 1]) for i in range(len(rows))
    ]
    return listener.decide(rows, remove_sound(waveforms, shared), place, confidence, sounds)


class _Listener:
    """A dataset whose unsuspected clips teach what the others sound like."""

    def __init__(self, dataset: AudioDataset, suspects: np.ndarray, seed: int) -> None:
        self.dataset, self.seed = dataset, seed
        trusted = np.flatnonzero(~np.asarray(suspects, dtype=bool))
        if len(trusted) > _MOST_TEACHERS:
            trusted = np.sort(np.random.default_rng(seed).choice(trusted, _MOST_TEACHERS, replace=False))
        self.basis = waveform_window_basis(dataset.waveforms, dataset.sample_rate, seed=seed)
        self.rows, self.labels = trusted, dataset.labels[trusted]
        self.tokens = _tokens(dataset, trusted, self.basis)

    def without(self, label: int, count: int) -> np.ndarray:
        """Rows of clips without the sound, as many as asked for or more: of that class, or of others if it is small."""
        shuffled = np.random.default_rng(self.seed).permutation(len(self.rows))
        first = shuffled[np.argsort(self.labels[shuffled] != label, kind="stable")]
        return np.sort(self.rows[first[: max(count, _LEAST_OTHERS)]])

    def decide(
        self,
        rows: np.ndarray,
        waveforms: np.ndarray,
        place: Place | None,
        confidence: float,
        sounds: list[RecoveredSound | None],
    ) -> list[Repair]:
        """Decisions on the suspects of one class, as they are or after a sound was taken out."""
        asked = waveform_window_tokens(waveforms, self.basis, self.dataset.sample_rate)
        frames = waveforms.shape[1] // max(1, round(HOP_SECONDS * self.dataset.sample_rate))
        windows = None if place is None else windows_outside(window_seconds(frames), *place)
        guesses, sure = guess_labels(self.tokens, self.labels, asked, windows)
        decided = []
        for row, guess, chance, sound in zip(rows.tolist(), guesses.tolist(), sure.tolist(), sounds, strict=True):
            repair = Repair(row, "dropped", guess=guess, confidence=round(chance, 4))
            if chance < confidence:
                repair = replace(repair, reason="no label is likely enough")
            elif sound is not None:
                repair = replace(repair, action="cleaned", label=guess, sound=sound)
            elif guess == self.dataset.labels[row]:
                repair = replace(repair, reason="it sounds like the label that it has, and is a suspect there")
            else:
                repair = replace(repair, action="relabelled", label=guess)
            decided.append(repair)
        return decided


def _tokens(dataset: AudioDataset, rows: np.ndarray, basis: WindowBasis) -> np.ndarray:
    """Window tokens (T, n, D) of some clips, read a batch at a time."""
    parts = [
        waveform_window_tokens(np.asarray(dataset.waveforms[rows[at : at + _BATCH]]), basis, dataset.sample_rate)
        for at in range(0, len(rows), _BATCH)
    ]
    return np.concatenate(parts, 1) if parts else np.zeros((len(basis.means), 0, basis.axes.shape[2]), np.float32)
