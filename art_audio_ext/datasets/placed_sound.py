"""The sound of a file as it is decoded, each piece where its presentation time says, from which spans are cut."""

from __future__ import annotations

import numpy as np

from art_audio_ext.functional.resampling import resampled

# Containers round the times of packets (Matroska to 1 ms): only a step larger than that is a gap in the sound.
_JITTER_SECONDS = 0.005
_MARGIN_SECONDS = 1  # of sound on either side of a span that is resampled with it: a span's edges are no edges


class PlacedSound:
    """Pieces of mono sound with their times; what is missing between them is silence."""

    def __init__(self) -> None:
        self.rate = 0  # Hz, that of the file
        self._heard: list[float] = []  # of pieces that are not placed yet
        self._waiting: list[np.ndarray] = []
        self._placed: list[tuple[int, np.ndarray]] = []  # first sample after the first picture, and the piece
        self._end: int | None = None
        self._last = 0.0

    @property
    def end(self) -> float:
        """When the last piece ends, by the file's clock, in seconds; 0 before the first."""
        return self._last

    def take(self, samples: np.ndarray, time: float | None, rate: int) -> None:
        """
        Take the next piece.

        :param samples: (S,), full scale being 1.
        :param time: When it starts, in seconds; None follows the last one.
        :param rate: Samples a second, in Hz.
        :raises ValueError: If the rate is another than before.
        """
        if self.rate not in (0, rate):
            raise ValueError(f"its sound changes from {self.rate} to {rate} Hz: encode it again")
        self.rate = rate
        self._heard.append(self._last if time is None else float(time))
        self._waiting.append(samples)
        self._last = self._heard[-1] + len(samples) / rate

    def cut(self, first: float, begin: float, length: int, sample_rate: int, *, ends: bool = True) -> np.ndarray:
        """
        A span of the sound; pieces that end more than a second before it are forgotten.

        :param first: When the first picture is shown, by the file's clock, in seconds; the same in every call.
        :param begin: Where the span begins, in whole seconds after that.
        :param length: Samples wanted.
        :param sample_rate: Of them, in Hz.
        :param ends: Whether the pictures end with the span.
        :return: float32 (length,) in [-1, 1].
        :raises ValueError: If a sample is not finite.
        """
        self._place(first)
        before = min(begin, _MARGIN_SECONDS)
        start = round((begin - before) * self.rate)
        self._placed = [(at, piece) for at, piece in self._placed if at + len(piece) > start]
        seconds = before + length / sample_rate + (0 if ends else _MARGIN_SECONDS)
        track = np.zeros(int(np.ceil(seconds * self.rate)) + 1)
        for at, piece in self._placed:
            at -= start
            kept = piece[max(0, -at) : max(0, len(track) - at)]
            track[max(0, at) : max(0, at) + len(kept)] = kept
        if not np.isfinite(track).all():
            raise ValueError("its sound holds values that are not finite (NaN or infinity): encode it again")
        skipped = round(before * sample_rate)
        sound = resampled(track, self.rate, sample_rate)[skipped : skipped + length]
        return np.clip(np.pad(sound, (0, length - len(sound))), -1.0, 1.0).astype(np.float32)

    def _place(self, first: float) -> None:
        """Count the samples of what waits from the first picture on."""
        for heard, piece in zip(self._heard, self._waiting, strict=True):
            at = round((heard - first) * self.rate)
            if self._end is not None and abs(at - self._end) <= _JITTER_SECONDS * self.rate:
                at = self._end
            self._end = at + len(piece)
            self._placed.append((at, piece))
        self._heard, self._waiting = [], []
