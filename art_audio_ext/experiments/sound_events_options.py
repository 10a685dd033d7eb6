"""Options of attacks as a person writes them, `ATTACK.OPTION=VALUE`; their names are checked before any training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from art_audio_ext.experiments.sound_events_plans import ATTACK_CLASSES, Size

_SET_HERE = ("batch_size", "seed", "targeted", "verbose")  # by the study itself


def attack_options(said: Sequence[str]) -> dict[str, dict[str, Any]]:
    """
    :param said: Such as `["lbfgs.restarts=0", "deepfool.hurry_after=null"]`; values as in JSON.
    :return: Options by attack.
    :raises ValueError: If one is not of that form, or names no attack, no option of it, or no value.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in said:
        (attack, _, name), equals, value = text.partition("=")[0].partition("."), "=" in text, text.partition("=")[2]
        if attack not in ATTACK_CLASSES:
            raise ValueError(f"options: {text!r} names no attack: write ATTACK.OPTION=VALUE, {_names(ATTACK_CLASSES)}")
        known = [one for one in ATTACK_CLASSES[attack].attack_params if one not in _SET_HERE]
        if name not in known:
            raise ValueError(f"options: {attack} has no option {name!r}: {_names(known)}")
        try:
            number = json.loads(value) if equals else None
        except json.JSONDecodeError as error:
            raise ValueError(f"options: {text!r}: the value must be a number, true, false or null") from error
        if not equals or not (number is None or isinstance(number, (bool, int, float))):
            raise ValueError(f"options: {text!r}: the value must be a number, true, false or null")
        found.setdefault(attack, {})[name] = number
    return found


def with_options(size: Size, said: Sequence[str]) -> tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]:
    """
    :param size: Has options of its own.
    :param said: See `attack_options`.
    :return: Those of the size, with these in their place, as `Size.options`.
    """
    asked = attack_options(said)
    names = dict.fromkeys([*dict(size.options), *asked])
    return tuple((name, tuple({**size.options_of(name), **asked.get(name, {})}.items())) for name in names)


def _names(known: Any) -> str:
    return f"choose among {', '.join(known)}"
