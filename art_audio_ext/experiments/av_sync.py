"""The audiovisual sync detector's tables and figures on any talking clips, each change of a fold a resumable cell."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import art_audio_ext
from art_audio_ext.datasets.audiovisual import load_audiovisual
from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.experiments.av_sync_cells import SyncContext, run_cell
from art_audio_ext.experiments.av_sync_models import (
    clips_digest,
    files_of,
    fold_of,
    groups_of,
    harden_fold,
    prepare_fold,
)
from art_audio_ext.experiments.av_sync_plans import (
    DETECTORS,
    JUDGED_AGAIN,
    PARTS,
    PRESETS,
    TRAINED,
    Change,
    Size,
    changes,
    trained_changes,
)
from art_audio_ext.experiments.av_sync_strongest import strongest_attacks
from art_audio_ext.experiments.av_sync_summary import detection_table, merged, modality_table, offset_table
from art_audio_ext.experiments.official_split import official_parts
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.report.av_sync_view import write_av_sync

_LEAST_CLIPS = 4  # of a fold, half of which judge the other half
_RULES = 1  # raise it when cells of another time must not be mixed with new ones


def av_sync(
    data: str | Path | AudioVisualDataset,
    out: str | Path,
    *,
    talking: AudioVisualDataset | None = None,
    preset: str = "quick",
    parts: Sequence[str] | None = None,
    folds: int | None = None,
    clips: int | None = None,
    epochs: int | None = None,
    victim_epochs: int | None = None,
    trained_epochs: int | None = None,
    seed: int = 0,
    progress: bool = True,
    **engine: Any,
) -> dict[str, Any]:
    """
    Train, attack and look, for every fold; the same call goes on where it was stopped. Clips that come with a split,
    such as LRW's, have one fold: networks learn from its part "train" and are tested on "test".

    Written to `out`: `models/`, `cells.jsonl`, `results.json`, `table.md`, `detection.png`, `report.html`, and
    `weights.png` by the part "adaptive".

    :param data: As `load_audiovisual` takes it, or a dataset of word clips.
    :param out: Folder for everything; made if absent.
    :param talking: Clips to train and test sync networks on, where `data` is a dataset; None takes the same.
    :param preset: A key of `PRESETS`.
    :param parts: Of `PARTS`, instead of the preset's.
    :param folds: How many of the folds are tested, instead of the preset's.
    :param clips: At most so many of each kind are loaded.
    :param epochs: Of the sync networks, instead of the preset's.
    :param victim_epochs: Of the victims, instead of the preset's.
    :param trained_epochs: In which the part "trained" goes on with each sync network, instead of the preset's.
    :param seed: Of everything.
    :param progress: Show progress bars.
    :param engine: `jobs`, `backend` and `scheduler` of `sweep`.
    :return: `rows`, see `detection_table`; `offsets`, see `offset_table`; `modalities`, see `modality_table`; data,
        sizes and machine.
    :raises ValueError: If the data, a name or a number is unusable.
    """
    begin, out, size = time.perf_counter(), Path(out), choose_size(preset, parts, folds)
    loading: dict[str, Any] = {"seed": seed, "limit": clips, "progress": progress}
    if isinstance(data, AudioVisualDataset):
        words, longer = data, data if talking is None else talking
    else:
        words = load_audiovisual(str(data), clips="word", **loading)
        only_words = str(data).startswith("lrw:")
        longer = words if only_words else load_audiovisual(str(data), clips="sentence", **loading)
    size = _official(words, size, folds)
    lengths = {"sync": epochs, "victim": victim_epochs, "trained": trained_epochs}
    context = _context(words, longer, size, out / "models", lengths, seed, progress)
    tasks = [task for fold in range(size.tested) for task in _tasks(context, fold, size, seed)]
    identity = {"experiment": "av-sync", "version": art_audio_ext.__version__, "rules": str(_RULES)}
    found = sweep(run_cell, tasks, out / "cells.jsonl", identity=identity, context=context, progress=progress, **engine)
    cells = merged(list(zip(tasks, found, strict=True)))
    cells += strongest_attacks(cells)
    names = groups_of(words, size.folds)
    groups = {fold: names[context.folds == fold].tolist() for fold in range(size.tested)}
    record = {
        **{"experiment": "av-sync", "preset": preset, "seed": seed, "version": art_audio_ext.__version__},
        "data": _about(words, longer, context),
        "size": {"folds": size.folds, "tested": size.tested, "networks": size.networks, "parts": list(size.parts)},
        **{"offsets": offset_table(cells), "modalities": modality_table(cells)},
        "rows": detection_table(cells, seed, groups),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "seconds": round(time.perf_counter() - begin, 1),
    }
    write_av_sync(record, out)
    return record


def choose_size(preset: str, parts: Sequence[str] | None = None, folds: int | None = None) -> Size:
    """
    A preset, with what was asked for in its place.

    :param preset: A key of `PRESETS`.
    :param parts: Of `PARTS`; None as the preset says.
    :param folds: How many are tested; None as the preset says.
    :return: How much to run.
    :raises ValueError: If a name is unknown, or a number out of its range.
    """
    if preset not in PRESETS:
        raise ValueError(f"there is no preset {preset!r}: choose {', '.join(PRESETS)}")
    if unknown := sorted(set(parts or ()) - set(PARTS)):
        raise ValueError(f"there is no part {', '.join(unknown)}: choose among {', '.join(PARTS)}")
    size = PRESETS[preset]
    if folds is not None and (isinstance(folds, bool) or not isinstance(folds, int) or not 1 <= folds <= size.folds):
        raise ValueError(f"folds must be a whole number from 1 to {size.folds}, got {folds!r}")
    return replace(size, parts=size.parts if parts is None else tuple(parts), tested=folds or size.tested)


def _official(words: AudioVisualDataset, size: Size, folds: int | None) -> Size:
    """One fold where the clips bring a split with them."""
    if official_parts(words) is None:
        return size
    if folds not in (None, 1):
        raise ValueError(f"{words.name or 'the dataset'} has a split of its own, which is one fold: leave folds out")
    return replace(size, folds=1, tested=1)


def _context(
    words: AudioVisualDataset,
    talking: AudioVisualDataset,
    size: Size,
    folder: Path,
    epochs: dict[str, int | None],
    seed: int,
    progress: bool,
) -> SyncContext:
    """Folds by files, and the networks of each that is tested."""
    official = official_parts(words)
    folds = fold_of(words, size.folds, seed) if official is None else official
    if np.bincount(folds[folds >= 0]).min() < _LEAST_CLIPS:
        raise ValueError(f"a fold has fewer than {_LEAST_CLIPS} clips: load more")
    longer = folds if talking is words else _same_folds(words, folds, talking, size.folds)
    if (longer < 0).all():  # other recordings altogether: folds of their own
        longer = fold_of(talking, max(2, size.folds), seed)
    networks = {}
    for fold in range(size.tested):
        learn = talking.subset((longer != fold) & (longer >= 0))
        run: dict[str, Any] = {"seed": seed, "epochs": epochs, "progress": progress}
        chosen = (size.sync, size.networks), size.victim
        networks[fold] = prepare_fold(words.subset((folds != fold) & (folds >= 0)), learn, folder, *chosen, **run)
        if "trained" in size.parts:
            run["epochs"] = epochs["trained"] or size.hardening
            networks[fold] |= harden_fold(learn, folder, networks[fold], **run)
    return SyncContext(words, folds, talking, longer, networks)


def _tasks(context: SyncContext, fold: int, size: Size, seed: int) -> list[dict[str, Any]]:
    """The cells of a fold. Trained networks judge in cells of their own: those of a run without them stay good."""
    files, clips = context.networks[fold], _tested(context, fold)
    plain: list[tuple[Change, list[str], dict[str, Any]]] = [
        (change, files["checksums"], {}) for change in changes(size.parts)
    ]
    if "trained" in size.parts:
        both = [*files["checksums"], *files["trained_checksums"]]
        plain += [(change, files["checksums"], {}) for change in JUDGED_AGAIN if change not in changes(size.parts)]
        plain += [(change, both, {"detectors": list(TRAINED)}) for change in JUDGED_AGAIN]
        every = {"detectors": [*DETECTORS, *TRAINED]}
        plain += [(change, both, every) for change in trained_changes(size.networks)]
    return [
        {"fold": fold, "name": change.name, "attacks": change.attacks, "change": change.to_dict(), "seed": seed}
        | {"networks": networks, "clips": clips, **more}
        for change, networks, more in plain
        if size.networks > 1 or "ensemble" not in change.detector
    ]


def _same_folds(words: AudioVisualDataset, folds: np.ndarray, talking: AudioVisualDataset, parts: int) -> np.ndarray:
    """Of longer clips of the same groups; -1 for talkers whom the words do not have, -2 for what else is unknown."""
    by_speaker = groups_of(words, parts).tolist() == list(words.speakers)
    keys = (words.speakers, talking.speakers) if by_speaker else (files_of(words), files_of(talking))
    known, speakers = dict(zip(keys[0], folds, strict=True)), set(words.speakers)
    unknown = [-2 if speaker in speakers else -1 for speaker in talking.speakers]
    return np.array([known.get(key, other) for key, other in zip(keys[1], unknown, strict=True)])


def _tested(context: SyncContext, fold: int) -> str:
    """Names the clips that a fold is tested on."""
    parts = [context.words.subset(context.folds == fold)]
    parts += [context.talking.subset(context.talking_folds == part) for part in (fold, -1)]
    return "-".join(map(clips_digest, parts))


def _about(words: AudioVisualDataset, talking: AudioVisualDataset, context: SyncContext) -> dict[str, Any]:
    """What a report says of the data."""
    strangers = int((context.talking_folds == -1).sum())
    return {
        "name": words.name,
        "words": len(words),
        "word_layout": words.layout.to_dict(),
        "label_names": list(words.label_names),
        "talking": len(talking),
        "talking_layout": talking.layout.to_dict(),
        "strangers": strangers,
        "speakers": len(set(words.speakers)),
        "split": "drawn" if official_parts(words) is None else "official",
    }
