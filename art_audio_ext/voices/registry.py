"""The back ends of voice conversion by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from art_audio_ext.voices.base import Voice
from art_audio_ext.voices.world import WorldVoice

VOICES: dict[str, Callable[..., Voice]] = {"world": WorldVoice}


def open_voice(name: str, **options: Any) -> Voice:
    """
    A back end.

    :param name: A key of `VOICES`.
    :param options: Of its class.
    :return: Ready to convert.
    :raises ValueError: If there is none of that name, or an option is unusable.
    :raises ImportError: If it needs an extra that is not installed.
    """
    if name not in VOICES:
        raise ValueError(f"there is no voice conversion {name!r}: choose {', '.join(VOICES)}")
    return VOICES[name](**options)
