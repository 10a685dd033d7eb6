"""Armory scenarios as JSON: what `armory_scenarios/` holds and what `art-audio compare` runs is written here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from art_audio_ext.functional.triggers import default_scale

#: The filters of a comparison, in the order of its table.
FILTERS = ("none", "perfect", "activation_clustering", "spectral_signatures", "poison_likelihood")
#: ART's filters at other settings, run when they are named.
MORE_FILTERS = (
    "activation_clustering_armory",
    "activation_clustering_tuned",
    "spectral_signatures_armory",
    "spectral_signatures_tuned",
)
FILE_NAMES = {"none": "no_defence", "perfect": "perfect_filter"}
TRIGGERS = ("clap", "whistle", "car_horn", "dog_clicker")

_HOOKS = "art_audio_ext.armory_hooks"
_FILTERS = "art_audio_ext.defences.detector.poison"
_CLUSTERING = ("art.defences.detector.poison.activation_defence", "ActivationDefence")
_SIGNATURES = ("art.defences.detector.poison.spectral_signature_defense", "SpectralSignatureDefense")
_NOT_SHOWN = ("sample_rate", "seed", "verbose")
_SYSCONFIG = {
    "docker_image": None,
    "external_github_repo": None,
    "gpus": "0",  # Armory hands it to CUDA_VISIBLE_DEVICES: its usual "all" would hide every GPU
    "output_dir": None,
    "output_filename": None,
    "set_pythonhashseed": True,
    "use_gpu": True,  # allowed, not required: without one the victim trains on the CPU
}
# name: (module, class, kwargs of detect_poison, what the setting is)
_DEFENCES: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "perfect": ("null", "null", {"perfect_filter": True}, "perfect filter"),
    "activation_clustering": (*_CLUSTERING, {}, "ART's activation clustering, ART's defaults"),
    "activation_clustering_armory": (
        *_CLUSTERING,
        {
            "nb_clusters": 2,
            "nb_dims": 43,
            "reduce": "PCA",
            "clustering_method": "KMeans",
            "cluster_analysis": "smaller",
        },
        "ART's activation clustering, Armory's setting (43 dimensions)",
    ),
    "activation_clustering_tuned": (
        _FILTERS,
        "TunedActivationClustering",
        {"nb_dims": 10, "n_init": 10, "size_threshold": 0.35},
        "activation clustering tuned: seeded, 10 starts, a cluster is flagged only below 35% of its class",
    ),
    "spectral_signatures": (*_SIGNATURES, {}, "ART's spectral signatures, ART's defaults"),
    "spectral_signatures_armory": (
        *_SIGNATURES,
        {"expected_pp_poison": 0.3},
        "ART's spectral signatures, Armory's setting (30% expected)",
    ),
    "spectral_signatures_tuned": (
        _FILTERS,
        "TunedSpectralSignatures",
        {"eps_multiplier": 1.5},
        "spectral signatures tuned: centred scores, 1.5 times the share they are told is removed of every class",
    ),
    "poison_likelihood": (
        _FILTERS,
        "PoisonLikelihoodDefence",
        {"ignore_classes": ["_silence_"], "verbose": False},  # the paper scores the speech classes, not the noise
        "VAE poison likelihood score",
    ),
}


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
    :param source: Label whose clips are triggered, or its class index.
    :param target: Label they get, or its class index.
    :param trigger: A trigger's name or a sound file.
    :param poison_fraction: Share of the source class's training clips, as Armory counts.
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
    dataset = {"framework": "numpy", "seed": seed, **(dataset or {})}
    sample_rate = dataset.get("sample_rate", 16000)
    poison_share = poison_fraction / (1 + poison_fraction) if poison_share is None else poison_share
    defence, about = _defence(filter_name, seed, sample_rate, poison_share, filter_options or {})
    scale = default_scale(trigger) if scale is None else scale
    attack = {"position": position, "sample_rate": sample_rate, "scale": scale, "seed": seed, "snr_db": snr_db}
    attack["trigger"] = trigger
    return {
        "_description": f"{trigger} backdoor on {spec}, {source} to {target}, {about}",
        "adhoc": {
            "experiment_id": 0,
            "fit_defense_classifier_outside_defense": filter_name != "poison_likelihood",
            "fraction_poisoned": poison_fraction,
            "poison_dataset": True,
            "source_class": source,
            "split_id": seed,
            "target_class": target,
            "train_epochs": epochs,
            "use_poison_filtering_defense": filter_name != "none",
        },
        "attack": {"knowledge": "black", "kwargs": attack, "module": _HOOKS, "name": "audio_trigger"},
        "dataset": {
            "batch_size": batch_size,
            "module": _HOOKS,
            "name": "audio_commands",
            "spec": spec,
            **dataset,
        },
        "defense": defence,
        "metric": None,
        "model": {
            "fit": True,
            "fit_kwargs": {},
            "model_kwargs": {"seed": seed, **(victim or {})},
            "module": _HOOKS,
            "name": "get_art_model",
            "weights_file": None,
            "wrapper_kwargs": {},
        },
        "scenario": {"kwargs": {}, "module": _HOOKS, "name": "AudioPoison"},
        "sysconfig": dict(_SYSCONFIG),
    }


def filter_setting(name: str, config: dict[str, Any]) -> str:
    """
    What a scenario's filter is and how it is set, in words; what it leaves out is at the filter's own default.

    :param name: One of `FILTERS` or `MORE_FILTERS`.
    :param config: Its scenario, from :func:`scenario_config`.
    :return: A line of text; a VAE is shown by its file's name.
    """
    if name in FILE_NAMES:
        return FILE_NAMES[name].replace("_", " ")
    kwargs = {key: value for key, value in config["defense"]["kwargs"].items() if key not in _NOT_SHOWN}
    kwargs |= {"vae": Path(kwargs["vae"]).name} if kwargs.get("vae") else {}
    given = ", ".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in kwargs.items())
    return f"{_DEFENCES[name][3]}; {given}" if given else _DEFENCES[name][3]


def committed_scenarios() -> dict[str, dict[str, Any]]:
    """
    Every file of `armory_scenarios/`.

    `speech_commands/` is at the paper's size: ResNet-50 of width 64 on |STFT|, 20 epochs. `builtin/` and `folder/` are
    small: ResNet-18 of width 16 on log-mel.

    :return: Path below that folder to configuration.
    """
    files = {}
    paper = {"preset": "standard", "epochs": 30}  # the paper trains its VAE for 30 epochs
    for name in FILTERS + MORE_FILTERS:
        file_name = FILE_NAMES.get(name, name)
        for trigger in TRIGGERS:
            files[f"speech_commands/{trigger}_{file_name}.json"] = scenario_config(
                name,
                spec="speech-commands",
                source="_unknown_",
                target="left",  # class 2 of Armory's own scenarios
                trigger=trigger,
                victim={"depth": 50, "width": 64, "front_end": "stft"},
                filter_options=paper if name == "poison_likelihood" else None,
            )
        small: dict[str, Any] = {"trigger": "clap", "victim": {"depth": 18, "width": 16, "front_end": "log_mel"}}
        files[f"builtin/clap_{file_name}.json"] = scenario_config(
            name, spec="builtin", source="_unknown_", target="up", dataset={"clips": 2400}, **small
        )
        files[f"folder/clap_{file_name}.json"] = scenario_config(
            name, spec="folder:speech", source="_unknown_", target="up", **small
        )
    return files


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


def _defence(
    name: str, seed: int, sample_rate: int, poison_share: float, options: dict[str, Any]
) -> tuple[dict[str, Any] | None, str]:
    """The scenario's `defense` entry, and what it is in words."""
    if name == "none":
        return None, "no defence"
    if name not in _DEFENCES:
        raise ValueError(f"there is no filter {name!r}: choose among {', '.join(FILTERS + MORE_FILTERS)}")
    module, function, settings, about = _DEFENCES[name]
    kwargs = dict(settings)
    if name == "poison_likelihood":
        kwargs |= {"sample_rate": sample_rate, "seed": seed}
    elif name == "activation_clustering_tuned":
        kwargs["seed"] = seed
    elif name == "spectral_signatures_tuned":
        kwargs["expected_pp_poison"] = round(poison_share, 4)
    defence = {"kwargs": kwargs | options, "module": module, "name": function, "type": "PoisonFilteringDefence"}
    return defence, about


if __name__ == "__main__":
    for relative, scenario in committed_scenarios().items():
        write_scenario(scenario, Path("armory_scenarios") / relative)
