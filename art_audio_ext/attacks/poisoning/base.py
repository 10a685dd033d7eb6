"""What every audio backdoor shares: checked input, ART's `poison`, and the poisoning of a whole dataset."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

import numpy as np
from art.attacks.poisoning import PoisoningAttackBackdoor

from art_audio_ext.functional.checks import check_waveforms, class_indices
from art_audio_ext.functional.mixing import UnusableClipError
from art_audio_ext.functional.params import all_or_nothing
from art_audio_ext.functional.poison_rows import choose_poison_rows

Perturbation = Callable[[np.ndarray], np.ndarray]


class AudioBackdoor(PoisoningAttackBackdoor):
    """
    Base of the audio backdoors. A subclass writes `_apply`, lists its parameters and checks them.

    Differs from ART's class where that one trips: labels are counted, what comes back is always writable, an empty
    list of perturbations is refused, and a rejected `set_params` leaves the object as it was.
    """

    attack_params = PoisoningAttackBackdoor.attack_params
    _estimator_requirements = ()

    def __init__(self, perturbation: Perturbation | list[Perturbation] | None = None) -> None:
        """
        :param perturbation: ART perturbations applied after ours, left to right; None for no more.
        :raises ValueError: If a parameter is out of its range.
        """
        super().__init__(perturbation)  # type: ignore[arg-type]

    @abc.abstractmethod
    def _apply(self, x: np.ndarray) -> np.ndarray:
        """
        Put the trigger into every clip.

        :param x: Checked clips, float32 (N, L); not to be modified.
        :return: float32 (N, L) in [-1, 1].
        """

    def cannot_carry(self, x: np.ndarray) -> np.ndarray:
        """
        Clips that would come back without the trigger, and are not to be relabelled.

        :param x: Clips (N, L).
        :return: bool (N,).
        """
        return np.zeros(len(x), dtype=bool)

    def poison(
        self, x: np.ndarray, y: np.ndarray | None = None, broadcast: bool = False, **kwargs: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """
        Put the trigger into every clip given; the caller picks the clips (or see `poison_dataset`).

        :param x: Clips (N, L), or one clip (L,), float in [-1, 1].
        :param y: Target labels: an index a clip (N,), or one-hot rows (N, C); for one clip also a single label.
        :param broadcast: `y` is one label, an index or a one-hot row, meant for every clip.
        :return: The clips as new float32 of the shape given, and a writable copy of the labels; with `broadcast` of
            shape (N, 1) or (N, C), as ART does.
        :raises ValueError: If the sound is not acceptable, or labels are missing or not one a clip.
        """
        x = check_waveforms(x, single=True)
        rows = x if x.ndim == 2 else x[None]
        labels = _target_labels(y, len(rows), broadcast, single=x.ndim == 1)
        poisoned = self._apply(rows)
        return self._perturb(poisoned if x.ndim == 2 else poisoned[0]), labels

    def poison_dataset(
        self,
        x: np.ndarray,
        y: np.ndarray,
        source_class: int | str,
        target_class: int,
        poison_fraction: float,
        seed: int = 0,
        of: str = "source",
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """
        Poison a share of a dataset: put the trigger into drawn clips of the source class and relabel them.

        :param x: Clips (N, L), float in [-1, 1]; an array or a memory map.
        :param y: Class indices (N,) or one-hot rows (N, C).
        :param source_class: The class whose clips are taken, or "all" for every class but the target.
        :param target_class: The label they get.
        :param poison_fraction: In [0, 1], rounded down as Armory does, but at least one clip unless it is 0.
        :param seed: For the draw of the clips.
        :param of: What the fraction is of: "source" (the source class, as Armory counts) or "all" (every clip).
        :return: Clips float32 (N, L) and labels in the form they came, both copies; and the poisoned rows, ascending.
        :raises ValueError: If the sound, the labels, a class or the fraction is not acceptable.
        """
        x = check_waveforms(x)
        labels = class_indices(y, len(x))
        index = choose_poison_rows(labels, source_class, target_class, poison_fraction, seed=seed, of=of)
        poisoned, relabelled = np.array(x), np.array(y)
        if len(index) == 0:
            return poisoned, relabelled, index
        try:
            poisoned[index], _ = self.poison(poisoned[index], np.full(len(index), target_class))
        except UnusableClipError as error:
            raise UnusableClipError(int(index[error.row]), error.why) from error
        if relabelled.ndim == 2 and relabelled.shape[1] > 1:
            relabelled[index] = np.eye(relabelled.shape[1], dtype=relabelled.dtype)[target_class]
        else:
            relabelled[index] = target_class
        return poisoned, relabelled, index

    def get_params(self) -> dict[str, Any]:
        """Every parameter by name, as `set_params` takes them."""
        return {name: getattr(self, name) for name in self.attack_params}

    def set_params(self, **kwargs: Any) -> None:
        """
        Change parameters by name; all are changed, or none.

        :raises ValueError: If a name is unknown or a value out of its range.
        """
        with all_or_nothing(self):
            super().set_params(**kwargs)

    def _perturb(self, x: np.ndarray) -> np.ndarray:
        """Apply the perturbations that follow ours, and see that what comes back is still sound of that shape."""
        if self.perturbation is None:
            return x
        steps = [self.perturbation] if callable(self.perturbation) else self.perturbation
        result = x
        for step in steps:
            result = step(result)
        if np.shape(result) != x.shape:
            raise ValueError(f"a perturbation turned shape {x.shape} into {np.shape(result)}: it must keep the shape")
        if not np.isfinite(result).all():
            raise ValueError("a perturbation returned values that are not finite: repair it, or leave it out")
        return np.clip(np.array(result, dtype=np.float32), -1, 1)

    def _check_params(self) -> None:
        if self.perturbation is None or callable(self.perturbation):
            return
        if not isinstance(self.perturbation, (list, tuple)) or not all(callable(p) for p in self.perturbation):
            raise ValueError("perturbation must be a function, a list of functions, or None")
        if len(self.perturbation) == 0:
            raise ValueError("perturbation is an empty list: give None where no further perturbation is wanted")


def check_seed(seed: int) -> int:
    """
    Refuse what is no seed.

    :param seed: A whole number.
    :return: The same as an int.
    :raises ValueError: If it is not a whole number from 0 up.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number from 0 up, got {seed!r}")
    return int(seed)


def _target_labels(y: np.ndarray | None, count: int, broadcast: bool, *, single: bool) -> np.ndarray:
    """A writable copy of the target labels, one a clip (or one for all, repeated)."""
    if y is None:
        raise ValueError("y is missing: give the target label of every clip")
    labels = np.array(y)
    if not (broadcast or single):
        class_indices(labels, count)
        return labels
    # One label: a number, a row holding that number, or a one-hot row.
    row = labels.reshape(1, -1) if labels.ndim <= 1 else labels
    class_indices(row)
    if len(row) != 1 or (row.size > 1 and (row.min() != 0 or np.count_nonzero(row) != 1)):
        raise ValueError(f"y has shape {labels.shape}: expected one label, an index or a one-hot row")
    return np.repeat(row, count, axis=0) if broadcast else labels
