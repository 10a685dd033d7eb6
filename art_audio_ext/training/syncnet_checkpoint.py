"""How the published weights of SyncNet are read, with nothing in the file run."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from art_audio_ext.networks.syncnet import SyncNet

_ABOUT = "`syncnet_v2.model` (54 MB, MIT, of github.com/joonson/syncnet_python)"
_COUNTER = "num_batches_tracked"  # of no use to a trained network, and absent in old files


def read_public_syncnet(path: str | Path) -> SyncNet:
    """
    The original network with its published weights, a plain state dict of `torch.save`. Nothing is downloaded.

    :param path: Of the file.
    :return: On the CPU, in eval mode, weights in float32.
    :raises FileNotFoundError: If there is no such file.
    :raises ValueError: If it is damaged, or holds anything but finite weights of this network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no SyncNet weights at {path}: put {_ABOUT} there, or correct the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's doubts about a foreign file; what matters is said below
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may break the reader at any place, each with an error of its own kind
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise ValueError(f"{path} is damaged or no file of torch ({reason}): get {_ABOUT} again") from error
    with torch.device("meta"):  # nothing is allocated before the weights have shown that they fit
        network = SyncNet()
    try:
        weights = _checked(state, {name: tuple(value.shape) for name, value in network.state_dict().items()})
    except ValueError as error:
        raise ValueError(f"{path} does not hold the weights of SyncNet: {error}; get {_ABOUT}") from error
    network.load_state_dict(weights, assign=True)
    return network.eval()


def _checked(state: Any, shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """The state as float32, with counters put in."""
    if not isinstance(state, dict):
        raise ValueError(f"it holds a {type(state).__name__}, no state dict")
    found = {name: value for name, value in state.items() if not str(name).endswith(_COUNTER)}
    expected = {name: shape for name, shape in shapes.items() if not name.endswith(_COUNTER)}
    for name in [*expected, *found]:
        value = found.get(name)
        if not isinstance(value, Tensor) or not value.is_floating_point():
            raise ValueError(f"{name} is {'missing' if name not in found else 'no tensor of floats'}")
        if tuple(value.shape) != expected.get(name):
            raise ValueError(f"{name} has shape {tuple(value.shape)}, expected {expected.get(name)}")
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"{name} is not finite")
    weights = {name: value.float().contiguous() for name, value in found.items()}
    return weights | {name: torch.zeros((), dtype=torch.long) for name in set(shapes) - set(expected)}
