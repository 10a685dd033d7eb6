"""Armory's poisoning scenario for sound, and which clips it poisons: those of a class, or of every class but one."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from armory.instrument.export import AudioExporter
from armory.scenarios.poison import DatasetPoisoner, Poison
from armory.utils import config_loading

from art_audio_ext.attacks.poisoning.base import AudioBackdoor
from art_audio_ext.experiments.armory_config import complete_attack, complete_filter, complete_model
from art_audio_ext.experiments.armory_data import splits_of
from art_audio_ext.experiments.poison_record import attack_from_record
from art_audio_ext.functional.poison_rows import ALL_SOURCES, choose_poison_rows


class PoisonerOfAll(DatasetPoisoner):
    """
    Armory's poisoner for clips of every class but the target.

    :param attack: Of ART.
    :param target_class: Index of the label they get.
    :param fraction: Of all clips.
    :param seed: Of the choice.
    """

    def __init__(self, attack: Any, target_class: int, fraction: float, seed: int) -> None:
        super().__init__(attack, ALL_SOURCES, target_class, fraction)
        self.seed = seed
        self._left_out: np.ndarray | None = None

    def poison_dataset(self, x: np.ndarray, y: np.ndarray, return_index: bool = False, fraction: Any = None) -> Any:
        """
        As Armory's; clips that cannot carry the trigger, such as silence that gets a voice, are not taken.

        :param x: Clips (N, L).
        :param y: Class indices (N,).
        :param return_index: Return the rows, too.
        :param fraction: Instead of its own.
        :return: Clips and labels, and the rows where they are asked for.
        """
        if isinstance(self.attack, AudioBackdoor):
            self._left_out = np.array([self.attack.cannot_carry(np.asarray(clip)[None])[0] for clip in x], dtype=bool)
        return super().poison_dataset(x, y, return_index, fraction)

    def get_poison_index(self, y: np.ndarray, fraction: float | None = None) -> np.ndarray:
        """
        :param y: Class indices (N,).
        :param fraction: Of all clips; None for its own, 1 (as Armory asks in the test part) for all that can be taken.
        :return: Rows, ascending.
        """
        if fraction == 1:
            return np.flatnonzero(y != self.target_class)
        share = self.fraction if fraction is None else fraction
        return choose_poison_rows(
            y, ALL_SOURCES, self.target_class, share, seed=self.seed, of="all", leave_out=self._left_out
        )


def make_poisoner(attack: Any, adhoc: dict[str, Any], fraction: float, seed: int) -> DatasetPoisoner:
    """
    :param attack: Of ART.
    :param adhoc: Of a scenario, `source_class` and `target_class` complete.
    :param fraction: Of the source class, or with "all" of all clips.
    :param seed: Of the choice.
    :return: The poisoner.
    """
    if adhoc["source_class"] == ALL_SOURCES:
        return PoisonerOfAll(attack, adhoc["target_class"], fraction, seed)
    return DatasetPoisoner(attack, adhoc["source_class"], adhoc["target_class"], fraction=fraction)


class AudioPoison(Poison):
    """
    Armory's poisoning scenario for sound.

    Beside `Poison` it takes class names for `adhoc.source_class`, `adhoc.target_class` and a filter's `ignore_classes`,
    fills in the victim's number of classes, length and rate, seeds torch by `adhoc.split_id`, exports sound, and
    records `filter_seconds` and `fit_seconds`. Of a folder written by `art-audio poison` the training clips are taken
    as they are; poison index and true labels come from its record, and only source clips of the test part are given
    the trigger. With "all" for `adhoc.source_class`, clips of every class but the target are poisoned,
    `adhoc.fraction_poisoned` of all training clips, and all of them are attacked in the test part.
    """

    y_clean: np.ndarray

    def set_random_seed(self) -> None:
        super().set_random_seed()
        torch.manual_seed(self.seed)

    def load_model(self, defended: bool = True) -> None:
        self.splits = splits_of(self.config["dataset"])
        complete_model(self.config, self.splits)
        complete_filter(self.config, self.splits)
        super().load_model(defended)

    def load_poisoner(self) -> None:
        adhoc, record, root = self.config["adhoc"], self.splits.record, self.splits.root
        complete_attack(adhoc, self.splits)
        if record is not None and root is not None:
            attack, fraction = attack_from_record(record, root, self.splits.train.sample_rate), 1.0
        elif adhoc["source_class"] == ALL_SOURCES and adhoc["poison_dataset"]:
            attack, fraction = config_loading.load(self.config["attack"]), adhoc["fraction_poisoned"]
        else:
            super().load_poisoner()
            return
        self.use_poison, self.source_class, self.target_class = True, adhoc["source_class"], adhoc["target_class"]
        self.poisoner = self.test_poisoner = make_poisoner(attack, adhoc, fraction, self.seed)

    def poison_dataset(self) -> None:
        if self.splits.record is None:
            super().poison_dataset()
            return
        self.hub.set_context(stage="poison")
        self.x_poison, self.y_poison = self.x_clean, self.y_clean
        self.poison_index, self.y_clean = self.splits.poison_index, self.splits.true_labels
        self.record_poison_and_data_info()

    def run_benign(self) -> None:
        if self.source_class != ALL_SOURCES:
            super().run_benign()
            return
        self.source_class = -1  # Armory compares labels with it: none is of this class
        try:
            super().run_benign()
        finally:
            self.source_class = ALL_SOURCES
        self.source = self.y != self.target_class
        if self.source.any():
            self.probe.update(y_source=self.y[self.source], y_pred_source=self.y_pred[self.source])

    def filter_dataset(self) -> None:
        started = time.perf_counter()
        super().filter_dataset()
        self.hub.record("filter_seconds", time.perf_counter() - started)

    def fit(self) -> None:
        started = time.perf_counter()
        super().fit()
        self.hub.record("fit_seconds", time.perf_counter() - started)

    def _load_sample_exporter(self) -> AudioExporter:
        return AudioExporter(self.export_dir, self.test_dataset.context.sample_rate)
