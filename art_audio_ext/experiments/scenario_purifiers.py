"""Armory's evasion scenarios for purifiers of speech commands: one JSON a defence, all under the same attack."""

from __future__ import annotations

from typing import Any

from art_audio_ext.experiments.purification_plans import STAGE_NOISE, TIME_STEPS
from art_audio_ext.experiments.scenario_base import HOOKS, SYSCONFIG, dataset_entry, evasion_metric, model_entry

_SIGMA = round(STAGE_NOISE, 6)  # as a JSON is read by people
ATTACKS = ("audio_pgd", "art_pgd")

# Name: what it is, the purifier's class, its options, the domain of its diffusion model.
DEFENCES: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "none": ("no defence", "", {}, ""),
    "time_stage": ("white noise of t_w = 3 (DiffNoise)", "TimeDomainPurifier", {"steps": TIME_STEPS}, ""),
    "noise_matched": (
        "control: the same noise, and a classifier trained with it",
        "TimeDomainPurifier",
        {"steps": TIME_STEPS},
        "",
    ),
    "noise_floor": (
        "the power of that noise without the noise, and a classifier trained with it",
        "NoiseFloorPurifier",
        {"sigma": _SIGMA},
        "",
    ),
    "frequency_stage": ("one step back on the log-mel, t_s = 1", "FrequencyDomainPurifier", {"steps": 1}, "mel"),
    "dual_pure": ("both stages: DualPure", "DualPure", {"time_steps": TIME_STEPS, "steps": 1}, "mel"),
    "ddpm": ("noise, then DDPM back on the waveform", "DDPMPurifier", {"steps": TIME_STEPS}, "wave"),
    "diff_rev": ("DDPM back without noise before", "DiffRevPurifier", {"steps": TIME_STEPS}, "wave"),
    "one_shot": ("noise, then one prediction", "OneShotPurifier", {"steps": TIME_STEPS}, "wave"),
    "audio_pure": ("AudioPure, exact gradients", "AudioPure", {"steps": TIME_STEPS}, "wave"),
}
_DETERMINISTIC = ("none", "frequency_stage", "noise_floor")
# How the classifier's training differs.
_TRAINED_WITH = {"noise_matched": {"noise_sigma": _SIGMA}, "noise_floor": {"floor_sigma": _SIGMA}}

# Networks that learn in a minute or two each on one core, to see all run; they are no measure of the defences.
_SMALL: dict[str, dict[str, Any]] = {
    "classifier": {"preset": "quick", "width": 16, "epochs": 15, "optimizer": "adamw", "learning_rate": 3e-3},
    "mel": {"preset": "quick", "base": 16, "epochs": 6},
    "wave": {
        "preset": "quick",
        "residual_channels": 12,
        "skip_channels": 12,
        "layers": 6,
        "dilation_cycle": 6,
        "epochs": 4,
    },
}
# For 36,000 clips and a GPU.
_LARGE: dict[str, dict[str, Any]] = {
    "classifier": {"preset": "standard"},
    "mel": {"preset": "quick"},
    "wave": {"preset": "quick"},
}


def purification_scenario(
    defence: str,
    *,
    spec: str,
    networks: dict[str, dict[str, Any]],
    dataset: dict[str, Any] | None = None,
    attack: str = "audio_pgd",
    eps: float = 0.002,
    max_iter: int = 10,
    eot_samples: int = 2,
    batch_size: int = 16,
    seed: int = 0,
) -> dict[str, Any]:
    """
    One scenario: a classifier behind a purifier, attacked by someone who knows both.

    :param defence: A key of `DEFENCES`.
    :param spec: Dataset, as `load_dataset` takes it.
    :param networks: How the "classifier" and the diffusion models of "mel" and "wave" are trained where no file is
        named, see `get_speech_model` and `get_purifier`.
    :param dataset: More options of the dataset: clips, test_clips.
    :param attack: One of `ATTACKS`.
    :param eps: Radius (L-infinity); 1 is full scale.
    :param max_iter: Steps of eps / 5.
    :param eot_samples: Draws of a random defence's noise a step; ART's attack has no such option.
    :param batch_size: Clips at a time.
    :param seed: Of everything.
    :return: A configuration that Armory's schema accepts.
    :raises ValueError: If there is no such defence or attack.
    """
    for kind, name, known in (("defence", defence, tuple(DEFENCES)), ("attack", attack, ATTACKS)):
        if name not in known:
            raise ValueError(f"there is no {kind} {name!r}: choose among {', '.join(known)}")
    draws = 1 if defence in _DETERMINISTIC else eot_samples
    classifier = {"seed": seed, **networks["classifier"], **_TRAINED_WITH.get(defence, {})}
    return {
        "_description": f"PGD against speech commands ({spec}), {DEFENCES[defence][0]}",
        "adhoc": {"split_id": seed},
        "attack": _attack(attack, eps, max_iter, draws, batch_size, seed),
        "dataset": dataset_entry("audio_commands", spec, batch_size, seed, dataset),
        "defense": _defense(defence, networks, batch_size, seed),
        "metric": evasion_metric("linf", "snr_db"),
        "model": model_entry("get_speech_model", classifier),
        "scenario": {"kwargs": {}, "module": HOOKS, "name": "AudioPurification"},
        "sysconfig": dict(SYSCONFIG),
    }


def purification_files() -> dict[str, dict[str, Any]]:
    """
    Every file of `armory_scenarios/purification/`: on built-in speech with small networks, and, in `speech_commands/`,
    on 1,000 test clips of Speech Commands with larger ones. `DiffNoise` has none: it is the time stage.

    :return: Path below that folder to configuration.
    """
    small: dict[str, Any] = {"spec": "builtin", "networks": _SMALL, "dataset": {"clips": 1500, "test_clips": 48}}
    large: dict[str, Any] = {"spec": "speech-commands", "networks": _LARGE, "dataset": {"test_clips": 1000}}
    files = {f"{name}.json": purification_scenario(name, **small) for name in DEFENCES}
    files["dual_pure_art_pgd.json"] = purification_scenario("dual_pure", attack="art_pgd", **small)
    for name in DEFENCES:
        files[f"speech_commands/{name}.json"] = purification_scenario(name, eot_samples=20, batch_size=100, **large)
    return files


def _attack(attack: str, eps: float, max_iter: int, draws: int, batch_size: int, seed: int) -> dict[str, Any]:
    """The same steps by our class or by ART's."""
    shared = {"batch_size": batch_size, "eps": eps, "eps_step": eps / 5, "max_iter": max_iter, "verbose": False}
    if attack == "audio_pgd":
        module, name, more = "art_audio_ext.attacks.evasion", "AudioPGD", {"eot_samples": draws, "seed": seed}
    else:
        module, name, more = "art.attacks.evasion", "ProjectedGradientDescent", {"num_random_init": 0}
    kwargs = {**shared, **more, "norm": "inf"}
    return {"knowledge": "white", "kwargs": kwargs, "module": module, "name": name, "use_label": True}


def _defense(defence: str, networks: dict[str, dict[str, Any]], batch_size: int, seed: int) -> dict[str, Any] | None:
    _, purifier, options, domain = DEFENCES[defence]
    if not purifier:
        return None
    kwargs: dict[str, Any] = {"purifier": purifier, "seed": seed, "batch_size": batch_size, **options}
    if domain:
        kwargs["diffusion"] = {"seed": seed, **networks[domain]}
    return {"kwargs": kwargs, "module": HOOKS, "name": "get_purifier", "type": "Preprocessor"}
