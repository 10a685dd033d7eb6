"""The commands `art-audio train`: parse, call, print; no logic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from art_audio_ext.cli_options import Accelerator, Devices, Epochs, Precision, Quiet, Seed, WeightsOut
from art_audio_ext.cli_train_av import register as register_av

if TYPE_CHECKING:
    from art_audio_ext.experiments.train_classifier import TrainedClassifier

train = typer.Typer(help="Train a network.", no_args_is_help=True, rich_markup_mode=None)


@train.callback()
def _common() -> None:
    """Train a network."""


@train.command(
    "vae", epilog="Example: art-audio train vae --data recordings --out out/vae.safetensors --preset standard"
)
def train_vae_command(
    data: Annotated[str, typer.Option(help="A folder of <label>/*.wav, builtin, or speech-commands[:ROOT].")],
    out: WeightsOut,
    preset: Annotated[
        str, typer.Option(help="quick (minutes on 2 cores), steps (smaller, for windows), standard (a GPU) or paper.")
    ] = "quick",
    epochs: Epochs = None,
    seconds: Annotated[float, typer.Option(help="Cut or pad every clip to this many seconds.")] = 1.0,
    sample_rate: Annotated[int, typer.Option(help="Resample to this many Hz.")] = 16000,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Train the sequential autoencoder that the poison likelihood filter encodes with; resumes where it was stopped."""
    from art_audio_ext.experiments.audit import train_vae_on

    written = train_vae_on(
        data,
        out,
        preset=preset,
        epochs=epochs,
        seconds=seconds,
        sample_rate=sample_rate,
        accelerator=accelerator,
        devices=devices,
        seed=seed,
        progress=not quiet,
    )
    typer.echo(f"Written: {written}")


@train.command(
    "classifier", epilog="Example: art-audio train classifier --data recordings --out out/resnet18.safetensors"
)
def train_classifier_command(
    data: Annotated[
        str, typer.Option(help="A folder of <label>/*.wav, builtin, speech-commands[:ROOT], or sc09[:ROOT].")
    ],
    out: WeightsOut,
    model: Annotated[
        str, typer.Option(help="resnet18, vgg19_bn, resnext29_8x64, wide_resnet28_10 or wide_resnet50.")
    ] = "resnet18",
    preset: Annotated[
        str,
        typer.Option(help="quick (narrow, minutes on 2 cores), standard (published width) or paper (that, 70 epochs)."),
    ] = "quick",
    width: Annotated[
        int | None, typer.Option(min=1, help="Channels of the first stage, instead of the preset's.")
    ] = None,
    epochs: Epochs = None,
    noise_sigma: Annotated[
        float | None, typer.Option(min=0, help="White noise to train with; 1 is full scale.")
    ] = None,
    floor_sigma: Annotated[
        float | None, typer.Option(min=0, help="Train on pictures over the power of such noise (NoiseFloorPurifier).")
    ] = None,
    adversarial: Annotated[bool, typer.Option("--adversarial", help="Train on clips attacked within .002.")] = False,
    adversarial_eps: Annotated[float | None, typer.Option(min=0, help="Train on clips attacked within this.")] = None,
    masks: Annotated[float | None, typer.Option(min=0, help="Share of bands and frames to hide at most.")] = None,
    ema: Annotated[float | None, typer.Option(min=0, help="Decay of averaged weights, such as .995.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="The highest, instead of the preset's.")] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0, help="Instead of the preset's.")] = None,
    start: Annotated[Path | None, typer.Option(help="A classifier's .safetensors to go on from.")] = None,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
    precision: Precision = "float32",
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Train a classifier of one-second speech commands; resumes where it was stopped."""
    from art_audio_ext.experiments.train_classifier import train_classifier_on

    found = train_classifier_on(
        data,
        out,
        preset=preset,
        architecture=model,
        width=width,
        epochs=epochs,
        start=start,
        adversarial=adversarial,
        changes={
            "adversarial_eps": adversarial_eps,
            "noise_sigma": noise_sigma,
            "floor_sigma": floor_sigma,
            "masks": masks,
            "ema": ema,
            "learning_rate": learning_rate,
            "weight_decay": weight_decay,
        },
        accelerator=accelerator,
        devices=devices,
        precision=precision,
        seed=seed,
        progress=not quiet,
    )
    say_accuracy(found)


@train.command(
    "speaker",
    epilog="Example: art-audio train speaker --model sincnet --data speakers:recordings --out out/sincnet.safetensors",
)
def train_speaker_command(
    data: Annotated[
        str,
        typer.Option(help="speakers:PATH[+PATH...], timit:ROOT, voxceleb1:ROOT, librispeech:ROOT, or <speaker>/*.wav."),
    ],
    out: WeightsOut,
    model: Annotated[str, typer.Option(help="sincnet or rawnet3.")] = "sincnet",
    preset: Annotated[
        str, typer.Option(help="quick (narrow, minutes on 2 cores), standard (a GPU) or paper (published sizes).")
    ] = "quick",
    width: Annotated[
        int | None, typer.Option(min=1, help="Sinc filters of SincNet, channels of RawNet3, not the preset's.")
    ] = None,
    epochs: Epochs = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="The highest, instead of the preset's.")] = None,
    seconds: Annotated[float, typer.Option(help="Cut or pad every clip to this many seconds.")] = 3.0,
    clips: Annotated[int | None, typer.Option(min=1, help="Draw so many, the same share of every speaker.")] = None,
    speaker_pattern: Annotated[
        str | None, typer.Option(help="Of speakers: a regular expression that finds the speaker in a path.")
    ] = None,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
    precision: Precision = "float32",
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Train a network that tells who speaks; resumes where it was stopped."""
    from art_audio_ext.experiments.train_speaker import train_speaker_on

    found = train_speaker_on(
        data,
        out,
        model=model,
        preset=preset,
        changes={"width": width, "epochs": epochs, "learning_rate": learning_rate},
        seconds=seconds,
        clips=clips,
        speaker_pattern=speaker_pattern,
        accelerator=accelerator,
        devices=devices,
        precision=precision,
        seed=seed,
        progress=not quiet,
    )
    say_accuracy(found)


@train.command(
    "diffusion", epilog="Example: art-audio train diffusion --domain mel --data recordings --out out/mel.safetensors"
)
def train_diffusion_command(
    data: Annotated[
        str, typer.Option(help="A folder of <label>/*.wav, builtin, speech-commands[:ROOT], or sc09[:ROOT].")
    ],
    out: WeightsOut,
    domain: Annotated[str, typer.Option(help="mel (32 x 32 log-mels) or wave (the waveform).")],
    preset: Annotated[
        str, typer.Option(help="quick (10 to 20 minutes on a core), standard (a GPU) or paper (published sizes).")
    ] = "quick",
    epochs: Epochs = None,
    accelerator: Accelerator = "auto",
    devices: Devices = 1,
    precision: Precision = "float32",
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Train a diffusion model of one-second speech for purifiers; resumes where it was stopped."""
    from art_audio_ext.experiments.train_diffusion import train_diffusion_on

    written = train_diffusion_on(
        data,
        out,
        domain=domain,
        preset=preset,
        epochs=epochs,
        accelerator=accelerator,
        devices=devices,
        precision=precision,
        seed=seed,
        progress=not quiet,
    )
    typer.echo(f"Written: {written}")


def say_accuracy(found: TrainedClassifier) -> None:
    """
    Print how well a classifier does, and where it lies.

    :param found: What was trained.
    """
    low, high = found.interval
    typer.echo(
        f"Accuracy on {found.test_clips} test clips: {found.accuracy:.1%} (95% interval {low:.1%} to {high:.1%})"
    )
    typer.echo(f"Written: {found.path}")


register_av(train)
