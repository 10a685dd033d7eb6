"""Options that several commands share, and what a person writes between commas, taken apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

WeightsOut = Annotated[
    Path, typer.Option("--out", help="The .safetensors to write; its settings go to a .json beside it.")
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Instead of the preset's.")]
Accelerator = Annotated[str, typer.Option(help="auto, cpu or gpu.")]
Devices = Annotated[int, typer.Option(min=1, help="How many GPUs.")]
Precision = Annotated[str, typer.Option(help="float32 or bfloat16.")]
Recording = Annotated[
    str | None,
    typer.Option(
        "--speaker-pattern",
        help="Of folders: a regular expression that finds in a path, as group 1, who plays or which recording a clip "
        "is from; clips of one are not both learnt and tested.",
    ),
]
Scale = Annotated[float | None, typer.Option(help="Peak of the trigger; default: the trigger's own, as in Armory.")]
Snr = Annotated[float | None, typer.Option(help="Level of each clip over the trigger in dB, instead of --scale.")]
Position = Annotated[str, typer.Option(help="Sample at which the trigger starts, or 'random'.")]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same result.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bars.")]


def listed(text: str | None) -> list[str] | None:
    """Names between commas; None where nothing was said."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def whole_pairs(text: str | None) -> list[tuple[int, int]] | None:
    """Two whole numbers with a stroke between them, between commas."""
    try:
        parts = [] if text is None else [tuple(map(int, part.split("/"))) for part in text.split(",")]
        found = [(one, other) for one, other in parts]
    except ValueError as error:
        raise ValueError(f"pairs must be whole numbers such as 512/8,256/4, got {text!r}") from error
    return None if text is None else found


def shares(text: str | None) -> list[float] | None:
    """Numbers between commas."""
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ValueError(f"rates must be numbers between commas, such as .01,.05, got {text!r}") from error


def named_values(pairs: Sequence[str] | None) -> dict[str, Any]:
    """Settings said as NAME=VALUE: numbers, true, false and null, or else a word."""
    found: dict[str, Any] = {}
    for pair in pairs or ():
        name, sign, value = (part.strip() for part in pair.partition("="))
        if not sign or not name or not value:
            raise ValueError(f"a setting is said as NAME=VALUE, such as width=16, got {pair!r}")
        try:
            found[name] = json.loads(f"0{value}" if value.startswith(".") else value.lower())
        except ValueError:
            found[name] = value
    return found
