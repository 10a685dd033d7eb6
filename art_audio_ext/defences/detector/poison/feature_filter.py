"""What filters that read a trained classifier's features have in common: options, features, report, evaluation."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from art_audio_ext.defences.detector.poison.base import DATA, AudioPoisonFilter

if TYPE_CHECKING:
    from art.utils import CLASSIFIER_NEURALNETWORK_TYPE

_BATCH = 128


class FeatureFilter(AudioPoisonFilter):
    """
    A filter on what the victim's last registered layer says of each clip, class by class.

    A subclass gives `score_class`. After `detect_poison`: `is_clean_lst` (1 = clean) and `sample_scores` (N,), which
    rank the clips: higher is more suspicious, comparable within a class.
    """

    defence_params = [*DATA]  # noqa: RUF012  (a list, as ART has it)

    def __init__(self, classifier: CLASSIFIER_NEURALNETWORK_TYPE, x_train: np.ndarray, y_train: np.ndarray) -> None:
        """
        :param classifier: An ART neural network classifier, trained on the data.
        :param x_train: Waveforms (N, L) in [-1, 1]; a memory map is read a batch at a time.
        :param y_train: Class indices (N,) or one-hot rows (N, C).
        :raises ValueError: If the data or an option is unusable.
        """
        super().__init__(classifier, x_train, y_train)
        self._check_params()

    @abc.abstractmethod
    def score_class(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        :param features: Of one class (n, D), n >= 3.
        :return: Scores (n,) and which of the clips are suspects, bool (n,).
        """

    def detect_poison(self, **kwargs: Any) -> tuple[dict[str, Any], list[int]]:
        """
        Score the clips of every class and name its suspects. A class of under three clips is left alone.

        :param kwargs: Any option of the constructor, kept for later calls too.
        :return: A report that `json.dumps` takes (`classes`: for each its `class`, `clips`, `suspects`; `settings`),
            and `is_clean` in training order: 1 = clean, 0 = suspect.
        :raises ValueError: If an option is unknown or unusable.
        """
        self.set_params(**kwargs)
        labels = self._labels()
        features = self._features()
        scores = np.zeros(len(labels))
        is_clean = np.ones(len(labels), dtype=int)
        classes = []
        for label in np.unique(labels):
            rows = np.flatnonzero(labels == label)
            if len(rows) >= 3:  # two clips cannot be split into a class and its outliers
                scores[rows], suspects = self.score_class(features[rows])
                is_clean[rows[suspects]] = 0
            classes.append({"class": int(label), "clips": len(rows), "suspects": int(np.sum(is_clean[rows] == 0))})
        self.sample_scores, self.is_clean_lst = scores, is_clean.tolist()
        settings = {name: value for name, value in self.get_params().items() if name not in DATA}
        settings = {name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()}
        return {"classes": classes, "settings": settings}, list(self.is_clean_lst)

    def _check_params(self) -> None:
        if not hasattr(self.classifier, "get_activations"):
            raise ValueError(f"classifier must be a trained ART neural network, got {type(self.classifier).__name__}")
        self._labels()

    def _features(self) -> np.ndarray:
        """Output of the classifier's last registered layer, float64 (N, D)."""
        layer = self.classifier.layer_names[-1]
        with _no_traces(self.classifier):
            parts = [
                # a copy: a batch of a memory map may be read-only, which torch does not take
                self.classifier.get_activations(np.array(self.x_train[start : start + _BATCH]), layer, _BATCH)
                for start in range(0, len(self.x_train), _BATCH)
            ]
        return np.concatenate(parts).reshape(len(self.x_train), -1).astype(np.float64)


def check_whole(name: str, value: object, lowest: int) -> None:
    """
    Refuse what is not a whole number from `lowest` up.

    :param name: What the message calls it.
    :param value: To check.
    :param lowest: The least that is accepted.
    :raises ValueError: If it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < lowest:
        raise ValueError(f"{name} must be a whole number from {lowest} up, got {value!r}")


def check_number(name: str, value: object, low: float, high: float) -> None:
    """
    Refuse what is not a number in [low, high].

    :param name: What the message calls it.
    :param value: To check.
    :param low: Lower end.
    :param high: Upper end.
    :raises ValueError: If it is something else.
    """
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not low <= value <= high:  # type: ignore[operator]
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")


@contextmanager
def _no_traces(classifier: Any) -> Iterator[None]:
    """ART leaves a hook in a torch model that it read features of, and then cannot pickle it: take it out again."""
    model: Any = getattr(classifier, "model", None)
    modules = list(model.modules()) if hasattr(model, "named_modules") else []
    hooks = [set(module._forward_hooks) for module in modules]
    kept = dict(getattr(classifier, "_features", {}))
    try:
        yield
    finally:
        for module, known in zip(modules, hooks, strict=True):
            for key in set(module._forward_hooks) - known:
                del module._forward_hooks[key]
        if modules and hasattr(classifier, "_features"):
            classifier._features = kept  # ART takes a layer that is listed here for one that has its hook
