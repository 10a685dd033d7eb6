"""From what was heard in clips under the sentence attack to the rows of its tables, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from art_audio_ext.experiments.av_sync_summary import MEASURES
from art_audio_ext.functional.bootstrap import share_interval
from art_audio_ext.functional.metrics import roc_auc

Cell = tuple[dict[str, Any], dict[str, Any]]
_DRAWS = 500


def success_table(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """
    What the attack achieves, and by how much it changes clips.

    :param cells: Experiments of `av_sentences_cells.run_cell` with their results.
    :return: A row for each sentence wanted and one for "all": `target`, `clips`; `partial` (word error rate to it below
        one half) and `full` (nought) with its 95% interval (`low`, `high`; one clip asked for several sentences stands
        or falls together); `word_error_rate`, the mean; `iterations`
        until the clips that are returned were found, and medians of the distortions of `MEASURES`, over the clips of
        partial success, None where there is none.
    """
    attacks = _by_target(cells)
    rows = []
    for target, groups in [*((name, [group]) for name, group in attacks.items()), ("all", list(attacks.values()))]:
        group = [cell for results in groups for cell in results]
        results = [one for cell in group for one in cell["results"]]
        clips = np.concatenate([np.arange(sum(len(cell["results"]) for cell in results)) for results in groups])
        partial, full = (np.array([one[name] for one in results], bool) for name in ("partial", "full"))
        low, high = share_interval(full, clips)
        row: dict[str, Any] = {"target": target, "clips": len(results), "partial": float(partial.mean())}
        row |= {"full": float(full.mean()), "low": low, "high": high}
        row["word_error_rate"] = float(np.mean([one["word_error_rate"] for one in results]))
        row["iterations"] = _median([one["iterations"] for one in results], partial)
        for name in MEASURES:
            row[name] = _median([value for cell in group for value in cell["distortion"][name]], partial)
        rows.append(row)
    return rows


def detection_table(cells: Sequence[Cell], seed: int = 0) -> list[dict[str, Any]]:
    """
    How well detectors tell attacked clips from the same clips unattacked.

    :param cells: Experiments of `av_sentences_cells.run_cell` with their results; those without a sentence are the
        clips as they are.
    :param seed: Of the bootstrap.
    :return: For each detector, also "either side" (far from the middle confidence of the other half of the clips as
        they are), a row for `of` "all" clips, "partial" and "full" successes: `clips`, `auc` and its 95% interval by
        drawing clips anew, a clip with all that was made of it; `auc_noise`, noise of equal power against the clips as
        they are; and `auc_over_noise`, attacked clips against that noise. None where there is no success.
    """
    benign = _joined([result for task, result in cells if not task["text"]], "confidence")
    groups = list(_by_target(cells).values())
    chosen = {"all": None, "partial": "partial", "full": "full"}
    rows = []
    for detector, clean in benign.items():
        attacked = np.stack([_joined(group, "confidence")[detector] for group in groups])  # (targets, clips)
        noise = np.stack([_joined(group, "noise")[detector] for group in groups])
        for sides in (1, 2):
            one, two, three = (_suspicion(clean, values, sides) for values in (clean[None], attacked, noise))
            for name, key in chosen.items():
                hit = np.ones(attacked.shape, bool)
                if key:
                    hit = np.array([[bool(one[key]) for cell in group for one in cell["results"]] for group in groups])
                row = {"detector": detector + (", either side" if sides == 2 else ""), "of": name}
                rows.append({**row, "clips": int(hit.sum()), **_aucs(one, two, three, hit, seed)})
    return rows


def _by_target(cells: Sequence[Cell]) -> dict[str, list[dict[str, Any]]]:
    """Results of the attacks, in the order of the clips."""
    found: dict[str, list[dict[str, Any]]] = {}
    for task, result in sorted(cells, key=lambda cell: cell[0]["first"]):
        if task["text"]:
            found.setdefault(task["text"], []).append(result)
    return found


def _joined(results: Sequence[dict[str, Any]], key: str) -> dict[str, np.ndarray]:
    """By detector, of all clips."""
    return {name: np.concatenate([result[key][name] for result in results]) for name in results[0][key]}


def _suspicion(clean: np.ndarray, values: np.ndarray, sides: int) -> np.ndarray:
    """Larger is more suspicious (targets, clips); the middle of each half is that of the other half."""
    if sides == 1:
        return -values
    even = np.arange(len(clean)) % 2 == 0
    return np.abs(values - np.where(even, np.median(clean[1::2]), np.median(clean[::2])))


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


def _median(values: Sequence[float | None], chosen: np.ndarray) -> float | None:
    found = [value for value, taken in zip(values, chosen, strict=True) if taken and value is not None]
    return float(np.median(found)) if found else None
