"""The commands `art-audio experiment`: the experiments of a paper; parses, calls, prints; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from art_audio_ext.cli_options import listed

experiment = typer.Typer(help="Run the experiments of a paper.", no_args_is_help=True, rich_markup_mode=None)


@experiment.callback()
def _common() -> None:
    """Run the experiments of a paper."""


@experiment.command(
    "poison-likelihood",
    epilog="Example: art-audio experiment poison-likelihood --data recordings --out out/experiment --preset quick",
)
def poison_likelihood_command(
    data: Annotated[str, typer.Option(help="A folder of clean <label>/*.wav, builtin, or speech-commands[:ROOT].")],
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that is written.")],
    preset: Annotated[
        str, typer.Option(help="quick (minutes), standard (40 attacks a line) or paper (every pair of classes).")
    ] = "quick",
    score: Annotated[
        str | None, typer.Option(help="Scores to compare, such as pls,novel_component; default: all that can be had.")
    ] = None,
    vae: Annotated[Path | None, typer.Option(help="A trained VAE (.safetensors) for scores that take latents.")] = None,
    lines: Annotated[str | None, typer.Option(help="Attacks, such as clap,whistle,clap_mid.")] = None,
    attacks: Annotated[int | None, typer.Option(min=1, help="Attacks a line, instead of the preset's.")] = None,
    clean: Annotated[int | None, typer.Option(min=0, help="Clean datasets, instead of the preset's.")] = None,
    parts: Annotated[
        str | None,
        typer.Option(help="Besides the lines, of clean,maps,fractions,retrain; default: all the preset has."),
    ] = None,
    clips: Annotated[int | None, typer.Option(min=1, help="Use this many clips of the dataset.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Experiments at a time.")] = 1,
    backend: Annotated[str, typer.Option(help="loky (this machine) or dask (a cluster).")] = "loky",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the Dask scheduler.")] = None,
    seconds: Annotated[float, typer.Option(help="Cut or pad every clip to this many seconds.")] = 1.0,
    sample_rate: Annotated[int, typer.Option(help="Resample to this many Hz.")] = 16000,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same result.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Attack clean data again and again, score each, and write the paper's tables and figures; resumes when stopped."""
    from art_audio_ext.experiments.poison_likelihood import poison_likelihood
    from art_audio_ext.report.poison_likelihood_view import format_poison_likelihood_table

    result = poison_likelihood(
        data,
        out,
        preset=preset,
        scores=listed(score),
        vae=vae,
        attacks=attacks,
        lines=listed(lines),
        clean=clean,
        parts=listed(parts),
        seed=seed,
        seconds=seconds,
        sample_rate=sample_rate,
        clips=clips,
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
        progress=not quiet,
    )
    typer.echo(format_poison_likelihood_table(result))
    typer.echo(f"Written: {out / 'results.json'}, {out / 'table.md'}, {out / 'report.html'}")


@experiment.command("tokens", epilog="Example: art-audio experiment tokens --data recordings --out out/tokens")
def tokens_command(
    data: Annotated[str, typer.Option(help="A folder of clean <label>/*.wav, builtin, or speech-commands[:ROOT].")],
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that is written.")],
    lines: Annotated[str, typer.Option(help="Attacks.")] = "clap,whistle,whistle_soft,clap_mid",
    attacks: Annotated[int, typer.Option(min=1, help="Attacks a line.")] = 10,
    clean: Annotated[int, typer.Option(min=0, help="Clean datasets.")] = 10,
    jobs: Annotated[int, typer.Option(min=1, help="Experiments at a time.")] = 1,
    backend: Annotated[str, typer.Option(help="loky (this machine) or dask (a cluster).")] = "loky",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the Dask scheduler.")] = None,
    seconds: Annotated[float, typer.Option(help="Cut or pad every clip to this many seconds.")] = 1.0,
    sample_rate: Annotated[int, typer.Option(help="Resample to this many Hz.")] = 16000,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same result.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Compare the windows that novel_component can look at: principal components, and two autoencoders; resumes."""
    from art_audio_ext.experiments.token_sets import compare_tokens, format_tokens

    record = compare_tokens(
        data,
        out,
        lines=listed(lines) or [],
        attacks=attacks,
        clean=clean,
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
        seed=seed,
        seconds=seconds,
        sample_rate=sample_rate,
        progress=not quiet,
    )
    typer.echo(format_tokens(record))
    typer.echo(f"Written: {out / 'results.json'}")


@experiment.command("dual-pure", epilog="Example: art-audio experiment dual-pure --data recordings --out out/dual_pure")
def dual_pure_command(
    data: Annotated[
        str, typer.Option(help="A folder of clean <label>/*.wav, builtin, speech-commands[:ROOT], or sc09[:ROOT].")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that is written.")],
    preset: Annotated[
        str,
        typer.Option(
            help="quick (100 clips, main rows), steps (t_w and t_s), standard (400 clips, 3 seeds, all), paper (a GPU)."
        ),
    ] = "quick",
    defences: Annotated[
        str | None, typer.Option(help="Such as none,time_stage@2,dual_pure@3+10:one_shot; default: the preset's.")
    ] = None,
    attacks: Annotated[str | None, typer.Option(help="Such as clean,pgd10,pgd10_eot20; default: the preset's.")] = None,
    clips: Annotated[int | None, typer.Option(min=1, help="Test clips, instead of the preset's.")] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Seeds of attacks and noise, instead of the preset's.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of the classifiers, instead of the preset's.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Architecture of the classifiers, see `train classifier`; default resnet18.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32 or bfloat16; default: the latter where the machine has it.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Cells of the table at a time.")] = 1,
    backend: Annotated[str, typer.Option(help="loky (this machine) or dask (a cluster).")] = "loky",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the Dask scheduler.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same result.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Purifiers, controls and rivals under attacks that know them, on speech commands; resumes when stopped."""
    from art_audio_ext.experiments.dual_pure import dual_pure
    from art_audio_ext.report.dual_pure_view import format_dual_pure

    record = dual_pure(
        data,
        out,
        preset=preset,
        defences=listed(defences),
        attacks=listed(attacks),
        clips=clips,
        seeds=seeds,
        epochs=epochs,
        architecture=model,
        precision=precision,
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
        seed=seed,
        progress=not quiet,
    )
    typer.echo(format_dual_pure(record))
    typer.echo(f"Written: {out / 'results.json'}, {out / 'table.md'}, {out / 'report.html'}")
