"""Projected gradient ascent on waveforms, for attacks and for adversarial training alike."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

NORMS = ("inf", "2")
SCHEDULES = ("constant", "cosine", "linear")

#: Of points (n, L), the rows they are of (n,), and the step: the gradient (n, L), and which rows have arrived (n,).
#: The points are to be read, not changed.
Gradient = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor | None]]


def projected_ascent(
    x: Tensor,
    gradient: Gradient,
    *,
    eps: float | Tensor,
    eps_step: float | Tensor,
    steps: int,
    norm: str = "inf",
    start: Tensor | None = None,
    clip_values: tuple[float, float] | tuple[Tensor, Tensor] = (-1.0, 1.0),
    schedule: str = "constant",
) -> Tensor:
    """
    Steps of steepest ascent, each followed by clipping and by projection onto the ball around `x`.

    Source: Madry et al., "Towards deep learning models resistant to adversarial attacks", 2018, section 2.1.

    :param x: Sound (N, L).
    :param gradient: See `Gradient`. A row that has arrived keeps the point at which it did, and is not asked for again.
    :param eps: Radius of the ball, in full scale; or one a clip (N, 1); with norm "inf" also one for each value (L,), 0
        for those to leave.
    :param eps_step: Length of a step, in the same norm and of the same shape.
    :param steps: How many.
    :param norm: "inf" or "2".
    :param start: Where to start (N, L); None is `x`.
    :param clip_values: Least and largest sample, or of each value (L,).
    :param schedule: How the step shrinks: "constant", "linear" to a tenth, or "cosine" to nothing.
    :return: Points in the ball (N, L).
    """
    points = x.clone() if start is None else start.clone()
    rows = torch.arange(len(x), device=x.device)
    for step in range(steps):
        if not len(rows):
            break
        all_left = len(rows) == len(x)  # then nothing is copied out and back
        slope, arrived = gradient(points if all_left else points[rows], rows, step)
        if arrived is not None and bool(arrived.any()):
            rows, slope, all_left = rows[~arrived], slope[~arrived], False
        here, centre = (points, x) if all_left else (points[rows], x[rows])
        radius, length = (_of_rows(value, rows) for value in (eps, eps_step))
        length = length * step_share(step, steps, schedule)
        moved = steepest(slope, norm).to(points.dtype).mul_(length).add_(here).clamp_(*clip_values).sub_(centre)
        moved = project(moved, radius, norm).add_(centre)
        if all_left:
            points = moved
        else:
            points[rows] = moved
    return points


def _of_rows(value: float | Tensor, rows: Tensor) -> float | Tensor:
    """What was given for each clip (N, 1), of some; what holds for all stays as it is."""
    return value[rows] if isinstance(value, Tensor) and value.ndim == 2 else value


def steepest(gradient: Tensor, norm: str) -> Tensor:
    """
    The direction of unit norm that climbs fastest.

    :param gradient: Shape (n, L); what is not finite counts as zero.
    :param norm: "inf" or "2".
    :return: Shape (n, L); zero where the gradient is.
    """
    gradient = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)  # a copy, free to change
    if norm == "inf":
        return gradient.sign_()
    # by the largest value first: the square of a gradient of 1e-30 is no number of 32 bits
    scaled = gradient / gradient.abs().amax(1, keepdim=True).clamp(min=torch.finfo(gradient.dtype).tiny)
    return scaled / scaled.norm(dim=1, keepdim=True).clamp(min=0.5)


def project(change: Tensor, eps: float | Tensor, norm: str) -> Tensor:
    """
    The nearest change within the ball.

    :param change: Shape (n, L).
    :param eps: Radius, or one a row (n, 1); with norm "inf" also one for each value (L,).
    :param norm: "inf" or "2".
    :return: Shape (n, L).
    """
    if norm == "inf":
        return change.clamp(-eps, eps)  # type: ignore[arg-type]  # two numbers or two tensors
    length = change.norm(dim=1, keepdim=True)
    return change * (eps / length.clamp(min=torch.finfo(change.dtype).tiny)).clamp(max=1.0)


def random_change(shape: tuple[int, int], eps: float | Tensor, norm: str, generator: torch.Generator) -> Tensor:
    """
    A point of the ball, evenly drawn.

    :param shape: (N, L).
    :param eps: Radius; with norm "inf" also one for each value (L,), on the CPU.
    :param norm: "inf" or "2".
    :param generator: On the CPU.
    :return: Shape (N, L).
    """
    if norm == "inf":
        return eps * (2 * torch.rand(shape, generator=generator) - 1)
    direction = torch.randn(shape, generator=generator)
    radius = torch.rand(shape[0], 1, generator=generator) ** (1 / shape[1])
    return eps * radius * direction / direction.norm(dim=1, keepdim=True)


def step_share(step: int, steps: int, schedule: str) -> float:
    """
    How long a step is, as a share of the first.

    :param step: From 0.
    :param steps: In all.
    :param schedule: Of `SCHEDULES`.
    """
    done = step / max(1, steps)
    if schedule == "constant":
        return 1.0
    return 1.0 - 0.9 * done if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))


def check_ball(eps: object, eps_step: object, norm: object, schedule: object = "constant") -> None:
    """
    Refuse what is no ball or no step.

    :param eps: Radius, a positive number.
    :param eps_step: A positive number.
    :param norm: Of `NORMS`.
    :param schedule: Of `SCHEDULES`.
    :raises ValueError: If one is unusable.
    """
    for name, value in (("eps", eps), ("eps_step", eps_step)):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not (math.isfinite(value) and value > 0):  # type: ignore[arg-type,operator]
            raise ValueError(f"{name} must be a positive number (1 is full scale), got {value!r}")
    if norm not in NORMS:
        raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {norm!r}")
    if schedule not in SCHEDULES:
        raise ValueError(f"step_schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r}")
