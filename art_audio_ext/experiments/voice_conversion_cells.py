"""One cell of the voice-conversion backdoor's tables: a poisoned training, and what its victim answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from art_audio_ext.attacks.poisoning import SpectrogramBadNets
from art_audio_ext.datasets import AudioDataset
from art_audio_ext.experiments.voice_victims import Model, fit_victim
from art_audio_ext.functional.poison_rows import (
    CLEAN_LABEL_MOST,
    choose_clean_label_rows,
    choose_poison_rows,
    silent_clips,
)

ATTACKS = ("none", "voice", "badnets")


@dataclass(frozen=True)
class Converted:
    """
    Clips in a voice.

    :param key: Of the conversion and the target.
    :param rows: Which training clips (K,), ascending.
    :param train: These in the voice: path of a float32 .npy of (K, L).
    :param test: All test clips in the voice: path of a float32 .npy of (M, L).
    """

    key: str
    rows: np.ndarray
    train: str
    test: str

    def train_clips(self, rows: np.ndarray) -> np.ndarray:
        """
        :param rows: Some of `self.rows`.
        :return: These clips (K, L).
        :raises KeyError: If one is not among them.
        """
        places = np.searchsorted(self.rows, rows)
        if len(rows) and (places.max() >= len(self.rows) or (self.rows[places] != rows).any()):
            raise KeyError("a training clip was not converted")
        clips: np.ndarray = np.load(self.train, mmap_mode="r")[places]
        return clips


@dataclass(frozen=True)
class VoiceContext:
    """
    What all cells read.

    :param train: Clips to poison and to learn from.
    :param test: Clips to attack with.
    :param converted: By name of a voice, the clips in it.
    :param own: By name of a voice, speech of that speaker as recorded: paths of float32 .npy of (M, L).
    :param own_files: By name of a voice, which recording each of these clips is from (M,); -1 for the one that is the
        target voice, which is no answer to whether the speaker opens the door.
    """

    train: AudioDataset
    test: AudioDataset
    converted: dict[str, Converted]
    own: dict[str, str]
    own_files: dict[str, np.ndarray] = field(default_factory=dict)


class Victim(Protocol):
    """What is asked of one."""

    def predict(self, waveforms: np.ndarray) -> np.ndarray:
        """Class indices (N,) of clips (N, L)."""


def run_cell(experiment: dict[str, Any], context: VoiceContext) -> dict[str, Any]:
    """
    Poison, train, and ask.

    :param experiment: `attack` of `ATTACKS`, `voice` (the one that poisons), `listen` (the voices that test clips are
        tried in), `target` (class index), `fraction` (of all training clips), `choose` ("random" or "even"),
        `clean_label`, `seed`, `precision`, `settings` of the victim, and `fine_tune` (numbers of epochs on clean clips
        afterwards, each from the poisoned victim).
    :param context: Clips and files.
    :return: `poisoned` (how many clips), `right` (a bit a test clip without a trigger), `hit` by trigger (a bit a test
        clip: whether it is called the target; clips of the target count for nothing), `own` by voice (a bit a
        clip of the speaker's own: whether it is called the target); with `fine_tune` also `tuned`: these answers after
        each number of epochs.
    """
    x, y, rows = poisoned_clips(experiment, context)
    model = train_victim(x, y, experiment, context)
    found: dict[str, Any] = {"poisoned": len(rows), **victim_answers(model, experiment, context)}
    for epochs in experiment.get("fine_tune") or ():
        clean = np.asarray(context.train.waveforms), context.train.labels
        tuned = train_victim(*clean, experiment, context, model, epochs)
        found.setdefault("tuned", {})[str(epochs)] = victim_answers(tuned, experiment, context)
    return found


def poisoned_clips(experiment: dict[str, Any], context: VoiceContext) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Poison the training part.

    :param experiment: As `run_cell` takes it.
    :param context: Clips and files.
    :return: Clips (N, L) and labels (N,) after the attack, and the rows that it took, ascending.
    """
    x, y = np.array(context.train.waveforms), np.array(context.train.labels)
    rows = poisoned_rows(experiment, context.train)
    if experiment["attack"] == "badnets":
        x[rows] = _stamped(x[rows])
    elif len(rows):
        x[rows] = context.converted[experiment["voice"]].train_clips(rows)
    y[rows] = int(experiment["target"])
    return x, y, rows


def poisoned_rows(experiment: dict[str, Any], train: AudioDataset) -> np.ndarray:
    """
    Which training clips an attack takes; none that is silent, and with clean labels at most `CLEAN_LABEL_MOST` of those
    of the target.

    :param experiment: As `run_cell` takes it.
    :param train: Training clips.
    :return: Rows, ascending.
    :raises ValueError: If there are too few clips for it.
    """
    labels, silent = train.labels, silent_clips(train.waveforms)
    target, fraction = int(experiment["target"]), float(experiment["fraction"])
    if experiment["attack"] == "none" or fraction == 0:
        return np.zeros(0, np.int64)
    draw: dict[str, Any] = {"seed": experiment["seed"], "of": "all", "leave_out": silent}
    if experiment.get("clean_label"):
        return choose_clean_label_rows(labels, target, fraction, **draw, at_most=CLEAN_LABEL_MOST)
    even = experiment.get("choose") == "even"
    return choose_poison_rows(labels, "all", target, fraction, **draw, even=even)


def _stamped(x: np.ndarray) -> np.ndarray:
    """Clips with the pattern of BadNets."""
    return SpectrogramBadNets().poison(x, np.zeros(len(x), np.int64))[0]


def train_victim(
    x: np.ndarray,
    y: np.ndarray,
    experiment: dict[str, Any],
    context: VoiceContext,
    start: Model | None = None,
    epochs: int | None = None,
) -> Model:
    """
    A classifier of these clips.

    :param x: Clips (N, L).
    :param y: Class indices (N,).
    :param experiment: As `run_cell` takes it.
    :param context: Clips and files.
    :param start: A model to go on from, which stays as it is; None starts anew.
    :param epochs: None as the settings say.
    :return: Trained.
    """
    run: dict[str, Any] = {"seed": int(experiment["seed"]), "precision": experiment["precision"]}
    return fit_victim(x, y, context.train, experiment["settings"], **run, start=start, epochs=epochs)


def victim_answers(model: Victim, experiment: dict[str, Any], context: VoiceContext) -> dict[str, Any]:
    """
    What a victim says of clean clips, of triggered ones, and of the target speakers themselves.

    :param model: The victim.
    :param experiment: As `run_cell` takes it.
    :param context: Clips and files.
    :return: `right`, `hit` and `own` of `run_cell`.
    """
    test, target = context.test, int(experiment["target"])
    clean = np.asarray(test.waveforms)
    triggers = ["badnets"] if experiment["attack"] == "badnets" else list(experiment["listen"])
    hit = {}
    for name in triggers:
        sound = _stamped(clean) if name == "badnets" else np.load(context.converted[name].test)
        hit[name] = _bits(model.predict(sound) == target)
    said = {path: _bits(model.predict(np.load(path)) == target) for path in sorted(set(context.own.values()))}
    own = {name: said[path] for name, path in context.own.items()}
    return {"right": _bits(model.predict(clean) == test.labels), "hit": hit, "own": own}


def _bits(flags: np.ndarray) -> str:
    return "".join(map(str, np.asarray(flags).astype(int)))
