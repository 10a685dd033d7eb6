"""The smallest change at which an attack of fixed size breaks each clip, so that attacks compare at equal strength."""

from __future__ import annotations

from typing import Any

import numpy as np

from art_audio_ext.attacks.evasion.at_snr import searchable
from art_audio_ext.attacks.evasion.white_box import as_labels, predicted
from art_audio_ext.functional.attack_report import ClipReport
from art_audio_ext.functional.checks import check_waveforms
from art_audio_ext.functional.snr_change import is_silent
from art_audio_ext.functional.snr_curve import highest_snr


def minimal_snr(attack: Any, x: np.ndarray, y: np.ndarray | None = None, **search: float) -> np.ndarray:
    """
    Search the highest signal-to-noise ratio at which an attack of fixed size breaks each clip, all clips in one batch.

    :param attack: A `WhiteNoise`, `FGSMAtSNR` or `PGDAtSNR`; its own `snr_db` is not used.
    :param x: Waveforms (N, L) in [-1, 1].
    :param y: Class indices (N,) or one-hot rows (N, C), targets if the attack is targeted; None takes the classifier's
        own answers.
    :param search: `low_db`, `high_db`, `step_db` and `tolerance_db` of `highest_snr`.
    :return: float64 (N,), in dB, for `success_curve`: inf where a clip is wrong without a change, -inf where none broke
        it, NaN where it is silent.
    :raises ValueError: If the attack is of another kind, or sound, labels or the range are unusable.
    """
    attack, x = searchable(attack), check_waveforms(x)
    estimator, size = attack.estimator, attack.batch_size
    labels = as_labels(estimator, x, y, attack.targeted).numpy()

    def broken(clips: np.ndarray, rows: np.ndarray) -> np.ndarray:
        called = predicted(estimator, clips, size).argmax(1)
        return called == labels[rows] if attack.targeted else called != labels[rows]

    every = np.arange(len(x))
    found = np.where(broken(x, every), np.inf, np.nan)
    found[is_silent(x)] = np.nan
    rows = np.flatnonzero(np.isnan(found) & ~is_silent(x))
    if not len(rows):
        return found
    ways = attack.directions(x[rows], labels[rows]) if attack.one_line else None

    def trial(some: np.ndarray, ratios: np.ndarray) -> np.ndarray:
        at = rows[some]
        if ways is None:
            clips = attack.at_snr(x[at], labels[at], ratios)
        else:
            clips = attack.stretched(x[at], ways[some], ratios)
        return broken(clips, at)

    found[rows] = highest_snr(trial, len(rows), **search)  # type: ignore[arg-type]
    return found


def reported_snr(reports: list[ClipReport]) -> np.ndarray:
    """
    The same of an attack that looks for the smallest change itself, from its reports.

    :param reports: Of the attack.
    :return: float64 (N,), in dB, as `minimal_snr` returns it.
    """
    return np.array([_of(report) for report in reports])


def _of(report: ClipReport) -> float:
    if report.silent:
        return np.nan
    if report.already:
        return np.inf
    return report.snr_db if report.success and report.snr_db is not None else -np.inf
