"""The score that finds a trigger mixed into clips: a sound which repeats, sample for sample, in those of one class."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from tqdm.auto import tqdm

from art_audio_ext.functional.checks import class_indices
from art_audio_ext.functional.coherent_checks import check_coherent_options, searchable_classes
from art_audio_ext.functional.coherent_class import ClassEvidence, Clips, Holders, examine_class, prepare_clips
from art_audio_ext.functional.coherent_verdict import SHARED_NOTES, class_p_values, shared_by_all
from art_audio_ext.functional.coherent_windows import WINDOW_SECONDS
from art_audio_ext.functional.flatten import flatten_sound
from art_audio_ext.functional.outliers import class_outliers
from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.significance import adjusted_p_values, holm
from art_audio_ext.functional.streaming import release_pages

FEW_CLASSES = 5
FEW_CONTROLS = 60
_SMALLEST = 1e-300
_BATCH = 256


def coherent_component_scores(
    waveforms: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int,
    sample_rate: int = 16000,
    alpha: float = 0.01,
    anywhere: bool = True,
    largest_class: int = 400,
    controls: int = 600,
    ignore_classes: Collection[int] = (),
    flattened: bool = False,
    progress: bool = False,
) -> PoisonScores:
    """
    Score each class by how surely some sound repeats in it, sample for sample, that does not repeat in the others.

    Ours. A trigger that was mixed into clips is the same waveform in each; two people saying a word never are. Each
    class is searched in halves, at fixed places and at any shift, and what one half shares is looked for in the other
    half and in the other classes: see `examine_class`. It sees neither attacks that leave no common waveform (another
    voice, a pattern in the spectrogram, a trigger played over the air) nor a few clips among hundreds.

    The p-value of a class needs no simulation. Classes are flagged by Holm's procedure, so that a clean dataset is
    called poisoned with probability alpha at most, as far as clean clips of one class are as unlike each other as those
    of different classes. Where a sound stays in place and repeats in nearly every class, better than the same sound
    backwards, all of those are flagged, with a note: every class is poisoned, or all recordings have something in
    common. Sounds that repeat at any place in nearly every class are what one synthesiser makes: a note says that
    moving sounds cannot be judged there.

    :param waveforms: Shape (N, L) in [-1, 1], an array or a memory map, which is read class by class.
    :param labels: Class indices (N,), or one-hot rows (N, C).
    :param seed: Of sub-samples, halves and groups.
    :param sample_rate: In Hz.
    :param alpha: Probability of calling a clean dataset poisoned.
    :param anywhere: Look for sounds at any place too, not only for those at the same place of every clip.
    :param largest_class: Larger classes are searched in a random sub-sample of this size; where one is flagged, its
        other clips are scored by what was found.
    :param controls: Clips of the other classes that a class is held against, at most.
    :param ignore_classes: Labels to leave out, such as noise: crops of one recording do repeat.
    :param flattened: The waveforms are from `flatten_sound` already.
    :param progress: Show a progress bar.
    :return: Scores; `class_scores` is -log10 of the p-value, `details["classes"]` says what was found where.
    :raises ValueError: If an input or an option is unusable, or fewer than 2 classes have 12 clips.
    """
    options: dict[str, Any] = {"seed": seed, "sample_rate": sample_rate, "alpha": alpha, "anywhere": anywhere}
    options |= {"largest_class": largest_class, "controls": controls, "ignore_classes": sorted(ignore_classes)}
    check_coherent_options(**options, flattened=flattened, progress=progress)
    options = {key: value.item() if isinstance(value, np.generic) else value for key, value in options.items()}
    options["ignore_classes"] = [int(label) for label in options["ignore_classes"]]
    least = round(WINDOW_SECONDS * sample_rate)
    if waveforms.ndim != 2 or waveforms.shape[1] < least or not np.issubdtype(waveforms.dtype, np.floating):
        raise ValueError(
            f"waveforms must be floats (N, L) in [-1, 1] of at least {least} samples at {sample_rate} Hz, "
            f"got {waveforms.dtype} {waveforms.shape}"
        )
    labels = class_indices(labels, len(waveforms), "labels")
    search = _Search(waveforms, labels, options, flattened)
    evidence = {}
    for label in tqdm(search.scored, desc="Classes", unit="class", disable=not progress):
        evidence[int(label)] = search.examine(int(label))
    return search.compare(evidence)


class _Search:
    """A dataset, which of its clips are looked at, and how."""

    def __init__(self, waveforms: np.ndarray, labels: np.ndarray, options: dict[str, Any], flattened: bool) -> None:
        self.waveforms, self.labels, self.options, self.flattened = waveforms, labels, options, flattened
        self.present, self.scored, self.notes = searchable_classes(labels, options["ignore_classes"])
        self.shared: list[int] = []  # classes that have a sound in common
        rng = np.random.default_rng(np.random.SeedSequence(options["seed"]).spawn(1)[0])
        pool = rng.permutation(np.flatnonzero(np.isin(labels, self.scored)))
        first = options["controls"] * len(self.scored) // (len(self.scored) - 1)
        # one class that outweighs all others must not be held against itself alone
        extra = [pool[first:][labels[pool[first:]] == label][:FEW_CONTROLS] for label in self.scored]
        few = np.bincount(labels[pool[:first]], minlength=labels.max() + 1).max() > first - FEW_CONTROLS
        pool = np.concatenate([pool[:first], *(extra if few else [])])
        self.control_labels, self.controls = labels[pool], self.clips(pool)

    def clips(self, rows: np.ndarray) -> Clips:
        """Some clips as the searches need them, read in the order in which they lie."""
        order = np.argsort(rows, kind="stable")
        clips = np.asarray(self.waveforms[rows[order]], dtype=np.float32)
        release_pages(self.waveforms)
        bad = ~np.isfinite(clips).all(1)
        if bad.any():
            raise ValueError(f"waveforms row {rows[order][bad.argmax()]} is not finite: repair or drop that clip")
        flat = torch.from_numpy(clips) if self.flattened else flatten_sound(clips, self.options["sample_rate"])
        back = torch.from_numpy(np.argsort(order, kind="stable"))
        return prepare_clips(flat[back], self.options["sample_rate"], self.options["anywhere"])

    def examine(self, label: int) -> tuple[np.ndarray, ClassEvidence]:
        """The clips of a class that were looked at, and what was found."""
        # a stream of each class's own: another class more or less changes nothing for this one
        rng = np.random.default_rng(np.random.SeedSequence([self.options["seed"], label]))
        rows = np.flatnonzero(self.labels == label)
        if len(rows) > self.options["largest_class"]:
            rows = np.sort(rng.choice(rows, self.options["largest_class"], replace=False))
        others = torch.from_numpy(np.flatnonzero(self.control_labels != label))
        return rows, examine_class(self.clips(rows), self.controls[others], rng)

    def compare(self, found: dict[int, tuple[np.ndarray, ClassEvidence]]) -> PoisonScores:
        """Decide which classes are poisoned, and score the clips."""
        where = np.isin(self.present, list(found))
        evidence = [item for _, item in found.values()]
        p_values = np.full(len(self.present), np.nan)
        p_values[where], places = class_p_values(evidence)
        flagged = holm(p_values, self.options["alpha"])
        if len(found) < FEW_CLASSES:
            self.notes.append(f"{len(found)} classes say little about how clean ones differ: 'clean' is weak evidence.")
        shared = np.zeros_like(flagged)
        for place in evidence[0].searches:
            shared[where] = shared_by_all(evidence, place, self.options["alpha"])
            if shared.any():
                self.notes.append(SHARED_NOTES[place].format(shared=shared.sum(), classes=len(found)))
            if place == "fixed":
                flagged, self.shared = flagged | shared, self.present[shared].tolist()
                places = ["fixed" if all_share else p for all_share, p in zip(shared[where], places, strict=True)]
        scores = np.zeros(len(self.labels))
        for flag, place, (label, (rows, item)) in zip(flagged[where], places, found.items(), strict=True):
            self._score_clips(scores, label, rows, item.holders[place], bool(flag))
        class_scores, outlier = 0.0 - np.log10(np.maximum(p_values, _SMALLEST)), np.full(len(self.present), np.nan)
        outlier[where] = class_outliers(class_scores[where])
        return PoisonScores(
            classes=self.present.astype(np.int64),
            class_scores=class_scores,
            class_spread=np.full(len(self.present), np.nan),
            class_outlier=outlier,
            class_p=p_values,
            flagged=flagged,
            sample_scores=scores,
            suspects=scores > 0.5,
            details=self._details(found, p_values, places),
        )

    def _score_clips(self, scores: np.ndarray, label: int, rows: np.ndarray, holders: Holders, flagged: bool) -> None:
        """Write the scores of the clips of a class; those that were not looked at only where it is flagged."""
        scores[rows] = expit(holders.log_odds)
        if not flagged:
            return
        rest = np.setdiff1d(np.flatnonzero(self.labels == label), rows)
        for start in range(0, len(rest), _BATCH):
            some = rest[start : start + _BATCH]
            scores[some] = expit(holders.score(self.clips(some)))

    def _details(
        self, found: dict[int, tuple[np.ndarray, ClassEvidence]], p_values: np.ndarray, places: list[str]
    ) -> dict[str, Any]:
        """What a report says, JSON-safe."""
        adjusted = adjusted_p_values(p_values)[np.isin(self.present, list(found))]
        classes = {
            str(label): {
                "p_adjusted": float(p),
                "searches": {place: asdict(search) for place, search in evidence.searches.items()},
                "place": place,
                "seconds": _extent(evidence, place),
                "clips_searched": len(rows),
                "copies": evidence.copies,
            }
            for p, place, (label, (rows, evidence)) in zip(adjusted, places, found.items(), strict=True)
        }
        partly = [label for label, (rows, _) in found.items() if len(rows) < (self.labels == label).sum()]
        if partly:
            self.notes.append(
                f"{len(partly)} classes have over {self.options['largest_class']} clips: so many were searched."
            )
        copies = sum(evidence.copies for _, evidence in found.values())
        notes = [f"{copies} clips are copies of another clip of their class; each was counted once."] if copies else []
        strongest = int(self.present[np.nanargmin(p_values)])
        options = {key: value for key, value in self.options.items() if key != "seed"}
        options |= {"shared_classes": self.shared}
        return options | {"classes": classes, "highest_class": strongest, "notes": self.notes + notes}


def _extent(evidence: ClassEvidence, place: str) -> list[float] | None:
    """Start and end in seconds of the windows in which the sound was found, or None where its place differs."""
    shared = evidence.holders[place].shared
    if place != "fixed" or shared is None:
        return None
    used = torch.nonzero(shared.used)[:, 0]
    return [
        round(float(used.min()) * WINDOW_SECONDS / 2, 4),
        round((float(used.max()) / 2 + 1) * WINDOW_SECONDS, 4),
    ]
