"""Armory's evasion scenario for classifiers that learn from the scenario's own training clips."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from armory import metrics
from armory.instrument import Meter
from armory.scenarios.audio_classification import AudioClassificationTask

from art_audio_ext.experiments.armory_config import complete_purification


class AudioPurification(AudioClassificationTask):
    """
    Armory's evasion scenario for a classifier behind a purifier, each told which training clips it may learn from:
    those of `dataset`. Armory's own scenario class needs `data` in both entries, see `get_speech_model`.

    Fresh noise is drawn for the attack's final point. With `--check`, networks learn for one epoch.
    """

    def load_model(self, defended: bool = True) -> None:
        torch.manual_seed((self.config.get("adhoc") or {}).get("split_id", 0))
        complete_purification(self.config, self.check_run)
        super().load_model(defended)


class SoundEventEvasion(AudioPurification):
    """
    The same for sound events, with what Armory's own means do not tell of attacks that look for the smallest change.

    Such an attack leaves a clip that is wrong already as it is. Armory's mean SNR is then infinite, and its adversarial
    accuracy counts that clip for the attack. So the results get `attack_success_rate`, over clips that were right (in a
    targeted attack: that were not called their target), and `perturbation_median_snr_db`, Armory's `snr_db` over clips
    that were changed. Each is null where there is no such clip.
    """

    def load_metrics(self) -> None:
        super().load_metrics()
        if self.skip_attack:
            return
        sound = ("scenario.x", "scenario.x_adv")
        self._connect("perturbation_median_snr_db", _finite_snr_db, np.median, sound)
        if not self.skip_benign:
            wanted = "scenario.y_target" if self.targeted else "scenario.y"
            calls = (wanted, "scenario.y_pred", "scenario.y_pred_adv")
            self._connect("attack_success_rate", _hits if self.targeted else _breaks, np.mean, calls)

    def _connect(
        self, name: str, metric: Callable[..., list[float]], final: Callable, arguments: tuple[str, ...]
    ) -> None:
        def closed(values: list[float]) -> float | None:
            return float(final(values)) if values else None

        meter = Meter(name, metric, *arguments, final=closed, final_name=name, record_final_only=True)
        self.hub.connect_meter(meter)


def _finite_snr_db(x: np.ndarray, x_adv: np.ndarray) -> list[float]:
    """Of clips that sound and were changed."""
    return [float(value) for value in metrics.get("snr_db")(x, x_adv) if np.isfinite(value)]


def _breaks(y: np.ndarray, before: np.ndarray, after: np.ndarray) -> list[float]:
    """Of clips that were right: 1 if it no longer is."""
    right = before.argmax(1) == y
    return (after.argmax(1) != y)[right].astype(float).tolist()


def _hits(targets: np.ndarray, before: np.ndarray, after: np.ndarray) -> list[float]:
    """Of clips that were not called their target: 1 if it now is."""
    apart = before.argmax(1) != targets
    return (after.argmax(1) == targets)[apart].astype(float).tolist()
