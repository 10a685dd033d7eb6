"""A trained sound-event classifier as an object: decisions about clips, two files, and an ART classifier of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from art_audio_ext.networks.sound_event_classifiers import SoundEventClassifier
from art_audio_ext.training.clip_model import checked_label_names
from art_audio_ext.training.posterior_model import PosteriorModel
from art_audio_ext.training.sound_event_settings import SoundEventSettings
from art_audio_ext.training.weight_files import read_weights

if TYPE_CHECKING:
    from art.estimators.classification import PyTorchClassifier


class SoundEventModel(PosteriorModel[SoundEventSettings]):
    """
    A trained classifier of sound events, clips of any one length.

    :param network: A trained `SoundEventClassifier`, which knows its sample rate; it is put in eval mode.
    :param settings: What it was built and trained with.
    :param label_names: By class index.
    :param history: Losses of each epoch.
    """

    FORMAT = "art_audio_ext.SoundEventModel"

    @property
    def sample_rate(self) -> int:  # type: ignore[override]
        """In Hz, of the clips that it takes."""
        return self.network.sample_rate

    def classifier(
        self, defences: Sequence[Any] = (), *, length: int | None = None, device_type: str = "gpu"
    ) -> PyTorchClassifier:
        """
        `as_art`, for clips of three seconds unless it says otherwise.

        :param defences: Purifiers in the order in which sound meets them.
        :param length: Samples a clip.
        :param device_type: "gpu" where there is one, or "cpu".
        :return: The classifier; it shares this model's network.
        """
        return self.as_art(defences, length=3 * self.sample_rate if length is None else length, device_type=device_type)

    def about(self) -> dict[str, Any]:
        """What the JSON says, in plain types."""
        return {**super().about(), "sample_rate": self.sample_rate}

    @classmethod
    def load(cls, path: str | Path) -> SoundEventModel:
        """
        Read what `save` wrote.

        :param path: With or without `.safetensors`.
        :raises FileNotFoundError: If the weights are not there.
        :raises ValueError: If the JSON is missing or either file is damaged or of something else.
        """
        kind, source = "sound-event classifier", "`art-audio train sound-events`"
        needed = ("settings", "label_names", "sample_rate")
        network, about = read_weights(path, cls.FORMAT, _build, needed, kind=kind, source=source)
        return cls(network, SoundEventSettings.from_dict(about["settings"]), about["label_names"], about["history"])


def _build(about: dict[str, Any]) -> SoundEventClassifier:
    """The network that a JSON describes."""
    return build_network(
        SoundEventSettings.from_dict(about["settings"]),
        len(checked_label_names(about["label_names"])),
        about["sample_rate"],
    )


def build_network(settings: SoundEventSettings, classes: int, sample_rate: int) -> SoundEventClassifier:
    """
    :param settings: Give architecture, width and front end.
    :param classes: Number of labels.
    :param sample_rate: In Hz.
    :return: The network, with fresh weights.
    :raises ValueError: If the sample rate will not do.
    """
    return SoundEventClassifier(settings.architecture, classes, settings.width, sample_rate, settings.front_end)
