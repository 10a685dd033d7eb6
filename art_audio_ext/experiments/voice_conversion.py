"""The voice-conversion backdoor's tables and figures on any speech dataset, each poisoned training a resumable cell."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

import art_audio_ext
from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.datasets.builtin_speakers import write_speakers
from art_audio_ext.datasets.speakers import NOISE_LABELS
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.experiments.poison_likelihood_setup import fingerprint
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.experiments.voice_conversion_cells import run_cell
from art_audio_ext.experiments.voice_conversion_data import Utterance, find_utterances, prepare_voices, rows_by_voice
from art_audio_ext.experiments.voice_conversion_defences import check_lines, defend_all
from art_audio_ext.experiments.voice_conversion_size import Size, choose_size
from art_audio_ext.experiments.voice_conversion_summary import defence_table, voice_table
from art_audio_ext.experiments.voice_quality import check_weights, choose_clips, heard_clips, voice_quality
from art_audio_ext.report.voice_conversion_view import write_voice_conversion
from art_audio_ext.training.classifier_settings import ClassifierSettings
from art_audio_ext.training.runs import fast_precision
from art_audio_ext.voices import open_voice
from art_audio_ext.voices.clip_store import ClipStore

BUILTIN_VOICES = "builtin"
_CLEAN_EPOCHS = (2, 5, 10, 20)  # Figure 5
_RULES = 3  # raise it when cells of another time must not be mixed with new ones


def voice_conversion(
    data: str | Path | AudioDataset,
    voices: str | Path,
    out: str | Path,
    *,
    preset: str = "quick",
    target: str | None = None,
    rates: Sequence[float] | None = None,
    seeds: int | None = None,
    parts: Sequence[str] | None = None,
    defences: Sequence[str] | None = None,
    conversion: str = "world",
    strength: float | None = None,
    seconds: float = 1.0,
    epochs: int | None = None,
    architecture: str | None = None,
    precision: str | None = None,
    nisqa_weights: str | Path | None = None,
    speaker_weights: str | Path | None = None,
    seed: int = 0,
    progress: bool = True,
    **engine: Any,
) -> dict[str, Any]:
    """
    Poison, train and ask, for every cell; the same call goes on where it was stopped.

    Written to `out`: `voices/`, `cells.jsonl`, `results.json`, `table.md`, `rates.png` and `report.html`; with the
    part "quality" also `quality.jsonl` and `quality.png`.

    :param data: As `load_dataset` takes it, or a dataset at 16 kHz.
    :param voices: A folder of utterances, a sub-folder a speaker; or "builtin", five voices made on the spot.
    :param out: Folder for everything; made if absent.
    :param preset: A key of `PRESETS`.
    :param target: The label that poisoned clips get; None is the first that is no noise.
    :param rates: Instead of the preset's.
    :param seeds: Instead of the preset's.
    :param parts: Instead of the preset's.
    :param defences: Of the part "defences", as `check_lines` takes them; None is `DEFAULT_LINES`.
    :param conversion: How voices are converted, a key of `voices.VOICES`.
    :param strength: Of the conversion, where it has one (`WorldVoice`); None is its own.
    :param seconds: Length of clips; 1 for classifiers of commands.
    :param epochs: Of the victims, instead of the preset's.
    :param architecture: Of the victims, instead of the preset's; "sincnet" or "rawnet3" where speakers are labels.
    :param precision: Of the trainings, "float32" or "bfloat16"; None is the latter where the machine has it.
    :param nisqa_weights: `nisqa.tar` for the part "quality"; None looks where torchmetrics keeps it. Not downloaded.
    :param speaker_weights: Of ECAPA-TDNN, as `open_speaker_encoder` takes them; without, pitch and envelope decide.
    :param seed: Of everything.
    :param progress: Show progress bars.
    :param engine: `jobs`, `backend` and `scheduler` of `sweep`.
    :return: `rows`, see `voice_table`; data, sizes and machine.
    :raises ValueError: If the data, a name or a number is unusable.
    """
    begin, out = time.perf_counter(), Path(out)
    size = choose_size(preset, rates, seeds, parts, epochs, architecture)
    if defences is not None and "defences" not in size.parts:
        raise ValueError('defences are named, but the part "defences" is not run: name it in parts, too')
    check_weights(size.parts, nisqa_weights, speaker_weights)
    lines = check_lines(defences, isinstance(size.victim, ClassifierSettings))
    if strength is not None and conversion != "world":
        raise ValueError(f"only world has a strength, not {conversion}: leave it out")
    voice = open_voice(conversion, **_conversion_options(strength, out))
    dataset = data if isinstance(data, AudioDataset) else _loaded(data, seconds, seed, progress)
    train, test = split_dataset(dataset, seed=seed)
    everything = find_utterances(write_speakers(out / "speakers") if str(voices) == BUILTIN_VOICES else voices)
    chosen = _target_voices(everything, size.speakers)
    if known := sorted({u.speaker for u in chosen} & set(dataset.label_names)):
        raise ValueError(f"{', '.join(known)} is a label and a target voice: name other voices, such as builtin")
    number = _target_label(target, dataset.label_names)
    tasks = list(_tasks(size, [u.name for u in chosen], number, len(dataset.label_names), seed))
    main = _main_tasks(tasks, size) if "defences" in size.parts else []
    rows = rows_by_voice([*tasks, *main], train)
    context = prepare_voices(chosen, everything, train, test, rows, voice, out / "voices", progress=progress)
    for task in [*tasks, *main]:
        task["precision"] = fast_precision() if precision is None else precision
        task["voices"] = sorted(found.key for found in context.converted.values())
        task["own"] = sorted(Path(path).stem for path in context.own.values())
    identity = {"experiment": "voice-conversion", "version": art_audio_ext.__version__, "rules": str(_RULES)}
    identity |= {"data": fingerprint(dataset), "parts": _split_digest(train, test)}
    noise, names = np.isin(test.labels, _noise_labels(test.label_names)), [utterance.name for utterance in chosen]
    quality, heard = None, None
    if "quality" in size.parts:
        clips = choose_clips(context, names[0], noise, seed=seed).judged_with(nisqa_weights, speaker_weights)
        quality = {"voice": names[0], **voice_quality(clips, out / "quality.jsonl", identity, progress=progress)}
        heard = heard_clips(clips, test.paths)
    found = sweep(run_cell, tasks, out / "cells.jsonl", identity=identity, context=context, progress=progress, **engine)
    defended: list[dict[str, Any]] = []
    if "defences" in size.parts:
        rest: dict[str, Any] = {"identity": identity, "seed": seed, "precision": tasks[0]["precision"], **engine}
        rest |= {"progress": progress, "diffusion": "paper" if preset == "paper" else "quick"}
        defended = defence_table(defend_all(main, lines, context, out, **rest), test.labels, test.speakers, noise)
    record = {
        **{"experiment": "voice-conversion", "preset": preset, "seed": seed, "conversion": conversion},
        **{"strength": strength, "voice": voice.identity, "rate": size.rate, "precision": tasks[0]["precision"]},
        "version": art_audio_ext.__version__,
        "victim": size.victim.to_dict(),
        "data": {"name": dataset.name, "train": len(train), "test": len(test)}
        | {"voices": names, "label_names": list(dataset.label_names)},
        "rows": voice_table(list(zip(tasks, found, strict=True)), test.labels, test.speakers, noise),
        "quality": quality,
        "defences": defended,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "seconds": round(time.perf_counter() - begin, 1),
    }
    write_voice_conversion(record, out, heard)
    return record


def _conversion_options(strength: float | None, out: Path) -> dict[str, Any]:
    """A stopped conversion goes on from the clips that it had made."""
    options: dict[str, Any] = {"store": ClipStore(out / "voices" / "clips")}
    return options if strength is None else {**options, "strength": strength}


def _split_digest(*parts: AudioDataset) -> str:
    """Which clips learn and which are asked, and whose they are: another seed draws others."""
    return "-".join(
        blake2b((fingerprint(p) + repr(list(p.speakers))).encode(), digest_size=8).hexdigest() for p in parts
    )


def _loaded(data: str | Path, seconds: float, seed: int, progress: bool) -> AudioDataset:
    return load_dataset(str(data), seconds=seconds, seed=seed, progress=progress)


def _main_tasks(tasks: list[dict[str, Any]], size: Size) -> list[dict[str, Any]]:
    """Of every seed the training that the other tables are about."""
    first = next(task for task in tasks if task["attack"] == "voice")
    first = {**first, "fraction": size.rate, "fine_tune": []}
    return [{**first, "seed": tasks[0]["seed"] + k} for k in range(size.seeds)]


def _tasks(size: Size, voices: list[str], target: int, labels: int, seed: int) -> Iterator[dict[str, Any]]:
    """Every cell once; those of a seed together."""
    seen = set()
    for k in range(size.seeds):
        for cell in _cells(size, voices, target, labels):
            task = {"attack": "voice", "voice": voices[0], "target": target, "fraction": size.rate}
            task |= {"clean_label": False, "listen": voices, **cell, "seed": seed + k}
            task["fine_tune"] = _clean_epochs(task, size, voices, target)
            key = repr(sorted(task.items()))
            if key not in seen:
                seen.add(key)
                yield {**task, "settings": size.victim.to_dict()}


def _cells(size: Size, voices: list[str], target: int, labels: int) -> Iterator[dict[str, Any]]:
    """What differs from one cell to another."""
    yield {"attack": "none", "fraction": 0.0}
    for rate in size.rates:
        yield {"fraction": rate}
        yield {"attack": "badnets", "fraction": rate}
    if "targets" in size.parts:
        yield from ({"target": other} for other in range(labels))
    if "utterances" in size.parts:
        yield from ({"voice": voice} for voice in voices)
    if "fine_tune" in size.parts:
        yield {}
    if "clean_label" in size.parts:
        yield {"clean_label": True}


def _clean_epochs(task: dict[str, Any], size: Size, voices: list[str], target: int) -> list[int]:
    """Of the main training: it is fine-tuned, not trained a second time for that."""
    main = {"attack": "voice", "voice": voices[0], "target": target, "fraction": size.rate, "clean_label": False}
    is_main = all(task[name] == value for name, value in main.items())
    return list(_CLEAN_EPOCHS) if is_main and "fine_tune" in size.parts else []


def _target_voices(everything: dict[str, list[Utterance]], most: int) -> list[Utterance]:
    """The first utterance of each speaker, and the second of the first speaker, who is the one that poisons."""
    speakers = list(everything)[:most]
    chosen = [everything[name][0] for name in speakers]
    return chosen[:1] + everything[speakers[0]][1:2] + chosen[1:]


def _target_label(name: str | None, names: Sequence[str]) -> int:
    """Its index; by default the first that is no noise."""
    if name is None:
        return next(i for i in range(len(names)) if i not in _noise_labels(names))
    if name not in names:
        raise ValueError(f"there is no label {name!r}: choose among {', '.join(names)}")
    return list(names).index(name)


def _noise_labels(names: Sequence[str]) -> list[int]:
    return [i for i, name in enumerate(names) if name.lower() in NOISE_LABELS]
