"""What an Armory scenario of talking clips names: its data as rows, the recogniser, the sync detector, the attacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from armory.data.datasets import ArmoryDataGenerator, AudioContext
from art.attacks.evasion import BasicIterativeMethod, FastGradientMethod
from art.estimators.classification import PyTorchClassifier

from art_audio_ext.attacks.evasion.audiovisual import AttackStrength, basic_iterative, fast_gradient
from art_audio_ext.datasets.audiovisual import load_audiovisual
from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.defences.detector.evasion.audiovisual_sync import AudioVisualSyncDetector
from art_audio_ext.experiments.armory_audiovisual_networks import recogniser_for, sync_for
from art_audio_ext.experiments.av_sync_models import fold_of
from art_audio_ext.experiments.official_split import official_parts
from art_audio_ext.training.audiovisual_model import RecogniserModel
from art_audio_ext.training.sync_model import SyncModel

DATA_KEYS = ("clips", "frames", "size", "seed", "test_clips")
_ARMORY_KEYS = {"module", "name", "batch_size", "framework", "train_split", "eval_split", "spec"}
_FOLDS = 10  # of which two are tested, and the third is for the threshold
_VALIDATION = 8  # parts of an official training part, one of which is for validation


@dataclass(frozen=True)
class AudioVisualParts:
    """
    Word clips; those of one file are all in one part.

    :param train: What networks learn from.
    :param validation: What a threshold is learnt from.
    :param test: What is attacked.
    """

    train: AudioVisualDataset
    validation: AudioVisualDataset
    test: AudioVisualDataset


def parts_of(entry: dict[str, Any]) -> AudioVisualParts:
    """
    The parts that a scenario's dataset entry names; those of the last call are kept.

    :param entry: `spec`, as `load_audiovisual` takes it, and any of `DATA_KEYS`: clips and test_clips are how many at
        most; keys that are Armory's own are passed over.
    :return: The parts of the corpus itself where it has them, such as LRW (without a part "val", an eighth of the
        training files is for validation); else seven tenths, one tenth and two tenths of the files.
    :raises ValueError: If a key is unknown, or there are fewer than ten files.
    """
    if unknown := sorted(set(entry) - _ARMORY_KEYS - set(DATA_KEYS)):
        raise ValueError(f"unknown dataset option {', '.join(unknown)}: choose among {', '.join(DATA_KEYS)}")
    return last_parts(entry.get("spec", "builtin-av"), **{key: entry[key] for key in DATA_KEYS if key in entry})


@lru_cache(maxsize=1)
def last_parts(
    spec: str, *, clips: int | None = None, seed: int = 0, test_clips: int | None = None, **loading: Any
) -> AudioVisualParts:
    """
    :param spec: As `load_audiovisual` takes it.
    :param clips: Load at most so many.
    :param seed: Of the clips and the parts.
    :param test_clips: Keep at most so many to be tested.
    :param loading: frames and size of a clip.
    :return: The parts.
    """
    dataset = load_audiovisual(spec, clips="word", seed=seed, limit=clips, progress=False, **loading)
    learnt, judged, tested = _parts(dataset, seed)
    if test_clips is not None:
        tested = np.sort(np.random.default_rng(seed).permutation(tested)[:test_clips])
    return AudioVisualParts(dataset.subset(learnt), dataset.subset(judged), dataset.subset(tested))


def _parts(dataset: AudioVisualDataset, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which clips are for training, validation and testing."""
    official = official_parts(dataset)
    if official is None:
        folds = fold_of(dataset, _FOLDS, seed)
        return np.flatnonzero(folds > 2), np.flatnonzero(folds == 2), np.flatnonzero(folds < 2)
    learnt, judged = np.flatnonzero(official == 1), np.flatnonzero(official < 0)
    if not len(judged):
        held = fold_of(dataset.subset(learnt), _VALIDATION, seed) == 0
        learnt, judged = learnt[~held], learnt[held]
    return learnt, judged, np.flatnonzero(official == 0)


def audiovisual_words(
    batch_size: int = 1,
    framework: str = "numpy",
    split: str = "train",
    epochs: int = 1,
    shuffle_files: bool = False,
    **options: Any,
) -> ArmoryDataGenerator:
    """
    One part of the word clips, as Armory reads it: batches of rows (N, D) with class indices (N,).

    :param batch_size: Clips a batch; the last may be smaller.
    :param framework: Only "numpy".
    :param split: "train" or "test".
    :param epochs: Passes over the part.
    :param shuffle_files: Another order in every pass, by the dataset's seed.
    :param options: spec and others, see `parts_of`.
    :return: The generator; its context has `x_shape`, `sample_rate` (of the sound) and `label_names`.
    :raises ValueError: If the framework, the split or an option is unknown.
    """
    if framework != "numpy" or split not in ("train", "test"):
        raise ValueError(f"framework must be numpy and split train or test, got {framework!r} and {split!r}")
    part: AudioVisualDataset = getattr(parts_of(options), split)
    context = AudioContext(x_shape=(part.layout.length,), sample_rate=part.layout.sample_rate, input_type=np.float32)
    context.label_names = part.label_names
    rng = np.random.default_rng(options.get("seed", 0)) if shuffle_files else None
    batch_size = min(batch_size, len(part))  # ART refuses a batch larger than the dataset
    batches = _batches(part, batch_size, epochs, rng)
    return ArmoryDataGenerator(batches, size=len(part), epochs=epochs, batch_size=batch_size, context=context)


def get_recogniser(
    model_kwargs: dict[str, Any], wrapper_kwargs: dict[str, Any], weights_path: str | None
) -> PyTorchClassifier:
    """
    A recogniser of words on rows: from a file, or trained on the training part at the first run and kept in the cache.

    :param model_kwargs: `weights` (what `art-audio train recogniser` wrote), or `preset`, `seed` and any of
        `RecogniserSettings`; `data`, a dataset entry, which the scenario class fills in; `device_type`.
    :param wrapper_kwargs: More of the same.
    :param weights_path: Another way to say `weights`.
    :raises FileNotFoundError: If the file is not there.
    :raises ValueError: If the file is of other clips or words than the data, or an option will not do.
    """
    options = {**model_kwargs, **wrapper_kwargs}
    data, device_type = options.pop("data", None), options.pop("device_type", "gpu")
    weights = options.pop("weights", None) or weights_path
    train = _training_part(data, "recogniser")
    if weights:
        options.pop("seed", None)
        if options:
            raise ValueError(f"the recogniser is in {weights}, so {', '.join(options)} would have no effect: remove it")
        model = RecogniserModel.load(Path(weights).expanduser())
    else:
        model = recogniser_for(train, **options)
    if model.layout != train.layout or model.label_names != train.label_names:
        raise ValueError(
            f"the recogniser in {weights} knows {', '.join(model.label_names)} in {model.layout.describe()}; the data "
            f"have {', '.join(train.label_names)} in {train.layout.describe()}: train one on these"
        )
    return model.as_art(device_type=device_type)


def sync_detector(
    victim: PyTorchClassifier,
    weights: str | None = None,
    training: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    **options: Any,
) -> AudioVisualSyncDetector:
    """
    The sync detector, its network from a file, or trained on the training part at the first run and kept in the cache.

    :param victim: What it protects; it looks at the same rows.
    :param weights: What `art-audio train sync` wrote.
    :param training: Else how to train it: `preset`, `seed` and any of `SyncNetSettings`.
    :param data: A dataset entry, which the scenario class fills in.
    :param options: Of `AudioVisualSyncDetector`.
    :raises FileNotFoundError: If the file is not there.
    :raises ValueError: If the file and a training are both named, or an option will not do.
    """
    if weights and training:
        raise ValueError(f"the network is in {weights}, so training would have no effect: remove it")
    if weights:
        model = SyncModel.load(Path(weights).expanduser())
    else:
        model = sync_for(_training_part(data, "sync network"), **(training or {}))
    return AudioVisualSyncDetector(model, victim.model.layout, **options)


def audiovisual_fgsm(classifier: PyTorchClassifier, batch_size: int = 16, **strength: Any) -> FastGradientMethod:
    """
    ART's FGSM with an eps for each modality.

    :param classifier: Of `get_recogniser`.
    :param batch_size: Rows at a time.
    :param strength: `audio` in 16-bit steps and `video` in 255ths, see `AttackStrength`.
    """
    return fast_gradient(classifier, classifier.model.layout, AttackStrength(**strength), batch_size=batch_size)


def audiovisual_bim(
    classifier: PyTorchClassifier, batch_size: int = 16, max_iter: int | None = None, **strength: Any
) -> BasicIterativeMethod:
    """
    ART's BIM with an eps and a step for each modality.

    :param classifier: Of `get_recogniser`.
    :param batch_size: Rows at a time.
    :param max_iter: Steps; None takes those of the strength.
    :param strength: See `AttackStrength`.
    """
    options: dict[str, Any] = {"max_iter": max_iter, "batch_size": batch_size}
    return basic_iterative(classifier, classifier.model.layout, AttackStrength(**strength), **options)


def complete_audiovisual(config: dict[str, Any], check: bool = False) -> None:
    """
    Tell the recogniser and the detector which data they may learn from, so that no test clip is among it.

    :param config: The scenario; `model.model_kwargs` and `adhoc.detector.kwargs` get `data`.
    :param check: Learn for one epoch: the scenario shall only show that it runs.
    :raises ValueError: If an entry says other data than the scenario's.
    """
    adhoc = config.get("adhoc") or {}
    options, data = config["model"]["model_kwargs"], dict(config["dataset"])
    watching = (adhoc.get("detector") or {}).setdefault("kwargs", {})
    for entry in (options, watching):
        if entry.setdefault("data", data) != data:
            raise ValueError("a network would learn from other data than the scenario's dataset: leave out its `data`")
    learners = [] if options.get("weights") or config["model"].get("weights_file") else [options]
    learners += [] if watching.get("weights") else [watching.setdefault("training", {})]
    for learner in learners:
        learner.setdefault("seed", adhoc.get("split_id", 0))
        if check:
            learner["epochs"] = 1


def _training_part(data: dict[str, Any] | None, what: str) -> AudioVisualDataset:
    if data is None:
        raise ValueError(f"nothing says on which clips the {what} works: take the scenario class AudioVisualDetection")
    return parts_of(data).train


def _batches(
    part: AudioVisualDataset, batch_size: int, epochs: int, rng: np.random.Generator | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for _ in range(epochs):
        order = np.arange(len(part)) if rng is None else rng.permutation(len(part))
        for start in range(0, len(part), batch_size):
            rows = order[start : start + batch_size]
            yield part.rows(rows), part.labels[rows].copy()
