"""SciPy's L-BFGS-B on many problems at once: all solvers wait for each other, and one batch answers them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import minimize

#: Of points (n, D), float64, and the problems they belong to (n,): values (n,) and gradients (n, D).
Answers = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class _Stopped(BaseException):
    """Ends a solver from within its own call for a value; no `Exception`, so that nobody takes it for an answer."""


@dataclass
class _Question:
    """What one solver waits for."""

    point: np.ndarray | None = None
    value: float = 0.0
    slope: np.ndarray | None = None


def joint_lbfgsb(
    answers: Answers,
    starts: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    *,
    corrections: int = 15,
    max_iter: int = 150,
    tolerance: float = 1e-4,
) -> np.ndarray:
    """
    Minimise N functions of D variables within boxes, each by SciPy's own solver, with one batch a round.

    Every solver runs in a thread until it asks for a value; when all that are still at work have asked, all are
    answered together, in the order of the problems. Which threads run first therefore changes nothing: the same
    problems give the same bytes. A solver sees what it would see alone, but for the rounding of batches.

    Source: Zhu, Byrd, Lu and Nocedal, "Algorithm 778: L-BFGS-B", 1997, in SciPy's `minimize`.

    :param answers: See `Answers`.
    :param starts: Shape (N, D).
    :param bounds: Least and largest values, each (N, D).
    :param corrections: Pairs of steps and gradients from which curvature is built.
    :param max_iter: Most steps of a solver; three times as many questions.
    :param tolerance: A solver ends when a step lowers its value by less than this share of it (or of 1).
    :return: Steps of each solver (N,). What was found is for `answers` to remember: it saw every point.
    :raises Exception: What `answers` raises, after all solvers were ended.
    """
    room = _Room(len(starts))
    options = {"maxcor": corrections, "maxiter": max_iter, "maxfun": 3 * max_iter, "ftol": tolerance, "gtol": 0.0}
    steps = np.zeros(len(starts), dtype=np.int64)

    def solve(row: int) -> None:
        ask, box = partial(room.ask, row), np.stack([bounds[0][row], bounds[1][row]], 1)
        try:
            found = minimize(ask, starts[row], jac=True, method="L-BFGS-B", bounds=box, options=options)
            steps[row] = found.nit
        except _Stopped:
            pass
        except BaseException as error:
            room.failure = error
        finally:
            room.leave(row)

    threads = [threading.Thread(target=solve, args=(row,), daemon=True) for row in range(len(starts))]
    for thread in threads:
        thread.start()
    try:
        room.serve(answers)
    finally:
        room.close()
        for thread in threads:
            thread.join()
    return steps


class _Room:
    """Where solvers wait: open questions by row, and how many solvers are still at work."""

    def __init__(self, count: int) -> None:
        self.changed = threading.Condition()
        self.at_work, self.closed = set(range(count)), False
        self.questions: dict[int, _Question] = {}
        self.failure: BaseException | None = None

    def ask(self, row: int, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Called by a solver: waits for the value and the gradient there."""
        question = _Question(np.array(point, np.float64))
        with self.changed:
            self.questions[row] = question
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.closed or question.slope is not None)
        if question.slope is None:
            raise _Stopped
        return question.value, question.slope

    def leave(self, row: int) -> None:
        """Called by a solver that has ended."""
        with self.changed:
            self.at_work.discard(row)
            self.changed.notify_all()

    def serve(self, answers: Answers) -> None:
        """Answer all open questions together, until no solver is left."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: len(self.questions) == len(self.at_work))
                if self.failure is not None:
                    raise self.failure
                if not self.at_work:
                    return
                rows = sorted(self.questions)
                points = np.stack([self.questions[row].point for row in rows])  # type: ignore[misc]
            values, slopes = answers(points, np.array(rows))
            with self.changed:
                for row, value, slope in zip(rows, values, slopes, strict=True):
                    question = self.questions.pop(row)
                    question.value, question.slope = float(value), np.array(slope, np.float64)
                self.changed.notify_all()

    def close(self) -> None:
        """Nobody is answered any more."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
