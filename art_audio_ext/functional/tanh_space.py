"""Change of variables that keeps sound within its bounds, without the rounding that the usual form has."""

from __future__ import annotations

import torch
from torch import Tensor

_INSIDE = 0.999999


class TanhSpace:
    """
    The change of variables of Carlini and Wagner (2017, section V.B), as a change of the clip: x + change(v).

    The usual form, tanh(arctanh(x) + v), rounds x itself on its way there and back: at an amplitude of .01 that noise
    lies 110 dB below the clip, and less below a fainter one. Here the addition theorem of tanh gives the difference
    alone, change = h b (1 - a^2) / (1 + a b) with a = (x - centre) / h and b = tanh(v), which is exact to the last bits
    however small it is, and 0 at v = 0.

    :param x: Sound (N, L).
    :param low: Least sample.
    :param high: Largest.
    """

    def __init__(self, x: Tensor, low: float, high: float) -> None:
        self.half = (high - low) / 2
        self.place = ((x - (low + high) / 2) / self.half).clamp(-_INSIDE, _INSIDE)
        self.slack = 1 - self.place**2

    def change(self, v: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """
        :param v: Variables (n, L).
        :param rows: Which clips they are of (n,).
        :return: The change (n, L) and its derivative by `v` (n, L).
        """
        place, slack, b = self.place[rows], self.slack[rows], torch.tanh(v)
        below = 1 + place * b
        return self.half * slack * b / below, self.half * slack * (1 - b**2) / below**2
