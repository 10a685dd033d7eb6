"""What white-box attacks share: logits and gradients through a classifier and its defences, labels, and checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from art_audio_ext.functional.checks import class_indices

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class DrawnLogits:
    """
    Logits of clips under several draws of the noise of the defences that stand before the model.

    :param estimator: An ART classifier with PyTorch preprocessing.
    :param samples: Draws of each clip.
    :param batch_size: Rows of a forward pass, draws included.
    :param dtype: Of the networks' arithmetic, a key of `DTYPES`; the front end keeps 32 bits.
    """

    def __init__(self, estimator: PyTorchClassifier, samples: int, batch_size: int, dtype: str = "float32") -> None:
        self.estimator, self.samples, self.batch_size = estimator, samples, batch_size
        self.dtype = DTYPES[dtype]
        self.model = estimator.model

    def __call__(self, x: Tensor) -> Tensor:
        """
        :param x: Sound (n, L).
        :return: Shape (n, samples, C), without gradients.
        """
        with torch.no_grad():
            return torch.cat([torch.cat(list(map(self._logits, self._passes(some))), 1) for some in self._pieces(x)])

    def gradient(self, x: Tensor, losses: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """
        Gradient of the mean loss over draws and the clips of a batch.

        :param x: Sound (n, L).
        :param losses: Of logits (m, s, C) and the rows that they belong to (m,): values (m, s).
        :return: Gradient (n, L), and logits (n, samples, C).
        """
        slopes, drawn = [], []
        places = torch.arange(len(x), device=x.device)
        for some, rows in zip(self._pieces(x), self._pieces(places), strict=True):
            point = some.detach().requires_grad_()
            share = 1 / (len(rows) * self.samples)  # the mean of a batch, as ART takes it: tiny gradients round alike
            pieces, logits = [], []
            for copies in self._passes(point):
                logits.append(self._logits(copies))
                pieces.append(torch.autograd.grad(losses(logits[-1], rows).sum() * share, point)[0])
            slopes.append(reduce(torch.add, pieces))
            drawn.append(_joined([part.detach() for part in logits], 1))
        return _joined(slopes), _joined(drawn)

    def _pieces(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.split(max(1, self.batch_size // self.samples))

    def _passes(self, x: Tensor) -> list[Tensor]:
        """The clips (n, s, L), s copies at a time, so that no forward pass is larger than the batch."""
        at_once = max(1, min(self.samples, self.batch_size // len(x)))
        counts = [min(at_once, self.samples - done) for done in range(0, self.samples, at_once)]
        return [x[:, None].expand(-1, count, -1) for count in counts]

    def _logits(self, copies: Tensor) -> Tensor:
        """Of (n, s, L): (n, s, C)."""
        self.model.eval()
        with torch.autocast(copies.device.type, self.dtype, enabled=self.dtype != torch.float32):
            ready, _ = self.estimator._apply_preprocessing(copies.flatten(0, 1), None, fit=False, no_grad=False)
            output = self.model(ready)
        if self.dtype != torch.float32:
            output = output.float()
        return output.unflatten(0, copies.shape[:2])


@contextmanager
def channels_last(model: nn.Module) -> Iterator[None]:
    """
    The model's two-dimensional kernels with channels innermost: the same values, up to a fifth faster on a processor.

    Sums come in another order, so that a gradient may differ in its last bits.

    :param model: Any; afterwards its weights lie as they lay before.
    """
    kernels = [p for p in model.parameters() if p.ndim == 4 and p.device.type == "cpu" and p.is_contiguous()]
    before = [kernel.data for kernel in kernels]
    try:
        for kernel in kernels:
            kernel.data = kernel.data.contiguous(memory_format=torch.channels_last)
        yield
    finally:
        for kernel, data in zip(kernels, before, strict=True):
            kernel.data = data


def _joined(parts: list[Tensor], dim: int = 0) -> Tensor:
    """One tensor; a single part is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim)


def predicted(estimator: Any, x: np.ndarray, batch_size: int = 128) -> np.ndarray:
    """
    An estimator's scores. ART's loader draws a number from torch's global state, which is put back.

    :param estimator: Any ART classifier.
    :param x: Sound (N, L).
    :param batch_size: Clips at a time.
    :return: Shape (N, C).
    """
    with torch.random.fork_rng(devices=[]):
        scores: np.ndarray = estimator.predict(x, batch_size=batch_size)
    return scores


def as_labels(estimator: PyTorchClassifier, x: np.ndarray, y: np.ndarray | None, targeted: bool) -> Tensor:
    """
    Labels to attack.

    :param estimator: Answers where there are none.
    :param x: Sound (N, L).
    :param y: Class indices (N,), one-hot rows (N, C), or None.
    :param targeted: Whether they are targets.
    :return: int64 (N,).
    :raises ValueError: If they are unusable, or a targeted attack has none.
    """
    if y is None:
        if targeted:
            raise ValueError("a targeted attack needs y, the classes that clips shall be called")
        y = predicted(estimator, x).argmax(1)
    return torch.from_numpy(known_classes(estimator, y, len(x)))


def known_classes(estimator: PyTorchClassifier, y: np.ndarray, count: int, name: str = "y") -> np.ndarray:
    """
    Labels that the classifier has.

    :param estimator: Says how many classes there are.
    :param y: Class indices (N,) or one-hot rows (N, C).
    :param count: N.
    :param name: What a message calls them.
    :return: int64 (N,).
    :raises ValueError: If they are unusable; of a label out of range the message says its row and the range.
    """
    labels = class_indices(y, count, name)
    wrong = labels >= estimator.nb_classes
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{name} row {row} names class {labels[row]}: the classifier has {estimator.nb_classes} classes, give 0 to "
            f"{estimator.nb_classes - 1}"
        )
    return labels


def clip_bounds(estimator: PyTorchClassifier) -> tuple[float, float]:
    """
    :param estimator: With or without clip values.
    :return: Least and largest sample: its own, or those of sound.
    """
    if estimator.clip_values is None:
        return -1.0, 1.0
    low, high = estimator.clip_values
    return float(np.min(low)), float(np.max(high))


def check_whole(value: object, name: str, least: int) -> None:
    """
    :param value: To be a whole number.
    :param name: What a message calls it.
    :param least: The smallest that will do.
    :raises ValueError: If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number from {least} up, got {value!r}")


def check_number(value: object, name: str, *, zero: bool) -> None:
    """
    :param value: To be a positive number.
    :param name: What a message calls it.
    :param zero: Whether 0 will do.
    :raises ValueError: If it is none.
    """
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not 0 <= value < np.inf or (value == 0 and not zero):  # type: ignore[operator]
        raise ValueError(f"{name} must be a {'number, not negative' if zero else 'positive number'}, got {value!r}")
