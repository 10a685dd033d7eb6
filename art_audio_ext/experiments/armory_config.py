"""What a scenario's JSON leaves open until the data is read: the victim's shape, class indices, and weights."""

from __future__ import annotations

from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from art_audio_ext.experiments.armory_data import Splits, class_index
from art_audio_ext.functional.poison_rows import ALL_SOURCES

_LEARNERS = ("get_speech_model", "get_sound_event_model")  # classifiers that learn from the scenario's clips


def complete_model(config: dict[str, Any], splits: Splits) -> None:
    """
    Fill in what the data decides about the victim; what the JSON says stays.

    :param config: The scenario; its `model.model_kwargs` gets `num_classes`, `length`, `sample_rate` and `seed`.
    :param splits: The data.
    """
    kwargs = config["model"]["model_kwargs"]
    kwargs.setdefault("num_classes", len(splits.train.label_names))
    kwargs.setdefault("length", int(splits.train.waveforms.shape[1]))
    kwargs.setdefault("sample_rate", splits.train.sample_rate)
    kwargs.setdefault("seed", (config.get("adhoc") or {}).get("split_id", 0))


def complete_filter(config: dict[str, Any], splits: Splits) -> None:
    """
    Replace label names in a filter's `ignore_classes` by indices; labels that the data lacks are passed over.

    :param config: The scenario.
    :param splits: The data.
    :raises ValueError: If an index is out of range.
    """
    kwargs = (config.get("defense") or {}).get("kwargs") or {}
    if "ignore_classes" in kwargs:
        names = splits.train.label_names
        wanted = [label for label in kwargs["ignore_classes"] if not isinstance(label, str) or label in names]
        kwargs["ignore_classes"] = [class_index(label, names) for label in wanted]


def complete_attack(adhoc: dict[str, Any], splits: Splits) -> None:
    """
    Replace the source and the target class by their indices, and refuse what the data contradicts.

    :param adhoc: The scenario's `adhoc`.
    :param splits: The data.
    :raises ValueError: If a class is unknown, both are the same, or a poisoned folder's record says something else.
    """
    names, record = splits.train.label_names, splits.record
    for role in ("source", "target"):
        if role == "source" and from_all(adhoc["source_class"], names):
            if record is not None and not from_all(record["source"], names):
                raise ValueError(f"source_class is {ALL_SOURCES}, but the folder was poisoned with {record['source']}")
            continue
        index = class_index(adhoc[f"{role}_class"], names)
        if record is not None and names[index] != record[role]:
            raise ValueError(f"{role}_class is {names[index]}, but the folder was poisoned with {record[role]}")
        adhoc[f"{role}_class"] = index
    if adhoc["source_class"] == adhoc["target_class"]:
        raise ValueError(f"source_class and target_class are both {names[adhoc['source_class']]!r}: name two labels")
    if record is not None and not adhoc["poison_dataset"]:
        raise ValueError(
            "adhoc.poison_dataset is false, but the folder is poisoned already, as its poison.json says: "
            "set it to true, or name the clean folder"
        )


def from_all(source: str | int, names: tuple[str, ...]) -> bool:
    """
    :param source: A label's name, its index, or "all".
    :param names: Labels.
    :return: Whether clips of every class but the target are meant; a label may be called "all", too.
    """
    return source == ALL_SOURCES and source not in names


def complete_purification(config: dict[str, Any], check: bool = False) -> None:
    """
    Tell the classifier and the purifier which data they may learn from, so that no test clip is among it.

    :param config: The scenario; entries of `get_speech_model`, `get_sound_event_model` and `get_purifier` get `data`
        and a seed.
    :param check: Learn for one epoch: the scenario shall only show that it runs.
    :raises ValueError: If an entry says other data than the scenario's.
    """
    model, defense, data = config["model"], config.get("defense") or {}, dict(config["dataset"])
    learners = []
    if model["name"] in _LEARNERS:
        _tell_data(model["model_kwargs"], data)
        if not model["weights_file"] and not model["model_kwargs"].get("weights"):
            learners.append(model["model_kwargs"])
    if defense.get("name") == "get_purifier":
        _tell_data(defense["kwargs"], data)
        if isinstance(defense["kwargs"].get("diffusion"), dict):
            learners.append(defense["kwargs"]["diffusion"])
    for options in learners:
        options.setdefault("seed", (config.get("adhoc") or {}).get("split_id", 0))
        if check:
            options["epochs"] = 1


def load_weights(model: nn.Module, path: str) -> None:
    """
    Give a model the weights of a safetensors file.

    :param model: Of the shape the weights were trained in.
    :param path: The file.
    :raises FileNotFoundError: If it is not there.
    :raises ValueError: If it is no whole safetensors file, does not fit the model, or holds what is not finite.
    """
    try:
        weights = load_file(path)
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is not a whole safetensors file ({error}): copy or save it again") from error
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"the weights in {path} do not fit the model: give model_kwargs the depth, width, front_end and "
            f"num_classes they were trained with"
        ) from error
    if not all(bool(torch.isfinite(value).all()) for value in weights.values()):
        raise ValueError(f"{path} holds weights that are not finite: train the model again")


def _tell_data(options: dict[str, Any], data: dict[str, Any]) -> None:
    """Name the scenario's data in an entry, unless it names them itself."""
    if options.setdefault("data", data) != data:
        raise ValueError("a network would learn from other data than the scenario's dataset: leave out its `data`")
