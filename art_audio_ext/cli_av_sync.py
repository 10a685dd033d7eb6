"""The commands `art-audio experiment av-sync` and `av-sentences`; parses, calls, prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from art_audio_ext.cli_options import listed, whole_pairs


def register(app: typer.Typer) -> None:
    """
    :param app: Gets the commands.
    """
    for name, command in (("av-sync", av_sync_command), ("av-sentences", av_sentences_command)):
        example = f"Example: art-audio experiment {name} --data builtin-av --out out/{name}"
        app.command(name, epilog=example)(command)


def av_sync_command(
    data: Annotated[str, typer.Option(help="builtin-av, grid:ROOT, lrw:ROOT, or a folder of <word>/*.mp4.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that is written.")],
    preset: Annotated[
        str, typer.Option(help="quick (one fold, main attacks), standard (3 folds, all parts) or paper (a GPU).")
    ] = "quick",
    parts: Annotated[
        str | None, typer.Option(help="Of table_1, one_modality, adaptive, trained; default: the preset's.")
    ] = None,
    folds: Annotated[int | None, typer.Option(min=1, help="How many are tested, instead of the preset's.")] = None,
    clips: Annotated[int | None, typer.Option(min=12, help="Load at most so many.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of the sync networks, instead of the preset's.")] = None,
    victim_epochs: Annotated[int | None, typer.Option(min=1, help="Of the victims, instead of the preset's.")] = None,
    trained_epochs: Annotated[
        int | None, typer.Option(min=1, help="In which the part trained goes on with the sync networks.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same result.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Cells at a time.")] = 1,
    backend: Annotated[str, typer.Option(help="loky (this machine) or dask (a cluster).")] = "loky",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the Dask scheduler.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Does what was attacked fall out of sync? Attacks on sound and lips, detectors, and attacks that know them."""
    from art_audio_ext.experiments.av_sync import av_sync
    from art_audio_ext.report.av_sync_view import format_av_sync

    record = av_sync(
        data,
        out,
        preset=preset,
        parts=listed(parts),
        folds=folds,
        clips=clips,
        epochs=epochs,
        victim_epochs=victim_epochs,
        trained_epochs=trained_epochs,
        seed=seed,
        progress=not quiet,
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
    )
    typer.echo(format_av_sync(record))
    typer.echo(f"Written: {out / 'results.json'}, {out / 'table.md'}, {out / 'report.html'}")


def av_sentences_command(
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that is written.")],
    data: Annotated[
        str, typer.Option(help="builtin-av, grid:ROOT, or a folder of <label>/NAME.mp4, what is said in NAME.txt.")
    ] = "builtin-av",
    preset: Annotated[
        str,
        typer.Option(help="quick (a try: 5 clips, a poor victim), standard (20 clips x 2 sentences) or paper (a GPU)."),
    ] = "quick",
    clips: Annotated[int | None, typer.Option(min=1, help="Attack so many, instead of the preset's.")] = None,
    targets: Annotated[int | None, typer.Option(min=1, help="Wanted sentences, instead of the preset's.")] = None,
    iterations: Annotated[int | None, typer.Option(min=1, help="Of the attack, instead of the preset's.")] = None,
    pairs: Annotated[
        str | None, typer.Option(help="Boxes of sound and pictures, as 512/8,256/4; default: the preset's.")
    ] = None,
    aims: Annotated[
        str | None, typer.Option(help="partial, full or both between commas; default: the preset's (quick: full).")
    ] = None,
    loaded: Annotated[int | None, typer.Option(min=12, help="Load at most so many clips.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of the sync network, instead of its preset's.")] = None,
    victim_epochs: Annotated[int | None, typer.Option(min=1, help="Of the victim, instead of its preset's.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same result.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Cells at a time.")] = 1,
    backend: Annotated[str, typer.Option(help="loky (this machine) or dask (a cluster).")] = "loky",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the Dask scheduler.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Clips made to be transcribed as another sentence: how often, how far changed, and does the detector see it?"""
    from art_audio_ext.experiments.av_sentences import av_sentences
    from art_audio_ext.report.av_sentences_view import format_av_sentences

    record = av_sentences(
        data,
        out,
        preset=preset,
        loaded=loaded,
        clips=clips,
        targets=targets,
        iterations=iterations,
        pairs=whole_pairs(pairs),
        aims=listed(aims),
        epochs=epochs,
        victim_epochs=victim_epochs,
        seed=seed,
        progress=not quiet,
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
    )
    typer.echo(format_av_sentences(record))
    typer.echo(f"Written: {out / 'results.json'}, {out / 'table.md'}, {out / 'report.html'}")
