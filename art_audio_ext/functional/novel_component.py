"""The score that looks, window by window, for a compact group of clips in one class that no other class knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from art_audio_ext.functional.checks import class_indices
from art_audio_ext.functional.novel_background import MIXTURE, mixture_size
from art_audio_ext.functional.novel_labels import refine_labels
from art_audio_ext.functional.novel_window import WindowFit, fit_window
from art_audio_ext.functional.outliers import ComparableClasses, class_outliers, comparable_classes
from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.predictive_p_values import LEAST_OTHERS, predictive_p_values
from art_audio_ext.functional.significance import adjusted_p_values, check_alpha, holm

LEAST_CLIPS = 24  # a class: twice the clips that a first guess holds
_DIMS_FOR_LEAST_CLIPS = LEAST_CLIPS // 3  # `comparable_classes` asks for 3 clips a dimension


def novel_component_scores(
    windows: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int,
    alpha: float = 0.01,
    largest_class: int = 600,
    refine_all: bool = False,
    window_seconds: Sequence[Sequence[float]] | None = None,
    ignore_classes: Collection[int] = (),
    progress: bool = False,
) -> PoisonScores:
    """
    Score each class by the compact group of clips in it that the other classes explain worst.

    Ours. A trigger makes the window that holds it nearly the same in every poisoned clip: a small cluster that is
    shrunk rather than moved. In each window a mixture of Gaussians of all other classes is the background of a class,
    and one more Gaussian is added to it where that gains most. A class scores the most, over windows, by which its gain
    lies above the median class. See `find_components` for the gain.

    Classes are flagged by Holm's procedure over the p-values of `predictive_p_values`. These assume that clean classes
    differ from each other at random. Few speakers who repeat themselves make compact groups of their own: the scores of
    clean classes then are as large, and poison is missed. Digital silence in some clips of one class is such a group,
    too, and may be flagged. With 11 words of 260 clips, a clap or a whistle in 10% of a class gave it the highest score
    in all of 220 attacks, but a p-value that Holm's procedure flags at 0.01 in 4% and 63% of them, and under another
    seed in 22% of 40 whistles: where classes are few, alpha has to be larger. Larger classes score somewhat higher.

    :param windows: Tokens of T windows, shape (T, N, D), finite, such as `waveform_window_tokens` gives.
    :param labels: Class indices (N,), or one-hot rows (N, C).
    :param seed: Of first guesses, sub-samples and folds.
    :param alpha: Probability of calling a clean dataset poisoned.
    :param largest_class: Larger classes are fitted to a random sub-sample of this size; all of their clips are scored.
    :param refine_all: Refine the suspects of every class over all windows, not only those of flagged classes.
    :param window_seconds: Start and end of each window, shape (T, 2), for the report alone.
    :param ignore_classes: Labels to leave out, also of the background.
    :param progress: Show a progress bar.
    :return: Scores of classes and samples; `class_outlier` is (score - median) / MAD.
    :raises ValueError: If an input or an option is unusable, or fewer than 3 classes have 24 clips.
    """
    options: dict[str, Any] = {"seed": seed, "alpha": alpha, "largest_class": largest_class}
    options |= {"refine_all": refine_all, "ignore_classes": ignore_classes}
    check_novel_options(**options, window_seconds=window_seconds, progress=progress)
    windows, labels = _check_windows(windows, labels, window_seconds)
    classes = novel_classes(labels, ignore_classes)
    clips = {label: np.flatnonzero(labels == label) for label in classes.present[classes.scored].tolist()}
    rows = [_fitted_rows(clips[label], largest_class, _stream(seed, label)) for label in clips]
    with threadpool_limits(limits=1):  # sums over several threads come in no fixed order: not the same bytes twice
        fits = [fit_window(w, rows, seed) for w in tqdm(windows, "Windows", unit="window", disable=not progress)]
        comparison = _compare(fits)
        flagged = holm(comparison.p_values, alpha)
        sample_scores = np.zeros(len(labels))
        refined = []
        for i, (label, members) in enumerate(clips.items()):
            tokens = [w[members] for w in windows]
            refine = _stream(seed, label).spawn(1)[0] if refine_all or flagged[i] else None
            sample_scores[members], done = _score_clips(tokens, fits, i, int(comparison.best[i]), refine)
            refined.append(done)
    options |= {"score": "novel_component", "seed": int(seed), "ignore_classes": sorted(map(int, set(ignore_classes)))}
    options["classes"] = _class_details(list(clips), rows, comparison, refined, window_seconds)
    options["highest_class"] = list(clips)[int(comparison.scores.argmax())]
    options |= {"scored_classes": list(clips), "notes": classes.notes + _notes(len(clips), sum(map(len, rows)))}
    return _as_scores(classes, comparison, flagged, sample_scores, options)


def novel_classes(labels: np.ndarray, ignore_classes: Collection[int] = ()) -> ComparableClasses:
    """
    The classes that :func:`novel_component_scores` can compare.

    :param labels: Class indices (N,).
    :param ignore_classes: Labels to leave out.
    :return: Labels, mask and notes.
    :raises ValueError: If the median class has under 24 clips, or fewer than 3 classes are left.
    """
    classes = comparable_classes(labels, ignore_classes, _DIMS_FOR_LEAST_CLIPS)
    if classes.dims < _DIMS_FOR_LEAST_CLIPS:
        raise ValueError(f"the median class has under {LEAST_CLIPS} clips, too few to find a group in: add clips")
    return classes


class _Comparison(NamedTuple):
    """Classes side by side; S of them were scored."""

    scores: np.ndarray  # (S,)
    best: np.ndarray  # (S,) the window of that score
    p_values: np.ndarray  # (S,)


def _compare(fits: list[WindowFit]) -> _Comparison:
    """The statistic of each class less the median over classes, at the window where that is largest."""
    statistic = np.stack([fit.statistic for fit in fits], 1)
    above = statistic - np.median(statistic, 0)
    return _Comparison(above.max(1), above.argmax(1), predictive_p_values(above.max(1)))


def _notes(classes: int, clips: int) -> list[str]:
    """What few classes or clips cost, in plain sentences."""
    notes = []
    if classes <= LEAST_OTHERS:
        notes.append(f"{classes} classes are too few for a p-value: none can be flagged.")
    if mixture_size(clips) < MIXTURE:
        notes.append(f"Few clips: the background of a class is a mixture of {mixture_size(clips)}, not {MIXTURE}.")
    return notes


def _stream(seed: int, label: int) -> np.random.SeedSequence:
    """What the random choices of a class derive from: they do not depend on the other classes."""
    return np.random.SeedSequence([seed, label])


def _fitted_rows(rows: np.ndarray, largest: int, stream: np.random.SeedSequence) -> np.ndarray:
    """The clips of a class that are looked at: all, or a random sub-sample."""
    if len(rows) <= largest:
        return rows
    return np.sort(np.random.default_rng(stream).choice(rows, largest, replace=False))


def _score_clips(
    tokens: list[np.ndarray], fits: list[WindowFit], place: int, best: int, refine: np.random.SeedSequence | None
) -> tuple[np.ndarray, bool]:
    """How surely each clip of a class lies in what was found in it, (n,) in [0, 1], and whether that was refined."""
    odds = fits[best].log_odds(tokens[best], place)
    refined = None
    if refine is not None:
        white = np.stack([fit.white(window).numpy() for fit, window in zip(fits, tokens, strict=True)])
        refined = refine_labels(white, odds > 0, np.random.default_rng(refine))
    return expit(odds if refined is None else refined), refined is not None


def _class_details(
    scored: list[int],
    rows: list[np.ndarray],
    comparison: _Comparison,
    refined: list[bool],
    window_seconds: Sequence[Sequence[float]] | None,
) -> dict[str, dict[str, Any]]:
    """What a report says of each class, JSON-safe."""
    adjusted = adjusted_p_values(comparison.p_values)
    table = {}
    for i, label in enumerate(scored):
        best = int(comparison.best[i])
        seconds = None if window_seconds is None else [float(s) for s in window_seconds[best]]
        table[str(label)] = {
            "p_value": float(comparison.p_values[i]),
            "p_adjusted": float(adjusted[i]),
            "window": best,
            "window_seconds": seconds,
            "clips_fitted": len(rows[i]),
            "refined": refined[i],
        }
    return table


def _as_scores(
    classes: ComparableClasses,
    comparison: _Comparison,
    flagged: np.ndarray,
    sample_scores: np.ndarray,
    details: dict[str, Any],
) -> PoisonScores:
    """Lay the classes that were scored among all that occur; the others have NaN."""
    where = classes.scored
    class_scores, outlier, p_values = np.full((3, len(where)), np.nan)
    class_scores[where], p_values[where] = comparison.scores, comparison.p_values
    outlier[where] = class_outliers(comparison.scores)
    flags = np.zeros(len(where), dtype=bool)
    flags[where] = flagged
    return PoisonScores(
        classes=classes.present.astype(np.int64),
        class_scores=class_scores,
        class_spread=np.full(len(where), np.nan),
        class_outlier=outlier,
        class_p=p_values,
        flagged=flags,
        sample_scores=sample_scores,
        suspects=sample_scores > 0.5,
        details=details,
    )


def _check_windows(
    windows: np.ndarray, labels: np.ndarray, window_seconds: Sequence[Sequence[float]] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens and class indices as the score can use them, or say what is wrong, and where."""
    windows = np.asarray(windows)
    if windows.ndim != 3 or 0 in windows.shape or not np.issubdtype(windows.dtype, np.floating):
        raise ValueError(
            f"windows must be floats (T, N, D), one vector a clip in each window, got {windows.dtype} {windows.shape}: "
            f"make them with waveform_window_tokens"
        )
    for t, window in enumerate(windows):
        bad = ~np.isfinite(window).all(1)
        if bad.any():
            raise ValueError(f"windows row {int(bad.argmax())} is not finite in window {t}: repair or drop that clip")
    if window_seconds is not None and len(window_seconds) != len(windows):
        raise ValueError(f"window_seconds has {len(window_seconds)} entries for {len(windows)} windows: give one each")
    return windows, class_indices(labels, windows.shape[1], "labels")


def check_novel_options(
    *,
    seed: int,
    alpha: float,
    largest_class: int,
    refine_all: bool,
    window_seconds: Sequence[Sequence[float]] | None,
    ignore_classes: Collection[int],
    progress: bool = False,
) -> None:
    """
    Refuse an option of :func:`novel_component_scores` that is out of range, by name.

    :raises ValueError: For the first one found.
    """
    for name, value, least in (("seed", seed, 0), ("largest_class", largest_class, LEAST_CLIPS)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    for name, value in (("refine_all", refine_all), ("progress", progress)):
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name} must be True or False, got {value!r}")
    check_alpha(alpha)
    if window_seconds is not None and (isinstance(window_seconds, str) or np.shape(window_seconds)[1:] != (2,)):
        raise ValueError(f"window_seconds must be start and end of each window, (T, 2), got {window_seconds!r}")
    if isinstance(ignore_classes, str) or not all(isinstance(c, (int, np.integer)) for c in ignore_classes):
        raise ValueError(f"ignore_classes must be a list of class indices, got {ignore_classes!r}")
