"""The targeted attack by L-BFGS-B, gradients of all clips in one batch."""

from __future__ import annotations

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_audio_ext.attacks.evasion.clip_gradients import ClipGradients
from art_audio_ext.attacks.evasion.reported import ReportedEvasion, check_number
from art_audio_ext.attacks.evasion.white_box import check_whole
from art_audio_ext.functional.adversarial_losses import adversarial_loss
from art_audio_ext.functional.joint_lbfgsb import joint_lbfgsb

_HEAD_START = 16.0
_STUCK = 3  # steps, below which a line search found no way on: then a larger c starts anew
_WALK, _WIDER, _FEW = 0.03, 3.3, 10  # how far the first walk goes in units of a clip's effective value; steps of it
_ON = 0.01  # of a walk, by which a solver that is stuck in a later search is moved on
_LEAD = 1e-3  # of the target over every other class: on the boundary the rounding of another batch may call a clip back


class LBFGS(ReportedEvasion):
    """
    The smallest |r|^2 + c x cross-entropy(x + r, target) within the clip values, by L-BFGS-B (Szegedy et al., 2014,
    section 4.1; Subramanian et al., 2019, section 2.1).

    c is 1e-5 times a power of two, doubled until the clip is called the target, then bisected between what succeeded
    and what did not. Powers that would not do are skipped: the search begins at 16 times what a linear model needs,
    and goes down if that succeeds at once. The nearest successful point that any solver looked at is kept; a clip for
    which there is none is left as it is.

    Every solver is SciPy's, sees |r|^2 / c + cross-entropy in units of the clip's effective value, and starts where the
    last one of its clip ended. In plain units the solver would stop at once: its tolerances are absolute below 1, and
    at 60 dB |r|^2 and its gradient lie below them.

    On log-mels line searches get stuck. A solver that made no way starts anew from the clip, unless that is broken. A
    clip that a whole search did not break is searched again (`restarts`) from where a walk of ten steps along the sign
    of the gradient ends, 30 dB below the clip, then from one of twenty steps at 20 dB, and so on. Neither paper does
    so.

    | Paper link: https://arxiv.org/abs/1312.6199
    """

    title = "L-BFGS"
    attack_params = [  # noqa: RUF012  # ART's own form
        *ReportedEvasion.attack_params,
        "initial_const",
        "max_doublings",
        "bisections",
        "corrections",
        "max_iter",
        "restarts",
        "tolerance",
        "batch_size",
        "verbose",
    ]
    _estimator_requirements = (PyTorchClassifier,)

    def __init__(
        self,
        estimator: PyTorchClassifier,
        *,
        initial_const: float = 1e-5,
        max_doublings: int = 30,
        bisections: int = 5,
        corrections: int = 15,
        max_iter: int = 150,
        restarts: int = 2,
        tolerance: float = 1e-4,
        batch_size: int = 16,
        verbose: bool = True,
    ) -> None:
        """
        :param estimator: An ART classifier of waveforms (N, L) that returns logits or log-probabilities.
        :param initial_const: First c.
        :param max_doublings: How often it is doubled at most.
        :param bisections: Halvings of the interval of c, by its geometric mean; five leave 2% of it.
        :param corrections: Of L-BFGS-B.
        :param max_iter: Steps of a solver.
        :param restarts: Further searches of the clips that were not broken.
        :param tolerance: A solver ends when a step lowers its value by less than this share of it (or of 1).
        :param batch_size: Clips at a time; each holds 2 x `corrections` vectors of 8 bytes a sample.
        :param verbose: Show progress.
        :raises ValueError: If an option is unusable, or the preprocessing is not all PyTorch's.
        """
        super().__init__(estimator=estimator)
        self.initial_const = initial_const
        self.max_doublings = max_doublings
        self.bisections = bisections
        self.corrections = corrections
        self.max_iter = max_iter
        self.restarts = restarts
        self.tolerance = tolerance
        self.batch_size = batch_size
        self.verbose = verbose
        self._targeted = True
        self._check_params()

    def _attack(self, x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        search = _Search(self, x, labels)
        consts = self.initial_const * 2.0 ** search.first_doublings(self.initial_const, self.max_doublings)
        for attempt in range(self.restarts + 1):
            clips = np.flatnonzero(np.isinf(search.energy))
            if attempt:
                search.walk(clips, _WALK * _WIDER ** (attempt - 1), _FEW * attempt)
            self._bisect(search, clips, consts[clips])
        return search.best, search.iterations, search.queries

    def _bisect(self, search: _Search, clips: np.ndarray, const: np.ndarray) -> None:
        """Of these clips (n,): from their c (n,) up or down, then between."""
        low, high = np.zeros(len(clips)), np.full(len(clips), np.inf)
        top = self.initial_const * 2.0**self.max_doublings
        for _ in range(self.max_doublings + self.bisections + 1):
            rows = np.flatnonzero(self._open(low, high, const, top))
            if not len(rows):
                break
            broke = search.solve(clips[rows], const[rows])
            high[rows[broke]], low[rows[~broke]] = const[rows[broke]], const[rows[~broke]]
            between = np.sqrt(low * np.where(np.isinf(high), 0.0, high))
            const = np.where(np.isinf(high), 2 * low, np.where(low == 0, high / 2, between))

    def _open(self, low: np.ndarray, high: np.ndarray, const: np.ndarray, top: float) -> np.ndarray:
        """Which clips are worth another round: no success yet, or an interval of c that is still wide (n,)."""
        narrow = (low > 0) & (high <= low * 2.0 ** (0.5**self.bisections) * (1 + 1e-9))
        out_of_range = (const > top * (1 + 1e-9)) | (const < self.initial_const * (1 - 1e-9))
        return np.asarray(~narrow & ~out_of_range)

    def _check_params(self) -> None:
        self._check_common()
        self._check_white_box()
        for name in ("max_doublings", "bisections", "restarts"):
            check_whole(getattr(self, name), name, 0)
        for name in ("corrections", "max_iter"):
            check_whole(getattr(self, name), name, 1)
        check_number(self.initial_const, "initial_const", 1e-12, 1e12)
        check_number(self.tolerance, "tolerance", 0, 1)


class _Search:
    """The clips of a batch, where their solvers stand, and the nearest success of each."""

    def __init__(self, attack: LBFGS, x: np.ndarray, targets: np.ndarray) -> None:
        self.attack, self.x, self.targets = attack, x.astype(np.float64), attack._tensor(targets)
        self.engine = ClipGradients(attack.estimator, attack.batch_size)
        self.level = np.sqrt(np.square(self.x).mean(1, keepdims=True))
        low, high = attack._bounds()
        self.room = (np.minimum(low - self.x, 0) / self.level, np.maximum(high - self.x, 0) / self.level)
        self.at, self.walked = np.zeros_like(self.x), False  # whether this is a search from walks
        self.best, self.energy = np.array(x), np.full(len(x), np.inf)
        self.iterations, self.queries = np.zeros(len(x), np.int64), np.zeros(len(x), np.int64)

    def first_doublings(self, initial: float, most: int) -> np.ndarray:
        """How often c may be doubled before the first try (n,): 16 times the linear estimate 2 m / |g|^2."""
        wanted = self.targets
        slopes, logits = self.engine.gradient(
            self.attack._tensor(self.best), lambda z, k: adversarial_loss(z, wanted[k], "margin")
        )
        self.queries += 1
        needed = 2 * adversarial_loss(logits, wanted, "margin") / slopes.square().sum(1).clamp(min=1e-30)
        powers = np.log2(np.maximum(_HEAD_START * needed.double().cpu().numpy() / initial, 1.0))
        return np.asarray(np.clip(np.round(powers), 0, most))

    def solve(self, rows: np.ndarray, const: np.ndarray) -> np.ndarray:
        """One solver a clip; which of them ended in a success (n,): where it began may be one of a larger c."""
        broke = np.zeros(len(rows), bool)

        def answers(points: np.ndarray, some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            at, weight = rows[some], self.level[rows[some], 0] ** 2 / const[some]
            losses, slopes, success = self._ask(points, at)
            broke[some] = success
            self.at[at] = points
            values = weight * np.square(points).sum(1) + losses
            return values, 2 * weight[:, None] * points + slopes * self.level[at]

        steps = joint_lbfgsb(
            answers,
            self.at[rows],
            (self.room[0][rows], self.room[1][rows]),
            corrections=self.attack.corrections,
            max_iter=self.attack.max_iter,
            tolerance=self.attack.tolerance,
        )
        self.iterations[rows] += steps
        stuck = rows[~broke & np.isinf(self.energy[rows]) & (steps < _STUCK)]
        if self.walked:
            self._step(stuck, _ON)
        else:
            self.at[stuck] = 0
        return broke

    def walk(self, rows: np.ndarray, level: float, steps: int) -> None:
        """Start anew where so many equal steps along the sign of the gradient lead, `level` effective values away."""
        self.at[rows], self.walked = 0, True
        for _ in range(steps):
            self._step(rows, level / steps)

    def _step(self, rows: np.ndarray, length: float) -> None:
        if len(rows):
            moved = self.at[rows] - length * np.sign(self._ask(self.at[rows], rows)[1])
            self.at[rows] = np.clip(moved, self.room[0][rows], self.room[1][rows])

    def _ask(self, points: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cross-entropy (n,), its gradient by the sound (n, L), and success (n,), of which the nearest are kept."""
        low, high = self.attack._bounds()
        sound = np.clip(self.x[at] + points * self.level[at], low, high).astype(np.float32)
        wanted = self.targets[at]
        slopes, logits = self.engine.gradient(
            self.attack._tensor(sound), lambda z, k: adversarial_loss(z, wanted[k], "cross_entropy")
        )
        losses = adversarial_loss(logits, wanted, "cross_entropy").double().cpu().numpy()
        success = (adversarial_loss(logits, wanted, "margin") <= -_LEAD).cpu().numpy()
        self.queries[at] += 1
        energy = np.square(sound - self.x[at]).sum(1)
        nearer = success & (energy < self.energy[at])
        self.best[at[nearer]], self.energy[at[nearer]] = sound[nearer], energy[nearer]
        return losses, slopes.double().cpu().numpy(), success
