"""One cell of the comparison of sync detectors: clips of a fold changed in one way, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from art_audio_ext.attacks.evasion.audiovisual import AttackStrength, basic_iterative, fast_gradient
from art_audio_ext.attacks.evasion.audiovisual_pgd import AudioVisualPGD
from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.defences.detector.evasion.audiovisual_sync import AudioVisualSyncDetector
from art_audio_ext.experiments.av_sync_models import open_fold, open_trained
from art_audio_ext.experiments.av_sync_plans import DETECTORS, MODALITIES, VIEWS, Change
from art_audio_ext.functional.audiovisual_augment import add_noise, blanked
from art_audio_ext.functional.audiovisual_distortion import audiovisual_distortion, gaussian_noise_like
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.sync_views import moved_sound
from art_audio_ext.training.audiovisual_model import RecogniserModel
from art_audio_ext.training.sync_model import SyncModel

LATE_FRAMES, QUIET_DB = 10, 20.0
_STEPS = 20  # of an attack that knows the detector
_RANDOM: dict[str, Any] = {"window_share": 0.6, "jitter": 3, "sample_shift": 240, "draws": VIEWS}


@dataclass(frozen=True)
class SyncContext:
    """
    What all cells read.

    :param words: Clips that are attacked.
    :param folds: Which fold each is in (N,).
    :param talking: Clips that sync networks are tested on: the same, or longer ones.
    :param talking_folds: Which fold each of them is in; -1 for those of talkers whom no network has seen.
    :param networks: By fold, the files of `prepare_fold` and, where they are asked for, of `harden_fold`.
    """

    words: AudioVisualDataset
    folds: np.ndarray
    talking: AudioVisualDataset
    talking_folds: np.ndarray
    networks: dict[int, dict[str, Any]]


def detectors(
    models: list[SyncModel], seed: int, trained: Sequence[SyncModel] = ()
) -> dict[str, AudioVisualSyncDetector]:
    """
    The detectors that are compared.

    :param models: Of one fold; with one alone there are no ensembles.
    :param seed: Of random views; another seed is another detector of the same kind.
    :param trained: The same networks after they have learnt from attacks; none for no such detectors.
    :return: By name, of `DETECTORS` and `TRAINED`.
    """
    plain = {"single": models[:1], "trained": trained[:1]}
    random = {"random": models[:1], "random trained": trained[:1]}
    if len(models) > 1:
        plain["ensemble"], random["random ensemble"] = models, models
        random["random trained ensemble"] = trained
    return {
        **{name: AudioVisualSyncDetector(some) for name, some in plain.items() if some},
        **{name: AudioVisualSyncDetector(some, seed=seed, **_RANDOM) for name, some in random.items() if some},
    }


def run_cell(experiment: dict[str, Any], context: SyncContext) -> dict[str, Any]:
    """
    Change the clips of a fold, and ask the victim and all detectors.

    :param experiment: `fold`, `change` (of `Change`, as a dictionary), `name`, `attacks`, `seed`, `networks`; and
        `detectors`, the names of those that are asked, where these are not `DETECTORS`.
    :param context: Clips and files.
    :return: `right` (a bit a clip), `confidence` by detector (a number a clip), `distortion` by measure, for attacks
        `noise` (the same of Gaussian noise of equal power), and for the clips as they are `offsets` and `strangers`,
        or `offsets_trained` and `strangers_trained`, of the first network that is asked.
    """
    fold = experiment["fold"]
    data = context.words.subset(context.folds == fold)
    networks, victim = open_fold(context.networks[fold])
    asked = set(experiment.get("detectors", DETECTORS))
    hardened = open_trained(context.networks[fold]) if asked - set(DETECTORS) else []
    models, trained = ([model.for_layout(data.layout) for model in some] for some in (networks, hardened))
    change, seed = Change(**experiment["change"]), int(experiment["seed"])
    kinds = {name: kind for name, kind in detectors(models, seed, trained).items() if name in asked}
    if change.kind in MODALITIES:
        kinds = {}
    rows = data.rows()
    # the attacker draws views of its own
    known = detectors(models, seed + 1, trained)[change.detector] if change.kind == "adaptive" else None
    changed = _changed(change, rows, data, victim, known, seed)
    found = _said(changed, data, victim, kinds)
    if change.attacks:
        noise = gaussian_noise_like(rows, changed, data.layout, seed=seed)
        found["noise"] = _said(noise, data, victim, kinds)
        found["distortion"] = _distortion(rows, changed, data.layout)
    if change.kind == "none":
        first, ending = (networks[0], "") if "single" in asked else (hardened[0], "_trained")
        for name, part in (("offsets", fold), ("strangers", -1)):
            found[name + ending] = _offsets(context.talking.subset(context.talking_folds == part), first, seed)
    return found


def _said(
    rows: np.ndarray, data: AudioVisualDataset, victim: RecogniserModel, kinds: dict[str, AudioVisualSyncDetector]
) -> dict[str, Any]:
    right = victim.predict(rows) == data.labels
    confidence = {name: [round(float(v), 6) for v in kind.confidence(rows)] for name, kind in kinds.items()}
    return {"right": "".join(map(str, right.astype(int))), "confidence": confidence, "distortion": {}}


def _changed(
    change: Change,
    rows: np.ndarray,
    data: AudioVisualDataset,
    victim: RecogniserModel,
    known: AudioVisualSyncDetector | None,
    seed: int,
) -> np.ndarray:
    """Rows (n, D) after the change; an adaptive attack knows a detector."""
    if not change.attacks:
        return _control(change.kind, rows, data, seed)
    classifier, layout = victim.as_art(), data.layout
    strength = AttackStrength(change.audio, change.video)
    if change.kind == "fgsm":
        attacked: np.ndarray = fast_gradient(classifier, layout, strength).generate(rows, data.labels)
        return attacked
    if change.kind == "bim":
        attacked = basic_iterative(classifier, layout, strength).generate(rows, data.labels)
        return attacked
    assert known is not None
    return AudioVisualPGD(
        classifier,
        layout=layout,
        eps_audio=change.audio / 32768,
        eps_video=change.video / 255,
        max_iter=_STEPS,
        confidence=known.confidence_of,
        weight=change.weight,
        mix=change.mix,
        loss=change.loss,
        confidence_goal=change.goal,
        eot_samples=change.eot,
        seed=seed,
        verbose=False,
    ).generate(rows, data.labels)


def _control(kind: str, rows: np.ndarray, data: AudioVisualDataset, seed: int) -> np.ndarray:
    """Changes that are no attack."""
    layout = data.layout
    audio, video = (part.clone() for part in layout.unpack(torch.from_numpy(rows)))
    if kind == "noisy":
        audio = add_noise(audio, QUIET_DB, torch.Generator().manual_seed(seed))
    elif kind == "mismatched":
        audio = audio[torch.from_numpy(_others(data))]
    elif kind == "frozen":
        video = video[:, video.shape[1] // 2, None].expand_as(video)
    elif kind == "late":
        audio = audio.roll(round(LATE_FRAMES * layout.sample_rate / layout.fps), 1)  # no silence that gives it away
    if kind in ("heard alone", "neither"):
        audio, video = blanked(audio, video, "video")
    if kind in ("seen alone", "neither"):
        audio, video = blanked(audio, video, "audio")
    packed: np.ndarray = layout.pack(audio, video).numpy()
    return packed


def _others(data: AudioVisualDataset) -> np.ndarray:
    """For each clip the next one of another label, and of another speaker where there is one."""
    count, found = len(data), []
    alone = len(set(data.speakers)) == 1
    for row in range(count):
        ring = [(row + step) % count for step in range(1, count)]
        other = [k for k in ring if data.labels[k] != data.labels[row]]
        strange = [k for k in other if alone or data.speakers[k] != data.speakers[row]]
        found.append((strange or other or ring)[0])
    return np.array(found)


def _late(audio: Tensor, frames: Tensor, layout: AudioVisualLayout) -> Tensor:
    """Sound (n, S) later by frames (n,)."""
    return moved_sound(audio, (frames * layout.sample_rate / layout.fps).round().long())


def _offsets(data: AudioVisualDataset, model: SyncModel, seed: int) -> list[list[int]]:
    """Of each clip, for a shift drawn from -10 to 10 frames: the shift, and the offset found."""
    if not len(data):
        return []
    audio, video = data.layout.unpack(torch.from_numpy(data.rows()))
    shifts = torch.randint(-LATE_FRAMES, LATE_FRAMES + 1, (len(data),), generator=torch.Generator().manual_seed(seed))
    moved = data.layout.pack(_late(audio, shifts, data.layout), video).numpy()
    return [[int(shift), int(found)] for shift, found in zip(shifts, model.offset(moved), strict=True)]


def _distortion(before: np.ndarray, after: np.ndarray, layout: AudioVisualLayout) -> dict[str, list[float]]:
    """By measure, a number a clip."""
    found = vars(audiovisual_distortion(before, after, layout))
    return {name: [round(float(v), 4) for v in values] for name, values in found.items()}
