"""The command `art-audio purify`; parses, calls, prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

INCOMPLETE = 2  # exit code where a file could not be purified


def register(app: typer.Typer) -> None:
    """
    Add the command.

    :param app: The application.
    """
    example = "Example: art-audio purify recordings purified --defence ddpm --diffusion out/wave.safetensors"
    app.command("purify", epilog=example)(purify)


def purify(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A sound file, or a folder of them, at any depth.")],
    out: Annotated[Path, typer.Argument(help="Folder of the results: new, empty, or begun by this same command.")],
    defence: Annotated[
        str,
        typer.Option(
            help="time_stage (or diff_noise), ddpm, diff_rev, one_shot, audio_pure; for log-mel pictures instead of "
            "sound noise_floor, frequency_stage, dual_pure."
        ),
    ],
    diffusion: Annotated[
        Path | None,
        typer.Option(help="A .safetensors of art-audio train diffusion, for all but time_stage and noise_floor."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="t; default 3, of frequency_stage 1. Of dual_pure: of its time stage.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed and path of a file, same noise.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Purify sound files and write a page that plays before and after; resumes. Exit code 2 if a file failed."""
    from art_audio_ext.experiments.purify_folder import purify_folder
    from art_audio_ext.report.purify_view import format_purify

    record = purify_folder(
        source, out, defence=defence, diffusion=diffusion, steps=steps, seed=seed, progress=not quiet
    )
    typer.echo(format_purify(record))
    typer.echo(f"Written: {out / 'purify.json'}, {out / 'report.html'}")
    raise typer.Exit(INCOMPLETE if record["failed"] else 0)
