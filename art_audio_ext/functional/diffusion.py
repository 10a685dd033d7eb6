"""Gaussian diffusion in discrete steps as pure differentiable functions: the schedule, noising, and one step back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

_MOST_STEPS = 10000  # a settings file from a stranger must not be able to ask for the whole memory


@dataclass(frozen=True)
class DiffusionSchedule:
    """
    Variances that rise linearly, beta_1 to beta_T. Steps count from 1 to `steps`; t = 0 is the clean signal.

    With the defaults, which are DiffWave's, the noise has a standard deviation of .0100 at t = 1, .0173 at 2, .0245
    at 3, .0387 at 5, .0741 at 10 and .93 at 200.

    Source: Ho et al., "Denoising Diffusion Probabilistic Models", 2020; Kong et al., "DiffWave", 2021, for the numbers.

    :param steps: T.
    :param first: beta_1.
    :param last: beta_T.
    :raises ValueError: If `steps` is no whole number from 1 to 10000, or not 0 < first <= last < 1.
    """

    steps: int = 200
    first: float = 1e-4
    last: float = 0.02

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or not 1 <= self.steps <= _MOST_STEPS:
            raise ValueError(f"steps of a schedule must be a whole number from 1 to {_MOST_STEPS}, got {self.steps!r}")
        numbers = all(isinstance(v, (int, float)) and math.isfinite(v) for v in (self.first, self.last))
        if not numbers or not 0 < self.first <= self.last < 1:
            raise ValueError(
                f"the variances of a schedule must satisfy 0 < first <= last < 1, got {self.first!r} and {self.last!r}"
            )

    def signal(self, t: int | Tensor) -> Tensor:
        """
        How much of the clean signal is left after t steps, sqrt(abar_t).

        :param t: A step from 0 to `steps`, or integers of shape (N,).
        :return: float64 of shape () or (N,), on the device of `t`.
        :raises ValueError: If t is no step of this schedule.
        """
        return _read(_tables(self).signal, t, self, 0)

    def noise(self, t: int | Tensor) -> Tensor:
        """
        Standard deviation of the noise after t steps, sqrt(1 - abar_t).

        :param t: A step from 0 to `steps`, or integers of shape (N,).
        :return: float64 of shape () or (N,), on the device of `t`.
        :raises ValueError: If t is no step of this schedule.
        """
        return _read(_tables(self).noise, t, self, 0)

    def check_step(self, t: int | Tensor, least: int = 1) -> None:
        """
        Refuse what is no step.

        :param t: To be a whole number from `least` to `steps`, or such integers of shape (N,).
        :param least: 1, or 0 where the clean signal will do.
        :raises ValueError: If it is not.
        """
        said = f"t must be a whole number from {least} to {self.steps}"
        if not isinstance(t, Tensor):
            if isinstance(t, bool) or not isinstance(t, (int, np.integer)) or not least <= t <= self.steps:
                raise ValueError(f"{said}, got {t!r}")
            return
        if t.ndim != 1 or t.dtype not in (torch.int64, torch.int32):
            raise ValueError(f"{said}, or a LongTensor of shape (N,): got {t.dtype} of shape {tuple(t.shape)}")
        rows = t.cpu()
        wrong = (rows < least) | (rows > self.steps)
        if wrong.any():
            row = int(wrong.int().argmax())
            raise ValueError(f"{said}, got {int(rows[row])} in row {row}")


def diffuse(x0: Tensor, t: int | Tensor, noise: Tensor, schedule: DiffusionSchedule) -> Tensor:
    """
    Clean signals after t steps at once: `sqrt(abar_t) x0 + sqrt(1 - abar_t) noise`.

    Source: Ho et al., 2020, equation 4; Tan et al., "DualPure", 2024, equation 3.

    :param x0: Shape (N, ...).
    :param t: A step from 0 to `schedule.steps` for all, or integers of shape (N,).
    :param noise: Standard normal, the shape of `x0`.
    :param schedule: The variances.
    :return: The shape and type of `x0`.
    :raises ValueError: If the shapes differ, or t is no step of this schedule.
    """
    _check_shapes(x0, noise, "noise")
    tables = _tables(schedule)
    return _factor(tables.signal, t, schedule, x0, 0) * x0 + _factor(tables.noise, t, schedule, x0, 0) * noise


def predicted_clean(x_t: Tensor, eps: Tensor, t: int | Tensor, schedule: DiffusionSchedule) -> Tensor:
    """
    The clean signal in one step, if `eps` is the noise: `(x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t)`.

    Source: Ho et al., 2020, equation 15.

    :param x_t: Shape (N, ...).
    :param eps: Predicted noise, the same shape.
    :param t: A step from 0 to `schedule.steps` for all, or integers of shape (N,).
    :param schedule: The variances.
    :return: The shape and type of `x_t`; it is not clamped.
    :raises ValueError: If the shapes differ, or t is no step of this schedule.
    """
    _check_shapes(x_t, eps, "eps")
    tables = _tables(schedule)
    return (x_t - _factor(tables.noise, t, schedule, x_t, 0) * eps) / _factor(tables.signal, t, schedule, x_t, 0)


def ancestral_step(
    x_t: Tensor, eps: Tensor, t: int | Tensor, noise: Tensor | None, schedule: DiffusionSchedule
) -> Tensor:
    """
    One step back, from t to t - 1: `(x_t - beta_t / sqrt(1 - abar_t) eps) / sqrt(1 - beta_t) + sigma_t noise`.

    sigma_t^2 is the variance of the posterior, `beta_t (1 - abar_{t-1}) / (1 - abar_t)`. It is 0 at t = 1: the last
    step adds no noise. With the default schedule the step from t = 1 is `(x - .01 eps) / sqrt(.9999)`.

    Source: Ho et al., 2020, equations 6, 7 and 11. (Equation 4 of "DualPure" writes alpha_t for abar_t, which is the
    same at t = 1 alone.)

    :param x_t: Shape (N, ...).
    :param eps: Predicted noise, the same shape.
    :param t: A step from 1 to `schedule.steps` for all, or integers of shape (N,).
    :param noise: Standard normal, the same shape; None gives the mean.
    :param schedule: The variances.
    :return: The shape and type of `x_t`; it is not clamped.
    :raises ValueError: If the shapes differ, or t is no step of this schedule.
    """
    _check_shapes(x_t, eps, "eps")
    tables = _tables(schedule)
    mean = (x_t - _factor(tables.pull, t, schedule, x_t, 1) * eps) * _factor(tables.growth, t, schedule, x_t, 1)
    if noise is None:
        return mean
    _check_shapes(x_t, noise, "noise")
    return mean + _factor(tables.sigma, t, schedule, x_t, 1) * noise


@dataclass(frozen=True)
class _Tables:
    """float64 of shape (steps + 1,), by t; what the step from t = 0 would be is not a number."""

    signal: Tensor  # sqrt(abar)
    noise: Tensor  # sqrt(1 - abar)
    pull: Tensor  # beta / sqrt(1 - abar)
    growth: Tensor  # 1 / sqrt(1 - beta)
    sigma: Tensor  # square root of the posterior variance


@lru_cache(maxsize=16)
def _tables(schedule: DiffusionSchedule) -> _Tables:
    """All that depends on the schedule alone."""
    beta = np.concatenate([[0.0], np.linspace(schedule.first, schedule.last, schedule.steps)])
    # 1 - prod(1 - beta) loses half its digits at small t; expm1 of the summed logarithms keeps them
    logarithm = np.cumsum(np.log1p(-beta))
    signal, variance = np.exp(logarithm / 2), -np.expm1(logarithm)
    with np.errstate(invalid="ignore"):
        pull = beta / np.sqrt(variance)
        sigma = np.sqrt(beta * np.concatenate([[0.0], variance[:-1]]) / variance)
    columns = (signal, np.sqrt(variance), pull, 1 / np.sqrt(1 - beta), sigma)
    return _Tables(*(torch.from_numpy(column) for column in columns))


def _factor(table: Tensor, t: int | Tensor, schedule: DiffusionSchedule, x: Tensor, least: int) -> Tensor | float:
    """What to multiply `x` by: a float for all rows, or one number a row in its type and on its device."""
    values = _read(table, t, schedule, least)
    if values.ndim == 0:
        return float(values)  # the exact float64, whatever the type of `x`
    if x.ndim < 1 or len(values) != len(x):
        raise ValueError(f"{len(values)} steps t for signals of shape {tuple(x.shape)}: give one step a row, or an int")
    return values.to(x).view(-1, *[1] * (x.ndim - 1))


def _read(table: Tensor, t: int | Tensor, schedule: DiffusionSchedule, least: int) -> Tensor:
    """Entries of a table, after a look at whether t is a step."""
    schedule.check_step(t, least)
    if isinstance(t, Tensor):
        return table[t.cpu()].to(t.device)
    return table[int(t)].clone()  # the table is kept: nobody may write to it


def _check_shapes(x: Tensor, other: Tensor, name: str) -> None:
    """Refuse what would be broadcast in silence."""
    if other.shape != x.shape:
        raise ValueError(f"{name} has shape {tuple(other.shape)}, the signal {tuple(x.shape)}: they must be the same")
