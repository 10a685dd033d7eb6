"""The voice-conversion backdoor's tables and figures on any speech dataset, each poisoned training a resumable cell."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import art_audio_ext
from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.datasets.builtin_speakers import write_speakers
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.experiments.voice_conversion_cells import run_cell
from art_audio_ext.experiments.voice_conversion_data import find_utterances
from art_audio_ext.experiments.voice_conversion_defences import check_lines
from art_audio_ext.experiments.voice_conversion_run import VoiceRun
from art_audio_ext.experiments.voice_conversion_size import choose_size
from art_audio_ext.experiments.voice_quality import check_weights
from art_audio_ext.report.voice_conversion_view import write_voice_conversion
from art_audio_ext.training.classifier_settings import ClassifierSettings
from art_audio_ext.training.runs import fast_precision
from art_audio_ext.voices import Voice, open_voice
from art_audio_ext.voices.clip_store import ClipStore
from art_audio_ext.voices.registry import SEEDED, WITH_STRENGTH

BUILTIN_VOICES = "builtin"


def voice_conversion(
    data: str | Path | AudioDataset,
    voices: str | Path,
    out: str | Path,
    *,
    preset: str = "quick",
    target: str | None = None,
    rates: Sequence[float] | None = None,
    choose: str = "random",
    seeds: int | None = None,
    parts: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    speakers: Sequence[str] | None = None,
    defences: Sequence[str] | None = None,
    conversion: str = "world",
    strength: float | None = None,
    seconds: float = 1.0,
    epochs: int | None = None,
    architecture: str | None = None,
    changes: dict[str, Any] | None = None,
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
    :param choose: Which clips are poisoned: "random", or "even": as many of every label.
    :param seeds: Instead of the preset's.
    :param parts: Instead of the preset's.
    :param targets: Labels of the part "targets"; ["all"] is every one, None the paper's three.
    :param speakers: Target speakers by name, the one that poisons first; None for the first five, in "quick" two.
    :param defences: Of the part "defences", as `check_lines` takes them; None is `DEFAULT_LINES`.
    :param conversion: How voices are converted, a key of `voices.VOICES`.
    :param strength: Of the conversion, where it has one (`WorldVoice`); None is its own.
    :param seconds: Length of clips; 1 for classifiers of commands.
    :param epochs: Of the victims, instead of the preset's.
    :param architecture: Of the victims, instead of the preset's; "sincnet" or "rawnet3" where speakers are labels.
    :param changes: Other settings of the victims by name, such as {"width": 16, "augment": False}.
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
    named: dict[str, Any] = {"targets": targets, "speakers": speakers, "changes": changes, "choose": choose}
    size = choose_size(preset, rates, seeds, parts, epochs, architecture, **named)
    if defences is not None and "defences" not in size.parts:
        raise ValueError('defences are named, but the part "defences" is not run: name it in parts, too')
    check_weights(size.parts, nisqa_weights, speaker_weights)
    lines = check_lines(defences, isinstance(size.victim, ClassifierSettings))
    voice = _open(conversion, strength, seed, out)
    dataset = data if isinstance(data, AudioDataset) else _loaded(data, seconds, seed, progress)
    everything = find_utterances(write_speakers(out / "speakers") if str(voices) == BUILTIN_VOICES else voices)
    run = VoiceRun(dataset, everything, voice, size, target, out, seed, progress)
    run.prepare(fast_precision() if precision is None else precision)
    quality, heard = run.quality(nisqa_weights, speaker_weights) if "quality" in size.parts else (None, None)
    kept: dict[str, Any] = {"identity": run.identity, "context": run.context, "progress": progress}
    found = sweep(run_cell, run.tasks, out / "cells.jsonl", **kept, **engine)
    diffusion = "paper" if preset == "paper" else "quick"
    defended = run.defended(lines, diffusion, engine) if "defences" in size.parts else []
    record = {
        **{"experiment": "voice-conversion", "preset": preset, "seed": seed, "conversion": conversion},
        **{"strength": strength, **_about(run)},
        **{"rows": run.table(found), "quality": quality},
        "defences": defended,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "seconds": round(time.perf_counter() - begin, 1),
    }
    write_voice_conversion(record, out, heard)
    return record


def _open(conversion: str, strength: float | None, seed: int, out: Path) -> Voice:
    """A stopped conversion goes on from the clips that it had made."""
    options: dict[str, Any] = {"store": ClipStore(out / "voices" / "clips")}
    if strength is not None:
        if conversion not in WITH_STRENGTH:
            raise ValueError(f"{' and '.join(WITH_STRENGTH)} have a strength, not {conversion}: leave it out")
        options["strength"] = strength
    return open_voice(conversion, **options, **({"seed": seed} if conversion in SEEDED else {}))


def _loaded(data: str | Path, seconds: float, seed: int, progress: bool) -> AudioDataset:
    return load_dataset(str(data), seconds=seconds, seed=seed, progress=progress)


def _about(run: VoiceRun) -> dict[str, Any]:
    """What a report says of the voice, the victim and the data."""
    return {
        "voice": run.voice.identity,
        "rate": run.size.rate,
        "choose": run.size.choose,
        "precision": run.tasks[0]["precision"],
        "version": art_audio_ext.__version__,
        "victim": run.size.victim.to_dict(),
        **run.about(),
    }
