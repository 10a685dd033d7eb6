"""What an Armory JSON may name: the dataset, the victims, the attack, and the scenario classes for sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

try:
    from armory.data.datasets import ArmoryDataGenerator, AudioContext
    from armory.instrument import Meter
    from armory.scenarios.audio_classification import AudioClassificationTask
    from armory.utils import config_loading
except ImportError as error:
    raise ImportError(f'Armory is not usable here ({error}): pip install "art-audio-ext[armory]"') from error

from art.estimators.classification import PyTorchClassifier

from art_audio_ext.attacks.poisoning import AudioTriggerBackdoor, VoiceConversionBackdoor
from art_audio_ext.datasets.cache import cache_path
from art_audio_ext.experiments.armory_audiovisual import (  # noqa: F401  # named by JSONs
    audiovisual_bim,
    audiovisual_fgsm,
    audiovisual_words,
    complete_audiovisual,
    get_recogniser,
    parts_of,
    sync_detector,
)
from art_audio_ext.experiments.armory_config import complete_model, load_weights
from art_audio_ext.experiments.armory_data import splits_of
from art_audio_ext.experiments.armory_evasion import (  # noqa: F401  # named by JSONs
    AudioPurification,
    SoundEventEvasion,
)
from art_audio_ext.experiments.armory_poisoner import AudioPoison  # noqa: F401  # named by JSONs
from art_audio_ext.experiments.armory_purifiers import get_purifier, get_speech_model  # noqa: F401  # named by JSONs
from art_audio_ext.experiments.armory_sound_events import (  # noqa: F401  # named by JSONs
    get_sound_event_model,
    lbfgs,
)
from art_audio_ext.training.victims import make_victim


def audio_commands(
    batch_size: int = 1,
    framework: str = "numpy",
    split: str = "train",
    epochs: int = 1,
    shuffle_files: bool = False,
    *,
    spec: str = "builtin",
    **options: Any,
) -> ArmoryDataGenerator:
    """
    One part of a dataset, as Armory reads it: batches of sound (N, L) with class indices (N,).

    :param batch_size: Clips a batch; the last may be smaller.
    :param framework: Only "numpy".
    :param split: "train" or "test".
    :param epochs: Passes over the part.
    :param shuffle_files: Another order in every pass, by the dataset's seed.
    :param spec: As `load_dataset` takes it: "folder:PATH", PATH, "builtin", "builtin-events" ...
    :param options: seconds, sample_rate, seed, clips, speaker_pattern, test_fraction, test_clips: see `splits_of`.
    :return: The generator; its context has `x_shape`, `sample_rate` and `label_names`.
    :raises ValueError: If the framework, the split or an option is unknown, or the part is empty.
    """
    if framework != "numpy":
        raise ValueError(f"framework must be numpy, got {framework!r}")
    if split not in ("train", "test"):
        raise ValueError(f"split must be train or test, got {split!r}")
    splits = splits_of({"spec": spec, **options})
    part = splits.train if split == "train" else splits.test
    if not len(part):
        raise ValueError(f"the {split} part of {spec} is empty: use more clips")
    context = AudioContext(x_shape=(part.waveforms.shape[1],), sample_rate=part.sample_rate, input_type=np.float32)
    context.sample_rate = part.sample_rate  # AudioContext writes 16 kHz whatever it is given
    context.label_names = part.label_names
    rng = np.random.default_rng(options.get("seed", 0)) if shuffle_files else None
    batch_size = min(batch_size, len(part))  # ART refuses a batch larger than the dataset
    return ArmoryDataGenerator(
        _batches(part.waveforms, part.labels, batch_size, epochs, rng),
        size=len(part),
        epochs=epochs,
        batch_size=batch_size,
        context=context,
    )


def get_art_model(
    model_kwargs: dict[str, Any], wrapper_kwargs: dict[str, Any], weights_path: str | None
) -> PyTorchClassifier:
    """
    A ResNet-18 or ResNet-50 victim, its weights drawn from its own seed, which Armory's scenarios never set.

    :param model_kwargs: As `make_victim` takes them; `num_classes`, `length` and `sample_rate` are filled in by the
        scenarios of this module.
    :param wrapper_kwargs: More of the same.
    :param weights_path: A safetensors file of a trained model of the same shape, or None.
    :raises ValueError: If `num_classes` is missing, or the weights are damaged or do not fit.
    """
    options = {**model_kwargs, **wrapper_kwargs}
    if "num_classes" not in options:
        raise ValueError("model_kwargs needs num_classes, unless the scenario is one of art_audio_ext.armory_hooks")
    classifier = make_victim(options.pop("num_classes"), **options)
    if weights_path:
        load_weights(classifier.model, weights_path)
    return classifier


def audio_trigger(**kwargs: Any) -> AudioTriggerBackdoor:
    """The trigger attack, with the constructor's own arguments: trigger, sample_rate, scale, snr_db, position, seed."""
    return AudioTriggerBackdoor(**kwargs)


def voice_conversion(**kwargs: Any) -> VoiceConversionBackdoor:
    """
    The voice-conversion attack, with the constructor's own arguments: target, sample_rate, voice.

    :raises ValueError: If it asks for clean labels: Armory's scenario relabels whatever it poisons.
    """
    if kwargs.get("clean_label"):
        raise ValueError("Armory's poisoning scenario relabels what it poisons: leave clean_label out")
    return VoiceConversionBackdoor(**{"verbose": False, "cache_dir": cache_path() / "voices", **kwargs})


class AudioDetector(AudioClassificationTask):
    """
    Armory's evasion scenario for sound, with an ART `EvasionDetector` watching: Armory itself has no place for one.

    Reads `adhoc.detector` = {"module", "name", "kwargs", "fit", "fit_kwargs"}: the class is called with the victim
    and `kwargs`; with `fit` true (the default) it learns on training clips against their adversarial versions made
    by the scenario's attack, `adhoc.detector.fit_clips` of them (default 64) drawn by `adhoc.split_id`. The results get
    `detection_true_positive_rate` (adversarial clips detected) and `detection_false_positive_rate` (benign clips).
    """

    def load_model(self, defended: bool = True) -> None:
        torch.manual_seed((self.config.get("adhoc") or {}).get("split_id", 0))
        self.splits = splits_of(self.config["dataset"])
        complete_model(self.config, self.splits)
        super().load_model(defended)

    def load_attack(self) -> None:
        super().load_attack()
        settings = (self.config.get("adhoc") or {}).get("detector")
        if not settings:
            raise ValueError('adhoc.detector is missing: give {"module", "name", "kwargs"} of an EvasionDetector')
        self.detector = config_loading.load_fn(settings)(self.model, **settings.get("kwargs", {}))
        if settings.get("fit", True):
            benign = self._drawn(settings.get("fit_clips", 64))
            adversarial = self.attack.generate(x=benign, **self.generate_kwargs)
            kinds = np.repeat([0, 1], len(benign))
            self.detector.fit(np.concatenate([benign, adversarial]), np.eye(2)[kinds], **settings.get("fit_kwargs", {}))

    def _drawn(self, count: int) -> np.ndarray:
        """Training clips drawn at random: a folder is read label by label, so the first ones are all of one class."""
        train = self.splits.train.waveforms
        rng = np.random.default_rng((self.config.get("adhoc") or {}).get("split_id", 0))
        return np.asarray(train[np.sort(rng.permutation(len(train))[:count])])

    def load_metrics(self) -> None:
        super().load_metrics()
        for kind, rate in (("benign", "false"), ("adversarial", "true")):
            name = f"detection_{rate}_positive_rate"
            meter = Meter(
                name, _as_floats, f"scenario.detected_{kind}", final=np.mean, final_name=name, record_final_only=True
            )
            self.hub.connect_meter(meter)

    def run_benign(self) -> None:
        super().run_benign()
        self.probe.update(detected_benign=self.detector.detect(self.x)[1])

    def run_attack(self) -> None:
        super().run_attack()
        self.probe.update(detected_adversarial=self.detector.detect(self.x_adv)[1])


class AudioVisualDetection(AudioDetector):
    """
    The same for talking clips: rows `[audio | video]` of `audiovisual_words`, a victim of `get_recogniser`, and a
    detector of `sync_detector`, each told which training clips it may learn from. The threshold is learnt on clips that
    neither of them learnt from and that are not tested.

    With `--check`, networks learn for one epoch.
    """

    def load_model(self, defended: bool = True) -> None:
        torch.manual_seed((self.config.get("adhoc") or {}).get("split_id", 0))
        complete_audiovisual(self.config, self.check_run)
        super(AudioDetector, self).load_model(defended)

    def _drawn(self, count: int) -> np.ndarray:
        """Clips of the validation part."""
        validation = parts_of(self.config["dataset"]).validation
        rng = np.random.default_rng((self.config.get("adhoc") or {}).get("split_id", 0))
        return validation.rows(np.sort(rng.permutation(len(validation))[:count]))


def _batches(
    x: np.ndarray, y: np.ndarray, batch_size: int, epochs: int, rng: np.random.Generator | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for _ in range(epochs):
        order = np.arange(len(y)) if rng is None else rng.permutation(len(y))
        for start in range(0, len(y), batch_size):
            rows = np.sort(order[start : start + batch_size])  # sorted: a memory map is read forwards
            yield np.array(x[rows]), y[rows].copy()


def _as_floats(detected: np.ndarray) -> list[float]:
    return np.asarray(detected, dtype=float).ravel().tolist()
