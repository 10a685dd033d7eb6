"""The cells of the study of sound events: which clips are attacked in which blocks, and what is looked at then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments.sound_events_names import training_of
from art_audio_ext.experiments.sound_events_plans import ATTACKS, CURVES, TARGETED, Size

_BLOCK = 16  # clips a cell: what a stop costs at most
Cell = tuple[dict[str, Any], dict[str, Any]]


def chosen_clips(test: AudioDataset, most: int | None, seed: int) -> AudioDataset:
    """
    At most so many clips, labels in turn.

    :param test: Clips.
    :param most: How many; None for all.
    :param seed: Of the draw.
    :return: Those that are attacked, in the order of the dataset.
    """
    if most is None or most >= len(test):
        return test
    order = np.random.default_rng(seed).permutation(len(test))
    turn = np.zeros(len(test), np.int64)
    for label in np.unique(test.labels):
        own = order[test.labels[order] == label]
        turn[own] = np.arange(len(own))
    first = order[np.argsort(turn[order], kind="stable")]
    return test.subset(np.sort(first[:most]))


def chosen_labels(names: Sequence[str] | None, clips: AudioDataset) -> tuple[str, ...] | None:
    """
    Labels that targeted attacks keep to.

    :param names: What was asked for; None for all.
    :param clips: Those that are attacked.
    :return: Each once; None for all.
    :raises ValueError: If a label is unknown, there are fewer than two, or no clip to attack has one of them.
    """
    if names is None:
        return None
    found, known = tuple(dict.fromkeys(names)), ", ".join(clips.label_names)
    if unknown := [name for name in found if name not in clips.label_names]:
        raise ValueError(f"labels: there is no {', '.join(unknown)}: choose among {known}")
    if len(found) < 2:
        raise ValueError(f"labels: name at least two, one to start from and one to aim at, of {known}")
    if not np.isin(clips.labels, _indices(found, clips)).any():
        raise ValueError(
            f"labels: none of the {len(clips)} clips to attack is of {', '.join(found)}: attack more clips"
        )
    return found


def pairs(test: AudioDataset, size: Size, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Clips, each with some other labels.

    :param test: Clips that are attacked.
    :param size: Says how many of each, and among which labels.
    :param seed: Of the draw.
    :return: Rows of `test` (P,) and targets (P,), never a clip's own label.
    """
    draws, rows, targets = np.random.default_rng(seed), [], []
    meant = _indices(test.label_names if size.labels is None else size.labels, test)
    for label in np.intersect1d(test.labels, meant):
        for row in draws.permutation(np.flatnonzero(test.labels == label))[: size.per_label]:
            others = draws.permutation(np.setdiff1d(meant, label))[: size.targets]
            rows += [int(row)] * len(others)
            targets += others.tolist()
    return np.array(rows, np.int64), np.array(targets, np.int64)


def _indices(names: Sequence[str], test: AudioDataset) -> np.ndarray:
    """Of labels, rising."""
    return np.flatnonzero(np.isin(test.label_names, names))


def attack_tasks(size: Size, test: AudioDataset, checksums: dict[str, str], seed: int) -> list[dict[str, Any]]:
    """
    :param size: How much is run.
    :param test: Clips that are attacked.
    :param checksums: Of the models, by name.
    :param seed: Of draws.
    :return: A task for each model, attack and block of clips.
    """
    found = []
    for model in size.models:
        for attack in size.attacks:
            rows, targets = pairs(test, size, seed) if attack in TARGETED else (np.arange(len(test)), None)
            for start in range(0, len(rows), _BLOCK):
                task: dict[str, Any] = {"kind": "attack", "model": model, "attack": attack, "seed": seed}
                task |= {"rows": rows[start : start + _BLOCK].tolist(), "options": size.options_of(attack)}
                task["targets"] = None if targets is None else targets[start : start + _BLOCK].tolist()
                task["checksum"] = checksums[model]
                digest = hashlib.sha256(json.dumps(task, sort_keys=True).encode()).hexdigest()[:12]
                found.append({**task, "file": f"{model}-{attack}-{digest}.npy"})
    return found


def curve_tasks(size: Size, test: AudioDataset, checksums: dict[str, str], seed: int) -> list[dict[str, Any]]:
    """
    :param size: How much is run; of `CURVES`, those that it attacks with, and PGD.
    :param test: Clips that are attacked.
    :param checksums: Of the models, by name.
    :param seed: Of draws.
    :return: A task for each model, attack of fixed size and block of clips.
    """
    found = []
    for model in size.models:
        for attack in (name for name in CURVES if name in size.attacks or name not in ATTACKS):
            for start in range(0, len(test), _BLOCK):
                task: dict[str, Any] = {"kind": "curve", "model": model, "attack": attack, "seed": seed}
                task |= {"rows": list(range(len(test)))[start : start + _BLOCK], "options": size.options_of(attack)}
                found.append({**task, "search": dict(size.search), "checksum": checksums[model]})
    return found


def look_tasks(
    attacked: Sequence[Cell], size: Size, checksums: dict[str, str], channels: Sequence[str]
) -> list[dict[str, Any]]:
    """
    :param attacked: Tasks of `attack_tasks` with their results.
    :param size: Says which parts.
    :param checksums: Of the models, by name.
    :param channels: Of `CHANNELS`, those that can be had.
    :return: A task for each block that broke a clip, and each part.
    """
    found = []
    for source, result in attacked:
        clips = result["clips"]
        broken = [k for k, clip in enumerate(clips) if clip["success"] and not clip["already"]]
        if not broken:
            continue
        task: dict[str, Any] = {"source": source, "broken": broken, "seed": source["seed"], "model": source["model"]}
        task |= {key: [clips[k][name] for k in broken] for key, name in (("rows", "row"), ("targets", "target"))}
        if "transfer" in size.parts:
            found += [
                {"kind": "transfer", **task, "others": others} for others in _shown_to(source["model"], checksums)
            ]
        if "survival" in size.parts:
            found.append({"kind": "survival", **task, "channels": list(channels)})
    return found


def _shown_to(source: str, checksums: dict[str, str]) -> list[dict[str, str]]:
    """Other models with their checksums: by input and training, so that more of these run no others' cells anew."""
    parts: dict[tuple[int, bool], dict[str, str]] = {}
    for name, value in checksums.items():
        if name != source:
            parts.setdefault((training_of(name), "@" in name), {})[name] = value
    return [parts[kind] for kind in sorted(parts)]
