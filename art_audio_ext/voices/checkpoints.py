"""How strangers' checkpoints are read: nothing in them is run, and nothing that does not fit is used."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

_LARGEST = 100_000  # of a number in a configuration: no network of speech is wider or deeper


def read_checkpoint(path: Path, about: str, *needed: str) -> dict[str, Any]:
    """
    What a file of `torch.save` holds.

    :param path: Of the file.
    :param about: Name, size and licence of what it should be.
    :param needed: Names that must stand in it, each over a dictionary.
    :return: The content.
    :raises ValueError: If it is damaged, holds objects that could run code, or something else.
    """
    remedy = f"put {about} there again"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's doubts about a foreign file; what matters is said below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may break the reader at any place, each with an error of its own kind
        raise ValueError(f"{path} is damaged or no checkpoint of torch ({first_line(error)}): {remedy}") from error
    for name in needed:
        if not isinstance(content, dict) or not isinstance(content.get(name), dict):
            raise ValueError(f"{path} holds no {name!r}, it is something else: {remedy}")
    return content


def read_settings(path: Path, about: str) -> dict[str, Any]:
    """
    The JSON beside a checkpoint.

    :param path: Of the file.
    :param about: Name, size and licence of what it belongs to.
    :return: The content.
    :raises ValueError: If it is no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON ({first_line(error)}): put that of {about} there again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no JSON object: put that of {about} there again")
    return content


def known_fields(given: Any, defaults: Mapping[str, Any], source: Path) -> dict[str, Any]:
    """
    Those settings that a network knows, each of the kind it should be.

    :param given: What the file says; names that are not known are passed over.
    :param defaults: Name and an example for each setting: a number, a truth value, a word, or a list of numbers.
    :param source: The file, for messages.
    :return: Some of `given`.
    :raises ValueError: If one is of another kind, or a number out of all reason.
    """
    if not isinstance(given, dict):
        raise ValueError(f"{source} lacks the settings of the network: get it again")
    found = {name: given[name] for name in defaults if name in given}
    for name, value in found.items():
        if not _alike(value, defaults[name]):
            raise ValueError(f"{source} says {name} = {value!r:.80}, which is no setting of this network: get it again")
    return found


def fill(network: nn.Module, state: Mapping[str, Any], source: Path, optional: str = "") -> None:
    """
    Give a network the weights of a checkpoint.

    :param network: On any device, "meta" too; what the checkpoint gives takes the place of what it has.
    :param state: Names and tensors.
    :param source: The file, for messages.
    :param optional: What begins like this may be missing; "" for nothing.
    :raises ValueError: If names, shapes or kinds do not fit, or weights are not finite.
    """
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or not value.is_floating_point():
            raise ValueError(f"the weights in {source} are something else: {name!r:.80} is no tensor of floats")
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"{source} holds weights that are not finite ({name}): get it again")
    floats = {name: value.float().contiguous() for name, value in state.items()}
    try:
        result = network.load_state_dict(floats, strict=False, assign=True)
    except RuntimeError as error:
        raise ValueError(f"the weights in {source} do not fit the settings beside them: {_middle(error)}") from error
    wrong = [f"{name} is missing" for name in result.missing_keys if not (optional and name.startswith(optional))]
    wrong += [f"{name} is unknown" for name in result.unexpected_keys]
    if wrong:
        raise ValueError(f"the weights in {source} are of another network: {wrong[0]}, and {len(wrong) - 1} more")


def network_digest(network: nn.Module, settings: Any) -> str:
    """
    :param network: On the CPU.
    :param settings: How it was built, in plain types.
    :return: Hexadecimal; tells its weights and settings from others.
    """
    digest = blake2b(repr(settings).encode(), digest_size=8)
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"|{name}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.detach().contiguous().numpy().data)
    return digest.hexdigest()


def first_line(error: Exception) -> str:
    """
    :param error: Of any kind.
    :return: What it says, in one line.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _middle(error: Exception) -> str:
    """The second line of torch's complaint: the first says only which class complains."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[min(1, len(lines) - 1)][:200]


def _alike(value: Any, example: Any) -> bool:
    """Whether a value is of the kind of an example, lists in depth."""
    if isinstance(example, list):
        return isinstance(value, list) and 0 < len(value) < 100 and all(_alike(one, example[0]) for one in value)
    if isinstance(example, bool) or isinstance(value, bool):
        return isinstance(example, bool) and isinstance(value, bool)
    if isinstance(example, int):
        return isinstance(value, int) and 0 <= value <= _LARGEST
    if isinstance(example, float):
        return isinstance(value, (int, float)) and abs(value) <= _LARGEST
    return isinstance(value, str)
