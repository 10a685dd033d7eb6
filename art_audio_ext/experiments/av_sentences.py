"""The targeted attack on sentences: success, distortion, and whether the sync detector sees it; in resumable cells."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import art_audio_ext
from art_audio_ext.datasets.audiovisual import load_audiovisual
from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.experiments.av_sentences_cells import SentenceContext, run_cell
from art_audio_ext.experiments.av_sentences_detection import detection_table
from art_audio_ext.experiments.av_sentences_plans import SentenceSize, choose_sentences, sentence_tasks
from art_audio_ext.experiments.av_sentences_summary import Cell, success_table
from art_audio_ext.experiments.av_sync_models import clips_digest, groups_of, trained_digest
from art_audio_ext.experiments.held_out_clips import check_sentences
from art_audio_ext.experiments.official_split import learnt_and_judged
from art_audio_ext.experiments.purification_models import file_checksum
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.report.av_sentences_view import write_av_sentences
from art_audio_ext.training.audiovisual_evaluation import evaluate_recogniser
from art_audio_ext.training.audiovisual_model import RecogniserModel
from art_audio_ext.training.audiovisual_recogniser import train_recogniser
from art_audio_ext.training.audiovisual_settings import PRESETS as VICTIMS
from art_audio_ext.training.syncnet import train_syncnet
from art_audio_ext.training.syncnet_settings import PRESETS as SYNCS

_PARTS = 4  # one of which is held out
_JUDGED = 96  # held-out clips that the recogniser is judged by, all in memory at once
_RULES = 1  # raise it when cells of another time must not be mixed with new ones


def av_sentences(
    data: str | Path | AudioVisualDataset,
    out: str | Path,
    *,
    preset: str = "quick",
    loaded: int | None = None,
    clips: int | None = None,
    targets: int | None = None,
    iterations: int | None = None,
    pairs: Sequence[tuple[int, int]] | None = None,
    aims: Sequence[str] | None = None,
    epochs: int | None = None,
    victim_epochs: int | None = None,
    seed: int = 0,
    progress: bool = True,
    **engine: Any,
) -> dict[str, Any]:
    """
    Train a recogniser of sentences and a sync network, then attack clips that neither has seen; the same call goes on
    where it was stopped.

    Written to `out`: `models/`, `cells.jsonl`, `results.json`, `table.md`, `confidence.png` and `report.html`.

    :param data: As `load_audiovisual` takes it (a folder of videos needs transcripts, see `load_video_folder`), or a
        dataset of clips with sentences.
    :param out: Folder for everything; made if absent.
    :param preset: A key of `PRESETS`.
    :param loaded: Clips at most, instead of the preset's.
    :param clips: That are attacked, instead of the preset's; all that are held out, if these are fewer.
    :param targets: Sentences, instead of the preset's.
    :param iterations: Of the attack, instead of the preset's.
    :param pairs: Half the sides of the attack's first box, of 32,768 and of 255, instead of the preset's.
    :param aims: "partial" or "full" or both, instead of the preset's: what the attack counts as a success.
    :param epochs: Of the sync network, instead of its preset's.
    :param victim_epochs: Of the recogniser, instead of its preset's.
    :param seed: Of everything.
    :param progress: Show progress bars.
    :param engine: `jobs`, `backend` and `scheduler` of `sweep`.
    :return: `attack`, see `success_table`; `detection`, see `detection_table`; `victim`, what it does with clips as
        they are and with either modality blanked; targets, data, sizes and machine.
    :raises ValueError: If the data, a name or a number is unusable.
    """
    begin, out = time.perf_counter(), Path(out)
    asked = {"loaded": loaded, "clips": clips, "targets": targets, "iterations": iterations}
    size = choose_sentences(preset, pairs=pairs, aims=aims, **asked)
    loading: dict[str, Any] = {"seed": seed, "limit": size.loaded, "progress": progress}
    dataset = data if isinstance(data, AudioVisualDataset) else load_audiovisual(str(data), clips="sentence", **loading)
    check_sentences(dataset)
    learn, test = learnt_and_judged(dataset, _PARTS, seed)
    attacked = _drawn(test, size.clips, seed)
    texts = wanted_sentences(learn, attacked, size.targets, seed)
    lengths = {"sync": epochs, "victim": victim_epochs or size.victim_epochs}
    context = _context(learn, attacked, size, out / "models", lengths, seed, progress)
    cells = _cells(_tasks(context, size, texts, seed), context, out / "cells.jsonl", {"progress": progress, **engine})
    victim = RecogniserModel.load(context.victim)
    scores = evaluate_recogniser(victim, _drawn(test, _JUDGED, seed), snr_db=(), seed=seed)
    record = {
        **{"experiment": "av-sentences", "preset": preset, "seed": seed, "version": art_audio_ext.__version__},
        "data": _about(dataset, learn, test, attacked),
        "size": {"iterations": size.iterations, "pairs": size.pairs, "aims": size.aims, "targets": texts},
        **{"victim": scores.to_dict(), "attack": success_table(cells)},
        "detection": detection_table(cells, seed, groups_of(attacked, 2).tolist()),
        "clips": [[task, result] for task, result in cells],
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "seconds": round(time.perf_counter() - begin, 1),
    }
    write_av_sentences(record, out)
    return record


def wanted_sentences(learn: AudioVisualDataset, attacked: AudioVisualDataset, count: int, seed: int) -> list[str]:
    """
    Sentences that the recogniser has learnt and that no attacked clip says.

    :param learn: Clips that it learnt from.
    :param attacked: Clips.
    :param count: How many.
    :param seed: Of the draw.
    :return: Different sentences.
    :raises ValueError: If there are too few.
    """
    known = sorted({text for text in learn.sentences if text} - set(attacked.sentences))
    if len(known) < count:
        raise ValueError(f"{learn.name or 'the dataset'} has {len(known)} other sentences to learn, {count} are wanted")
    order = np.random.default_rng(seed).permutation(len(known))[:count]
    return [known[k] for k in order]


def _drawn(clips: AudioVisualDataset, count: int, seed: int) -> AudioVisualDataset:
    """Some of the clips in their old order; all, if there are no more."""
    return clips.subset(np.sort(np.random.default_rng(seed).permutation(len(clips))[:count]))


def _context(
    learn: AudioVisualDataset,
    attacked: AudioVisualDataset,
    size: SentenceSize,
    folder: Path,
    epochs: dict[str, int | None],
    seed: int,
    progress: bool,
) -> SentenceContext:
    """Train what is not there yet."""
    victim, sync = VICTIMS[size.victim].changed(epochs=epochs["victim"]), SYNCS[size.sync].changed(
        epochs=epochs["sync"]
    )
    paths = [
        folder / f"{name}-{trained_digest(learn, settings, seed)}.safetensors"
        for name, settings in (("sentences", victim), ("sync", sync))
    ]
    run: list[dict[str, Any]] = [
        {"seed": seed, "checkpoint_dir": path.with_suffix(".checkpoints"), "progress": progress} for path in paths
    ]
    if not paths[0].is_file():
        train_recogniser(learn, victim, head="sentence", **run[0]).save(paths[0])
    if not paths[1].is_file():
        train_syncnet(learn, sync, **run[1]).save(paths[1])
    return SentenceContext(attacked, *map(str, paths))


def _tasks(context: SentenceContext, size: SentenceSize, texts: list[str], seed: int) -> list[dict[str, Any]]:
    """What is run, said with the clips and the networks that decide it."""
    networks = [file_checksum(Path(path)) for path in (context.victim, context.sync)]
    decided = {"seed": seed, "networks": networks, "clips": clips_digest(context.clips)}
    return [task | decided for task in sentence_tasks(size, texts, len(context.clips))]


def _cells(tasks: list[dict[str, Any]], context: SentenceContext, path: Path, engine: dict[str, Any]) -> list[Cell]:
    """Every task with its result."""
    identity = {"experiment": "av-sentences", "version": art_audio_ext.__version__, "rules": str(_RULES)}
    return list(zip(tasks, sweep(run_cell, tasks, path, identity=identity, context=context, **engine), strict=True))


def _about(
    dataset: AudioVisualDataset, learn: AudioVisualDataset, test: AudioVisualDataset, attacked: AudioVisualDataset
) -> dict[str, Any]:
    """What a report says of the data."""
    return {
        "name": dataset.name,
        "learnt_from": len(learn),
        "held_out": len(test),
        "attacked": len(attacked),
        "speakers": len(set(dataset.speakers)),
        "layout": dataset.layout.to_dict(),
    }
