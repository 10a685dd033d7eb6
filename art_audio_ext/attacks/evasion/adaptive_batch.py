"""One batch of an attack on a recogniser and the detector behind it: gradients of both, and the best point so far."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from art_audio_ext.attacks.evasion.white_box import DrawnLogits
from art_audio_ext.functional.adversarial_losses import adversarial_loss
from art_audio_ext.functional.projected_gradient import projected_ascent, random_change

if TYPE_CHECKING:
    from art_audio_ext.attacks.evasion.audiovisual_pgd import AudioVisualPGD

_BEFORE, _AFTER, _STEPS = 0, 1, 2  # places of the draws: of the clips as they are, of the result, of the first step


class AdaptiveBatch:
    """
    The attack of `AudioVisualPGD` on some clips.

    :param attack: Gives the options.
    :param x: Rows (N, D) on the classifier's device.
    :param labels: To leave, or to reach (N,).
    """

    def __init__(self, attack: AudioVisualPGD, x: Tensor, labels: Tensor) -> None:
        self.options, self.x, self.labels = attack, x, labels
        random = bool(attack.estimator.preprocessing_operations)
        self.logits = DrawnLogits(attack.estimator, attack.eot_samples if random else 1, attack.batch_size)
        self.sign = -1.0 if attack.targeted else 1.0
        self.adaptive = attack.confidence is not None and attack.weight > 0
        layout = attack.layout
        vectors = (
            layout.vector(attack.eps_audio, attack.eps_video),
            layout.vector(attack.step_audio, attack.step_video),
        )
        self.eps, self.step, low, high = (torch.from_numpy(v).to(x) for v in (*vectors, *layout.clip_values()))
        self.bounds = (low, high)
        self.best, self.score = x.clone(), torch.full((len(x),), -torch.inf, dtype=torch.float64, device=x.device)
        self.goal = self._goal()

    def attack(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """
        :param generator: Of the random start, on the CPU.
        :return: Rows (N, D), whether the recogniser gets them wrong (N,), and the detector's mean confidence (N,),
            both under fresh draws.
        """
        start, options = None, self.options
        if options.random_start:
            change = random_change((len(self.x), self.x.shape[1]), self.eps.cpu(), "inf", generator)  # type: ignore
            start = (self.x + change.to(self.x)).clamp(*self.bounds)
        steps, inside = options.max_iter, {"eps": self.eps, "eps_step": self.step, "clip_values": self.bounds}
        found = projected_ascent(self.x, self._gradient, steps=steps, start=start, **inside)  # type: ignore[arg-type]
        rows = torch.arange(len(found), device=found.device)
        if options.keep_best:
            self._note(found, rows, self.logits(found), self._trust(found, _STEPS + steps))
            found = self.best
        return found, self._fooled(self.logits(found), self.labels), self._trust(found, _AFTER)

    def _gradient(self, points: Tensor, rows: Tensor, step: int) -> tuple[Tensor, None]:
        """Of recogniser and detector together; what is met on the way is remembered."""
        labels, selective = self.labels[rows], self.adaptive and self.options.mix == "selective"

        def losses(drawn: Tensor, at: Tensor) -> Tensor:
            values = self._losses(drawn, labels[at])
            return values * ~self._fooled(drawn, labels[at])[:, None] if selective else values

        slope, logits = self.logits.gradient(points, losses)
        if not self.adaptive:
            self._note(points, rows, logits, torch.zeros(len(points), device=points.device))
            return slope, None
        climb, trust = self._confidence_slope(points, rows, _STEPS + step)
        self._note(points, rows, logits, trust)
        if selective:
            return slope + climb * self._fooled(logits, labels)[:, None], None
        return slope + self.options.weight * climb, None

    def _confidence_slope(self, points: Tensor, rows: Tensor, place: int) -> tuple[Tensor, Tensor]:
        """Gradient (n, D) of the mean wish over draws and clips, and the mean confidence (n,)."""
        slope, trust = torch.zeros_like(points), torch.zeros(len(points), device=points.device)
        samples = self.options.eot_samples
        for draw in range(samples):
            point = points.detach().requires_grad_()
            confidence = self._confidence(point, place, draw)
            wish = self._wish(confidence, rows).sum() / (len(points) * samples)
            slope += torch.autograd.grad(wish, point)[0].nan_to_num(0.0, 0.0, 0.0)
            trust += confidence.detach() / samples
        return slope, trust

    def _trust(self, points: Tensor, place: int) -> Tensor:
        """Mean confidence over draws (n,); nothing without a detector."""
        if self.options.confidence is None:
            return torch.zeros(len(points), device=points.device)
        with torch.no_grad():
            draws = [self._confidence(points, place, draw) for draw in range(self.options.eot_samples)]
        return torch.stack(draws).mean(0)

    def _confidence(self, points: Tensor, place: int, draw: int) -> Tensor:
        """One draw (n,)."""
        ask = self.options.confidence
        assert ask is not None
        if "generator" not in inspect.signature(ask).parameters:
            return ask(points)
        number = int(np.random.SeedSequence([self.options.seed, place, draw]).generate_state(1)[0])
        return ask(points, generator=torch.Generator().manual_seed(number))

    def _goal(self) -> Tensor | None:
        """The confidence that is wanted of each clip; None is as much as there is."""
        goal = self.options.confidence_goal
        if goal == "highest" or not self.adaptive:
            return None
        if goal == "own":
            return self._trust(self.x, _BEFORE)
        return torch.full((len(self.x),), float(goal), device=self.x.device)

    def _wish(self, confidence: Tensor, rows: Tensor) -> Tensor:
        """What is climbed (n,)."""
        return confidence if self.goal is None else -(confidence - self.goal[rows]).abs()

    def _losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Of draws (n, S, C): (n, S)."""
        return self.sign * adversarial_loss(logits, labels[:, None].expand(logits.shape[:2]), self.options.loss)

    def _fooled(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Whether the recogniser gets clips wrong in every draw (n,)."""
        named = logits.argmax(2) == labels[:, None]
        return (named if self.options.targeted else ~named).all(1)

    def _note(self, points: Tensor, rows: Tensor, logits: Tensor, trust: Tensor) -> None:
        """Keep points better than before: those that fool the recogniser first, then by the wish or the loss."""
        if not self.options.keep_best:
            return
        fooled = self._fooled(logits, self.labels[rows])
        loss = self._losses(logits, self.labels[rows]).mean(1).double()
        within = self._wish(trust, rows).double() if self.adaptive else loss
        score = torch.where(fooled, 1e6 + within.clamp(-1e5, 1e5), loss.clamp(-1e5, 1e5))
        better = score > self.score[rows]
        self.best[rows[better]], self.score[rows[better]] = points[better], score[better]
