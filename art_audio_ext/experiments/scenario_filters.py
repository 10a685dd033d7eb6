"""The filters that a comparison knows: what each is in an Armory scenario, how it is set, and that in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: The filters of a comparison, in the order of its table.
FILTERS = ("none", "perfect", "activation_clustering", "spectral_signatures", "poison_likelihood", "combined")
#: ART's filters at other settings, and what "combined" consists of, run when they are named.
MORE_FILTERS = (
    "activation_clustering_armory",
    "activation_clustering_tuned",
    "spectral_signatures_armory",
    "spectral_signatures_tuned",
    "novel_component",
    "coherent_component",
)
#: Those that look at the sound and need no victim: name to score.
SOUND_FILTERS = {
    "poison_likelihood": "pls",
    "novel_component": "novel_component",
    "coherent_component": "coherent_component",
    "combined": "combined",
}
FILE_NAMES = {"none": "no_defence", "perfect": "perfect_filter"}

_FILTERS = "art_audio_ext.defences.detector.poison"
_CLUSTERING = ("art.defences.detector.poison.activation_defence", "ActivationDefence")
_SIGNATURES = ("art.defences.detector.poison.spectral_signature_defense", "SpectralSignatureDefense")
# the paper scores the speech classes, not the noise
_BY_SOUND = (_FILTERS, "PoisonLikelihoodDefence", {"ignore_classes": ["_silence_"], "verbose": False})
_NOT_SHOWN = ("sample_rate", "score", "seed", "verbose")
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
    "poison_likelihood": (*_BY_SOUND, "VAE poison likelihood score"),
    "novel_component": (*_BY_SOUND, "novel component score: a group of clips that no other class knows"),
    "coherent_component": (*_BY_SOUND, "coherent component score: a sound that repeats in clips of one class"),
    "combined": (*_BY_SOUND, "combined score: a sound that repeats, or a group that no other class knows"),
}


def filter_setting(name: str, config: dict[str, Any]) -> str:
    """
    What a scenario's filter is and how it is set, in words; what it leaves out is at the filter's own default.

    :param name: One of `FILTERS` or `MORE_FILTERS`.
    :param config: Its scenario, from `scenario_config`.
    :return: A line of text; a VAE is shown by its file's name.
    """
    if name in FILE_NAMES:
        return FILE_NAMES[name].replace("_", " ")
    kwargs = {key: value for key, value in config["defense"]["kwargs"].items() if key not in _NOT_SHOWN}
    kwargs |= {"vae": Path(kwargs["vae"]).name} if kwargs.get("vae") else {}
    given = ", ".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in kwargs.items())
    return f"{_DEFENCES[name][3]}; {given}" if given else _DEFENCES[name][3]


def filter_entry(
    name: str, seed: int, sample_rate: int, poison_share: float, options: dict[str, Any]
) -> tuple[dict[str, Any] | None, str]:
    """
    The scenario's `defense` entry.

    :param name: One of `FILTERS` or `MORE_FILTERS`.
    :param seed: Of the filter.
    :param sample_rate: Of the clips, in Hz.
    :param poison_share: Share of poison in the target class, told to the tuned spectral signatures.
    :param options: More options of `detect_poison`.
    :return: The entry, None for no filter, and what it is in words.
    :raises ValueError: If there is no such filter, or the options name another score than the filter's.
    """
    if name == "none":
        return None, "no defence"
    if name not in _DEFENCES:
        raise ValueError(f"there is no filter {name!r}: choose among {', '.join(FILTERS + MORE_FILTERS)}")
    module, function, settings, about = _DEFENCES[name]
    kwargs = dict(settings)
    if name in SOUND_FILTERS:
        if options.get("score", SOUND_FILTERS[name]) != SOUND_FILTERS[name]:
            raise ValueError(f"the filter {name} has a score of its own: leave score out, or name another filter")
        # the score is named even where it is the class's default: a scenario means the same in later versions
        kwargs |= {"sample_rate": sample_rate, "score": SOUND_FILTERS[name], "seed": seed}
    elif name == "activation_clustering_tuned":
        kwargs["seed"] = seed
    elif name == "spectral_signatures_tuned":
        kwargs["expected_pp_poison"] = round(poison_share, 4)
    defence = {"kwargs": kwargs | options, "module": module, "name": function, "type": "PoisonFilteringDefence"}
    return defence, about
