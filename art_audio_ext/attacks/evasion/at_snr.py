"""Attacks of fixed size: every clip is changed by as much as a signal-to-noise ratio allows, not more and not less."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from art_audio_ext.attacks.evasion.reported import ReportedEvasion, check_number
from art_audio_ext.functional.snr_change import change_at_snr

_LEAST_DB, _MOST_DB = -40.0, 140.0  # beyond it 32 bits hold neither the clip nor the change


class AttackAtSNR(ReportedEvasion):
    """
    Base of the attacks of fixed size. A subclass draws directions; the length of each is found in closed form, with the
    samples that stop at the clip values taken into account.

    A ratio that the clip values forbid (a loud clip, a ratio far below 0 dB) is approached as far as they allow; the
    report has what was reached.
    """

    leaves_wrong_clips = False  # a baseline of one level is that level on every clip
    one_line = True  # a clip's direction does not depend on the ratio: a search asks for it once
    snr_db: float

    def at_snr(self, x: np.ndarray, labels: np.ndarray, snr_db: np.ndarray) -> np.ndarray:
        """
        Attack clips, each at its own ratio.

        :param x: Sound float32 (n, L), checked.
        :param labels: Class indices (n,), or targets.
        :param snr_db: Of each clip (n,), in dB.
        :return: float32 (n, L).
        """
        return self.stretched(x, self.directions(x, labels), snr_db)

    @abstractmethod
    def directions(self, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """
        Where each clip is moved.

        :param x: Sound float32 (n, L).
        :param labels: Class indices (n,), or targets.
        :return: Shape (n, L), of any length.
        """

    def stretched(self, x: np.ndarray, directions: np.ndarray, snr_db: np.ndarray) -> np.ndarray:
        """
        :param x: Sound float32 (n, L).
        :param directions: Shape (n, L), of any length.
        :param snr_db: Of each clip (n,), in dB.
        :return: The clips moved that far, float32 (n, L).
        """
        bounds = self._bounds()
        rows = zip(x, directions, snr_db, strict=True)
        return np.stack([change_at_snr(clip, way, float(ratio), bounds) for clip, way, ratio in rows])

    def _attack(self, x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found = self.at_snr(x, labels, np.full(len(x), float(self.snr_db)))
        return found, np.full(len(x), self._steps()), np.full(len(x), self._passes())

    def _steps(self) -> int:
        return 1

    def _passes(self) -> int:
        return 1

    def _check_params(self) -> None:
        self._check_common()
        check_number(self.snr_db, "snr_db", _LEAST_DB, _MOST_DB)


def searchable(attack: Any) -> AttackAtSNR:
    """
    :param attack: To be searched over ratios.
    :return: The same.
    :raises ValueError: If it is no attack of fixed size.
    """
    if not isinstance(attack, AttackAtSNR):
        raise ValueError(
            f"{type(attack).__name__} is no attack of fixed size: give WhiteNoise, FGSMAtSNR or PGDAtSNR; an attack "
            f"that looks for the smallest change reports its ratios itself"
        )
    return attack
