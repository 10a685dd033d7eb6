"""The command `art-audio experiment voice-conversion`; parses, calls, prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from art_audio_ext.cli_options import listed, named_values, shares


def register(app: typer.Typer) -> None:
    """
    :param app: Gets the command.
    """
    app.command(
        "voice-conversion",
        epilog="Example: art-audio experiment voice-conversion --data recordings --voices speakers --out out/voices",
    )(voice_conversion_command)


def voice_conversion_command(
    data: Annotated[str, typer.Option(help="A folder of clean <label>/*.wav, builtin, or speech-commands[:ROOT].")],
    voices: Annotated[str, typer.Option(help="A folder of utterances, a sub-folder for each speaker, or builtin.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that is written.")],
    preset: Annotated[
        str, typer.Option(help="quick (two rates, 1 seed), standard (the paper's tables, 5 seeds) or paper (a GPU).")
    ] = "quick",
    target: Annotated[
        str | None, typer.Option(help="Label of poisoned clips; default: the first that is no noise.")
    ] = None,
    rates: Annotated[
        str | None, typer.Option(help="Shares of all clips, such as .01,.05; default: the preset's.")
    ] = None,
    choose: Annotated[str, typer.Option(help="Clips to poison: random, or even, as many of every label.")] = "random",
    parts: Annotated[
        str | None,
        typer.Option(
            help="Of targets, utterances, speakers, fine_tune, clean_label, quality, defences; default: the preset's."
        ),
    ] = None,
    targets: Annotated[
        str | None, typer.Option(help="Labels of the part targets, or all; default: the target and two more.")
    ] = None,
    speakers: Annotated[
        str | None,
        typer.Option(help="Target speakers, sub-folders of --voices; the first poisons. Default: the first."),
    ] = None,
    defences: Annotated[
        str | None, typer.Option(help="Filters and purifiers of the part defences, such as combined,time_stage.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Trainings of each cell, instead of the preset's.")] = None,
    conversion: Annotated[str, typer.Option(help="world, or freevc, knn-vc, openvoice, which need weights.")] = "world",
    strength: Annotated[
        float | None, typer.Option(help="How far world moves the envelope, 0 to 2; default: 1, to the target's.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Length of clips: 1 for commands, 2 or so for speakers.")] = 1.0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of the victims, instead of the preset's.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Of the victims: see `train classifier` and `train speaker`.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of the victims, such as width=16 or augment=false."
        ),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32 or bfloat16; default: the latter where the machine has it.")
    ] = None,
    nisqa_weights: Annotated[
        Path | None, typer.Option(help="nisqa.tar (CC BY-NC-SA 4.0) for the part quality; never downloaded.")
    ] = None,
    speaker_weights: Annotated[
        Path | None, typer.Option(help="embedding_model.ckpt of ECAPA-TDNN; without, pitch and envelope decide.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at a time.")] = 1,
    backend: Annotated[str, typer.Option(help="loky (this machine) or dask (a cluster).")] = "loky",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the Dask scheduler.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same result.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Another voice as the trigger: success over rates, targets, utterances and speakers; resumes when stopped."""
    from art_audio_ext.experiments.voice_conversion import voice_conversion
    from art_audio_ext.report.voice_conversion_view import format_voice_conversion

    record = voice_conversion(
        data,
        voices,
        out,
        preset=preset,
        target=target,
        rates=shares(rates),
        choose=choose,
        seeds=seeds,
        parts=listed(parts),
        targets=listed(targets),
        speakers=listed(speakers),
        defences=listed(defences),
        conversion=conversion,
        strength=strength,
        seconds=seconds,
        epochs=epochs,
        architecture=model,
        changes=named_values(settings),
        precision=precision,
        nisqa_weights=nisqa_weights,
        speaker_weights=speaker_weights,
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
        seed=seed,
        progress=not quiet,
    )
    typer.echo(format_voice_conversion(record))
    typer.echo(f"Written: {out / 'results.json'}, {out / 'table.md'}, {out / 'report.html'}")
