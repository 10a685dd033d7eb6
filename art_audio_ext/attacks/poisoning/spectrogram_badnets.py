"""BadNets on the spectrogram: a static pattern on the lowest frequency rows, inverted back to sound."""

from __future__ import annotations

import numpy as np

from art_audio_ext.attacks.poisoning.base import AudioBackdoor, Perturbation, check_seed
from art_audio_ext.functional.spectrogram_pattern import row_pattern, stamp_rows


class SpectrogramBadNets(AudioBackdoor):
    """
    The adaptive BadNets baseline of the voice-conversion backdoor paper (section 4.1): "static triggers on the lowest
    ten frequencies of the spectrogram". Magnitudes of the rows are replaced, the clip's phase stays.

    The paper names neither transform nor level: rows of 31.25 Hz at 16 kHz and a level of 0.02 are ours.

    | Paper link (BadNets): https://arxiv.org/abs/1708.06733
    """

    attack_params = [  # noqa: RUF012  # ART's own form
        *AudioBackdoor.attack_params,
        "rows",
        "level",
        "n_fft",
        "hop",
        "seed",
    ]

    def __init__(
        self,
        rows: int = 10,
        *,
        level: float = 0.02,
        n_fft: int = 512,
        hop: int = 128,
        perturbation: Perturbation | list[Perturbation] | None = None,
        seed: int = 0,
    ) -> None:
        """
        :param rows: Frequency rows that carry the pattern, counted from 0 Hz.
        :param level: Loudness of a row: the amplitude of a sinusoid of that magnitude.
        :param n_fft: Window and transform length in samples.
        :param hop: Hop in samples, at most half of `n_fft`.
        :param perturbation: ART perturbations applied after ours, left to right; None for no more.
        :param seed: Draws the pattern: how loud each row is, between half of `level` and all of it.
        :raises ValueError: If a parameter is out of its range.
        """
        self.rows = rows
        self.level = level
        self.n_fft = n_fft
        self.hop = hop
        self.seed = seed
        super().__init__(perturbation)

    def _apply(self, x: np.ndarray) -> np.ndarray:
        pattern = row_pattern(self.rows, self.seed)
        return stamp_rows(x, pattern, level=self.level, n_fft=self.n_fft, hop=self.hop)

    def _check_params(self) -> None:
        super()._check_params()
        check_seed(self.seed)
        for name in ("rows", "n_fft", "hop"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"{name} must be a whole number from 1 up, got {value!r}")
        if self.hop > self.n_fft // 2:
            raise ValueError(f"hop must be at most half of n_fft ({self.n_fft // 2}) to invert, got {self.hop}")
        if self.rows > self.n_fft // 2 + 1:
            raise ValueError(f"rows must be at most n_fft // 2 + 1 = {self.n_fft // 2 + 1}, got {self.rows}")
        if isinstance(self.level, bool) or not isinstance(self.level, (int, float)) or not 0 < self.level <= 1:
            raise ValueError(f"level must be a number above 0 and at most 1, got {self.level!r}")
