"""The record of an audit: the scores of a dataset with the names of its classes and files, and what to bear in mind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.scorers import class_table
from art_audio_ext.report.records import AuditResult, ClassResult, SampleResult

ENOUGH_CLIPS = 1000  # a class; the paper had about 3000
MANY = 0.4  # share of suspects in a flagged class from which on it may be the sound of the class itself
NEARLY = 0.1  # p-value below which a class that is not flagged is mentioned


def audit_record(
    dataset: AudioDataset, path: str, scores: PoisonScores, method: dict[str, Any], seed: int, seconds: dict[str, float]
) -> AuditResult:
    """
    Turn scores into the record that is written and shown.

    :param dataset: What was scored.
    :param path: How the person named it.
    :param scores: Of its clips, in order.
    :param method: How it was scored, `name` among it; the scores' own details are added.
    :param seed: As it was given.
    :param seconds: Of each stage.
    :return: The record; classes are named, not numbered.
    """
    names = dataset.label_names
    removed = scores.removed(dataset.labels)
    details = _with_names(scores.details, names)
    notes = details.pop("notes", [])
    classes = [
        ClassResult(
            label=names[row["class"]],
            clips=row["clips"],
            score=row["score"],
            score_spread=row["spread"],
            outlier=row["outlier"],
            flagged=row["flagged"],
            suspects=row["suspects"],
            p_value=row["p_value"],
        )
        for row in class_table(scores, dataset.labels)
    ]
    rows = zip(dataset.paths, dataset.labels, removed, scores.sample_scores, strict=True)
    return AuditResult(
        verdict="poisoned" if scores.flagged.any() else "clean",
        dataset={
            "path": path,
            "clips": len(dataset),
            "classes": len(classes),
            "sample_rate_hz": int(dataset.sample_rate),
            "seconds_per_clip": dataset.waveforms.shape[1] / dataset.sample_rate,
            "skipped": [{"path": str(p), "reason": str(r)} for p, r in dataset.skipped],
        },
        classes=classes,
        samples=[SampleResult(str(p), names[label], bool(s), float(v)) for p, label, s, v in rows],
        method=method | {key: value for key, value in details.items() if key not in ("score", "seed")},
        seed=int(seed),
        seconds=seconds,
        notes=[*_warnings(dataset, scores, method["name"]), *_nearly(classes, scores.details), *_many(classes), *notes],
    )


def _with_names(details: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The details of a score with labels in the place of their numbers, where it has them."""
    details = dict(details)
    if "highest_class" in details:
        details["highest_class"] = names[details["highest_class"]]
    if "scored_classes" in details:
        details["scored_classes"] = [names[c] for c in details["scored_classes"]]
    if "ignore_classes" in details:
        details["ignore_classes"] = [names[c] if c in range(len(names)) else c for c in details["ignore_classes"]]
    if "classes" in details:
        details["classes"] = {names[int(c)]: value for c, value in details["classes"].items()}
    named = [re.sub(r"^Class (\d+)", lambda m: f"Class {names[int(m[1])]!r}", n) for n in details.get("notes", [])]
    return details | {"notes": named}


def _nearly(classes: list[ClassResult], details: dict[str, Any]) -> list[str]:
    """A class just short of the evidence that is asked for: a rare trigger at random places looks like that."""
    near = [row for row in classes if not row.flagged and row.p_value is not None and row.p_value < NEARLY]
    if not near:
        return []
    row = min(near, key=lambda row: row.p_value or 0.0)
    alpha = details.get("alpha", 0.01)
    return [
        f"Class {row.label!r} stands out, p = {row.p_value:.2g}, but not by the evidence that was asked for (alpha "
        f"{alpha:g}). One clean dataset in ten has such a class. To see its suspects, give a larger --alpha."
    ]


def _many(classes: list[ClassResult]) -> list[str]:
    """Where so much of a class is alike that it may be what the class is: drum machines repeat one hi-hat."""
    return [
        f"In class {row.label!r} {row.suspects} of {row.clips} clips are suspects: where they share what the label is "
        f"about, such as the hit of a drum machine, that is no trigger. Listen to it."
        for row in classes
        if row.flagged and row.suspects >= MANY * row.clips
    ]


def _warnings(dataset: AudioDataset, scores: PoisonScores, score: str) -> list[str]:
    """What a reader must know before believing the verdict."""
    notes = []
    clips = scores.details.get("clips_a_trial", ENOUGH_CLIPS)
    if score == "pls" and clips < ENOUGH_CLIPS:
        verdict = (
            "the flagged class may be the wrong one: listen to the suspects"
            if scores.flagged.any()
            else "a clean verdict is weak evidence here"
        )
        notes.append(
            f"Classes were compared by {clips} clips each. The paper's score was made for about 3000 and misses most "
            f"poison below {ENOUGH_CLIPS}, so {verdict}."
        )
    if dataset.skipped:
        notes.append(f"{len(dataset.skipped)} files were skipped; they are listed with the reason.")
    return notes
