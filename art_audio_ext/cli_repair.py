"""The command `art-audio repair`, and `art-audio experiment repair` that measures it; parses, calls, prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from art_audio_ext.cli_experiment import experiment

Seed = Annotated[int, typer.Option(min=0, help="Same seed, same result.")]
Seconds = Annotated[float, typer.Option(help="Cut or pad every clip to this many seconds.")]
Rate = Annotated[int, typer.Option(help="Resample to this many Hz.")]
Confidence = Annotated[float, typer.Option(min=0, max=1, help="Least confidence of a new label; else dropped.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bars.")]


def register(app: typer.Typer) -> None:
    """
    Add the command.

    :param app: The application.
    """
    app.command("repair", epilog="Example: art-audio repair recordings repaired --audit out/audit/audit.json")(repair)


def repair(
    folder: Annotated[Path, typer.Argument(help="A folder of <label>/*.wav, with or without train/ and test/.")],
    out: Annotated[Path, typer.Argument(help="The repaired copy; must not exist yet.")],
    audit: Annotated[
        Path | None, typer.Option(help="The audit.json of that folder, by art-audio audit; default: audit it now.")
    ] = None,
    audit_out: Annotated[Path | None, typer.Option(help="Folder for that audit; default: OUT-audit.")] = None,
    how: Annotated[str, typer.Option(help="What happens to suspects: drop, relabel or clean.")] = "drop",
    confidence: Confidence = 0.6,
    seconds: Seconds = 1.0,
    sample_rate: Rate = 16000,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Write a copy of a folder without its poison, and OUT/repair.json with what became of each suspect."""
    from art_audio_ext.experiments.repair_folder import repair_folder
    from art_audio_ext.experiments.repair_record import format_repair

    record = repair_folder(
        folder,
        out,
        audit=audit,
        audit_out=audit_out,
        how=how,
        confidence=confidence,
        seconds=seconds,
        sample_rate=sample_rate,
        seed=seed,
        progress=not quiet,
    )
    typer.echo(format_repair(record))
    typer.echo(f"Written: {out / 'repair.json'}")


@experiment.command("repair", epilog="Example: art-audio experiment repair --data recordings --out out/repair")
def repair_experiment(
    data: Annotated[str, typer.Option(help="A folder of clean <label>/*.wav, builtin, or speech-commands[:ROOT].")],
    out: Annotated[Path, typer.Option("--out", help="Folder for everything that is written.")],
    score: Annotated[str, typer.Option(help="Finds the suspects; any that needs no VAE.")] = "combined",
    line: Annotated[str, typer.Option(help="Attack, such as clap or whistle.")] = "clap",
    attacks: Annotated[int, typer.Option(min=1, help="Pairs of source and target.")] = 1,
    confidence: Confidence = 0.6,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each victim.")] = 20,
    width: Annotated[int, typer.Option(min=1, help="Channels of the victim's first stage.")] = 16,
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at a time.")] = 1,
    backend: Annotated[str, typer.Option(help="loky (this machine) or dask (a cluster).")] = "loky",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the Dask scheduler.")] = None,
    seconds: Seconds = 1.0,
    sample_rate: Rate = 16000,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Poison clean data, repair it in every way, retrain the victim on each, and compare; resumes when stopped."""
    from art_audio_ext.experiments.repair_evaluation import evaluate_repair, format_evaluation

    rows = evaluate_repair(
        data,
        out,
        score=score,
        line=line,
        attacks=attacks,
        confidence=confidence,
        epochs=epochs,
        width=width,
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
        seconds=seconds,
        sample_rate=sample_rate,
        seed=seed,
        progress=not quiet,
    )
    typer.echo(format_evaluation(rows))
    typer.echo(f"Written: {out / 'results.json'}")
