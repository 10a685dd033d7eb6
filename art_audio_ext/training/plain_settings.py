"""Settings as frozen dataclasses of plain values: to a dictionary and back, and checks of single values."""

from __future__ import annotations

import math
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self

LARGEST = 4096  # of any size: a settings file from a stranger must not be able to ask for the whole memory


class PlainSettings:
    """Base of frozen dataclasses of settings; `kind` is what a message calls them."""

    kind: ClassVar[str] = ""

    def to_dict(self) -> dict[str, Any]:
        """The settings as a plain dictionary."""
        return asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """
        The settings that `to_dict` gave.

        :param values: Settings by name; those missing take their defaults.
        :raises ValueError: If it is not a dictionary, a name is unknown or a value is out of its range.
        """
        if not isinstance(values, dict):
            raise ValueError(f"{cls.kind} settings must be a dictionary, got {type(values).__name__}")
        known = [field.name for field in fields(cls)]  # type: ignore[arg-type]
        if unknown := sorted(set(values) - set(known)):
            names = ", ".join(map(str, unknown))
            raise ValueError(f"unknown {cls.kind} setting {names}: known are {', '.join(known)}")
        return cls(**values)

    def check_sizes(self, *names: str, least: int = 1) -> None:
        """
        :param names: Settings that must be whole numbers.
        :param least: The smallest that will do.
        :raises ValueError: If one is none, or too large.
        """
        for name in names:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
                raise ValueError(
                    f"{self.kind} setting {name} must be a whole number from {least} to {LARGEST}, got {value!r}"
                )

    def check_numbers(self, *names: str, zero: bool = False) -> None:
        """
        :param names: Settings that must be positive numbers.
        :param zero: Whether 0 will do.
        :raises ValueError: If one is none.
        """
        for name in names:
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            if not number or value < 0 or (value == 0 and not zero):
                wanted = "a number, not negative" if zero else "a positive number"
                raise ValueError(f"{self.kind} setting {name} must be {wanted}, got {value!r}")

    def check_flags(self, *names: str) -> None:
        """
        :param names: Settings that must be true or false.
        :raises ValueError: If one is not.
        """
        for name in names:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{self.kind} setting {name} must be true or false, got {getattr(self, name)!r}")

    def check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        """
        :param name: A setting.
        :param choices: What it may be.
        :raises ValueError: If it is something else.
        """
        if getattr(self, name) not in choices:
            raise ValueError(
                f"{self.kind} setting {name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}"
            )

    def changed(self, **changes: Any) -> Self:
        """
        :param changes: By name; None changes nothing.
        :return: The settings with these.
        :raises ValueError: If a value is out of its range.
        """
        return replace(self, **{k: v for k, v in changes.items() if v is not None})  # type: ignore[type-var]


def preset(presets: dict[str, Any], settings: Any, kind: str) -> Any:
    """
    :param presets: By name.
    :param settings: A name, or settings, which come back as they are.
    :param kind: What a message calls them.
    :raises ValueError: If the name is unknown.
    """
    if not isinstance(settings, str):
        return settings
    if settings not in presets:
        raise ValueError(f"unknown {kind} preset {settings!r}: choose {', '.join(presets)}")
    return presets[settings]
