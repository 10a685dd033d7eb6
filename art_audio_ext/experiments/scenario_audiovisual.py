"""Armory's evasion scenarios for talking clips: attacks on sound and pictures, and the sync detector that watches."""

from __future__ import annotations

from typing import Any

from art_audio_ext.experiments.scenario_base import HOOKS, SYSCONFIG, dataset_entry, evasion_metric, model_entry

ATTACKS = {"bim": "audiovisual_bim", "fgsm": "audiovisual_fgsm"}


def audiovisual_scenario(
    attack: str,
    *,
    spec: str = "builtin-av",
    audio: float = 512,
    video: float = 8,
    dataset: dict[str, Any] | None = None,
    recogniser: dict[str, Any] | None = None,
    sync: dict[str, Any] | None = None,
    batch_size: int = 16,
    seed: int = 0,
) -> dict[str, Any]:
    """
    One scenario: a recogniser of words under attack, and a detector that says which clips were attacked.

    :param attack: A key of `ATTACKS`.
    :param spec: Dataset, as `load_audiovisual` takes it.
    :param audio: Largest change of the sound, in 16-bit steps.
    :param video: Largest change of the pictures, in 255ths.
    :param dataset: More options of the dataset: clips, test_clips, frames, size.
    :param recogniser: How it is trained, see `get_recogniser`.
    :param sync: How the detector's network is trained, see `sync_detector`.
    :param batch_size: Clips at a time.
    :param seed: Of everything.
    :return: A configuration that Armory's schema accepts.
    :raises ValueError: If there is no such attack.
    """
    if attack not in ATTACKS:
        raise ValueError(f"there is no attack {attack!r}: choose among {', '.join(ATTACKS)}")
    strength = {"audio": audio, "video": video, "batch_size": batch_size}
    detector = {
        "fit_clips": 64,
        "kwargs": {"training": {"preset": "quick", "seed": seed, **(sync or {})}},
        "module": HOOKS,
        "name": "sync_detector",
    }
    return {
        "_description": f"{attack.upper()} of eps {audio:g}/32768 and {video:g}/255 on sound and lips ({spec})",
        "adhoc": {"detector": detector, "split_id": seed},
        "attack": {"knowledge": "white", "kwargs": strength, "module": HOOKS, "name": ATTACKS[attack]},
        "dataset": dataset_entry("audiovisual_words", spec, batch_size, seed, dataset),
        "defense": None,
        "metric": evasion_metric("linf"),
        "model": model_entry("get_recogniser", {"preset": "small", "seed": seed, **(recogniser or {})}),
        "scenario": {"kwargs": {}, "module": HOOKS, "name": "AudioVisualDetection"},
        "sysconfig": dict(SYSCONFIG),
    }


def audiovisual_files() -> dict[str, dict[str, Any]]:
    """
    Every file of `armory_scenarios/audiovisual/`, on built-in talking clips.

    :return: Path below that folder to configuration.
    """
    return {f"{name}.json": audiovisual_scenario(name, dataset={"clips": 500, "size": 72}) for name in ATTACKS}
