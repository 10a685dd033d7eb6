"""Armory's evasion scenarios for sound events: one JSON an attack, on classifiers that they train themselves."""

from __future__ import annotations

from typing import Any

from art_audio_ext.experiments.scenario_base import HOOKS, SYSCONFIG, dataset_entry, evasion_metric, model_entry

_EVASION = "art_audio_ext.attacks.evasion"
SNR_DB = 20.0  # of the baselines, as published
_SOUND = {"seconds": 3.0, "sample_rate": 16000}

# Name: what it is, where it is found, its options, whether it is targeted.
ATTACKS: dict[str, tuple[str, str, str, dict[str, Any], bool]] = {
    "white_noise": ("white noise at 20 dB", _EVASION, "WhiteNoise", {"snr_db": SNR_DB}, False),
    "fgsm": ("FGSM at 20 dB", _EVASION, "FGSMAtSNR", {"snr_db": SNR_DB}, False),
    "deepfool": ("DeepFool", _EVASION, "AudioDeepFool", {}, False),
    "carlini": ("Carlini-Wagner L2", _EVASION, "AudioCarliniL2", {}, False),
    "carlini_targeted": ("Carlini-Wagner L2, targeted", _EVASION, "AudioCarliniL2", {}, True),
    "lbfgs": ("L-BFGS, targeted", HOOKS, "lbfgs", {"bisections": 2}, True),
}

# A network that learns in a minute on one core, to see all run; it is no measure of what networks can.
_SMALL = {"preset": "quick", "epochs": 20}


def sound_event_scenario(
    attack: str,
    *,
    spec: str = "builtin-events",
    dataset: dict[str, Any] | None = None,
    model: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    classes: int = 10,
    batch_size: int = 8,
    seed: int = 0,
) -> dict[str, Any]:
    """
    One scenario: a classifier of sound events under attack.

    :param attack: A key of `ATTACKS`.
    :param spec: Dataset, as `load_dataset` takes it.
    :param dataset: More options of the dataset: clips, test_clips, or another `seconds` and `sample_rate`.
    :param model: Which classifier and how it is trained, see `get_sound_event_model`.
    :param options: Of the attack.
    :param classes: Number of labels, which a targeted attack must know: each clip shall be called the label after its
        own, by Armory's `RoundRobinTargeter`.
    :param batch_size: Clips at a time.
    :param seed: Of everything.
    :return: A configuration that Armory's schema accepts.
    :raises ValueError: If there is no such attack.
    """
    if attack not in ATTACKS:
        raise ValueError(f"there is no attack {attack!r}: choose among {', '.join(ATTACKS)}")
    chosen = {"architecture": "vgg13", "preset": "quick", "seed": seed, **(model or {})}
    return {
        "_description": f"{ATTACKS[attack][0]} on sound events ({spec}), {chosen['architecture']}",
        "adhoc": {"split_id": seed},
        "attack": _attack(attack, classes, seed, {"batch_size": batch_size, **(options or {})}),
        "dataset": dataset_entry("audio_commands", spec, batch_size, seed, {**_SOUND, **(dataset or {})}),
        "defense": None,
        "metric": evasion_metric("linf", "snr_db"),
        "model": model_entry("get_sound_event_model", chosen),
        "scenario": {"kwargs": {}, "module": HOOKS, "name": "SoundEventEvasion"},
        "sysconfig": dict(SYSCONFIG),
    }


def sound_event_files() -> dict[str, dict[str, Any]]:
    """
    Every file of `armory_scenarios/sound_events/`: each attack on VGG13 and built-in events, DeepFool on the wave, and
    DeepFool on a folder of one's own, `sound_events/<label>/*.wav` below the current directory.

    :return: Path below that folder to configuration.
    """
    few: dict[str, Any] = {"dataset": {"clips": 240, "test_clips": 24}}
    files = {f"{name}.json": sound_event_scenario(name, model=_SMALL, **few) for name in ATTACKS}
    wave = {"architecture": "dense-wav", "preset": "quick", "epochs": 30}
    files["dense_wav_deepfool.json"] = sound_event_scenario("deepfool", model=wave, **few)
    own: dict[str, Any] = {"spec": "folder:sound_events", "dataset": {"test_clips": 24}}
    return files | {"folder_deepfool.json": sound_event_scenario("deepfool", **own)}


def _attack(attack: str, classes: int, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    """Armory hands labels to an attack that says `use_label`, and targets to one whose kwargs say `targeted`."""
    _, module, name, own, targeted = ATTACKS[attack]
    blind = attack == "white_noise"
    kwargs = {**own, **({"seed": seed} if blind else {}), **({"targeted": True} if targeted else {}), **options}
    entry: dict[str, Any] = {"kwargs": {**kwargs, "verbose": False}, "module": module, "name": name}
    entry["knowledge"] = "black" if blind else "white"
    if not targeted:
        return {**entry, "use_label": True}
    after = {"num_classes": classes, "offset": 1}
    return {
        **entry,
        "targeted_labels": {"kwargs": after, "module": "armory.utils.labels", "name": "RoundRobinTargeter"},
    }
