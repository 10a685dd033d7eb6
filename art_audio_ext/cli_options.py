"""What a person writes between commas, taken apart."""

from __future__ import annotations


def listed(text: str | None) -> list[str] | None:
    """Names between commas; None where nothing was said."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def shares(text: str | None) -> list[float] | None:
    """Numbers between commas."""
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ValueError(f"rates must be numbers between commas, such as .01,.05, got {text!r}") from error
