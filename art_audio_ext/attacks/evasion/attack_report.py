"""Reports of any attack's output, ART's own attacks included, and a run that counts what an attack asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from art.attacks.attack import EvasionAttack
from torch import nn

from art_audio_ext.attacks.evasion.reported import ReportedEvasion
from art_audio_ext.attacks.evasion.white_box import as_labels, known_classes, predicted
from art_audio_ext.functional.attack_report import ClipReport, clip_reports
from art_audio_ext.functional.checks import check_waveforms, class_indices


def attack_report(
    estimator: Any,
    x: np.ndarray,
    adversarial: np.ndarray,
    y: np.ndarray | None = None,
    *,
    targets: np.ndarray | None = None,
    iterations: np.ndarray | None = None,
    queries: np.ndarray | None = None,
    batch_size: int = 128,
) -> list[ClipReport]:
    """
    What an attack did to each clip, whoever wrote the attack.

    :param estimator: The ART classifier that was attacked; it returns logits or log-probabilities.
    :param x: Waveforms (N, L) before.
    :param adversarial: The same after.
    :param y: What the clips are, class indices (N,) or one-hot rows; None is what they were called.
    :param targets: What they should be called; None is an untargeted attack.
    :param iterations: Of each clip (N,), where they were counted.
    :param queries: Of each clip (N,), where they were counted.
    :param batch_size: Clips at a time.
    :return: N reports.
    :raises ValueError: If sound or labels are unusable, or a target is the clip's own label `y`.
    """
    x, adversarial = check_waveforms(x), check_waveforms(adversarial, "adversarial")
    if x.shape != adversarial.shape:
        raise ValueError(f"adversarial has shape {adversarial.shape}, x {x.shape}: they must be the same")
    wanted = None if targets is None else known_classes(estimator, targets, len(x), "targets")
    if wanted is not None and y is not None:
        own = class_indices(y, len(x))
        if (own == wanted).any():
            row = int((own == wanted).argmax())
            raise ValueError(f"targets row {row} is the clip's own label {int(own[row])}: choose another class")
    return clip_reports(
        x,
        adversarial,
        (predicted(estimator, x, batch_size), predicted(estimator, adversarial, batch_size)),
        as_labels(estimator, x, y, targeted=False).numpy(),
        targets=wanted,
        iterations=iterations,
        queries=queries,
    )


def run_reported(
    attack: EvasionAttack, x: np.ndarray, y: np.ndarray | None = None
) -> tuple[np.ndarray, list[ClipReport]]:
    """
    Run an attack and report each clip; a foreign attack, which does not count, is watched.

    A foreign attack's queries are the rows that went through the model, shared evenly among the clips of the call: give
    one clip at a time where each clip's own number matters. Silent clips are kept from it and left as they are.

    :param attack: Any ART evasion attack on a classifier of waveforms.
    :param x: Waveforms (N, L) in [-1, 1].
    :param y: Class indices (N,) or one-hot rows, targets if the attack is targeted; None takes its answers.
    :return: Sound after the attack, float32 (N, L), and N reports.
    :raises ValueError: If sound or labels are unusable.
    """
    if isinstance(attack, ReportedEvasion):
        return attack.generate(x, y), attack.reports
    x, targeted = check_waveforms(x), bool(getattr(attack, "targeted", False))
    labels = as_labels(attack.estimator, x, y, targeted).numpy()
    heard = np.flatnonzero(x.any(axis=1))
    found, seen = np.array(x), [0]
    if len(heard):
        with _counted_rows(attack.estimator, seen):
            found[heard] = attack.generate(x[heard], labels[heard])
    queries = np.where(x.any(axis=1), round(seen[0] / max(1, len(heard))), 0)
    given = {"targets": labels} if targeted else {"y": labels}
    counts = queries if hasattr(attack.estimator, "model") else None
    return found, attack_report(attack.estimator, x, found, **given, queries=counts)  # type: ignore[arg-type]


@contextmanager
def _counted_rows(estimator: Any, seen: list[int]) -> Iterator[None]:
    """Adds the rows of every forward pass to `seen[0]`."""
    model = getattr(estimator, "model", None)
    if not isinstance(model, nn.Module):
        yield
        return

    def count(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen[0] += len(inputs[0])

    handle = model.register_forward_pre_hook(count)
    try:
        yield
    finally:
        handle.remove()
