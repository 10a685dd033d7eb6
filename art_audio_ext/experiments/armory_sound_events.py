"""What an Armory scenario of sound events names: the classifier, and the attack that Armory cannot call by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier

from art_audio_ext.attacks.evasion.lbfgs import LBFGS
from art_audio_ext.datasets import AudioDataset
from art_audio_ext.experiments.armory_models import open_or_train
from art_audio_ext.experiments.armory_networks import epoch_seconds, network_path, trained_once
from art_audio_ext.training.sound_event_model import SoundEventModel, build_network
from art_audio_ext.training.sound_event_settings import SoundEventSettings, resolve_settings

_EXAMPLES = 8  # clips on which the time of a training is measured


def get_sound_event_model(
    model_kwargs: dict[str, Any], wrapper_kwargs: dict[str, Any], weights_path: str | None
) -> PyTorchClassifier:
    """
    A classifier of sound events, on waveforms: from a file, or trained by the scenario itself.

    Without a file the first run trains it on the training part of `data`, and later runs open it from the cache.

    :param model_kwargs: `weights` (what `art-audio train sound-events` wrote), or `architecture`, `preset`, `seed` and
        any of `SoundEventSettings` (front_end, width, epochs, mixup ...); `data`, a dataset entry as `audio_commands`
        takes it, which the scenario class SoundEventEvasion fills in; `device_type`.
    :param wrapper_kwargs: More of the same.
    :param weights_path: Another way to say `weights`. Armory looks for it below its own folder of saved models, and
        tries to download what is not there.
    :return: Its scores are log-probabilities; clips are as long as those of the data, or three seconds without.
    :raises FileNotFoundError: If the file is not there; the message names the command that makes one.
    :raises ValueError: If the file is damaged or is of other labels or another rate than the data, or an option will
        not do.
    """
    entry, command = {**model_kwargs, **wrapper_kwargs}, "art-audio train sound-events"
    found = open_or_train(entry, weights_path, SoundEventModel.load, sound_event_model_for, command)
    if found.train is None:
        return found.model.classifier(device_type=found.device_type)
    if found.model.sample_rate != found.train.sample_rate:
        raise ValueError(
            f"the classifier takes sound at {found.model.sample_rate} Hz, the data have {found.train.sample_rate} Hz: "
            f'set "sample_rate" of the dataset entry to {found.model.sample_rate}'
        )
    return found.model.classifier(length=int(found.train.waveforms.shape[1]), device_type=found.device_type)


def sound_event_model_for(
    train: AudioDataset, architecture: str = "vgg13", preset: str = "quick", seed: int = 0, **changes: Any
) -> SoundEventModel:
    """
    A classifier trained on these clips: at the first call it is trained, later it is opened.

    :param train: Clips of any one length.
    :param architecture: A key of `ARCHITECTURES`.
    :param preset: "quick" or "paper".
    :param seed: Of the training.
    :param changes: Of `SoundEventSettings`, by name.
    :return: The model.
    :raises ValueError: If a setting or the clips will not do.
    """
    base, rate = resolve_settings(architecture, preset), train.sample_rate
    settings = SoundEventSettings.from_dict({**base.to_dict(), **changes})

    def make(folder: Path) -> SoundEventModel:
        from art_audio_ext.training.sound_event import train_sound_event_classifier  # Lightning takes seconds to import

        sound = (train.waveforms, train.labels, train.label_names, rate)
        return train_sound_event_classifier(*sound, settings, seed=seed, checkpoint_dir=folder)

    def seconds() -> float:
        network = build_network(settings, len(train.label_names), rate)
        chunk = np.array(train.waveforms[:_EXAMPLES, : network.picture.samples], dtype=np.float32)
        each = epoch_seconds(lambda: network, [torch.from_numpy(chunk)], len(train))
        return settings.epochs * settings.crops * each

    what = f"a sound-event classifier ({architecture}, {len(train)} clips, epochs: {settings.epochs})"
    path = network_path("sound-event", train, {**settings.to_dict(), "sample_rate": rate}, seed)
    return trained_once(path, SoundEventModel.load, make, what, seconds)


def lbfgs(classifier: PyTorchClassifier, targeted: bool = True, **options: Any) -> LBFGS:
    """
    `LBFGS`, which is always targeted, in Armory's words: Armory hands targets to an attack whose kwargs say `targeted`.

    :param classifier: Of `get_sound_event_model`.
    :param targeted: Must be true.
    :param options: Of `LBFGS`.
    :raises ValueError: If `targeted` is not true, or an option will not do.
    """
    if targeted is not True:
        raise ValueError(f"L-BFGS has a target for every clip: targeted must be true, got {targeted!r}")
    return LBFGS(classifier, **options)
