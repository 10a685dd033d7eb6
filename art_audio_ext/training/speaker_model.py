"""A trained speaker classifier as an object: decisions about clips, two files, and an ART classifier of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from art_audio_ext.networks.speaker_classifier import SpeakerClassifier
from art_audio_ext.training.clip_model import checked_label_names
from art_audio_ext.training.posterior_model import PosteriorModel
from art_audio_ext.training.speaker_settings import SPEAKER_RATE, SpeakerSettings
from art_audio_ext.training.weight_files import read_weights


class SpeakerModel(PosteriorModel[SpeakerSettings]):
    """
    A trained classifier of speakers, clips of any one length at 16 kHz.

    :param network: A trained `SpeakerClassifier`; it is put in eval mode.
    :param settings: What it was built and trained with.
    :param label_names: The speakers, by class index.
    :param history: Losses of each epoch.
    """

    FORMAT = "art_audio_ext.SpeakerModel"
    sample_rate = SPEAKER_RATE

    @classmethod
    def load(cls, path: str | Path) -> SpeakerModel:
        """
        Read what `save` wrote.

        :param path: With or without `.safetensors`.
        :raises FileNotFoundError: If the weights are not there.
        :raises ValueError: If the JSON is missing or either file is damaged or of something else.
        :raises ImportError: If the library of the filters is missing.
        """
        kind, source = "speaker classifier", "`art-audio train speaker`"
        network, about = read_weights(path, cls.FORMAT, _build, ("settings", "label_names"), kind=kind, source=source)
        return cls(network, SpeakerSettings.from_dict(about["settings"]), about["label_names"], about["history"])


def _build(about: dict[str, Any]) -> SpeakerClassifier:
    """The network that a JSON describes."""
    names = checked_label_names(about["label_names"])
    settings = SpeakerSettings.from_dict(about["settings"])
    return SpeakerClassifier(settings.architecture, len(names), settings.window, settings.hop, settings.width)
