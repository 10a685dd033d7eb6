"""DeepFool on sound: batched, each clip with its own classes, steps that are not doubled."""

from __future__ import annotations

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor

from art_audio_ext.attacks.evasion.clip_gradients import ClipGradients
from art_audio_ext.attacks.evasion.reported import ReportedEvasion, check_number
from art_audio_ext.attacks.evasion.white_box import check_whole

_TINY = 1e-12
_PATIENCE = 5  # steps after which the longest stretch is its square, and so on: who has not arrived takes longer steps
_LEAD = 1e-3  # of the new class: on the boundary itself the rounding of another batch may call a point back
_HURRY = 2.0  # what the longest stretch grows by in as many steps, once a clip has to hurry


class AudioDeepFool(ReportedEvasion):
    """
    Steps to the nearest of the linearised class boundaries until the label changes (Moosavi-Dezfooli et al., 2016,
    algorithm 2), in L2.

    Log-mels saturate: a linear step brings a part of what it promises, and at the algorithm's own length a third of the
    clips did not arrive within 50. ART doubles every step of sound (it multiplies by the width of the clip values) and
    overshoots. Here a step is as much longer as the last one fell short, up to `most_stretch`, and the last one is
    halved back while the clip stays wrong. The limit grows slowly, because long steps follow a slope that has turned
    meanwhile: with 2 instead of 1.1 and in a hurry from the start a quarter of the steps are enough, and changes are 1
    to 20 dB louder (the medians of four networks on mels, docs/sound_events.md). With `most_stretch=1`,
    `hurry_after=None` and `halvings=0` it is the authors' algorithm, but for the thousandth by which the new class must
    lead.

    Further, the candidates are each clip's own `nb_grads` likeliest classes, where ART takes their union over all
    clips; the overshoot is part of the point that is looked at, as in the authors' code, so that a point that is
    returned was seen to be wrong; clips that are done cost nothing more, and one that never arrives is left as it is.

    | Paper link: https://arxiv.org/abs/1511.04599
    """

    title = "DeepFool"
    attack_params = [  # noqa: RUF012  # ART's own form
        *ReportedEvasion.attack_params,
        "max_iter",
        "overshoot",
        "nb_grads",
        "most_stretch",
        "hurry_after",
        "halvings",
        "batch_size",
        "verbose",
    ]
    _estimator_requirements = (PyTorchClassifier,)

    def __init__(
        self,
        estimator: PyTorchClassifier,
        *,
        max_iter: int = 250,
        overshoot: float = 0.02,
        nb_grads: int = 3,
        most_stretch: float = 1.1,
        hurry_after: int | None = 150,
        halvings: int = 4,
        batch_size: int = 16,
        verbose: bool = True,
    ) -> None:
        """
        :param estimator: An ART classifier of waveforms (N, L) that returns logits or log-probabilities.
        :param max_iter: Most steps; 35 to 120 are common on mels, ten on the wave.
        :param overshoot: How far beyond the boundary, as a share of the change (the authors' .02 costs .2 dB).
        :param nb_grads: Likeliest classes, its own included, whose boundaries are looked at; each but the first is a
            backward pass, and five brought nothing over three with ten classes.
        :param most_stretch: Longest step, in units of the linear one, for the first steps; squared after five, cubed
            after ten, and so on.
        :param hurry_after: So many steps later the limit doubles every five steps, too, so that every clip arrives;
            None never.
        :param halvings: Of the last step, one forward pass each.
        :param batch_size: Clips at a time; memory holds `nb_grads` gradients of each.
        :param verbose: Show progress.
        :raises ValueError: If an option is unusable, or the preprocessing is not all PyTorch's.
        """
        super().__init__(estimator=estimator)
        self.max_iter = max_iter
        self.overshoot = overshoot
        self.nb_grads = nb_grads
        self.most_stretch = most_stretch
        self.hurry_after = hurry_after
        self.halvings = halvings
        self.batch_size = batch_size
        self.verbose = verbose
        self._check_params()

    def _attack(self, x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        engine, clips = ClipGradients(self.estimator, self.batch_size), self._tensor(x)
        own, others = self._candidates(engine.logits(clips), self._tensor(labels))
        points, total, before = clips.clone(), torch.zeros_like(clips), clips.clone()
        iterations, stretch = torch.zeros_like(own), torch.ones(len(clips), device=clips.device)
        rows = torch.arange(len(clips), device=clips.device)
        for step_number in range(self.max_iter):
            behind, slopes = engine.class_gradients(points[rows], own[rows], others[rows])
            step, nearest = _step(behind, slopes)
            total[rows] += stretch[rows, None] * step
            before[rows] = points[rows]
            points[rows] = (clips[rows] + (1 + self.overshoot) * total[rows]).clamp_(*self._bounds())
            iterations[rows] += 1
            logits = engine.logits(points[rows])
            at = others[rows, nearest][:, None]
            now = (logits.gather(1, at) - logits.gather(1, own[rows, None]))[:, 0]
            stretch[rows] = self._stretch(stretch[rows], behind.gather(1, nearest[:, None])[:, 0], now, step_number)
            rows = rows[~_left(logits, own[rows])]
            if not len(rows):
                break
        done = torch.ones(len(clips), dtype=torch.bool, device=clips.device)
        done[rows] = False
        points[rows] = clips[rows]
        points = self._halved(engine, before, points, own, done)
        steps = iterations.cpu().numpy()
        return points.cpu().numpy(), steps, 1 + 2 * steps + self.halvings * done.cpu().numpy()

    def _stretch(self, last: Tensor, behind: Tensor, now: Tensor, step_number: int) -> Tensor:
        """By how much the next step is lengthened: what the last one promised over what it brought."""
        late = 0 if self.hurry_after is None else max(0, step_number - self.hurry_after)
        most = self.most_stretch ** (1 + step_number / _PATIENCE) * _HURRY ** (late / _PATIENCE)
        brought = (now - behind) / behind.abs().clamp(min=_TINY)
        needed = last / brought.clamp(min=_TINY)
        return torch.where(brought > 0, needed, torch.full_like(needed, most)).clamp(1.0, most)

    def _halved(self, engine: ClipGradients, outside: Tensor, inside: Tensor, own: Tensor, done: Tensor) -> Tensor:
        """Points of the clips that are done, moved back along their last step as far as they stay wrong."""
        rows = torch.nonzero(done)[:, 0]
        for _ in range(self.halvings if len(rows) else 0):
            middle = (outside[rows] + inside[rows]) / 2
            wrong = _left(engine.logits(middle), own[rows])
            inside[rows[wrong]], outside[rows[~wrong]] = middle[wrong], middle[~wrong]
        return inside

    def _candidates(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The class to leave (n,), and the likeliest others (n, K)."""
        ranked = logits.scatter(1, labels[:, None], torch.inf).sort(dim=1, descending=True, stable=True)[1]
        return labels, ranked[:, 1 : max(2, self.nb_grads)]

    def _check_params(self) -> None:
        self._check_common()
        self._check_white_box()
        check_whole(self.max_iter, "max_iter", 1)
        check_whole(self.nb_grads, "nb_grads", 2)
        check_whole(self.halvings, "halvings", 0)
        if self.hurry_after is not None:
            check_whole(self.hurry_after, "hurry_after", 0)
        check_number(self.overshoot, "overshoot", 0, 10)
        check_number(self.most_stretch, "most_stretch", 1, 1e3)


def _left(logits: Tensor, own: Tensor) -> Tensor:
    """Which points another class leads at (n,)."""
    others = logits.scatter(1, own[:, None], -torch.inf).amax(1)
    return others > logits.gather(1, own[:, None])[:, 0] + _LEAD


def _step(behind: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    """Of differences (n, K) and their gradients (n, K, L): changes to the nearest boundary (n, L), and which (n,)."""
    lengths = slopes.norm(dim=2).clamp(min=_TINY)
    nearest = (behind.abs() / lengths).argmin(1)
    at = torch.arange(len(behind), device=behind.device)
    share = behind[at, nearest].abs() / lengths[at, nearest] ** 2
    return slopes[at, nearest] * share[:, None], nearest
