"""Names of the models in the study of sound events: an architecture, maybe with another input, maybe trained anew."""

from __future__ import annotations

from collections.abc import Sequence

from art_audio_ext.networks.sound_event_classifiers import ARCHITECTURES, check_front_end
from art_audio_ext.networks.sound_front_ends import FRONT_ENDS

_MARK, _AGAIN = "@", "#"


def model_parts(name: str) -> tuple[str, str | None]:
    """
    What a model's name says.

    :param name: A key of `ARCHITECTURES`, or `ARCHITECTURE@FRONT_END`, such as "vgg13@wave"; either with `#2`, `#3`
        and so on for further trainings.
    :return: The architecture and its front end; None where the name has none, which is the architecture's own.
    :raises ValueError: If a part is unknown, the two do not fit, or the front end is the architecture's own: one model
        shall have one name.
    """
    architecture, mark, front_end = name.partition(_AGAIN)[0].partition(_MARK)
    try:
        check_front_end(architecture, front_end if mark else None)
    except ValueError as error:
        raise ValueError(f"model {name!r}: {error}") from error
    if mark and ARCHITECTURES[architecture].front_end == front_end:
        raise ValueError(f"model {name!r}: {front_end} is {architecture}'s own input, write {architecture!r}")
    return architecture, front_end or None


def input_of(name: str) -> str:
    """
    :param name: As `model_parts` takes it.
    :return: Of `FRONT_ENDS`, what the model looks at.
    :raises ValueError: As `model_parts` does.
    """
    architecture, front_end = model_parts(name)
    return front_end or ARCHITECTURES[architecture].front_end


def training_of(name: str) -> int:
    """
    :param name: As `model_parts` takes it.
    :return: Which training, from 1.
    """
    return int(name.partition(_AGAIN)[2] or 1)


def each_training(names: Sequence[str], trainings: int) -> tuple[str, ...]:
    """
    :param names: As `model_parts` takes them, of first trainings.
    :param trainings: Of each, from 1 up.
    :return: All names, those of one training together.
    """
    again = [f"{name}{_AGAIN}{number}" for number in range(2, trainings + 1) for name in names]
    return (*names, *again)


def _others(architecture: str) -> list[str]:
    """With each input that is not its own; a network in one dimension has only its own."""
    own = ARCHITECTURES[architecture].front_end
    return [f"{architecture}{_MARK}{name}" for name in FRONT_ENDS if own not in (name, "wave")]


MODELS = (*ARCHITECTURES, *(name for architecture in ARCHITECTURES for name in _others(architecture)))
