"""The optimisation of Carlini and Wagner on a batch of clips, given nothing but margins and their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from art_audio_ext.functional.tanh_space import TanhSpace

#: Of points (n, L) and the rows they are of (n,): how far each is from success (n,), and its gradient (n, L).
Margins = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
_FIRST_DECAY, _SECOND_DECAY, _TINY = 0.9, 0.999, 1e-30
_LAST_STEP = 0.01  # of the first: steps shrink to it, so that the end is finer than the start
_LOOKS, _PROGRESS = 10, 0.9999  # at a clip's progress in a run, as in the authors' code
_FIRST_CONST = 30.0  # times the linear estimate: log-mels saturate, so that gradients promise more than they hold
_LONGER = 3.0  # steps after a run without success: it may have ended on the way
_MOST_STEP = 0.1  # of the clip's length


@dataclass
class CarliniFound:
    """
    :param points: The nearest points found (N, L); the clips themselves where none was.
    :param energy: Of their changes (N,); inf where none was found.
    :param iterations: Steps of each clip (N,).
    """

    points: Tensor
    energy: Tensor
    iterations: Tensor


def carlini_search(
    x: Tensor,
    margins: Margins,
    *,
    bounds: tuple[float, float] = (-1.0, 1.0),
    steps: int = 50,
    searches: int = 6,
    learning_rate: float = 2.0,
    initial_const: float | None = None,
) -> CarliniFound:
    """
    Minimise |change|^2 + c max(margin, 0) by Adam in the space of `TanhSpace`, c by a search for each clip.

    Source: Carlini and Wagner, "Towards evaluating the robustness of neural networks", 2017, section VI.A.

    :param x: Sound (N, L), no clip silent.
    :param margins: See `Margins`; success is a margin of 0 or less.
    :param bounds: Least and largest sample.
    :param steps: Of Adam, for each c.
    :param searches: Values of c: ten times larger, with steps three times longer, until a clip breaks, ten times
        smaller until it does not, then the geometric mean of the smallest that broke it and the largest that did not.
    :param learning_rate: First step of a sample, in units of the effective value of the smallest change that would
        break the clip if the margin m were linear with gradient g, which is m / |g| long. So a rate suits faint clips
        and loud ones, robust models and others. Steps shrink to a hundredth of it by a cosine.
    :param initial_const: First c; None is each clip's own: 30 times 2 m / |g|^2, where the gradients of both terms
        would balance at the boundary of the linear margin.
    :return: What was found.
    """
    space, every = TanhSpace(x, *bounds), torch.arange(len(x), device=x.device)
    margin, slope = margins(x, every)
    nearest = margin.clamp(min=1e-3) / slope.norm(dim=1).clamp(min=_TINY)
    length = learning_rate * torch.minimum(nearest, _MOST_STEP * x.norm(dim=1))
    const = torch.full_like(nearest, initial_const or 0.0)
    if initial_const is None:
        const = (_FIRST_CONST * 2 * nearest / slope.norm(dim=1).clamp(min=_TINY)).clamp(1e-12, 1e12)
    low, high = torch.zeros_like(const), torch.full_like(const, torch.inf)
    found = CarliniFound(x.clone(), torch.full_like(const, torch.inf), torch.ones_like(every))
    for _ in range(searches):
        run = _Run(x, space, const, length / x.shape[1] ** 0.5 / space.half, bounds)
        broke = run.descend(margins, steps, found)
        high, low = torch.where(broke, const, high), torch.where(broke, low, const)
        length = torch.where(high.isinf(), length * _LONGER, length)
        const = torch.where(high.isinf(), const * 10, torch.where(low == 0, const / 10, (low * high).sqrt()))
    return found


class _Run:
    """One descent from the clips, at one constant for each."""

    def __init__(self, x: Tensor, space: TanhSpace, const: Tensor, level: Tensor, bounds: tuple[float, float]) -> None:
        self.x, self.space, self.const, self.level, self.bounds = x, space, const, level, bounds
        self.v, self.first, self.second = torch.zeros_like(x), torch.zeros_like(x), torch.zeros_like(x)
        self.broke = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        self.last_look = torch.full_like(const, torch.inf)

    def descend(self, margins: Margins, steps: int, found: CarliniFound) -> Tensor:
        """Keeps the nearest successes in `found`, and says which clips had one (N,)."""
        rows = torch.arange(len(self.x), device=self.x.device)
        for step in range(steps):
            change, per_v = self.space.change(self.v[rows], rows)
            points = (self.x[rows] + change).clamp_(*self.bounds)
            margin, slope = margins(points, rows)
            moved = points - self.x[rows]
            energy = moved.square().sum(1)
            found.iterations[rows] += 1
            self._keep(found, rows, points, energy, margin <= 0)
            gradient = (2 * moved + (self.const[rows] * (margin > 0))[:, None] * slope) * per_v
            if step % max(1, steps // _LOOKS) == 0:
                going = self._still_falls(rows, energy + self.const[rows] * margin.clamp(min=0))
                rows, gradient = rows[going], gradient[going]
                if not len(rows):
                    break
            self._step(rows, gradient, step, steps)
        return self.broke

    def _keep(self, found: CarliniFound, rows: Tensor, points: Tensor, energy: Tensor, inside: Tensor) -> None:
        self.broke[rows] |= inside
        better = inside & (energy < found.energy[rows])
        found.points[rows[better]], found.energy[rows[better]] = points[better], energy[better]

    def _still_falls(self, rows: Tensor, loss: Tensor) -> Tensor:
        """Whether a clip is worth more steps; one that has not broken yet is, for its loss may have to rise first."""
        going = (loss <= _PROGRESS * self.last_look[rows]) | ~self.broke[rows]
        self.last_look[rows] = loss
        return going

    def _step(self, rows: Tensor, gradient: Tensor, step: int, steps: int) -> None:
        """Adam (Kingma and Ba, 2015, algorithm 1)."""
        self.first[rows] = _FIRST_DECAY * self.first[rows] + (1 - _FIRST_DECAY) * gradient
        self.second[rows] = _SECOND_DECAY * self.second[rows] + (1 - _SECOND_DECAY) * gradient.square()
        mean = self.first[rows] / (1 - _FIRST_DECAY ** (step + 1))
        spread = (self.second[rows] / (1 - _SECOND_DECAY ** (step + 1))).sqrt()
        share = _LAST_STEP + (1 - _LAST_STEP) * 0.5 * (1 + math.cos(math.pi * step / steps))
        self.v[rows] -= share * self.level[rows, None] * mean / (spread + _TINY)
