"""The commands `art-audio train`: parse, call, print; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

train = typer.Typer(help="Train a network.", no_args_is_help=True, rich_markup_mode=None)


@train.callback()
def _common() -> None:
    """Train a network."""


@train.command(
    "vae", epilog="Example: art-audio train vae --data recordings --out out/vae.safetensors --preset standard"
)
def train_vae_command(
    data: Annotated[str, typer.Option(help="A folder of <label>/*.wav, builtin, or speech-commands[:ROOT].")],
    out: Annotated[
        Path, typer.Option("--out", help="The .safetensors to write; its settings go to a .json beside it.")
    ],
    preset: Annotated[
        str, typer.Option(help="quick (minutes on 2 cores), steps (smaller, for windows), standard (a GPU) or paper.")
    ] = "quick",
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the preset's.")] = None,
    seconds: Annotated[float, typer.Option(help="Cut or pad every clip to this many seconds.")] = 1.0,
    sample_rate: Annotated[int, typer.Option(help="Resample to this many Hz.")] = 16000,
    accelerator: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="How many GPUs.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same result.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Train the sequential autoencoder that the poison likelihood filter encodes with; resumes where it was stopped."""
    from art_audio_ext.experiments.audit import train_vae_on

    written = train_vae_on(
        data,
        out,
        preset=preset,
        epochs=epochs,
        seconds=seconds,
        sample_rate=sample_rate,
        accelerator=accelerator,
        devices=devices,
        seed=seed,
        progress=not quiet,
    )
    typer.echo(f"Written: {written}")
