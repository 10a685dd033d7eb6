"""The command `art-audio check-sync`; parses, calls, prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from art_audio_ext.cli_options import Quiet

INCOMPLETE, SUSPICIOUS = 2, 3  # exit codes, as of purify and of audit


def register(app: typer.Typer) -> None:
    """
    Add the command.

    :param app: The application.
    """
    example = "Example: art-audio check-sync talk.mp4 recordings --model out/sync.safetensors --out out/check"
    app.command("check-sync", epilog=example)(check_sync_command)


def check_sync_command(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="Video files, or folders, at any depth.")],
    model: Annotated[
        Path, typer.Option(help="A .safetensors of art-audio train sync, or the published weights of SyncNet.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that is written.")] = Path("out/check_sync"),
    threshold: Annotated[
        float | None, typer.Option(help="A lower confidence is suspicious, instead of what train sync learnt.")
    ] = None,
    edges: Annotated[
        str, typer.Option(help="masked, or reference: silence beyond a piece, as the public code of SyncNet has it.")
    ] = "masked",
    quiet: Quiet = False,
) -> None:
    """Say by how much sound and pictures of videos are apart. Exit code 0, 3 if one is suspicious, 2 if one failed."""
    from art_audio_ext.experiments.check_sync import check_sync
    from art_audio_ext.report.check_sync_view import format_check

    record = check_sync(videos, model, out, threshold=threshold, edges=edges, progress=not quiet)
    typer.echo(format_check(record))
    typer.echo(f"Written: {out / 'results.json'}, {out / 'report.html'}")
    suspicious = any(row["suspicious"] for row in record["files"])
    raise typer.Exit(SUSPICIOUS if suspicious else INCOMPLETE if record["failed"] else 0)
