"""The back ends of voice conversion by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from art_audio_ext.voices.base import Voice
from art_audio_ext.voices.world import WorldVoice


def _late(module: str, name: str) -> Callable[..., Voice]:
    """A class whose module, and torch with it, is imported when it is first wanted."""

    def build(*arguments: Any, **options: Any) -> Voice:
        return getattr(import_module(f"art_audio_ext.voices.{module}"), name)(*arguments, **options)

    return build


VOICES: dict[str, Callable[..., Voice]] = {
    "world": WorldVoice,
    "world-shared-noise": partial(WorldVoice, noise="world"),  # with the fingerprint that WORLD leaves
    "freevc": _late("freevc", "FreeVCVoice"),
    "knn-vc": _late("knn_vc", "KnnVCVoice"),
    "openvoice": _late("openvoice", "OpenVoiceVoice"),
}


WITH_STRENGTH = ("world", "world-shared-noise")
SEEDED = ("freevc", "openvoice")  # they draw noise, and take a `seed`


def open_voice(name: str, **options: Any) -> Voice:
    """
    A back end.

    :param name: A key of `VOICES`.
    :param options: Of its class.
    :return: Ready to convert.
    :raises ValueError: If there is none of that name, an option is unusable, or weights are damaged.
    :raises FileNotFoundError: If it needs weights that are not there.
    :raises ImportError: If it needs an extra that is not installed.
    """
    if name not in VOICES:
        raise ValueError(f"there is no voice conversion {name!r}: choose {', '.join(VOICES)}")
    return VOICES[name](**options)
