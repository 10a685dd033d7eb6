"""The filter of poisoned sound by the latents of a variational autoencoder, as ART and Armory call filters."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from art.defences.detector.poison.ground_truth_evaluator import GroundTruthEvaluator
from art.defences.detector.poison.poison_filtering_defence import PoisonFilteringDefence
from art.utils import segment_by_class

from art_audio_ext.functional.checks import check_sample_rate, check_waveforms, class_indices
from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.scorers import check_scorer, class_table, score_samples, scorer_options
from art_audio_ext.training.encoders import Encoder, check_encoder, encode_all, load_encoder

if TYPE_CHECKING:
    from art.utils import CLASSIFIER_TYPE

logger = logging.getLogger(__name__)

_DATA = ("classifier", "x_train", "y_train")
_ENCODING = ("x_train", "sample_rate", "vae", "preset", "epochs")  # what the latents depend on
_SCORING = ("trials", "dims", "order", "aggregate", "threshold", "ignore_classes")


class PoisonLikelihoodDefence(PoisonFilteringDefence):
    """
    Train a variational autoencoder on the sound alone, then compare the two halves of every class in its latents.

    After `detect_poison`: `is_clean_lst` (1 = clean), `sample_scores` (N,) in [0, 1], `scores` (all of the score's
    results), `latents` (N, D) and `encoder`. Latents are kept: another threshold does not train or encode again.

    | Source: the paper on variational autoencoders against backdoor poisoning of audio; see `poison_likelihood_scores`.
    """

    defence_params = [  # noqa: RUF012  (a list, as ART has it)
        *_DATA,
        "sample_rate",
        "vae",
        "preset",
        "epochs",
        "score",
        "score_options",
        *_SCORING,
        "batch_size",
        "seed",
        "verbose",
    ]

    def __init__(
        self,
        classifier: CLASSIFIER_TYPE | None,
        x_train: np.ndarray,
        y_train: np.ndarray,
        *,
        sample_rate: int = 16000,
        vae: Encoder | str | Path | None = None,
        preset: str = "quick",
        epochs: int | None = None,
        score: str = "pls",
        score_options: dict[str, Any] | None = None,
        trials: int = 10,
        dims: int = 24,
        order: str = "standardise_pca",
        aggregate: str = "mean",
        threshold: float = 3.5,
        ignore_classes: Sequence[int] = (),
        batch_size: int = 256,
        seed: int = 0,
        verbose: bool = True,
    ) -> None:
        """
        :param classifier: Not used, may be None: the filter looks at the sound, not at a model.
        :param x_train: Waveforms (N, L) in [-1, 1]; a memory map is read a batch at a time.
        :param y_train: Class indices (N,) or one-hot rows (N, C).
        :param sample_rate: Of `x_train`, in Hz.
        :param vae: A trained one, the file of one, or None to train one on `x_train`.
        :param preset: Size and training of the one trained here, see `art_audio_ext.training.vae.PRESETS`.
        :param epochs: Of that training; None as the preset says.
        :param score: Name of the score, see `art_audio_ext.functional.scorers.SCORERS`.
        :param score_options: Options of that score which have no name of their own here.
        :param trials: Clusterings a class, for scores that cluster.
        :param dims: Principal components kept.
        :param order: "standardise_pca", "pca_whiten" or "whiten_pca".
        :param aggregate: "mean" or "median" over trials.
        :param threshold: A class is flagged above this modified z-score over classes.
        :param ignore_classes: Classes that are not scored, such as noise.
        :param batch_size: Clips encoded at a time.
        :param seed: Of the training and of the score.
        :param verbose: Show progress.
        :raises ValueError: If the data or an option is unusable.
        """
        super().__init__(classifier, check_waveforms(x_train, "x_train"), y_train)
        self.sample_rate = sample_rate
        self.vae = vae
        self.preset = preset
        self.epochs = epochs
        self.score = score
        self.score_options = score_options
        self.trials = trials
        self.dims = dims
        self.order = order
        self.aggregate = aggregate
        self.threshold = threshold
        self.ignore_classes = ignore_classes
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose
        self.encoder: Encoder | None = None
        self.latents: np.ndarray | None = None
        self.scores: PoisonScores | None = None
        self.sample_scores: np.ndarray | None = None
        self.is_clean_lst: list[int] | None = None
        self._check_params()

    def detect_poison(self, **kwargs: Any) -> tuple[dict[str, Any], list[int]]:
        """
        Score every class and name the suspects of the flagged ones.

        :param kwargs: Any option of the constructor, kept for later calls too.
        :return: A report that `json.dumps` takes (`classes`: for each its score, spread over trials, outlier, flag,
            suspects, clips; `highest_class`, `settings`, `seconds`, `notes`), and `is_clean` in training order:
            1 = clean, 0 = a suspect of a flagged class.
        :raises ValueError: If an option is unknown or unusable.
        """
        self.set_params(**kwargs)
        latents, seconds = self._encode()
        start = time.perf_counter()
        labels = self._labels()
        scores = score_samples(self.score, latents, labels, seed=self.seed, **self._options())
        seconds["score"] = time.perf_counter() - start
        removed = scores.removed(labels)
        self.scores = scores
        self.sample_scores = scores.sample_scores
        self.is_clean_lst = (~removed).astype(int).tolist()
        logger.info("%d of %d clips are suspects", removed.sum(), len(removed))
        return self._report(scores, labels, seconds), list(self.is_clean_lst)

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
        changed = {name for name in kwargs if not _same(before[name], getattr(self, name))}
        if changed & set(_ENCODING) or (self.vae is None and "seed" in changed):
            self.encoder = self.latents = None
        if changed - {"verbose", "classifier", "batch_size"}:
            self._forget_results()

    def _check_params(self) -> None:
        check_sample_rate(self.sample_rate)
        check_encoder(self.vae, self.sample_rate)
        for name in ("batch_size", "epochs"):
            value = getattr(self, name)
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value > 0
            if not whole and not (name == "epochs" and value is None):
                raise ValueError(f"{name} must be a positive whole number, got {value!r}")
        check_scorer(self.score, self._labels(), seed=self.seed, **self._options())

    def _labels(self) -> np.ndarray:
        """Class indices (N,)."""
        return class_indices(self.y_train, len(self.x_train), "y_train")

    def _options(self) -> dict[str, Any]:
        """The options that the chosen score takes."""
        taken = scorer_options(self.score)
        return {name: getattr(self, name) for name in _SCORING if name in taken} | (self.score_options or {})

    def _forget_results(self) -> None:
        self.scores = self.sample_scores = self.is_clean_lst = None

    def _encode(self) -> tuple[np.ndarray, dict[str, float]]:
        """The latents, made only if there are none yet, and the seconds that took."""
        start = time.perf_counter()
        if self.encoder is None and self.vae is not None:
            self.encoder = load_encoder(self.vae, self.sample_rate)
        elif self.encoder is None:
            from art_audio_ext.training.vae import train_vae  # slow to import, and not needed when a VAE is given

            settings: dict[str, Any] = {"seed": self.seed, "epochs": self.epochs, "progress": self.verbose}
            self.encoder = train_vae(self.x_train, self.sample_rate, self.preset, **settings)
        made = time.perf_counter()
        if self.latents is None:
            self.latents = encode_all(self.encoder, self.x_train, self.batch_size, self.verbose)
        return self.latents, {"train": made - start, "encode": time.perf_counter() - made}

    def _report(self, scores: PoisonScores, labels: np.ndarray, seconds: dict[str, float]) -> dict[str, Any]:
        """The report of `detect_poison`."""
        settings = {name: getattr(self, name) for name in self.defence_params if name not in (*_DATA, *_SCORING)}
        settings = {name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()}
        if not isinstance(self.vae, str):
            settings["vae"] = (
                "trained" if self.vae is None else str(self.vae) if isinstance(self.vae, Path) else "given"
            )
        details = dict(scores.details)
        notes, highest = details.pop("notes", []), details.pop("highest_class", None)
        return {
            "classes": class_table(scores, labels),
            "highest_class": highest,
            "settings": settings | {"score_details": details},
            "seconds": seconds,
            "notes": notes,
        }


def _same(before: Any, after: Any) -> bool:
    """Whether an option has its old value; arrays are compared by identity."""
    return before is after or (not isinstance(before, np.ndarray) and type(before) is type(after) and before == after)
