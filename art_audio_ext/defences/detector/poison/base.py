"""What every filter of poisoned sound shares: checked data, ART's parameters, and the evaluation against the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from art.defences.detector.poison.ground_truth_evaluator import GroundTruthEvaluator
from art.defences.detector.poison.poison_filtering_defence import PoisonFilteringDefence
from art.utils import segment_by_class

from art_audio_ext.functional.checks import check_waveforms, class_indices

if TYPE_CHECKING:
    from art.utils import CLASSIFIER_TYPE

DATA = ("classifier", "x_train", "y_train")


class AudioPoisonFilter(PoisonFilteringDefence):
    """
    Base of the filters of sound. A subclass writes `detect_poison` and lists and checks its parameters.

    After `detect_poison`: `is_clean_lst` (1 = clean) and `sample_scores` (N,), higher is more suspicious.
    """

    def __init__(self, classifier: CLASSIFIER_TYPE | None, x_train: np.ndarray, y_train: np.ndarray) -> None:
        """
        :param classifier: As the subclass needs it.
        :param x_train: Waveforms (N, L) in [-1, 1], an array or a memory map.
        :param y_train: Class indices (N,) or one-hot rows (N, C).
        :raises ValueError: If the sound is not acceptable.
        """
        super().__init__(classifier, check_waveforms(x_train, "x_train"), y_train)  # type: ignore[arg-type]
        self.sample_scores: np.ndarray | None = None
        self.is_clean_lst: list[int] | None = None

    def evaluate_defence(self, is_clean: np.ndarray, **kwargs: Any) -> str:
        """
        Compare with the truth, class by class; poison is found first if it has not been.

        :param is_clean: 1 where a clip is clean and 0 where it is poison, (N,) in training order.
        :param kwargs: Any option of the constructor.
        :return: ART's JSON: for each `class_i` TruePositive, TrueNegative, FalsePositive, FalseNegative with `rate` in
            percent, `numerator` and `denominator`; positive = poison.
        :raises ValueError: If `is_clean` has the wrong length or values.
        """
        truth = np.asarray([] if is_clean is None else is_clean).reshape(-1)
        if len(truth) != len(self.x_train):
            raise ValueError(f"is_clean has {len(truth)} values for {len(self.x_train)} clips: give one a clip")
        if not np.isin(truth, (0, 1)).all():
            raise ValueError("is_clean must hold 1 (clean) and 0 (poison) only")
        self.set_params(**kwargs)
        if self.is_clean_lst is None:
            self.detect_poison()
        labels = self._labels()
        count = max(int(labels.max()) + 1, int(getattr(self.classifier, "nb_classes", 0) or 0))
        found, expected = (segment_by_class(rows, labels, count) for rows in (self.is_clean_lst, truth))
        return GroundTruthEvaluator().analyze_correctness(found, expected)[1]

    def set_params(self, **kwargs: Any) -> None:
        """
        Change options; what is remembered and depends on a changed one is forgotten. All or nothing on an error.

        :param kwargs: Any parameter of the constructor.
        :raises ValueError: If one is unknown (ART ignores it silently) or unusable.
        """
        unknown = sorted(set(kwargs) - set(self.defence_params))
        if unknown:
            known = ", ".join(self.defence_params)
            raise ValueError(f"{type(self).__name__} has no option {', '.join(unknown)}: it knows {known}")
        before = self.get_params()
        try:
            if "x_train" in kwargs:
                kwargs["x_train"] = check_waveforms(kwargs["x_train"], "x_train")
            super().set_params(**kwargs)
        except Exception:
            self.__dict__.update(before)
            raise
        self._changed(before, set(kwargs))

    def _changed(self, before: dict[str, Any], given: set[str]) -> None:
        """Forget results after options were given; `before` has their old values."""
        if given:
            self.sample_scores = self.is_clean_lst = None

    def _labels(self) -> np.ndarray:
        """Class indices (N,)."""
        return class_indices(self.y_train, len(self.x_train), "y_train")
