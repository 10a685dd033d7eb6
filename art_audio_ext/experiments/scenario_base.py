"""What all Armory scenarios of ours share."""

from __future__ import annotations

from typing import Any

HOOKS = "art_audio_ext.armory_hooks"
SYSCONFIG: dict[str, Any] = {
    "docker_image": None,
    "external_github_repo": None,
    "gpus": "0",  # Armory hands it to CUDA_VISIBLE_DEVICES: its usual "all" would hide every GPU
    "output_dir": None,
    "output_filename": None,
    "set_pythonhashseed": True,
    "use_gpu": True,  # allowed, not required: without one everything runs on the CPU
}


def dataset_entry(name: str, spec: str, batch_size: int, seed: int, more: dict[str, Any] | None) -> dict[str, Any]:
    """
    :param name: Of the hook that reads it.
    :param spec: As that hook takes it.
    :param batch_size: Clips at a time.
    :param seed: Of the split.
    :param more: Further options.
    :return: The entry `dataset`.
    """
    said = {"batch_size": batch_size, "framework": "numpy", "module": HOOKS, "name": name, "seed": seed, "spec": spec}
    return {**said, **(more or {})}


def model_entry(name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """
    :param name: Of the hook that makes it, which trains it where its options name no file: Armory does not.
    :param kwargs: Options of the hook.
    :return: The entry `model`.
    """
    untouched: dict[str, Any] = {"fit": False, "fit_kwargs": {}, "weights_file": None, "wrapper_kwargs": {}}
    return {**untouched, "model_kwargs": kwargs, "module": HOOKS, "name": name}


def evasion_metric(*perturbation: str) -> dict[str, Any]:
    """
    :param perturbation: Armory's names of how far clips were moved.
    :return: The entry `metric` of a classifier under attack.
    """
    return {
        "means": True,
        "perturbation": list(perturbation),
        "profiler_type": "basic",
        "record_metric_per_sample": False,
        "task": ["categorical_accuracy"],
    }
