"""How the published weights of DiffWave are read, with nothing in the file run."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from art_audio_ext.networks.diffwave import DiffWave


def read_public_checkpoint(path: str | Path, dilation_cycle: int = 12) -> DiffWave:
    """
    The network of a published checkpoint: a file of `torch.save` with the weights under `model_state_dict`.

    The one for spoken digits (github.com/philsyn/DiffWave-unconditional, 36 layers of 256 channels) is what
    purification of speech commands was published with. Nothing in the file is run. Sizes are read off the weights.

    :param path: Of the file, `.pkl` or `.pt`.
    :param dilation_cycle: Which the file does not tell.
    :return: On the CPU, in training mode, weights in float32.
    :raises FileNotFoundError: If there is no such file.
    :raises ValueError: If it is damaged, or holds anything but finite weights of this network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no DiffWave checkpoint at {path}: download it, or correct the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's doubts about a foreign file; what matters is said below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may break the reader at any place, each with an error of its own kind
        raise ValueError(f"{path} is damaged or no checkpoint of torch ({_first_line(error)}): get it again") from error
    state = content.get("model_state_dict") if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds no model_state_dict: it is no DiffWave checkpoint")
    try:
        return _from_state(state, dilation_cycle)
    except ValueError as error:
        raise ValueError(f"the weights in {path} are not those of a DiffWave without conditions: {error}") from error


def _from_state(state: dict[Any, Any], dilation_cycle: int) -> DiffWave:
    """The network that has these weights."""
    wrong = [name for name, value in state.items() if not isinstance(value, Tensor) or not value.is_floating_point()]
    if wrong:
        raise ValueError(f"{wrong[0]} is no tensor of floats")
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    try:
        channels = shapes["init_conv.0.conv.bias"][0]
        skip = shapes["final_conv.0.conv.bias"][0]
        middle, sines = shapes["residual_layer.fc_t1.weight"]
        width = shapes["residual_layer.fc_t2.bias"][0]
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"{_first_line(error)} is missing or has no such shape") from error
    layers = sum(str(name).endswith(".fc_t.weight") for name in shapes)
    with torch.device("meta"):  # nothing is allocated before the weights have shown that they fit
        network = DiffWave(channels, layers, dilation_cycle, skip, (sines, middle, width))
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    for name in [*expected, *shapes]:
        if expected.get(name) != shapes.get(name):
            raise ValueError(f"{name} has shape {shapes.get(name)}, expected {expected.get(name)}")
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise ValueError("some are not finite")
    network.load_state_dict({name: value.float().contiguous() for name, value in state.items()}, assign=True)
    return network


def _first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
