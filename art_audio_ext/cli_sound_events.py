"""The command `art-audio experiment sound-events`; parses, calls, prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from art_audio_ext.cli_options import Recording, listed


def register(app: typer.Typer) -> None:
    """
    :param app: Gets the command.
    """
    example = "art-audio experiment sound-events --data builtin-events --out out/sound_events"
    app.command("sound-events", epilog=f"Example: {example}")(sound_events_command)


def sound_events_command(
    data: Annotated[str, typer.Option(help="A folder of <label>/*.wav, builtin-events, fsd2018:ROOT, or esc50:ROOT.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that is written.")],
    preset: Annotated[
        str,
        typer.Option(
            help="quick (two models, 20 clips), standard (the five and vgg13 with each input, all test clips) or paper "
            "(networks of published width, a GPU; as published, these hear 32 kHz: add --sample-rate 32000)."
        ),
    ] = "quick",
    models: Annotated[
        str | None,
        typer.Option(
            help="Of vgg13, crnn, gcnn, dense-mel, dense-wav, all but the last also with another input, such as "
            "vgg13@wave or vgg13@constant_q; default: the preset's."
        ),
    ] = None,
    attacks: Annotated[
        str | None,
        typer.Option(help="Of white-noise, fgsm, deepfool, carlini, carlini-targeted, lbfgs; default: the preset's."),
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(
            help="Of transfer (are others fooled), survival (what channels leave), inputs (which of mel, wave and "
            "constant_q resists), curves (success against SNR, with a search for noise, FGSM and PGD); default: all."
        ),
    ] = None,
    options: Annotated[
        str | None,
        typer.Option(help="Of attacks, ATTACK.OPTION=VALUE, between commas, such as lbfgs.restarts=0.", metavar="LIST"),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="From these targeted attacks start, at these they aim; default: all. As published: "
            "Bass_drum,Cello,Clarinet,Oboe,Snare_drum,Violin_or_fiddle. Untargeted attacks are of all labels."
        ),
    ] = None,
    trainings: Annotated[
        int, typer.Option(min=1, help="Of each model; inputs are then compared over trainings as well.")
    ] = 1,
    clips: Annotated[int | None, typer.Option(min=1, help="Attack at most so many, instead of the preset's.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of the models, instead of the preset's.")] = None,
    seconds: Annotated[float, typer.Option(help="Cut or pad every clip to this many seconds.")] = 3.0,
    sample_rate: Annotated[int, typer.Option(help="Resample to this many Hz.")] = 16000,
    speaker_pattern: Recording = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same result.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Cells at a time.")] = 1,
    backend: Annotated[str, typer.Option(help="loky (this machine) or dask (a cluster).")] = "loky",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the Dask scheduler.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """What do attacks do to sound-event classifiers at which SNR, does it transfer, and does it survive a codec?"""
    from art_audio_ext.experiments.sound_events import sound_events
    from art_audio_ext.report.sound_events_view import format_sound_events

    record = sound_events(
        data,
        out,
        preset=preset,
        models=listed(models),
        attacks=listed(attacks),
        parts=listed(parts),
        options=listed(options),
        labels=listed(labels),
        trainings=trainings,
        clips=clips,
        epochs=epochs,
        seconds=seconds,
        sample_rate=sample_rate,
        speaker_pattern=speaker_pattern,
        seed=seed,
        progress=not quiet,
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
    )
    typer.echo(format_sound_events(record))
    typer.echo(f"Written: {out / 'results.json'}, {out / 'table.md'}, {out / 'report.html'}")
