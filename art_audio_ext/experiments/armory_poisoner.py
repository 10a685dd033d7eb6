"""Which clips an Armory scenario poisons: those of a class, or of every class but the target."""

from __future__ import annotations

from typing import Any

import numpy as np
from armory.scenarios.poison import DatasetPoisoner

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

    def get_poison_index(self, y: np.ndarray, fraction: float | None = None) -> np.ndarray:
        """
        :param y: Class indices (N,).
        :param fraction: Of all clips; None for its own, 1 (as Armory asks in the test part) for all that can be taken.
        :return: Rows, ascending.
        """
        if fraction == 1:
            return np.flatnonzero(y != self.target_class)
        share = self.fraction if fraction is None else fraction
        return choose_poison_rows(y, ALL_SOURCES, self.target_class, share, seed=self.seed, of="all")


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
