"""The classifier and the purifier of an Armory scenario, from what its JSON says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from art_audio_ext.defences import preprocessor
from art_audio_ext.defences.preprocessor import Purifier
from art_audio_ext.defences.preprocessor.diffusion_base import DiffusionPurifier
from art_audio_ext.experiments.armory_data import splits_of
from art_audio_ext.experiments.armory_models import NEEDS_DATA, open_or_train
from art_audio_ext.experiments.armory_networks import classifier_for, diffusion_for, open_diffusion_file
from art_audio_ext.training.speech_model import SpeechModel

if TYPE_CHECKING:
    from art.estimators.classification import PyTorchClassifier


def get_speech_model(
    model_kwargs: dict[str, Any], wrapper_kwargs: dict[str, Any], weights_path: str | None
) -> PyTorchClassifier:
    """
    A classifier of one-second speech commands, on waveforms: from a file, or trained by the scenario itself.

    Without a file the first run trains it on the training part of `data`, and later runs open it from the cache.

    :param model_kwargs: `weights` (what `art-audio train classifier` wrote), or `preset`, `seed` and any of
        `ClassifierSettings` (architecture, width, epochs, noise_sigma ...); `data`, a dataset entry as
        `audio_commands` takes it, which the scenario class AudioPurification fills in; `device_type`.
    :param wrapper_kwargs: More of the same.
    :param weights_path: Another way to say `weights`. Armory looks for it below its own folder of saved models, and
        tries to download what is not there.
    :raises FileNotFoundError: If the file is not there; the message names the command that makes one.
    :raises ValueError: If the file is damaged or knows other labels than the data, or an option will not do.
    """
    entry, command = {**model_kwargs, **wrapper_kwargs}, "art-audio train classifier"
    found = open_or_train(entry, weights_path, SpeechModel.load, classifier_for, command)
    if found.train is None:
        return found.model.as_art(device_type=found.device_type)
    return found.model.as_art(length=int(found.train.waveforms.shape[1]), device_type=found.device_type)


def get_purifier(
    purifier: str,
    diffusion: str | dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    **options: Any,
) -> Purifier:
    """
    A purifier, with its diffusion model if it needs one: from a file, or trained by the scenario itself.

    Without a file the first run trains the model on the training part of `data`, and later runs open it from the cache.

    :param purifier: A class of `art_audio_ext.defences.preprocessor`: DualPure, AudioPure ...
    :param diffusion: What `art-audio train diffusion` wrote, or a file of published DiffWave weights; or how to train
        one: {"preset": "quick", "seed": 0} and any of `DiffusionSettings`.
    :param data: A dataset entry as `audio_commands` takes it; the scenario class AudioPurification fills it in.
    :param options: Of the purifier.
    :raises FileNotFoundError: If the file is not there; the message names the command that makes one.
    :raises ValueError: If there is no such purifier, or an option will not do.
    """
    known = [name for name in preprocessor.__all__ if name != "Purifier"]
    if purifier not in known:
        raise ValueError(f"there is no purifier {purifier!r}: choose {', '.join(known)}")
    kind: type[Purifier] = getattr(preprocessor, purifier)
    allowed = sorted({*kind.params, "device_type"} - {"diffusion"})
    if unknown := sorted(set(options) - set(allowed)):
        raise ValueError(f"{purifier} has no option {', '.join(unknown)}: choose among {', '.join(allowed)}")
    if not issubclass(kind, DiffusionPurifier):
        if diffusion is not None:
            raise ValueError(f"{purifier} has no diffusion model: remove diffusion")
        return kind(**options)
    if diffusion is None:
        raise ValueError(f'{purifier} needs diffusion: a file, or how to train one, such as {{"preset": "quick"}}')
    if isinstance(diffusion, str):
        return kind(open_diffusion_file(diffusion), **options)
    if data is None:
        raise ValueError(f"there is nothing to train a diffusion model on: {NEEDS_DATA}")
    return kind(diffusion_for(splits_of(data).train, kind.domain, **diffusion), **options)
