"""Many solvers answered together find what SciPy's finds alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy.optimize import minimize

from art_audio_ext.functional.joint_lbfgsb import joint_lbfgsb

CURVED = np.linspace(1, 50, 12)
CENTRES = np.random.default_rng(0).normal(size=(4, 12))
BOUNDS = (np.full((4, 12), -0.5), np.full((4, 12), 0.5))


def answers(points, rows):
    away = points - CENTRES[rows]
    return (CURVED * away**2 + away**4).sum(1), 2 * CURVED * away + 4 * away**3


class Memory:
    """Remembers the last point of each problem, and how many were asked together."""

    def __init__(self):
        self.last, self.together = {}, []

    def __call__(self, points, rows):
        self.together.append(tuple(rows))
        self.last.update({int(row): point.copy() for row, point in zip(rows, points, strict=True)})
        return answers(points, rows)


def test_each_solver_takes_the_steps_that_it_takes_alone():
    memory = Memory()
    steps = joint_lbfgsb(memory, np.zeros((4, 12)), BOUNDS, corrections=5, max_iter=40, tolerance=1e-12)
    for row in range(4):
        alone = minimize(
            lambda point, row=row: tuple(part[0] for part in answers(point[None], np.array([row]))),
            np.zeros(12),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-0.5, 0.5)] * 12,
            options={"maxcor": 5, "maxiter": 40, "maxfun": 120, "ftol": 1e-12, "gtol": 0.0},
        )
        assert steps[row] == alone.nit
        np.testing.assert_allclose(memory.last[row], alone.x, atol=1e-6)
        np.testing.assert_allclose(alone.x, np.clip(CENTRES[row], -0.5, 0.5), atol=1e-4)
    assert memory.together[0] == (0, 1, 2, 3)  # one batch a round, in order
    again = Memory()
    joint_lbfgsb(again, np.zeros((4, 12)), BOUNDS, corrections=5, max_iter=40, tolerance=1e-12)
    assert again.together == memory.together


def test_what_the_function_raises_comes_out_and_no_thread_stays():
    before = threading.active_count()

    def fails(points, rows):
        raise RuntimeError("a window is longer than the clip")

    with pytest.raises(RuntimeError, match="a window is longer"):
        joint_lbfgsb(fails, np.zeros((4, 12)), BOUNDS)
    assert threading.active_count() == before
