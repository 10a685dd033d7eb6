"""How a scenario's JSON names a classifier: a file, or settings with which it learns from the scenario's clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from art_audio_ext.datasets import AudioDataset
from art_audio_ext.experiments.armory_data import splits_of

NEEDS_DATA = 'name its file, or a scenario class of art_audio_ext.armory_hooks, or "data" as in the dataset entry'


class Labelled(Protocol):
    """A model that knows its labels."""

    label_names: tuple[str, ...]


Model = TypeVar("Model", bound=Labelled)


@dataclass(frozen=True)
class Named(Generic[Model]):
    """
    What an entry came to.

    :param model: Opened or trained.
    :param train: Clips to learn from; None if nothing says which.
    :param device_type: Where it shall run, as ART calls it.
    """

    model: Model
    train: AudioDataset | None
    device_type: str


def open_or_train(
    entry: dict[str, Any],
    weights_path: str | None,
    open_file: Callable[[Path], Model],
    train_on: Callable[..., Model],
    command: str,
) -> Named[Model]:
    """
    Open the file that an entry names, or train on the training part of its data; a named file is never trained anew.

    :param entry: `weights`, or options of the training; `data`, a dataset entry; `device_type`.
    :param weights_path: Another way to say `weights`.
    :param open_file: Opens a file.
    :param train_on: Of clips and options: the trained model.
    :param command: What makes such a file, for messages.
    :return: The model, its clips and its device.
    :raises FileNotFoundError: If the file is not there.
    :raises ValueError: If there is neither file nor data, or the file's labels are not the data's.
    """
    options = dict(entry)
    data, device_type = options.pop("data", None), options.pop("device_type", "gpu")
    weights = options.pop("weights", None)
    if weights and weights_path:
        raise ValueError("the classifier's file is said twice: leave out weights_file, or weights in model_kwargs")
    weights = weights or weights_path
    train = None if data is None else splits_of(data).train
    if weights:
        if options:
            raise ValueError(f"the classifier is in {weights}, so {', '.join(options)} would have no effect: remove it")
        model = open_file(Path(weights).expanduser())
    elif train is None:
        raise ValueError(f"there is nothing to train a classifier on: {NEEDS_DATA}")
    else:
        model = train_on(train, **options)
    if train is not None and model.label_names != tuple(train.label_names):
        raise ValueError(
            f"the classifier in {weights} knows {', '.join(model.label_names)}; the data have "
            f"{', '.join(train.label_names)}: train one on these with `{command}`"
        )
    return Named(model, train, device_type)
