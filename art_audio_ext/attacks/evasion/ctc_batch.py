"""One batch of the targeted attack on sentences: Adam in boxes that shrink, and the best change of each clip so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from art_audio_ext.attacks.evasion.ctc_result import CTCAttackResult
from art_audio_ext.functional.ctc import greedy_decode, word_error_rate
from art_audio_ext.functional.ctc_loss import clip_ctc_losses

if TYPE_CHECKING:
    from art_audio_ext.attacks.evasion.carlini_wagner_ctc import CarliniWagnerCTC

_BETA, _BETA_SQUARED = 0.9, 0.999  # Adam's
_FINEST = (0.5 / 32768, 0.5 / 255)  # a box smaller than this is gone once samples and pixels are whole numbers
_RANDOM_SHARE = 0.1


class CTCBatch:
    """
    The attack of `CarliniWagnerCTC` on some clips.

    A change is kept as shares of the first box, so that one learning rate serves both modalities.

    :param attack: Gives the options.
    :param x: Rows (N, D) on the recogniser's device.
    :param texts: The sentence wanted of each clip.
    :param generator: Of random starts, on the CPU.
    """

    def __init__(self, attack: CarliniWagnerCTC, x: Tensor, texts: list[str], generator: torch.Generator) -> None:
        self.options, self.x, self.texts, self.layout = attack, x, texts, attack.estimator.layout
        codes, self.lengths = attack.estimator.target(texts, len(x))
        self.codes = codes.to(x.device)
        self.first = torch.tensor([attack.eps_audio, attack.eps_video], device=x.device)
        self.eps = torch.from_numpy(self.layout.vector(attack.eps_audio, attack.eps_video)).to(x)
        self.low, self.high = (torch.from_numpy(bound).to(x) for bound in self.layout.clip_values())
        self.share = torch.zeros_like(x)
        if attack.random_start:
            self.share = (_RANDOM_SHARE * (2 * torch.rand(x.shape, generator=generator) - 1)).to(x)
        self.mean, self.square = torch.zeros_like(x), torch.zeros_like(x)
        self.box = torch.ones(len(x), 2, device=x.device)  # its sides now, as shares of the first
        self.left = torch.arange(len(x), device=x.device)
        self.done = 0
        count = len(x)
        self.best, self.error = x.clone(), [float("inf")] * count
        self.loss, self.said, self.at = [float("inf")] * count, [""] * count, [0] * count
        self.best_box = torch.zeros(count, 2, device=x.device)

    def step(self) -> bool:
        """
        Look at the changes as they are, then move those that go on.

        :return: Whether any clip is left.
        """
        if not len(self.left):
            return False
        rows = self.left
        points = self._points(rows).requires_grad_()
        logits = self.options.estimator.logits(points)
        losses = clip_ctc_losses(logits, self.codes[rows], self.lengths[rows.cpu()])
        slope = torch.autograd.grad(losses.sum(), points)[0].nan_to_num(0.0, 0.0, 0.0).sign()
        succeeded = self._note(points.detach(), rows, logits.detach(), losses.detach())
        # the search goes on in a smaller box than the change needed
        self.box[rows[succeeded]] = self.options.shrink * self._needed(rows[succeeded])
        ended = succeeded & (self.options.early_stop | self._too_fine(rows))
        self.done += 1
        self._move(rows[~ended], slope[~ended])
        self.left = rows[~ended]
        return bool(len(self.left))

    def found(self) -> Tensor:
        """:return: The best rows so far (N, D), the last change among them."""
        if len(self.left):
            with torch.no_grad():
                points = self._points(self.left)
                logits = self.options.estimator.logits(points)
                losses = clip_ctc_losses(logits, self.codes[self.left], self.lengths[self.left.cpu()])
                self._note(points, self.left, logits, losses)
        return self.best

    def results(self) -> list[CTCAttackResult]:
        """:return: What became of each clip."""
        sides = (self.best_box * self.first).tolist()
        rows = zip(self.texts, self.said, self.error, self.at, sides, strict=True)
        return [
            CTCAttackResult(wanted, said, error, error < 0.5, error == 0, at, *side)
            for wanted, said, error, at, side in rows
        ]

    def _points(self, rows: Tensor) -> Tensor:
        """Rows with their changes, in the box and in bounds."""
        change = self.share[rows].clamp(-self._sides(rows), self._sides(rows)) * self.eps
        return (self.x[rows] + change).clamp(self.low, self.high)

    def _sides(self, rows: Tensor) -> Tensor:
        """The box of each value (n, D)."""
        return self.layout.spread(*self.box[rows].T)

    def _note(self, points: Tensor, rows: Tensor, logits: Tensor, losses: Tensor) -> Tensor:
        """Keep what is better than before: nearer the target, in a smaller box, of lower loss. Which succeed (n,)."""
        aim, succeeded, needed = self.options.aim, [], self._needed(rows)
        scores = logits.float().cpu().numpy()
        for place, (row, clip, loss) in enumerate(zip(rows.tolist(), scores, losses.tolist(), strict=True)):
            said = self.options.estimator.codes.decode(greedy_decode(clip))
            error = word_error_rate(self.texts[row], said)
            hit = error == 0 if aim == "full" else error < 0.5
            before = self.error[row]
            was_hit = before == 0 if aim == "full" else before < 0.5
            # a success comes after all others in time, and its box is smaller than theirs
            if hit or (not was_hit and (error, loss) < (before, self.loss[row])):
                self.best[row], self.best_box[row] = points[place], needed[place]
                self.error[row], self.loss[row], self.said[row], self.at[row] = error, loss, said, self.done
            succeeded.append(hit)
        return torch.tensor(succeeded, dtype=torch.bool, device=rows.device)

    def _needed(self, rows: Tensor) -> Tensor:
        """The smallest box around each change (n, 2), as shares of the first."""
        parts = self.layout.unpack(self.share[rows].abs())
        return torch.minimum(torch.stack([part.flatten(1).amax(1) for part in parts], 1), self.box[rows])

    def _too_fine(self, rows: Tensor) -> Tensor:
        """Whether a box has become too small to matter (n,)."""
        finest = torch.tensor(_FINEST, device=rows.device)
        return (self.box[rows] * self.first < finest).all(1)

    def _move(self, rows: Tensor, slope: Tensor) -> None:
        """A step of Adam, back into the box."""
        self.mean[rows] = _BETA * self.mean[rows] + (1 - _BETA) * slope
        self.square[rows] = _BETA_SQUARED * self.square[rows] + (1 - _BETA_SQUARED) * slope**2
        mean = self.mean[rows] / (1 - _BETA**self.done)
        square = self.square[rows] / (1 - _BETA_SQUARED**self.done)
        moved = self.share[rows] - self.options.learning_rate * mean / (square.sqrt() + 1e-8)
        self.share[rows] = moved.clamp(-self._sides(rows), self._sides(rows))
