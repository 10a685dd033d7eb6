"""The victims of a voice-conversion backdoor: classifiers of commands, and of speakers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets import AudioDataset
from art_audio_ext.experiments.train_classifier import noise_clips
from art_audio_ext.networks.speaker_classifier import SPEAKER_NETWORKS
from art_audio_ext.training.classifier import train_classifier
from art_audio_ext.training.classifier_settings import ClassifierSettings
from art_audio_ext.training.speaker import train_speaker
from art_audio_ext.training.speaker_model import SpeakerModel
from art_audio_ext.training.speaker_settings import SpeakerSettings, resolve_settings
from art_audio_ext.training.speech_model import SpeechModel

Settings = ClassifierSettings | SpeakerSettings
Model = SpeechModel | SpeakerModel


def victim_settings(
    usual: ClassifierSettings, preset: str, architecture: str | None = None, epochs: int | None = None
) -> Settings:
    """
    How a victim is trained.

    :param usual: Of a classifier of commands.
    :param preset: Of a classifier of speakers: "quick", "standard" or "paper".
    :param architecture: Of either kind; None is that of `usual`.
    :param epochs: None as the settings say.
    :return: The settings.
    :raises ValueError: If an architecture is unknown or the epochs are none.
    """
    if architecture in SPEAKER_NETWORKS:
        return resolve_settings(architecture, preset, epochs=epochs)
    return usual.changed(epochs=epochs, architecture=architecture)


def fit_victim(
    x: np.ndarray,
    y: np.ndarray,
    train: AudioDataset,
    settings: dict[str, Any],
    *,
    seed: int,
    precision: str,
    start: Model | None = None,
    epochs: int | None = None,
) -> Model:
    """
    A victim of these clips and of nothing else: noise that is mixed into commands is that of clips labelled so.

    :param x: Clips (N, L).
    :param y: Class indices (N,).
    :param train: Says names of labels and the rate.
    :param settings: As `to_dict` of the settings gives them.
    :param seed: Of the training.
    :param precision: Of its arithmetic.
    :param start: A model to go on from; None starts anew.
    :param epochs: None as the settings say.
    :return: Trained.
    :raises ValueError: If the clips do not suit the victim.
    """
    data = (x, y, train.label_names, train.sample_rate)
    run: dict[str, Any] = {"seed": seed, "precision": precision, "epochs": epochs, "progress": False}
    if settings["architecture"] in SPEAKER_NETWORKS:
        assert start is None or isinstance(start, SpeakerModel)
        return train_speaker(*data, SpeakerSettings.from_dict(settings), start=start, **run)
    assert start is None or isinstance(start, SpeechModel)
    run["background"] = noise_clips(x, y, train.label_names)
    return train_classifier(*data, ClassifierSettings.from_dict(settings), start=start, **run)


def load_victim(path: str | Path, settings: dict[str, Any]) -> Model:
    """
    A victim that was saved.

    :param path: Its weights.
    :param settings: As `fit_victim` took them.
    :return: The model.
    :raises FileNotFoundError: If it is not there.
    :raises ValueError: If a file is damaged.
    """
    kind = SpeakerModel if settings["architecture"] in SPEAKER_NETWORKS else SpeechModel
    return kind.load(path)
