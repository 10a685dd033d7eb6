"""The two files of a trained network: safetensors, and beside it the JSON that says how to build it again."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from art_audio_ext import __version__

Network = TypeVar("Network", bound=nn.Module)


def write_weights(network: nn.Module, path: str | Path, format_name: str, about: dict[str, Any]) -> Path:
    """
    Write both files, each under its name only once it is whole.

    :param network: Whose weights.
    :param path: With or without `.safetensors`; the folder is made if absent.
    :param format_name: Says in the JSON what this is, "art_audio_ext.AudioVae".
    :param about: What is needed to build the object again, in plain types.
    :return: The path of the weights.
    """
    weights, beside = two_paths(path)
    weights.parent.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    partial = weights.with_name(f".{weights.name}.partial")
    save_file(tensors, partial)
    os.replace(partial, weights)
    partial = beside.with_name(f".{beside.name}.partial")
    content = {"format": format_name, "version": __version__, **about}
    partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, beside)
    return weights


def read_weights(
    path: str | Path,
    format_name: str,
    build: Callable[[dict[str, Any]], Network],
    needed: tuple[str, ...] = ("settings",),
    *,
    kind: str = "",
    source: str = "its training",
) -> tuple[Network, dict[str, Any]]:
    """
    Read what `write_weights` wrote.

    :param path: With or without `.safetensors`.
    :param format_name: Which the JSON must say.
    :param build: Makes the network from what the JSON says, and refuses by a `ValueError` what it says wrongly.
    :param needed: Names that must stand in the JSON.
    :param kind: What messages call such a network; by default the last part of `format_name`.
    :param source: What writes such files, for messages.
    :return: The network with its weights, and what the JSON says; "history" is a list in any case.
    :raises FileNotFoundError: If the weights are not there.
    :raises ValueError: If the JSON is missing, or either file is damaged or of something else.
    """
    kind = kind or format_name.rsplit(".", 1)[-1]
    weights, beside = two_paths(path)
    if not weights.is_file():
        if Path(path).is_file():
            raise FileNotFoundError(f"{path} is no {kind}: give the .safetensors that {source} wrote")
        raise FileNotFoundError(f"no {kind} at {path}: train one with {source}, or correct the path")
    about = _read_json(beside, format_name, needed, kind)
    with torch.device("meta"):  # nothing is allocated before the file has shown that it has these shapes
        network = build(about)
    _fill(network, weights, beside.name, kind)
    return network, about


def weights_checksum(network: nn.Module) -> int:
    """
    :param network: On any device.
    :return: A number that tells its weights from others.
    """
    value = 0
    for tensor in network.state_dict().values():
        value = zlib.crc32(tensor.detach().cpu().contiguous().numpy().tobytes(), value)
    return value


def two_paths(path: str | Path) -> tuple[Path, Path]:
    """
    :param path: A name with or without `.safetensors`.
    :return: The weights, and the JSON beside them.
    """
    path = Path(path)
    weights = path if path.suffix == ".safetensors" else path.with_name(path.name + ".safetensors")
    return weights, weights.with_suffix(".json")


def _read_json(beside: Path, format_name: str, needed: tuple[str, ...], kind: str) -> dict[str, Any]:
    """The JSON beside the weights, with its parts looked at."""
    if not beside.is_file():
        raise ValueError(f"{beside} is missing: a {kind} is two files, copy the JSON beside the weights")
    try:
        about = json.loads(beside.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{beside} is not JSON ({error}): copy it again") from error
    if not isinstance(about, dict) or about.get("format") != format_name or not all(name in about for name in needed):
        raise ValueError(f"{beside} does not describe a {kind} of this package (format {format_name})")
    history = about.get("history")
    return {**about, "history": history if isinstance(history, list) else []}


def _fill(network: nn.Module, weights: Path, beside: str, kind: str) -> None:
    """Put the weights in the file into a network on the meta device, where they fit."""
    try:
        tensors = load_file(weights)
        expected = {name: value.dtype for name, value in network.state_dict().items()}
        wrong = sorted(name for name, value in tensors.items() if value.dtype != expected.get(name, value.dtype))
        if wrong:
            raise ValueError(f"{wrong[0]} is {tensors[wrong[0]].dtype}, not {expected[wrong[0]]}")
        network.load_state_dict(tensors, assign=True)
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(
            f"{weights} is not a whole safetensors file of this {kind} ({error}): copy or train it again"
        ) from error
    except RuntimeError as error:
        raise ValueError(f"the weights in {weights} do not fit the settings in {beside}") from error
    if not all(bool(torch.isfinite(v).all()) for v in network.state_dict().values()):
        raise ValueError(f"{weights} holds weights that are not finite: train it again")
