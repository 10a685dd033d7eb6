"""Train a diffusion model on the training part of a named dataset, and save it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from art_audio_ext.datasets import load_dataset
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.training.diffusion_settings import resolve_settings

_RATE = 16000


def train_diffusion_on(
    data: str,
    out: str | Path,
    *,
    domain: str,
    preset: str = "quick",
    epochs: int | None = None,
    seed: int = 0,
    accelerator: str = "auto",
    devices: int = 1,
    precision: str = "float32",
    progress: bool = True,
    **loading: Any,
) -> Path:
    """
    Train on one-second clips at 16 kHz; an interrupted training goes on when called again with the same `out`.

    :param data: A dataset spec, see `load_dataset`. Its own split is kept, else one without common speakers is drawn:
        the clips on which purifiers are compared must not be learnt by heart.
    :param out: The `.safetensors` to write; checkpoints lie in a folder `<name>-checkpoints` beside it.
    :param domain: "mel" or "wave".
    :param preset: "quick", "standard" or "paper".
    :param epochs: Instead of the preset's.
    :param seed: Of split and training.
    :param accelerator: As Lightning calls it.
    :param devices: How many of these.
    :param precision: "float32", or "bfloat16", which is faster where the processor has it.
    :param progress: Show progress.
    :param loading: Other options of `load_dataset`.
    :return: The file written.
    :raises ValueError: If the data or an option is unusable.
    :raises ImportError: If the domain is "mel" and diffusers is not installed.
    """
    from art_audio_ext.training.diffusion import train_diffusion  # Lightning takes seconds to import

    resolve_settings(domain, preset, epochs)  # a wrong name fails here, before a long load
    out = Path(out)
    out = out if out.suffix == ".safetensors" else out.with_name(f"{out.name}.safetensors")
    dataset = load_dataset(data, sample_rate=_RATE, seed=seed, progress=progress, **loading)
    train, _ = split_dataset(dataset, seed=seed)
    training: dict[str, Any] = {
        "epochs": epochs,
        "accelerator": accelerator,
        "devices": devices,
        "progress": progress,
        "precision": precision,
    }
    checkpoints = out.with_name(f"{out.stem}-checkpoints")
    model = train_diffusion(train.waveforms, _RATE, domain, preset, seed=seed, checkpoint_dir=checkpoints, **training)
    return model.save(out)
