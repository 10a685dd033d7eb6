"""The command `art-audio train sound-events`: parses, calls, prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from art_audio_ext.cli_options import Recording
from art_audio_ext.cli_train import say_accuracy


def register(train: typer.Typer) -> None:
    """
    Add the command.

    :param train: The commands `art-audio train`.
    """
    example = "art-audio train sound-events --model crnn --data recordings --out out/crnn.safetensors"
    train.command("sound-events", epilog=f"Example: {example}")(train_sound_events)


def train_sound_events(
    data: Annotated[str, typer.Option(help="A folder of <label>/*.wav, builtin-events, fsd2018:ROOT, or esc50:ROOT.")],
    out: Annotated[
        Path, typer.Option("--out", help="The .safetensors to write; its settings go to a .json beside it.")
    ],
    model: Annotated[str, typer.Option(help="vgg13, crnn, gcnn, dense-mel or dense-wav.")] = "vgg13",
    preset: Annotated[
        str,
        typer.Option(
            help="quick (narrow, minutes on a core for 150 clips) or paper (published sizes; with --sample-rate 32000)."
        ),
    ] = "quick",
    front_end: Annotated[
        str | None, typer.Option(help="mel, wave (learnt filters) or constant_q, instead of the model's own.")
    ] = None,
    width: Annotated[
        int | None, typer.Option(min=1, help="Channels of the first layer, instead of the preset's.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the preset's.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="The highest, instead of the preset's.")] = None,
    mixup: Annotated[float | None, typer.Option(min=0, help="Of Beta(mixup, mixup); 0 mixes none.")] = None,
    seconds: Annotated[float, typer.Option(help="Cut or pad every clip to this many seconds.")] = 3.0,
    sample_rate: Annotated[int, typer.Option(help="Resample to this many Hz.")] = 16000,
    speaker_pattern: Recording = None,
    clips: Annotated[int | None, typer.Option(min=1, help="Draw so many, the same share of every class.")] = None,
    accelerator: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="How many GPUs.")] = 1,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "float32",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same result.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Train a network that tells sound events apart; resumes where it was stopped."""
    from art_audio_ext.experiments.train_sound_events import train_sound_events_on

    changes = {"front_end": front_end, "width": width, "epochs": epochs, "learning_rate": learning_rate, "mixup": mixup}
    found = train_sound_events_on(
        data,
        out,
        model=model,
        preset=preset,
        changes=changes,
        seconds=seconds,
        sample_rate=sample_rate,
        speaker_pattern=speaker_pattern,
        clips=clips,
        accelerator=accelerator,
        devices=devices,
        precision=precision,
        seed=seed,
        progress=not quiet,
    )
    say_accuracy(found)
