"""Scores of clips and gradients of each clip's own loss, through all PyTorch defences, with a count of the passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

#: Of logits (m, C) and the places of these rows among the points (m,): a loss for each row (m,).
Losses = Callable[[Tensor, Tensor], Tensor]


class ClipGradients:
    """
    A classifier asked for scores and gradients, `batch_size` rows at a time.

    Log-probabilities serve as logits: attacks look at differences between classes, and these are the same.

    :param estimator: An ART classifier with PyTorch preprocessing.
    :param batch_size: Rows of a forward pass.
    """

    def __init__(self, estimator: PyTorchClassifier, batch_size: int) -> None:
        self.estimator, self.batch_size, self.model = estimator, batch_size, estimator.model

    def logits(self, x: Tensor) -> Tensor:
        """
        :param x: Sound (n, L).
        :return: Shape (n, C), without gradients.
        """
        with torch.no_grad():
            return torch.cat([self._forward(some) for some in x.split(self.batch_size)])

    def gradient(self, x: Tensor, losses: Losses) -> tuple[Tensor, Tensor]:
        """
        The gradient of each clip's own loss, not of a mean over the batch.

        :param x: Sound (n, L).
        :param losses: See `Losses`.
        :return: Gradients (n, L), what is not finite being zero, and logits (n, C).
        """
        slopes, scores = [], []
        for point, rows in self._pieces(x):
            logits = self._forward(point)
            slopes.append(_finite(self._backward(losses(logits, rows).sum(), point)))
            scores.append(logits.detach())
        return torch.cat(slopes), torch.cat(scores)

    def class_gradients(self, x: Tensor, own: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
        """
        Of how far other classes lie behind the clip's own: values and gradients, one backward pass for each column.

        :param x: Sound (n, L).
        :param own: Class indices (n,).
        :param others: Class indices (n, K).
        :return: Differences of logits, others - own, (n, K), and their gradients (n, K, L).
        """
        values, slopes = [], []
        for point, rows in self._pieces(x):
            logits = self._forward(point)
            behind = logits.gather(1, others[rows]) - logits.gather(1, own[rows, None])
            last = behind.shape[1] - 1
            columns = [self._backward(behind[:, k].sum(), point, keep=k < last) for k in range(last + 1)]
            slopes.append(_finite(torch.stack(columns, 1)))
            values.append(behind.detach())
        return torch.cat(values), torch.cat(slopes)

    def _pieces(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        places = torch.arange(len(x), device=x.device)
        for some, rows in zip(x.split(self.batch_size), places.split(self.batch_size), strict=True):
            yield some.detach().requires_grad_(), rows

    def _forward(self, x: Tensor) -> Tensor:
        self.model.eval()
        with _plain_recurrence(self.model, x):
            ready, _ = self.estimator._apply_preprocessing(x, None, fit=False, no_grad=False)
            logits: Tensor = self.model(ready)
        return logits

    @staticmethod
    def _backward(total: Tensor, point: Tensor, keep: bool = False) -> Tensor:
        return torch.autograd.grad(total, point, retain_graph=keep)[0]


@contextmanager
def _plain_recurrence(model: nn.Module, x: Tensor) -> Iterator[None]:
    """Without cuDNN where it would refuse: it has no gradient for a recurrent network that is not being trained."""
    if x.device.type != "cuda" or not any(isinstance(module, nn.RNNBase) for module in model.modules()):
        yield
        return
    with torch.backends.cudnn.flags(enabled=False):
        yield


def _finite(gradient: Tensor) -> Tensor:
    return torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
