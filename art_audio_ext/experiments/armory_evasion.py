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
    targeted attack: that were not called their target), and `attack_success_median_snr_db`, Armory's `snr_db` over
    those that the attack broke. Each is null where there is no such clip.
    """

    def load_metrics(self) -> None:
        super().load_metrics()
        if self.skip_attack or self.skip_benign:
            return
        calls = ("scenario.y_target" if self.targeted else "scenario.y", "scenario.y_pred", "scenario.y_pred_adv")
        broken = _hits if self.targeted else _breaks

        def levels(x: np.ndarray, x_adv: np.ndarray, *labels: np.ndarray) -> list[float]:
            attacked, broke = broken(*labels)
            return np.asarray(metrics.get("snr_db")(x, x_adv))[attacked & broke].tolist()

        def rates(*labels: np.ndarray) -> list[float]:
            attacked, broke = broken(*labels)
            return broke[attacked].astype(float).tolist()

        self._connect("attack_success_rate", rates, np.mean, calls)
        self._connect("attack_success_median_snr_db", levels, np.median, ("scenario.x", "scenario.x_adv", *calls))

    def _connect(
        self, name: str, metric: Callable[..., list[float]], final: Callable, arguments: tuple[str, ...]
    ) -> None:
        def closed(values: list[float]) -> float | None:
            return float(final(values)) if values else None

        meter = Meter(name, metric, *arguments, final=closed, final_name=name, record_final_only=True)
        self.hub.connect_meter(meter)


def _breaks(y: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which clips were right, and which are wrong now, bool (n,)."""
    return before.argmax(1) == y, after.argmax(1) != y


def _hits(targets: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which clips were not called their target, and which are now, bool (n,)."""
    return before.argmax(1) != targets, after.argmax(1) == targets
