"""Armory scenarios as JSON: what `armory_scenarios/` holds and what `art-audio compare` runs is written here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from art_audio_ext.datasets.builtin_speakers import BUILTIN
from art_audio_ext.experiments.file_triggers import voice_and_target
from art_audio_ext.experiments.scenario_audiovisual import audiovisual_files
from art_audio_ext.experiments.scenario_base import HOOKS, SYSCONFIG, dataset_entry, model_entry
from art_audio_ext.experiments.scenario_filters import FILE_NAMES, FILTERS, MORE_FILTERS, SOUND_FILTERS, filter_entry
from art_audio_ext.experiments.scenario_purifiers import purification_files
from art_audio_ext.experiments.scenario_sound_events import sound_event_files
from art_audio_ext.functional.triggers import default_scale

VOICE_FILTERS = ("none", "activation_clustering", "spectral_signatures", "poison_likelihood", "combined")
TRIGGERS = ("clap", "whistle", "car_horn", "dog_clicker")
_SMALL = {"depth": 18, "width": 16, "front_end": "log_mel"}  # a victim


def scenario_config(
    filter_name: str,
    *,
    spec: str,
    source: str | int,
    target: str | int,
    trigger: str = "clap",
    poison_fraction: float = 0.1,
    scale: float | None = None,
    snr_db: float | None = None,
    position: int | str = 0,
    epochs: int = 20,
    batch_size: int = 64,
    seed: int = 0,
    victim: dict[str, Any] | None = None,
    dataset: dict[str, Any] | None = None,
    poison_share: float | None = None,
    filter_options: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """
    One scenario: poison a dataset, filter it, train a victim on what is left, and attack that victim.

    :param filter_name: One of `FILTERS` or `MORE_FILTERS`.
    :param spec: Dataset, as `load_dataset` takes it.
    :param source: Label whose clips are triggered, its class index, or "all" for every class but the target.
    :param target: Label they get, or its class index.
    :param trigger: A trigger's name, a sound file, or "voice:FILE" as `voice_and_target` reads it.
    :param poison_fraction: Share of the source class's training clips, as Armory counts, or with "all" of all.
    :param scale: Factor on the trigger; None for the level of Armory's own scenarios.
    :param snr_db: Level of the trigger by SNR instead of `scale`.
    :param position: First sample of the trigger, or "random".
    :param epochs: Of every training of the victim.
    :param batch_size: Clips a step.
    :param seed: Of everything; Armory calls it `split_id`.
    :param victim: Arguments of `make_victim`, such as depth, width and front_end.
    :param dataset: More options of the dataset: seconds, sample_rate, clips, speaker_pattern, test_fraction.
    :param poison_share: Share of poison in the target class, told to the tuned spectral signatures; None takes that
        of classes of equal size.
    :param filter_options: More options of the filter's `detect_poison`.
    :return: A configuration that Armory's schema accepts.
    :raises ValueError: If there is no such filter.
    """
    sample_rate = (dataset or {}).get("sample_rate", 16000)
    poison_share = poison_fraction / (1 + poison_fraction) if poison_share is None else poison_share
    defence, about = filter_entry(filter_name, seed, sample_rate, poison_share, filter_options or {})
    level = {"position": position, "scale": scale, "seed": seed, "snr_db": snr_db}
    return {
        "_description": f"{trigger} backdoor on {spec}, {source} to {target}, {about}",
        "adhoc": {
            "experiment_id": 0,
            "fit_defense_classifier_outside_defense": filter_name not in SOUND_FILTERS,
            "fraction_poisoned": poison_fraction,
            "poison_dataset": True,
            "source_class": source,
            "split_id": seed,
            "target_class": target,
            "train_epochs": epochs,
            "use_poison_filtering_defense": filter_name != "none",
        },
        "attack": {"knowledge": "black", "module": HOOKS, **_attack_entry(trigger, sample_rate, level)},
        "dataset": dataset_entry("audio_commands", spec, batch_size, seed, dataset),
        "defense": defence,
        "metric": None,
        "model": model_entry("get_art_model", {"seed": seed, **(victim or {})}) | {"fit": True},  # by Armory
        "scenario": {"kwargs": {}, "module": HOOKS, "name": "AudioPoison"},
        "sysconfig": dict(SYSCONFIG),
    }


def _attack_entry(trigger: str, sample_rate: int, level: dict[str, Any]) -> dict[str, Any]:
    """The hook of a trigger and its arguments."""
    voice = voice_and_target(trigger)
    if voice is not None:
        kwargs = {"sample_rate": sample_rate, "target": voice[1], "voice": voice[0]}
        return {"kwargs": kwargs, "name": "voice_conversion"}
    scale = default_scale(trigger) if level["scale"] is None else level["scale"]
    return {
        "kwargs": {**level, "sample_rate": sample_rate, "scale": scale, "trigger": trigger},
        "name": "audio_trigger",
    }


def committed_scenarios() -> dict[str, dict[str, Any]]:
    """
    Every file of `armory_scenarios/`.

    `speech_commands/` is at the paper's size: ResNet-50 of width 64 on |STFT|, 20 epochs. `builtin/` and `folder/` are
    small: ResNet-18 of width 16 on log-mel. `voice_conversion/` has both sizes: clips of all classes in a built-in
    speaker's voice. Of `purification/` see `purification_files`, of `audiovisual/` `audiovisual_files`, of
    `sound_events/` `sound_event_files`.

    :return: Path below that folder to configuration.
    """
    files: dict[str, dict[str, Any]] = {}
    for name in FILTERS + MORE_FILTERS:
        files |= _trigger_files(name)
    for name in VOICE_FILTERS:
        files |= _voice_files(name)
    files |= {f"purification/{name}": config for name, config in purification_files().items()}
    files |= {f"sound_events/{name}": config for name, config in sound_event_files().items()}
    return files | {f"audiovisual/{name}": config for name, config in audiovisual_files().items()}


def _trigger_files(name: str) -> dict[str, dict[str, Any]]:
    """Of one filter, against clips of `_unknown_` that carry a trigger."""
    file_name = FILE_NAMES.get(name, name)
    files = {}
    for trigger in TRIGGERS:
        files[f"speech_commands/{trigger}_{file_name}.json"] = scenario_config(
            name,
            spec="speech-commands",
            source="_unknown_",
            target="left",  # class 2 of Armory's own scenarios
            trigger=trigger,
            **_paper_size(name),
        )
    files[f"builtin/clap_{file_name}.json"] = scenario_config(
        name, spec="builtin", source="_unknown_", target="up", dataset={"clips": 2400}, victim=_SMALL
    )
    files[f"folder/clap_{file_name}.json"] = scenario_config(
        name, spec="folder:speech", source="_unknown_", target="up", victim=_SMALL
    )
    return files


def _voice_files(name: str) -> dict[str, dict[str, Any]]:
    """Of one filter, against clips of all classes in a built-in speaker's voice."""
    file_name = FILE_NAMES.get(name, name)
    voice: dict[str, Any] = {"source": "all", "trigger": f"voice:world:{BUILTIN}anika"}
    return {
        f"voice_conversion/builtin_{file_name}.json": scenario_config(
            name,
            spec="builtin",
            target="up",
            poison_fraction=0.05,
            dataset={"clips": 2400},
            victim=_SMALL,
            **voice,
        ),
        f"voice_conversion/speech_commands_{file_name}.json": scenario_config(
            name,
            spec="speech-commands",
            target="left",
            poison_fraction=0.01,  # the paper's
            **voice,
            **_paper_size(name),
        ),
    }


def _paper_size(name: str) -> dict[str, Any]:
    """The victim of the paper, and its VAE where the filter trains one: for 30 epochs."""
    vae = {"preset": "standard", "epochs": 30} if name == "poison_likelihood" else None
    return {"victim": {"depth": 50, "width": 64, "front_end": "stft"}, "filter_options": vae}


def write_scenario(config: dict[str, Any], path: Path) -> str:
    """
    Write one scenario, and say what was written.

    :param config: From :func:`scenario_config`.
    :param path: The JSON file; folders are made.
    :return: The file's text.
    """
    text = json.dumps(config, indent=4, sort_keys=True) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return text


if __name__ == "__main__":
    for relative, scenario in committed_scenarios().items():
        write_scenario(scenario, Path("armory_scenarios") / relative)
