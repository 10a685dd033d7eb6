"""The networks of the comparison of sync detectors: for each fold trained on the other clips, kept as files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.experiments.purification_models import file_checksum
from art_audio_ext.training.audiovisual_model import RecogniserModel
from art_audio_ext.training.audiovisual_recogniser import train_recogniser
from art_audio_ext.training.audiovisual_settings import PRESETS as VICTIMS
from art_audio_ext.training.audiovisual_settings import RecogniserSettings
from art_audio_ext.training.sync_model import SyncModel
from art_audio_ext.training.syncnet import train_syncnet
from art_audio_ext.training.syncnet_attack import ConfidenceClimb
from art_audio_ext.training.syncnet_settings import PRESETS as SYNCS
from art_audio_ext.training.syncnet_settings import SyncNetSettings

_FRONT_ENDS = ("standard", "mfcc")  # in turn, so that an ensemble does not look at one thing


def files_of(dataset: AudioVisualDataset) -> np.ndarray:
    """
    :param dataset: Clips (N,).
    :return: The file that each is from (N,): clips of one file are no independent samples.
    """
    return np.array([path.split("#")[0] for path in dataset.paths])


def groups_of(dataset: AudioVisualDataset, folds: int) -> np.ndarray:
    """
    What must not be on both sides of a split: speakers, or files where there are too few speakers.

    :param dataset: Clips (N,).
    :param folds: How many parts there will be.
    :return: Names (N,).
    """
    speakers = set(dataset.speakers)
    return np.array(dataset.speakers) if "" not in speakers and len(speakers) >= 2 * folds else files_of(dataset)


def fold_of(dataset: AudioVisualDataset, folds: int, seed: int) -> np.ndarray:
    """
    Which fold each clip is in: labels are spread evenly, and clips of one group stay together, see `groups_of`.

    :param dataset: Clips (N,).
    :param folds: How many parts, at least 2.
    :param seed: Of the draw.
    :return: int (N,), from 0.
    :raises ValueError: If there are fewer groups than folds.
    """
    names, where = np.unique(groups_of(dataset, folds), return_inverse=True)
    if not 2 <= folds <= len(names):
        raise ValueError(f"{len(names)} files cannot be in {folds} folds: choose 2 to {len(names)}")
    first = np.array([dataset.labels[np.flatnonzero(where == k)[0]] for k in range(len(names))])
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(first[order], kind="stable")]  # a label after the other, dealt out in turn
    part = np.empty(len(names), np.int64)
    part[order] = np.arange(len(names)) % folds
    return part[where]


def clips_digest(dataset: AudioVisualDataset) -> str:
    """
    :param dataset: Clips.
    :return: Tells them from others.
    """
    digest = hashlib.sha256(repr(dataset.layout.to_dict()).encode())
    for array in (dataset.audio, dataset.video, dataset.labels):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:12]


def prepare_fold(
    words: AudioVisualDataset,
    talking: AudioVisualDataset,
    folder: Path,
    networks: tuple[str, int],
    victim: str,
    *,
    seed: int,
    epochs: dict[str, int | None],
    progress: bool,
) -> dict[str, Any]:
    """
    Train what is not there yet; each training goes on where it was stopped.

    :param words: Clips that the victim learns from.
    :param talking: Clips that the sync networks learn from: the same, or longer ones.
    :param folder: Where the files go.
    :param networks: Preset of the sync networks, and how many of them, with front ends and seeds of their own.
    :param victim: Preset of the victim.
    :param seed: Of the trainings.
    :param epochs: `sync` and `victim`, instead of the presets'.
    :param progress: Show bars.
    :return: `sync` (files), `victim` (a file), and `checksums` of them.
    :raises ValueError: If the clips will not do.
    """
    preset, count = networks
    paths: list[Path] = []
    for k in range(count):
        settings = _sync_settings(preset, k, epochs["sync"])
        paths.append(folder / f"sync-{k}-{trained_digest(talking, settings, seed + k)}.safetensors")
        if not paths[-1].is_file():
            kept = paths[-1].with_suffix(".checkpoints")
            train_syncnet(talking, settings, seed=seed + k, checkpoint_dir=kept, progress=progress).save(paths[-1])
    chosen = VICTIMS[victim].changed(epochs=epochs["victim"])
    path = folder / f"victim-{trained_digest(words, chosen, seed)}.safetensors"
    if not path.is_file():
        kept = path.with_suffix(".checkpoints")
        train_recogniser(words, chosen, seed=seed, checkpoint_dir=kept, progress=progress).save(path)
    checksums = [file_checksum(file) for file in [*paths, path]]
    return {"sync": list(map(str, paths)), "victim": str(path), "checksums": checksums}


def harden_fold(
    talking: AudioVisualDataset, folder: Path, files: dict[str, Any], *, seed: int, epochs: int, progress: bool
) -> dict[str, Any]:
    """
    Go on with the sync networks of a fold, against clips whose confidence was climbed, see `ConfidenceClimb`.

    :param talking: Clips that they have learnt from.
    :param folder: Where the files go.
    :param files: From `prepare_fold`.
    :param seed: Of the trainings.
    :param epochs: Passes over the clips.
    :param progress: Show bars.
    :return: `trained` (files) and `trained_checksums` of them.
    """
    attack, paths = ConfidenceClimb(), list[Path]()
    for k, path in enumerate(files["sync"]):
        start = SyncModel.load(path)
        settings = start.settings.changed(epochs=epochs)
        decided = (trained_digest(talking, settings, seed + k), start.checksum(), repr(attack), "noise twins")
        digest = hashlib.sha256(repr(decided).encode()).hexdigest()[:12]
        paths.append(folder / f"trained-{k}-{digest}.safetensors")
        if not paths[-1].is_file():
            against: dict[str, Any] = {"start": start, "attack": attack, "attack_name": repr(attack)}
            run: dict[str, Any] = {"checkpoint_dir": paths[-1].with_suffix(".checkpoints"), "progress": progress}
            train_syncnet(talking, settings, seed=seed + k, **against, **run).save(paths[-1])
    return {"trained": list(map(str, paths)), "trained_checksums": [file_checksum(path) for path in paths]}


def open_fold(paths: dict[str, Any]) -> tuple[list[SyncModel], RecogniserModel]:
    """
    :param paths: From `prepare_fold`.
    :return: The sync networks and the victim.
    """
    return [SyncModel.load(path) for path in paths["sync"]], RecogniserModel.load(paths["victim"])


def open_trained(paths: dict[str, Any]) -> list[SyncModel]:
    """
    :param paths: From `prepare_fold`, with what `harden_fold` added, if it did.
    :return: The sync networks that have learnt from attacks.
    """
    return [SyncModel.load(path) for path in paths.get("trained", ())]


def trained_digest(part: AudioVisualDataset, settings: SyncNetSettings | RecogniserSettings, seed: int) -> str:
    """
    Names a file by all that decides it.

    :param part: Clips that a network learns from.
    :param settings: How.
    :param seed: Of the training.
    :return: Twelve letters and digits.
    """
    decided = (sorted(settings.to_dict().items()), seed, clips_digest(part))
    return hashlib.sha256(repr(decided).encode()).hexdigest()[:12]


def _sync_settings(preset: str, k: int, epochs: int | None) -> SyncNetSettings:
    """The first is the preset's; the others look at other features."""
    base = SYNCS[preset]
    other = SYNCS[_FRONT_ENDS[k % 2]]
    return replace(base, sound=other.sound, pictures=other.pictures).changed(epochs=epochs)
