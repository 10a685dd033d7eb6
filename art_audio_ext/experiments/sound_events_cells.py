"""One cell of the study of sound events: clips attacked, or attacked clips shown to others and through channels."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.attacks.evasion.attack_report import run_reported
from art_audio_ext.attacks.evasion.minimal_snr import minimal_snr
from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments.lossy_codecs import through_codec
from art_audio_ext.experiments.sound_events_plans import TARGETED, build_attack
from art_audio_ext.functional.attack_report import ClipReport
from art_audio_ext.functional.snr_change import change_at_snr
from art_audio_ext.functional.sound_channels import in_room, quantised, room_response, there_and_back
from art_audio_ext.training.sound_event_model import SoundEventModel


@dataclass(frozen=True)
class EventContext:
    """
    What all cells read.

    :param test: Clips that are attacked.
    :param models: By name, the files of `prepare_models`.
    :param folder: Where attacked clips lie.
    """

    test: AudioDataset
    models: dict[str, dict[str, Any]]
    folder: Path


def run_cell(experiment: dict[str, Any], context: EventContext) -> dict[str, Any]:
    """
    Attack a block, or look at what an attack left.

    :param experiment: Of `attack_tasks`, `curve_tasks` or `look_tasks`.
    :param context: Clips and files.
    :return: As `_attacked`, `_searched`, `_transferred` or `_survived` say.
    """
    kinds = {"attack": _attacked, "curve": _searched, "transfer": _transferred, "survival": _survived}
    return kinds[experiment["kind"]](experiment, context)


def attacked_clips(experiment: dict[str, Any], context: EventContext) -> np.ndarray:
    """
    :param experiment: Of an attack.
    :param context: Where its clips lie.
    :return: float32 (n, L), a row for each clip of the cell's result.
    :raises ValueError: If the file is gone or damaged.
    """
    path = context.folder / experiment["file"]
    try:
        found: np.ndarray = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} is missing or damaged: it holds attacked clips; delete cells.jsonl beside its folder to make all "
            f"of them anew, or name another --out"
        ) from error
    return found


def _attacked(experiment: dict[str, Any], context: EventContext) -> dict[str, Any]:
    """`clips`: of each that the model had right, its `row` and its report; `seconds` for all."""
    model, rows, sound, labels, right = _block(experiment, context)
    targeted = experiment["attack"] in TARGETED
    given = np.array(experiment["targets"], np.int64) if targeted else labels
    changed, begin = sound[right], time.perf_counter()
    reports: list[ClipReport] = []
    if right.any():
        classifier = model.classifier(length=sound.shape[1])
        attack = build_attack(experiment["attack"], classifier, experiment["seed"], experiment["options"])
        changed, reports = run_reported(attack, sound[right], given[right])
    seconds = time.perf_counter() - begin
    _keep(changed, context.folder / experiment["file"])
    clips = [{"row": int(row), **report.as_dict()} for row, report in zip(rows[right], reports, strict=True)]
    return {"clips": clips, "seconds": seconds}


def _searched(experiment: dict[str, Any], context: EventContext) -> dict[str, Any]:
    """
    `clips`: of each that the model had right, its `row`, `snr_db`, the highest ratio that breaks it, and `already`.

    `snr_db` is None where none broke it, and where the attack found it wrong without a change (`already`: scores may
    round otherwise in other company). `seconds` for all. Cells of before `already` have none: no clip was so.
    """
    model, rows, sound, labels, right = _block(experiment, context)
    begin, found = time.perf_counter(), np.empty(0)
    if right.any():
        classifier = model.classifier(length=sound.shape[1])
        attack = build_attack(experiment["attack"], classifier, experiment["seed"], experiment["options"])
        found = minimal_snr(attack, sound[right], labels[right], **experiment["search"])
    clips: list[dict[str, Any]] = []
    for row, ratio in zip(rows[right], found, strict=True):
        known = float(ratio) if np.isfinite(ratio) else None
        clips.append({"row": int(row), "snr_db": known, "already": bool(np.isposinf(ratio))})
    return {"clips": clips, "seconds": time.perf_counter() - begin}


def _block(
    experiment: dict[str, Any], context: EventContext
) -> tuple[SoundEventModel, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of a block: its model, rows (n,), sound (n, L), labels (n,), and which clips are attacked (n,)."""
    model, rows = _model(experiment["model"], context), np.array(experiment["rows"], np.int64)
    sound, labels = np.asarray(context.test.waveforms)[rows], context.test.labels[rows]
    right = (model.predict(sound) == labels) & sound.any(axis=1)  # a silent clip has no ratio and is not attacked
    return model, rows, sound, labels, right


def _transferred(experiment: dict[str, Any], context: EventContext) -> dict[str, Any]:
    """
    By name of another model, the calls of clips as they are, attacked, and under noise at the attack's ratio.

    Only clips that fooled the model they were made for: `rows` of the test clips, in the same order.
    """
    rows, before, after, _ = _successes(experiment, context)
    noisy = _noise_like(before, after, rows, experiment["seed"])
    found = {}
    for name in experiment["others"]:
        model = _model(name, context)
        found[name] = {
            side: _calls(model, sound) for side, sound in (("clean", before), ("attacked", after), ("noise", noisy))
        }
    return {"rows": rows, "calls": found}


def _survived(experiment: dict[str, Any], context: EventContext) -> dict[str, Any]:
    """
    By channel, what the model calls clips as they are, attacked, and under noise at the attack's ratio, after it.

    `rows` and `targets` as they were.
    """
    rows, before, after, targets = _successes(experiment, context)
    model, rate = _model(experiment["model"], context), context.test.sample_rate
    noisy, found = _noise_like(before, after, rows, experiment["seed"]), {}
    for name in experiment["channels"]:
        sides = (("clean", before), ("attacked", after), ("noise", noisy))
        found[name] = {side: _calls(model, through_channel(sound, rate, name)) for side, sound in sides}
    return {"rows": rows, "targets": targets, "calls": found}


def through_channel(sound: np.ndarray, rate: int, name: str) -> np.ndarray:
    """
    Clips after a channel.

    :param sound: float32 (n, L).
    :param rate: In Hz.
    :param name: Of `CHANNELS`.
    :return: float32 (n, L).
    """
    kind, _, number = name.partition("-")
    if not len(sound) or kind == "none":
        return sound
    if kind == "pcm":
        return quantised(sound, int(number))
    if kind == "resample":
        part, _, whole = number.partition("/")
        return there_and_back(sound, rate, round(rate * int(part) / int(whole)) if whole else int(part))
    if kind == "gain":
        return (float(number) * np.asarray(sound, np.float64)).astype(np.float32)
    if kind == "room":
        return in_room(sound, room_response(rate))
    return through_codec(sound, rate, kind, int(number))


def _successes(
    experiment: dict[str, Any], context: EventContext
) -> tuple[list[int], np.ndarray, np.ndarray, list[int | None]]:
    """Of the clips that an attack broke: rows, sound before and after (n, L), and targets."""
    source = experiment["source"]
    after, broken = attacked_clips(source, context), np.array(experiment["broken"], np.int64)
    rows = [int(row) for row in experiment["rows"]]
    return rows, np.asarray(context.test.waveforms)[rows], after[broken], experiment["targets"]


def _noise_like(before: np.ndarray, after: np.ndarray, rows: list[int], seed: int) -> np.ndarray:
    """
    White noise of the attack's energy (n, L): what is fooled by it, the attack has no credit for.

    A clip has the same noise in every cell, whatever its block.
    """
    found = np.array(before)
    for place, (row, clip, changed) in enumerate(zip(rows, before, after, strict=True)):
        way = np.random.default_rng([seed, row]).standard_normal(len(clip))
        energy, change = (float(np.square(part, dtype=np.float64).sum()) for part in (clip, changed - clip))
        if change > 0:
            found[place] = change_at_snr(clip, way, 10 * np.log10(energy / change))
    return found


def _calls(model: SoundEventModel, sound: np.ndarray) -> list[int]:
    return [int(label) for label in model.predict(sound)] if len(sound) else []


def _model(name: str, context: EventContext) -> SoundEventModel:
    return SoundEventModel.load(context.models[name]["path"])


def _keep(sound: np.ndarray, path: Path) -> None:
    """Write an array, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        np.save(file, np.asarray(sound, np.float32))
    os.replace(part, path)
