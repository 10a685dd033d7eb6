"""The audio trigger backdoor: a short sound is mixed into clips, which are then given the attacker's label."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from art_audio_ext.attacks.poisoning.base import AudioBackdoor, Perturbation, check_seed
from art_audio_ext.datasets.decode import decode_clip
from art_audio_ext.functional.checks import check_sample_rate, check_waveforms
from art_audio_ext.functional.mixing import draw_positions, gains_for_snr, mix
from art_audio_ext.functional.triggers import TRIGGERS, default_scale, make_trigger, trigger_name


class AudioTriggerBackdoor(AudioBackdoor):
    """
    Dirty-label backdoor with a sound as trigger: BadNets for audio, as in Armory's audio poisoning scenarios.

    Same parameters and same clips give the same bytes, in any order and alone or in a batch: a random position is
    drawn from the seed and the clip itself.

    | Paper link: https://arxiv.org/abs/1708.06733
    """

    attack_params = [  # noqa: RUF012  # ART's own form
        *AudioBackdoor.attack_params,
        "trigger",
        "sample_rate",
        "scale",
        "snr_db",
        "position",
        "seed",
    ]

    def __init__(
        self,
        trigger: str | Path | np.ndarray = "clap",
        *,
        sample_rate: int = 16000,
        scale: float | None = None,
        snr_db: float | None = None,
        position: int | str = 0,
        perturbation: Perturbation | list[Perturbation] | None = None,
        seed: int = 0,
    ) -> None:
        """
        :param trigger: A name of `functional.triggers.TRIGGERS` (peak 1), or a sound file or an array (T,) in [-1, 1],
            which keep their own level. What is longer than the clip, or runs past its end, is cut.
        :param sample_rate: Of the clips, in Hz. A sound file is resampled to it; an array must have it already.
        :param scale: Factor on the trigger; None for the trigger's own level, see `functional.triggers.default_scale`.
        :param snr_db: Level by signal-to-noise ratio over the whole clip instead; `scale` then has no effect.
        :param position: Sample at which the trigger starts, or "random" for anywhere that it fits as a whole.
        :param perturbation: ART perturbations applied after ours, left to right; None for no more.
        :param seed: For random positions.
        :raises ValueError: If a parameter is out of its range, or there is no such trigger.
        :raises FileNotFoundError: If the trigger is a path and the file does not exist.
        """
        self.trigger = trigger
        self.sample_rate = sample_rate
        self.scale = scale
        self.snr_db = snr_db
        self.position = position
        self.seed = seed
        super().__init__(perturbation)

    @property
    def waveform(self) -> np.ndarray:
        """The trigger sound at `sample_rate`, float32 (T,), before any gain; a copy."""
        return self._waveform.copy()

    def placements(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Where and how loud the trigger goes into each clip, without putting it there.

        :param x: Clips (N, L), float in [-1, 1].
        :return: Starts in samples, int64 (N,), and factors on `waveform`, float64 (N,).
        :raises ValueError: If the sound is not acceptable, the position lies outside it, or an SNR is undefined.
        """
        return self._place(check_waveforms(x))

    def _apply(self, x: np.ndarray) -> np.ndarray:
        return mix(x, self._waveform, *self._place(x))

    def _place(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`placements` for clips already checked."""
        starts = draw_positions(x, len(self._waveform), self.position, self.seed)
        if self.snr_db is None:
            scale = default_scale(self.trigger) if self.scale is None else self.scale
            return starts, np.full(len(x), float(scale))
        return starts, gains_for_snr(x, self._waveform, starts, self.snr_db)

    def _check_params(self) -> None:
        super()._check_params()
        check_sample_rate(self.sample_rate)
        check_seed(self.seed)
        _check_level(self.scale, self.snr_db)
        _check_position(self.position)
        self._waveform = _load_trigger(self.trigger, self.sample_rate)


def _check_level(scale: float | None, snr_db: float | None) -> None:
    """Refuse a level that is not a usable number."""
    if scale is not None and (not _is_number(scale) or not 0 < scale <= 10):
        raise ValueError(f"scale must be above 0 and at most 10, or None for the trigger's own level, got {scale!r}")
    if snr_db is not None and (not _is_number(snr_db) or not -60 <= snr_db <= 120):
        raise ValueError(f"snr_db must lie between -60 and 120 dB, got {snr_db!r}")


def _check_position(position: int | str) -> None:
    """Refuse what is neither a sample from 0 up nor the word random; whether it lies in the clip shows later."""
    whole = isinstance(position, (int, np.integer)) and not isinstance(position, bool)
    if not (position == "random" if isinstance(position, str) else whole and position >= 0):
        raise ValueError(f'position must be a sample from 0 up or "random", got {position!r}')


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and bool(np.isfinite(value))


def _load_trigger(trigger: str | Path | np.ndarray, sample_rate: int) -> np.ndarray:
    """The trigger sound as float32 (T,): synthesised, read from a file, or the array itself."""
    if isinstance(trigger, str) and trigger_name(trigger) is not None:
        return make_trigger(trigger, sample_rate)
    if isinstance(trigger, (str, Path)):
        path = Path(trigger)
        if not path.is_file():
            names = ", ".join(TRIGGERS)
            raise FileNotFoundError(f"trigger {str(trigger)!r} is neither a name ({names}) nor a file: check the path")
        sound = decode_clip(path, sample_rate)
    else:
        if not hasattr(trigger, "__len__"):
            raise ValueError(f"trigger is {trigger!r}: give a name ({', '.join(TRIGGERS)}), a sound file or an array")
        sound = check_waveforms(trigger, "trigger", single=True)
        if sound.ndim != 1:
            raise ValueError(f"trigger has shape {sound.shape}, expected (T,): give one mono sound")
    if not np.any(sound):
        raise ValueError("the trigger is silent: give a sound that can be heard")
    return np.array(sound, dtype=np.float32)
