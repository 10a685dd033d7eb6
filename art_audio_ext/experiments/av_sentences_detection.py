"""How well detectors tell clips under the sentence attack from the same clips as they are, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from art_audio_ext.experiments.av_sentences_summary import Cell, by_attack
from art_audio_ext.experiments.av_sync_halves import halves_of
from art_audio_ext.functional.detection_threshold import best_f1_threshold, mean_f1
from art_audio_ext.functional.metrics import roc_auc

_DRAWS = 500
_OF = {"all": None, "partial": "partial", "full": "full"}


def detection_table(cells: Sequence[Cell], seed: int = 0, groups: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """
    How well detectors tell attacked clips from the same clips unattacked.

    :param cells: Experiments of `av_sentences_cells.run_cell` with their results; those without a sentence are the
        clips as they are.
    :param seed: Of the bootstrap.
    :param groups: Of each clip (n,), its speaker or file, which lies in one half alone; None has clips in turn.
    :return: For each aim and box, and each detector, also "either side" (far from the middle confidence of the other
        half of the clips as they are), a row for `target` "all" and, of low confidence, for each sentence wanted (the
        paper's Table 4), `of` "all" clips, "partial" and "full" successes: `clips`; `auc` and its 95% interval by
        drawing clips anew, a clip with all that was made of it; `auc_noise`, noise of equal power against the clips as
        they are; `auc_over_noise`, attacked clips against that noise; `f1`, the mean F1 of both classes, and
        `flagged_benign`, by the best threshold of the other half, learnt on clips as they are and attacked ones for
        each sentence apart, the means over sentences; and `thresholds`, the confidence below which the first half is
        flagged and the second, of rows of one sentence. None where there is no success, or, of the last three, none in
        one of the halves.
    """
    benign = _joined([result for task, result in cells if not task["text"]], "confidence")
    rows = []
    for (aim, audio, video), texts in by_attack(cells).items():
        about = {"aim": aim, "audio": audio, "video": video}
        for detector, clean in benign.items():
            second = halves_of(range(len(clean)) if groups is None else groups)
            for row in _rows(clean, texts, detector, second, seed):
                rows.append({**about, **row})
    return rows


def _rows(
    clean: np.ndarray, texts: dict[str, list[dict[str, Any]]], detector: str, second: np.ndarray, seed: int
) -> Iterator[dict[str, Any]]:
    """One attack under one detector."""
    results = list(texts.values())
    attacked, noise = (np.stack([_joined(one, key)[detector] for one in results]) for key in ("confidence", "noise"))
    which: dict[str, list[int]] = {"all": list(range(len(texts)))}
    for sides in (1, 2):
        one, two, three = (_suspicion(clean, values, sides, second) for values in (clean[None], attacked, noise))
        name = detector + (", either side" if sides == 2 else "")
        for target, taken in (which if sides == 2 else which | {text: [k] for k, text in enumerate(texts)}).items():
            for of, key in _OF.items():
                hit = np.ones(attacked.shape, bool)
                if key:
                    hit = np.array([[bool(r[key]) for cell in group for r in cell["results"]] for group in results])
                chosen = (one, two[taken], three[taken], hit[taken])
                row: dict[str, Any] = {"detector": name, "target": target, "of": of, "clips": int(hit[taken].sum())}
                yield {**row, **_aucs(*chosen, seed), **_f1s(one[0], two[taken], hit[taken], second, target != "all")}


def _joined(results: Sequence[dict[str, Any]], key: str) -> dict[str, np.ndarray]:
    """By detector, of all clips."""
    return {name: np.concatenate([result[key][name] for result in results]) for name in results[0][key]}


def _suspicion(clean: np.ndarray, values: np.ndarray, sides: int, second: np.ndarray) -> np.ndarray:
    """Larger is more suspicious (targets, clips); the middle of each half is that of the other half."""
    if sides == 1 or second.all() or not second.any():
        return -values
    return np.abs(values - np.where(second, np.median(clean[~second]), np.median(clean[second])))


def _aucs(clean: np.ndarray, attacked: np.ndarray, noise: np.ndarray, hit: np.ndarray, seed: int) -> dict[str, Any]:
    """Of suspicions, (1, clips) and (targets, clips), those that count marked."""
    if not hit.any():
        return dict.fromkeys(("auc", "auc_low", "auc_high", "auc_noise", "auc_over_noise"))
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(_DRAWS):
        picks = rng.integers(clean.shape[1], size=clean.shape[1])
        if hit[:, picks].any():
            drawn.append(_auc(clean[:, picks], attacked[:, picks][hit[:, picks]]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        **{"auc": _auc(clean, attacked[hit]), "auc_low": float(low), "auc_high": float(high)},
        **{"auc_noise": _auc(clean, noise[hit]), "auc_over_noise": _auc(noise[hit], attacked[hit])},
    }


def _auc(clean: np.ndarray, changed: np.ndarray) -> float:
    scores = np.concatenate([clean.ravel(), changed.ravel()])
    return roc_auc(np.arange(len(scores)) >= clean.size, scores)


def _f1s(clean: np.ndarray, attacked: np.ndarray, hit: np.ndarray, second: np.ndarray, single: bool) -> dict[str, Any]:
    """F1, false alarms and thresholds, of suspicions (clips,) and (targets, clips), those that count marked."""
    found = [_f1(clean, *one, second) for one in zip(attacked, hit, strict=True)]
    known = [one for one in found if one is not None]
    if not known:
        return dict.fromkeys(("f1", "flagged_benign", "thresholds"))
    f1, flagged = (float(np.mean([one[k] for one in known])) for k in (0, 1))
    return {"f1": f1, "flagged_benign": flagged, "thresholds": known[0][2] if single else None}


def _f1(
    clean: np.ndarray, attacked: np.ndarray, hit: np.ndarray, second: np.ndarray
) -> tuple[float, float, list[float]] | None:
    """Of one sentence: mean F1, share of benign clips flagged, and the limit of each half."""
    benign, found, limits = [], [], []
    for half in (~second, second):
        if not half.any() or not (hit & ~half).any() or not (hit & half).any():
            return None
        limits.append(best_f1_threshold(-clean[~half], -attacked[hit & ~half])[0])
        benign.append(-clean[half] < limits[-1])
        found.append(-attacked[hit & half] < limits[-1])
    flagged, count = np.concatenate([*benign, *found]), len(clean)
    return mean_f1(np.arange(len(flagged)) >= count, flagged), float(flagged[:count].mean()), limits
