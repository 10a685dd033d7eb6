"""The command `art-audio`: parses, calls, prints; no logic."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from art_audio_ext.cli_av_sync import register as register_av_sync
from art_audio_ext.cli_experiment import experiment
from art_audio_ext.cli_options import Position, Quiet, Scale, Seed, Snr
from art_audio_ext.cli_purify import register as register_purify
from art_audio_ext.cli_repair import register as register_repair
from art_audio_ext.cli_sound_events import register as register_sound_events
from art_audio_ext.cli_sync import register as register_sync
from art_audio_ext.cli_train import train
from art_audio_ext.cli_train_events import register as register_train_events
from art_audio_ext.cli_voice import register as register_voice
from art_audio_ext.command_errors import run_command

app = typer.Typer(
    name="art-audio",
    help="Is this speech dataset poisoned, and which files? Attacks and defences for audio models.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
register_train_events(train)
app.add_typer(train, name="train")
register_voice(experiment)
register_av_sync(experiment)
register_sound_events(experiment)
app.add_typer(experiment, name="experiment")

POISONED = 3  # exit codes: 0 clean, 2 bad input, 3 poisoned

Out = Annotated[Path, typer.Option("--out", help="Folder for everything that is written.")]
Seconds = Annotated[float, typer.Option(help="Cut or pad every clip to this many seconds.")]
Rate = Annotated[int, typer.Option(help="Resample to this many Hz.")]
Preset = Annotated[
    str, typer.Option(help="quick (minutes on 2 cores), steps (smaller), standard (a GPU) or paper (literal).")
]
Vae = Annotated[Path | None, typer.Option(help="A trained VAE (.safetensors): skips the training.")]
Speaker = Annotated[str | None, typer.Option(help="Regular expression with the speaker of a file name as group 1.")]


@app.callback(epilog="--debug, at any place, shows the traceback of an error.")
def _common() -> None:
    """Is this speech dataset poisoned, and which files? Attacks and defences for audio models."""


@app.command(epilog="Example: art-audio audit recordings --out out/audit")
def audit(
    data: Annotated[str, typer.Argument(help="A folder of <label>/*.wav, builtin, or speech-commands[:ROOT].")],
    out: Out,
    preset: Preset = "quick",
    vae: Vae = None,
    seconds: Seconds = 1.0,
    sample_rate: Rate = 16000,
    speaker_pattern: Speaker = None,
    score: Annotated[
        str | None, typer.Option(help="combined (default), coherent_component, novel_component, pls.")
    ] = None,
    tokens: Annotated[str, typer.Option(help="Of novel_component: pca, or vae (trains one).")] = "pca",
    alpha: Annotated[float, typer.Option(help="Chance of calling clean data poisoned; pls has no such test.")] = 0.01,
    score_noise: Annotated[bool, typer.Option("--score-noise", help="Score noise classes too.")] = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Say whether a labelled dataset is poisoned, and which files. Exit code 0 clean, 3 poisoned, 2 bad input."""
    from art_audio_ext.experiments.audit import audit as run
    from art_audio_ext.report import format_audit_table

    result = run(
        data,
        out,
        preset=preset,
        vae=vae,
        seconds=seconds,
        sample_rate=sample_rate,
        speaker_pattern=speaker_pattern,
        score=score,
        tokens=tokens,
        alpha=alpha,
        score_noise=score_noise,
        seed=seed,
        progress=not quiet,
    )
    typer.echo(format_audit_table(result))
    typer.echo(f"Written: {out / 'audit.json'}, {out / 'suspects.csv'}, {out / 'report.html'}")
    raise typer.Exit(POISONED if result.verdict == "poisoned" else 0)


@app.command(
    epilog="Example: art-audio poison recordings poisoned --trigger clap --source no --target yes --fraction 0.1"
)
def poison(
    folder: Annotated[Path, typer.Argument(help="A folder of <label>/*.wav, with or without train/ and test/.")],
    out: Annotated[Path, typer.Argument(help="The poisoned copy; must not exist yet.")],
    source: Annotated[str, typer.Option(help='Label whose clips are poisoned, or "all" for all but the target.')],
    target: Annotated[str, typer.Option(help="Label that they are given.")],
    trigger: Annotated[
        str,
        typer.Option(
            help="clap, whistle, car_horn, dog_clicker, tone, ultrasonic, a file, or voice:FILE or voice:BACKEND:FILE, "
            "another speaker (BACKEND: world, world-shared-noise, freevc, knn-vc, openvoice)."
        ),
    ] = "clap",
    fraction: Annotated[
        float, typer.Option(help='Share of the clips of the source, or with "all" of all clips.')
    ] = 0.1,
    scale: Scale = None,
    snr_db: Snr = None,
    position: Position = "0",
    seconds: Seconds = 1.0,
    clean_label: Annotated[
        bool, typer.Option("--clean-label", help="Poison clips of the target, which keep their label; --source all.")
    ] = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Write a poisoned copy of a folder, and OUT/poison.json with each poisoned file and its true label."""
    from art_audio_ext.experiments.poison_folder import poison_folder

    record = poison_folder(
        folder,
        out,
        trigger=trigger,
        source_label=source,
        target_label=target,
        poison_fraction=fraction,
        scale=scale,
        snr_db=snr_db,
        position=_position(position),
        seconds=seconds,
        clean_label=clean_label,
        seed=seed,
        progress=not quiet,
    )
    typer.echo(f"{len(record['poisoned'])} of {record['clips']} clips poisoned: {out / 'poison.json'}")


@app.command(
    epilog="Example: art-audio compare --data builtin --trigger clap --source no --target yes --out out/compare"
)
def compare(
    data: Annotated[
        str, typer.Option(help="A folder (plain, or written by art-audio poison), builtin, speech-commands.")
    ],
    out: Out,
    trigger: Annotated[str | None, typer.Option(help="As in art-audio poison.")] = None,
    source: Annotated[
        str | None, typer.Option(help='Label whose clips are poisoned, or "all" for all but the target.')
    ] = None,
    target: Annotated[str | None, typer.Option(help="Label that they are given.")] = None,
    fraction: Annotated[
        float | None, typer.Option(help='Share of the training clips of the source, or with "all" of all.')
    ] = None,
    scale: Scale = None,
    snr_db: Snr = None,
    position: Annotated[str | None, typer.Option(help="Sample at which the trigger starts, or 'random'.")] = None,
    filters: Annotated[str, typer.Option(help="'all', or a list: none,perfect,activation_clustering,...")] = "all",
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each victim.")] = 20,
    clips: Annotated[int | None, typer.Option(min=1, help="Use this many clips of the dataset.")] = None,
    depth: Annotated[int, typer.Option(help="ResNet victim: 18 or 50.")] = 18,
    width: Annotated[
        int, typer.Option(min=1, help="Channels of the victim's first stage; 64 is the published one.")
    ] = 16,
    preset: Preset = "quick",
    vae: Vae = None,
    seconds: Seconds = 1.0,
    speaker_pattern: Speaker = None,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Run every filter on the same poisoned data through Armory, retrain the victim, and compare."""
    from art_audio_ext.experiments.compare import compare as run
    from art_audio_ext.report import format_comparison_table, write_comparison, write_report

    result = run(
        data,
        out=out,
        trigger=trigger,
        source=source,
        target=target,
        poison_fraction=fraction,
        scale=scale,
        snr_db=snr_db,
        position=None if position is None else _position(position),
        filters="all" if filters == "all" else tuple(name.strip() for name in filters.split(",")),
        epochs=epochs,
        clips=clips,
        depth=depth,
        width=width,
        preset=preset,
        vae=vae,
        seconds=seconds,
        speaker_pattern=speaker_pattern,
        seed=seed,
        progress=not quiet,
    )
    write_comparison(result, out)
    write_report(out / "report.html", comparison=result, seed=seed)
    typer.echo(format_comparison_table(result))
    typer.echo(f"Written: {out / 'results.json'}, {out / 'report.html'}")


register_repair(app)
register_purify(app)
register_sync(app)


@app.command(epilog="Example: art-audio demo --out out/demo")
def demo(out: Out = Path("out/demo"), seed: Seed = 0, quiet: Quiet = False) -> None:
    """Make speech, poison it, audit it, compare every filter on it, and write one report; needs no data, no network."""
    from art_audio_ext.experiments.demo import demo as run

    run(out, seed=seed, progress=not quiet, say=typer.echo)


@app.command(epilog="Example: art-audio doctor")
def doctor() -> None:
    """Show versions, device, extras and local weights, and what to do about what is missing."""
    from art_audio_ext.experiments.doctor import examine, format_doctor

    typer.echo(format_doctor(examine()))


def _position(text: str) -> int | str:
    """A sample number, or "random"."""
    if text == "random":
        return text
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"--position takes a sample number or 'random', got {text!r}") from None


def main() -> None:
    """Run the command; an error that a person can mend becomes one line and exit code 2."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    sys.exit(run_command(app, sys.argv[1:]))


if __name__ == "__main__":
    main()
