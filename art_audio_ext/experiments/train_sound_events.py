"""Train a sound-event classifier on a named dataset, save it, and say how well it does on the test part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.experiments.train_classifier import TrainedClassifier, judged
from art_audio_ext.training.sound_event_settings import resolve_settings
from art_audio_ext.training.weight_files import two_paths


def train_sound_events_on(
    data: str | AudioDataset,
    out: str | Path,
    *,
    model: str = "vgg13",
    preset: str = "quick",
    changes: dict[str, Any] | None = None,
    seed: int = 0,
    accelerator: str = "auto",
    devices: int = 1,
    precision: str = "float32",
    progress: bool = True,
    **loading: Any,
) -> TrainedClassifier:
    """
    Train on the training part of a dataset; an interrupted training goes on when called again with the same `out`.

    :param data: As `load_dataset` takes it, or a dataset. Its own split is kept, else one is drawn.
    :param out: The `.safetensors` to write; checkpoints lie in a folder `<name>-checkpoints`, the test accuracy in
        `<name>-test.json` beside it.
    :param model: A key of `ARCHITECTURES`.
    :param preset: "quick" or "paper".
    :param changes: Settings of `SoundEventSettings` instead of the preset's; None changes nothing.
    :param seed: Of split and training.
    :param accelerator: As Lightning calls it.
    :param devices: How many of these.
    :param precision: "float32", or "bfloat16", which is faster where the processor has it.
    :param progress: Show progress.
    :param loading: Other options of `load_dataset`; clips have three seconds at 16 kHz unless it says otherwise.
    :return: The model and how well it does.
    :raises ValueError: If the data or an option is unusable.
    """
    from art_audio_ext.training.sound_event import train_sound_event_classifier  # Lightning takes seconds to import

    settings = resolve_settings(model, preset, **(changes or {}))
    out = two_paths(out)[0]
    options: dict[str, Any] = {"sample_rate": 16000, "seconds": 3.0, "seed": seed, "progress": progress}
    dataset = data if isinstance(data, AudioDataset) else load_dataset(data, **{**options, **loading})
    train, test = split_dataset(dataset, seed=seed)
    trained = train_sound_event_classifier(
        train.waveforms,
        train.labels,
        train.label_names,
        train.sample_rate,
        settings,
        seed=seed,
        checkpoint_dir=out.with_name(f"{out.stem}-checkpoints"),
        progress=progress,
        accelerator=accelerator,
        devices=devices,
        precision=precision,
    )
    return judged(trained, test, out, seed)
