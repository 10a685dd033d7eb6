"""The filter of poisoned sound by any of the scores, as ART and Armory call filters."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from art_audio_ext.defences.detector.poison.base import DATA, AudioPoisonFilter
from art_audio_ext.functional.checks import check_sample_rate
from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.scorers import (
    SCORERS,
    check_scorer,
    class_table,
    score_samples,
    scorer_options,
    scorer_settings,
)
from art_audio_ext.functional.window_tokens import pca_window_seconds, pca_windows
from art_audio_ext.training.encoders import Encoder, check_encoder, encode_all, load_encoder
from art_audio_ext.training.score_inputs import check_tokens, encode_windows

if TYPE_CHECKING:
    from art.utils import CLASSIFIER_TYPE

logger = logging.getLogger(__name__)

_ENCODING = ("x_train", "sample_rate", "vae", "preset", "epochs")  # what a VAE's latents depend on
_SCORING = ("alpha", "trials", "dims", "order", "aggregate", "threshold", "ignore_classes")
_IN_DETAILS = ("score_options", *_SCORING)  # what a score says of itself, under "score_details"


class PoisonLikelihoodDefence(AudioPoisonFilter):
    """
    Score every class by one of the scores, and name the suspects of those that are flagged.

    The default, "combined", looks for a sound that repeats in the clips of one class and for a group of clips that no
    other class knows; it trains nothing. The paper's is score="pls", which trains a variational autoencoder on the
    sound alone and compares the two halves of every class in its latents.

    After `detect_poison`: `is_clean_lst` (1 = clean), `sample_scores` (N,) in [0, 1], `scores` (all of the score's
    results), and what that score was given: `latents` (N, D) or `windows` (T, N, D), and `encoder` where one made them.
    These are kept: another alpha or threshold does not train or encode again.

    | Source: the paper on variational autoencoders against backdoor poisoning of audio, see `poison_likelihood_scores`;
    | the other scores are ours, see `combined_component_scores`.
    """

    defence_params = [  # noqa: RUF012  (a list, as ART has it)
        *DATA,
        "sample_rate",
        "vae",
        "preset",
        "epochs",
        "score",
        "score_options",
        "tokens",
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
        score: str = "combined",
        score_options: dict[str, Any] | None = None,
        tokens: str = "pca",
        alpha: float = 0.01,
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
        :param vae: A trained one, the file of one, or None to train one on `x_train` where the score needs it.
        :param preset: Size and training of the one trained here, see `art_audio_ext.training.vae.PRESETS`.
        :param epochs: Of that training; None as the preset says.
        :param score: Name of the score, see `art_audio_ext.functional.scorers.SCORERS`. Of the options below, those
            that it does not take have no effect.
        :param score_options: Options of that score which have no name of their own here.
        :param tokens: What "novel_component" looks at: "pca", principal components of the log-mel in each eighth of a
            second, or "vae", the steps of the VAE.
        :param alpha: Probability of calling clean data poisoned, for scores that have p-values.
        :param trials: Clusterings a class, for scores that cluster.
        :param dims: Principal components kept.
        :param order: "standardise_pca", "pca_whiten" or "whiten_pca".
        :param aggregate: "mean" or "median" over trials.
        :param threshold: A class is flagged above this modified z-score over classes, for scores without p-values.
        :param ignore_classes: Classes that are not scored, such as noise.
        :param batch_size: Clips encoded at a time.
        :param seed: Of the training and of the score.
        :param verbose: Show progress.
        :raises ValueError: If the data or an option is unusable.
        """
        super().__init__(classifier, x_train, y_train)
        self.sample_rate = sample_rate
        self.vae = vae
        self.preset = preset
        self.epochs = epochs
        self.score = score
        self.score_options = score_options
        self.tokens = tokens
        self.alpha = alpha
        self.trials = trials
        self.dims = dims
        self.order = order
        self.aggregate = aggregate
        self.threshold = threshold
        self.ignore_classes = ignore_classes
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose
        self.encoder: Any = None
        self.latents: np.ndarray | None = None
        self.windows: np.ndarray | None = None
        self.scores: PoisonScores | None = None
        self._check_params()

    def detect_poison(self, **kwargs: Any) -> tuple[dict[str, Any], list[int]]:
        """
        Score every class and name the suspects of the flagged ones.

        :param kwargs: Any option of the constructor, kept for later calls too.
        :return: A report that `json.dumps` takes (`classes`: for each its clips, suspects, flag, and score, spread over
            trials, outlier and adjusted p-value, None where there is none; `highest_class`, `settings`, `seconds`,
            `notes`), and `is_clean` in training order: 1 = clean, 0 = a suspect of a flagged class.
        :raises ValueError: If an option is unknown or unusable.
        """
        self.set_params(**kwargs)
        inputs, seconds = self._inputs()
        start = time.perf_counter()
        labels = self._labels()
        scores = score_samples(self.score, inputs, labels, seed=self.seed, progress=self.verbose, **self._options())
        seconds["score"] = time.perf_counter() - start
        removed = scores.removed(labels)
        self.scores, self.sample_scores = scores, scores.sample_scores
        self.is_clean_lst = (~removed).astype(int).tolist()
        logger.info("%d of %d clips are suspects", removed.sum(), len(removed))
        return self._report(scores, labels, seconds), list(self.is_clean_lst)

    def _changed(self, before: dict[str, Any], given: set[str]) -> None:
        """Forget what depends on a changed option, and no more: a training is not repeated for another threshold."""
        changed = {name for name in given if not _same(before[name], getattr(self, name))}
        another_encoder = changed & set(_ENCODING) or (self.vae is None and "seed" in changed)
        if another_encoder:
            self.encoder = self.latents = None
        another_basis = changed & {"x_train", "sample_rate", "seed"}
        if "tokens" in changed or (another_encoder if self.tokens == "vae" else another_basis):
            self.windows = None
        if changed - {"verbose", "classifier", "batch_size"}:
            self.scores = self.sample_scores = self.is_clean_lst = None

    def _check_params(self) -> None:
        check_sample_rate(self.sample_rate)
        check_encoder(self.vae, self.sample_rate)
        check_tokens(self.tokens)
        for name in ("batch_size", "epochs"):
            value = getattr(self, name)
            whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value > 0
            if not whole and not (name == "epochs" and value is None):
                raise ValueError(f"{name} must be a positive whole number, got {value!r}")
        check_scorer(self.score, self._labels(), seed=self.seed, **self._options())

    def _encodes(self) -> bool:
        """Whether the chosen score looks at something that a VAE makes."""
        takes = SCORERS[self.score].takes
        return takes == "latents" or (takes == "windows" and self.tokens == "vae")

    def _options(self) -> dict[str, Any]:
        """The options that the chosen score takes."""
        taken = scorer_options(self.score)
        named = {name: getattr(self, name) for name in (*_SCORING, "sample_rate") if name in taken}
        if "window_seconds" in taken and self.tokens == "pca":
            named["window_seconds"] = pca_window_seconds(self.x_train.shape[1], self.sample_rate)
        return scorer_settings(self.score_options, **named)

    def _inputs(self) -> tuple[np.ndarray, dict[str, float]]:
        """What the score takes, made only if it is not there yet, and the seconds that took."""
        start = time.perf_counter()
        if self._encodes() and self.encoder is None:
            self.encoder = self._new_encoder()
        made = time.perf_counter()
        inputs, takes = self.x_train, SCORERS[self.score].takes
        if takes == "latents":
            if self.latents is None:
                self.latents = encode_all(self.encoder, self.x_train, self.batch_size, self.verbose)
            inputs = self.latents
        elif takes == "windows":
            if self.windows is None and self.tokens == "vae":
                self.windows = encode_windows(self.encoder, self.x_train, self.batch_size, self.verbose)
            elif self.windows is None:
                self.windows = pca_windows(self.x_train, self.sample_rate, self.seed)
            inputs = self.windows
        return inputs, {"train": made - start, "encode": time.perf_counter() - made}

    def _new_encoder(self) -> Encoder:
        """The one that was given, opened if it is a file, or one trained on the sound."""
        if self.vae is not None:
            return load_encoder(self.vae, self.sample_rate)
        from art_audio_ext.training.vae import train_vae  # slow to import, and not needed when a VAE is given

        settings: dict[str, Any] = {"seed": self.seed, "epochs": self.epochs, "progress": self.verbose}
        return train_vae(self.x_train, self.sample_rate, self.preset, **settings)

    def _report(self, scores: PoisonScores, labels: np.ndarray, seconds: dict[str, float]) -> dict[str, Any]:
        """The report of `detect_poison`."""
        settings = {name: getattr(self, name) for name in self.defence_params if name not in (*DATA, *_IN_DETAILS)}
        settings = {name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()}
        if not self._encodes():
            settings["vae"] = None
        elif not isinstance(self.vae, str):
            given = str(self.vae) if isinstance(self.vae, Path) else "given"
            settings["vae"] = "trained" if self.vae is None else given
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
