"""Train a speech-command classifier on a named dataset, save it, and say how well it does on the test part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.datasets.speakers import NOISE_LABELS
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.functional.front_end import SPEECH_MEL_RATE
from art_audio_ext.functional.metrics import proportion_interval
from art_audio_ext.report.files import write_json
from art_audio_ext.training.classifier_settings import resolve_settings
from art_audio_ext.training.posterior_model import PosteriorModel
from art_audio_ext.training.speech_model import SpeechModel
from art_audio_ext.training.weight_files import two_paths

ADVERSARIAL_EPS = 0.002  # L-infinity, the strength at which purifiers of speech commands are compared


@dataclass(frozen=True)
class TrainedClassifier:
    """
    What was trained.

    :param model: The model.
    :param path: Its weights.
    :param accuracy: Share of the test clips it calls by their label.
    :param interval: 95% interval of that (Wilson).
    :param test_clips: How many there were.
    """

    model: SpeechModel | PosteriorModel
    path: Path
    accuracy: float
    interval: tuple[float, float]
    test_clips: int


def train_classifier_on(
    data: str | AudioDataset,
    out: str | Path,
    *,
    preset: str = "quick",
    architecture: str | None = None,
    width: int | None = None,
    epochs: int | None = None,
    start: str | Path | None = None,
    adversarial: bool = False,
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

    :param data: As `load_dataset` takes it, or a dataset of one-second clips at 16 kHz. Its own split is kept, else one
        without common speakers is drawn. Clips of noise classes are mixed into others.
    :param out: The `.safetensors` to write; checkpoints lie in a folder `<name>-checkpoints`, the test accuracy in
        `<name>-test.json` beside it.
    :param preset: A key of `classifier_settings.PRESETS`.
    :param architecture: Instead of the preset's.
    :param width: Instead of the preset's.
    :param epochs: Instead of the preset's.
    :param start: A classifier's file to go on from; its sizes are kept.
    :param adversarial: Train on clips attacked within .002 (L-infinity), or `adversarial_eps` of `changes`.
    :param changes: Other settings of `ClassifierSettings` instead of the preset's; None changes nothing.
    :param seed: Of split and training.
    :param accelerator: As Lightning calls it.
    :param devices: How many of these.
    :param precision: "float32", or "bfloat16", which is faster where the processor has it.
    :param progress: Show progress.
    :param loading: Other options of `load_dataset`.
    :return: The model and how well it does.
    :raises ValueError: If the data or an option is unusable.
    """
    from art_audio_ext.training.classifier import train_classifier  # Lightning takes seconds to import

    sizes = {"architecture": architecture, "width": width, "epochs": epochs}
    settings = resolve_settings(preset, **sizes, **_given(changes, adversarial))
    before = None if start is None else SpeechModel.load(start)
    out = two_paths(out)[0]
    options: dict[str, Any] = {"sample_rate": SPEECH_MEL_RATE, "seed": seed, "progress": progress, **loading}
    dataset = data if isinstance(data, AudioDataset) else load_dataset(data, **options)
    train, test = split_dataset(dataset, seed=seed)
    clips = train.waveforms, train.labels, train.label_names, train.sample_rate
    run: dict[str, Any] = {"progress": progress, "accelerator": accelerator, "devices": devices, "precision": precision}
    model = train_classifier(
        *clips,
        settings,
        seed=seed,
        background=background_of(train),
        start=before,
        checkpoint_dir=out.with_name(f"{out.stem}-checkpoints"),
        **run,
    )
    return judged(model, test, out, seed)


def judged(model: SpeechModel | PosteriorModel, test: AudioDataset, out: Path, seed: int) -> TrainedClassifier:
    """
    Save a model, and beside it how well it does on clips that it was not trained on.

    :param model: Trained.
    :param test: The clips.
    :param out: The `.safetensors` to write; the accuracy goes to `<name>-test.json`.
    :param seed: Of the training, to be written down.
    :return: The model and how well it does.
    """
    right = int((model.predict(np.asarray(test.waveforms)) == test.labels).sum())
    found = TrainedClassifier(
        model, model.save(out), right / len(test), proportion_interval(right, len(test)), len(test)
    )
    record = {"data": test.name, **asdict(found)}
    record = {name: value for name, value in record.items() if name not in ("model", "path")}
    write_json({**record, "settings": model.settings.to_dict(), "seed": seed}, out.with_name(f"{out.stem}-test.json"))
    return found


def _given(changes: dict[str, Any] | None, adversarial: bool) -> dict[str, Any]:
    """What was said of other settings."""
    eps = {"adversarial_eps": ADVERSARIAL_EPS} if adversarial else {}
    return {**eps, **{name: value for name, value in (changes or {}).items() if value is not None}}


def background_of(train: AudioDataset) -> np.ndarray | None:
    """
    :param train: Clips to train on.
    :return: Sound of those whose label is a noise (M, L); None if there are none.
    """
    return noise_clips(train.waveforms, train.labels, train.label_names)


def noise_clips(x: np.ndarray, y: np.ndarray, label_names: Sequence[str]) -> np.ndarray | None:
    """
    :param x: Clips to train on (N, L).
    :param y: Class indices (N,).
    :param label_names: By class index.
    :return: Sound of those whose label is a noise (M, L); None if there are none.
    """
    noise = [i for i, name in enumerate(label_names) if name.lower() in NOISE_LABELS]
    rows = np.flatnonzero(np.isin(y, noise))
    return np.asarray(x[rows]) if len(rows) else None
