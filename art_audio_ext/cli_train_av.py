"""The commands `art-audio train sync` and `train recogniser`; parse, call, print; no logic."""

from __future__ import annotations

from typing import Annotated

import typer

from art_audio_ext.cli_options import Accelerator, Devices, Epochs, Precision, Quiet, Seed, WeightsOut

Data = Annotated[str, typer.Option(help="builtin-av, grid:ROOT, lrw:ROOT, or a folder of <label>/*.mp4.")]
Spoken = Annotated[
    str,
    typer.Option(
        help="builtin-av, grid:ROOT, lrw:ROOT, or a folder of <label>/NAME.mp4; for sentences, NAME.txt beside it."
    ),
]
Clips = Annotated[int | None, typer.Option(min=1, help="Load at most so many.")]


def register(app: typer.Typer) -> None:
    """
    :param app: Gets the commands.
    """
    app.command("sync", epilog="Example: art-audio train sync --data grid:grid --out out/sync.safetensors")(
        train_sync_command
    )
    example = "Example: art-audio train recogniser --data grid:grid --head word --out out/words.safetensors"
    app.command("recogniser", epilog=example)(train_recogniser_command)


def train_sync_command(
    data: Data,
    out: WeightsOut,
    preset: Annotated[
        str, typer.Option(help="quick (20 epochs), standard (60), or mfcc (60, another front end, for an ensemble).")
    ] = "quick",
    epochs: Epochs = None,
    clips: Clips = None,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
    precision: Precision = "float32",
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Train the network that art-audio check-sync looks with, and learn its threshold; resumes where it was stopped."""
    from art_audio_ext.experiments.train_sync import train_sync_on

    found = train_sync_on(
        data,
        out,
        preset=preset,
        epochs=epochs,
        limit=clips,
        accelerator=accelerator,
        devices=devices,
        precision=precision,
        seed=seed,
        progress=not quiet,
    )
    typer.echo("\n".join(found.sentences()))
    typer.echo(f"Written: {found.path}, {found.beside}")


def train_recogniser_command(
    data: Spoken,
    out: WeightsOut,
    head: Annotated[str, typer.Option(help="word or sentence: what it recognises.")] = "word",
    preset: Annotated[
        str, typer.Option(help="small (minutes on 2 cores), plain (that, but listens only) or full (a GPU).")
    ] = "small",
    epochs: Epochs = None,
    clips: Clips = None,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
    precision: Precision = "float32",
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Train a recogniser of words or sentences that listens and looks; resumes where it was stopped."""
    from art_audio_ext.experiments.train_recogniser import train_recogniser_on

    found = train_recogniser_on(
        data,
        out,
        head=head,
        preset=preset,
        epochs=epochs,
        limit=clips,
        accelerator=accelerator,
        devices=devices,
        precision=precision,
        seed=seed,
        progress=not quiet,
    )
    typer.echo("\n".join(found.sentences()))
    typer.echo(f"Written: {found.path}, {found.beside}")
