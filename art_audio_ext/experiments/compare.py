"""Every filter on the same poisoned data, run through Armory scenario by scenario and put into one table."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from art_audio_ext.experiments.armory_data import Splits, load_splits
from art_audio_ext.experiments.armory_queue import Outcome, run_all
from art_audio_ext.experiments.armory_run import check_armory, measured
from art_audio_ext.experiments.compare_notes import comparison_notes
from art_audio_ext.experiments.compare_setup import (
    absolute_spec,
    attack_settings,
    filter_names,
    options_by_filter,
    poisoned_clips,
    shared_name,
)
from art_audio_ext.experiments.scenario_config import scenario_config
from art_audio_ext.experiments.scenario_filters import filter_setting
from art_audio_ext.functional.metrics import Confusion
from art_audio_ext.report.records import ComparisonResult, FilterResult


def compare(
    data: str,
    *,
    out: str | Path,
    trigger: str | None = None,
    source: str | None = None,
    target: str | None = None,
    poison_fraction: float | None = None,
    scale: float | None = None,
    snr_db: float | None = None,
    position: int | str | None = None,
    filters: Sequence[str] | str = "all",
    seed: int = 0,
    epochs: int = 20,
    clips: int | None = None,
    depth: int = 18,
    width: int = 16,
    front_end: str = "log_mel",
    preset: str | None = None,
    vae: str | Path | None = None,
    filter_options: dict[str, dict[str, Any]] | None = None,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    speaker_pattern: str | None = None,
    batch_size: int = 64,
    jobs: int | None = None,
    progress: bool = True,
) -> ComparisonResult:
    """
    Poison, filter, retrain and attack, once a filter, each as an Armory scenario; nothing that is done is done again.

    Written below `out`: scenarios/NAME.json, logs/NAME.log, results/NAME.json. A scenario is not run again while its
    JSON, the files that names (a trigger's sound, a VAE), the data and the package are what its result was made of.

    :param data: "folder:PATH", PATH, "speech-commands[:ROOT]" or "builtin". A folder written by `art-audio poison` is
        taken as it is: its record says what the attack is, and the options of the attack must be left out.
    :param out: Folder for everything that is written.
    :param trigger: A trigger's name or a sound file; None means "clap".
    :param source: Label whose clips are poisoned.
    :param target: Label that they are given.
    :param poison_fraction: Share of the source class's training clips; None means 0.1.
    :param scale: Factor on the trigger; None for the level of Armory's own scenarios.
    :param snr_db: Level of the trigger by SNR instead.
    :param position: First sample of the trigger, or "random"; None means 0.
    :param filters: "all" for the six of `FILTERS`, or any of those and of `MORE_FILTERS`.
    :param seed: Of everything.
    :param epochs: Of every training of the victim.
    :param clips: Use at most so many clips.
    :param depth: ResNet-18 or -50.
    :param width: Channels of the victim's first stage.
    :param front_end: "log_mel" or "stft".
    :param preset: Size of the VAE that the poison likelihood filter trains; None for its own default.
    :param vae: A trained VAE for the poison likelihood filter, which otherwise trains one; its `filter_seconds` then
        leave that training out, and a note says so.
    :param filter_options: More options of `detect_poison`, by filter: {"poison_likelihood": {"epochs": 5}}.
    :param seconds: Length of every clip.
    :param sample_rate: In Hz.
    :param speaker_pattern: How a file name tells its speaker.
    :param batch_size: Clips a training step.
    :param jobs: Scenarios at a time; None for two where there are two cores.
    :param progress: Show progress.
    :return: One result a filter, in the order of `filters`.
    :raises ValueError: If Armory is missing, an option is wrong, or a scenario fails.
    """
    names = filter_names(filters)
    check_armory()
    given = {"trigger": trigger, "source": source, "target": target, "poison_fraction": poison_fraction}
    given |= {"scale": scale, "snr_db": snr_db, "position": position}
    spec = absolute_spec(data)
    dataset: dict[str, Any] = {"seconds": seconds, "sample_rate": sample_rate, "seed": seed, "clips": clips}
    if speaker_pattern is not None:
        dataset["speaker_pattern"] = speaker_pattern
    attack = attack_settings(spec, given)
    splits = load_splits(spec, **dataset, progress=progress)
    poisoned, share = poisoned_clips(attack, splits)
    victim = {"depth": depth, "width": width, "front_end": front_end}
    options = options_by_filter(filter_options or {}, splits.train.label_names, preset, vae)
    training = {"epochs": epochs, "batch_size": batch_size}
    common: dict[str, Any] = {
        **{"spec": spec, **attack, **training, "seed": seed, "victim": victim, "dataset": dataset},
        "poison_share": share,
    }
    configs = {name: scenario_config(name, **common, filter_options=options.get(name)) for name in names}
    outcomes = run_all(configs, Path(out), splits, jobs=jobs, progress=progress)
    results = [_filter_result(name, outcomes[name], filter_setting(name, configs[name])) for name in names]
    return ComparisonResult(
        dataset=_dataset_record(data, splits, seconds),
        attack=_attack_record(attack, poisoned, splits),
        victim={"name": f"ResNet-{depth}", **victim, **training},
        filters=results,
        seed=seed,
        machine=_machine(),
        notes=_notes(results, splits, outcomes, options),
    )


def _dataset_record(data: str, splits: Splits, seconds: float) -> dict[str, Any]:
    """What the comparison ran on, as it was asked for."""
    return {
        "spec": data,
        "train_clips": len(splits.train),
        "test_clips": len(splits.test),
        "classes": len(splits.train.label_names),
        "sample_rate_hz": splits.train.sample_rate,
        "seconds_per_clip": seconds,
    }


def _attack_record(attack: dict[str, Any], poisoned: int, splits: Splits) -> dict[str, Any]:
    """What is done to the data."""
    return {
        **attack,
        # a record is made to be shared: the name of a trigger's file, not where it lies on this machine
        "trigger": shared_name(attack["trigger"]),
        "poisoned_clips": poisoned,
        "already_poisoned": splits.record is not None,
    }


def _filter_result(name: str, outcome: Outcome, setting: str) -> FilterResult:
    """One row of the table, from what Armory measured."""
    counts = measured(outcome.results, "filter")
    found = None
    if counts and name != "none":
        kinds = ("true_positives", "false_positives", "true_negatives", "false_negatives")
        found = Confusion(*(int(counts[kind]) for kind in kinds))
    filters = name not in ("none", "perfect")
    return FilterResult(
        name=name,
        true_positive_rate=found.true_positive_rate if found else None,
        false_positive_rate=found.false_positive_rate if found else None,
        precision=found.precision if found else None,
        removed=found.removed if found else 0,
        adjusted_rand_index=found.adjusted_rand_index if found else None,
        attack_success_rate=measured(outcome.results, "attack_success_rate"),
        benign_accuracy=measured(outcome.results, "accuracy_on_benign_test_data_all_classes"),
        seconds=outcome.seconds,
        filter_seconds=measured(outcome.results, "filter_seconds") if filters else None,
        setting=setting,
    )


def _notes(
    results: list[FilterResult], splits: Splits, outcomes: dict[str, Outcome], options: dict[str, dict[str, Any]]
) -> list[str]:
    """What a reader must know beside the table."""
    at_once = max(outcome.at_once for outcome in outcomes.values())
    vae_given = options["poison_likelihood"].get("vae") is not None
    return comparison_notes(results, splits, at_once=at_once, vae_given=vae_given)


def _machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": f"{platform.system()} {platform.machine()}",
    }
