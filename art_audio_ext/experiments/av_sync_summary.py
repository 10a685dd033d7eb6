"""From what detectors and victims said of audiovisual clips to the rows of the tables, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from art_audio_ext.experiments.av_sync_halves import flagged_at_limit, halves_of, judged, suspicion
from art_audio_ext.experiments.av_sync_plans import MODALITIES
from art_audio_ext.functional.metrics import proportion_interval, roc_auc

Cell = tuple[dict[str, Any], dict[str, Any]]
Folds = tuple[dict[int, dict[str, Any]], dict[int, np.ndarray]]  # by fold, what is said of benign clips, and halves
_DRAWS = 500
MEASURES = ("video_l2", "video_frame_l2", "video_linf_pixels", "video_linf_paper", "audio_linf_db")


def merged(cells: Sequence[Cell]) -> list[Cell]:
    """
    What several cells say of one change of a fold, as one: trained networks judge in cells of their own, so that those
    of a run without them are used again.

    :param cells: Experiments of `run_cell` with their results.
    :return: In the order of the first of each; the victim's answers are the first one's.
    """
    found: dict[tuple[int, str], Cell] = {}
    for task, result in cells:
        key = (task["fold"], task["name"])
        before = found[key][1] if key in found else {}
        one = {**result, **before, "confidence": {**before.get("confidence", {}), **result["confidence"]}}
        if "noise" in result:
            noise = before.get("noise", {}).get("confidence", {})
            one["noise"] = {**result["noise"], "confidence": {**noise, **result["noise"]["confidence"]}}
        found[key] = (found[key][0] if key in found else task, one)
    return list(found.values())


def modality_table(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """
    Does the victim listen, and does it look? It uses both if it is worse without either, and better with either alone
    than with neither.

    :param cells: Experiments of `run_cell` with their results.
    :return: A row for each fold and one for "all": `clips`, and the share recognised of `both`, `heard_alone` (the
        pictures grey), `seen_alone` (the sound silent) and `neither`, each with its 95% interval (`..._low`,
        `..._high`).
    """
    names = {"none": "both"} | {kind: kind.replace(" ", "_") for kind in MODALITIES}
    right: dict[int, dict[str, np.ndarray]] = {}
    for task, result in cells:
        if (kind := task["change"]["kind"]) in names:
            right.setdefault(task["fold"], {})[names[kind]] = _flags(result["right"])
    whole = {fold: said for fold, said in right.items() if len(said) == len(names)}
    if not whole:
        return []
    every = {name: np.concatenate([said[name] for said in whole.values()]) for name in names.values()}
    return [
        {"fold": fold, "clips": len(said["both"])} | _shares({name: said[name] for name in names.values()})
        for fold, said in [*whole.items(), ("all", every)]
    ]


def _shares(said: dict[str, np.ndarray]) -> dict[str, float]:
    """Of flags by name, their shares with intervals."""
    found: dict[str, float] = {}
    for name, flags in said.items():
        low, high = proportion_interval(int(flags.sum()), len(flags))
        found |= {name: float(flags.mean()), f"{name}_low": low, f"{name}_high": high}
    return found


def detection_table(
    cells: Sequence[Cell], seed: int = 0, groups: dict[int, Sequence[str]] | None = None
) -> list[dict[str, Any]]:
    """
    One row for each change of the clips and each detector, over all folds.

    A clip is suspicious as its sync confidence is low; "either side" as it is far from the middle of the benign ones
    of the other half of the fold. The threshold of a half is learnt on the other half, benign clips and changed ones:
    the one with the largest mean F1 of both classes, as in the paper's section 5.

    :param cells: Experiments of `run_cell` with their results.
    :param seed: Of the bootstrap.
    :param groups: By fold, the speaker or file of each clip, which is in one half alone; None has clips in turn.
    :return: Rows: `change`, `detector`, `clips`; `accuracy` of the victim and its `success` (of the clips that it had
        right, None for controls); `auc` of changed against benign clips and its 95% interval by drawing clips anew,
        `auc_successes` (changed clips that fooled the victim alone), `auc_noise` (against noise of equal power),
        `f1`, `flagged_benign`; `flagged`, of the changed clips at a limit from benign clips alone that a
        tenth of such clips pass (None with fewer than ten); medians of the distortions of `MEASURES`; and `adaptive`,
        the `Change` of an attack that knows a detector.
    """
    benign = {e["fold"]: result for e, result in cells if e["change"]["kind"] == "none"}
    names: dict[str, list[Cell]] = {}
    for cell in cells:
        names.setdefault(cell[0]["name"], []).append(cell)
    by_fold = groups or {}
    halves = {
        fold: halves_of(by_fold.get(fold, list(map(str, range(len(of["right"])))))) for fold, of in benign.items()
    }
    return [
        _row(name, group, (benign, halves), detector, sides, seed)
        for name, group in names.items()
        for detector in group[0][1]["confidence"]
        for sides in (1, 2)
    ]


def offset_table(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """
    How well the first sync network of each fold finds shifts of -10 to 10 frames.

    :param cells: Experiments of `run_cell` with their results.
    :return: A row each for clips of the fold (`offsets`) and of talkers whom no network has seen (`strangers`), where
        there are any, and both again for the network after it has learnt from attacks (`..._trained`): `clips`,
        `exact` and `within_one` frame with its 95% interval (`low`, `high`).
    """
    rows = []
    for name in ("offsets", "strangers", "offsets_trained", "strangers_trained"):
        # every fold asks the same strangers: the first does for all
        asked = [(task, result) for task, result in cells if "offsets" in name or task["fold"] == 0]
        pairs = np.array([pair for _, result in asked for pair in result.get(name, [])])
        if len(pairs):
            apart = np.abs(pairs[:, 0] - pairs[:, 1])
            close = int((apart <= 1).sum())
            low, high = proportion_interval(close, len(apart))
            row: dict[str, Any] = {"clips_of": name, "clips": len(apart), "exact": float((apart == 0).mean())}
            rows.append({**row, "within_one": close / len(apart), "low": low, "high": high})
    return rows


def _row(name: str, group: Sequence[Cell], folds: Folds, detector: str, sides: int, seed: int) -> dict[str, Any]:
    """One change under one detector."""
    benign = folds[0]
    results = [result for _, result in group]
    before = [_flags(benign[e["fold"]]["right"]) for e, _ in group]
    after = [_flags(result["right"]) for result in results]
    fooled = [was & ~now for was, now in zip(before, after, strict=True)]
    attack, change = group[0][0]["attacks"], group[0][0]["change"]
    clean, changed = (
        [
            _suspicious(folds, task["fold"], benign[task["fold"]] if which == 0 else result, detector, sides)
            for task, result in group
        ]
        for which in (0, 1)
    )
    second = [folds[1][task["fold"]] for task, _ in group]
    row: dict[str, Any] = {"change": name, "detector": detector + (", either side" if sides == 2 else "")}
    row |= {"clips": sum(map(len, after)), "accuracy": float(np.concatenate(after).mean())}
    row["success"] = float(np.concatenate(fooled).sum() / max(1, np.concatenate(before).sum())) if attack else None
    low, high = _auc_interval(clean, changed, seed)
    row |= {"auc": _mean_auc(clean, changed), "auc_low": low, "auc_high": high}
    row["auc_successes"] = _mean_auc(clean, [c[f] for c, f in zip(changed, fooled, strict=True)]) if attack else None
    row["auc_noise"] = _against_noise(group, folds, changed, detector, sides) if attack else None
    row |= dict(zip(("f1", "flagged_benign"), judged(clean, changed, second), strict=True))
    row["flagged"] = flagged_at_limit(clean, changed, second)
    row |= {key: _median(results, key) for key in MEASURES}
    if change["kind"] == "adaptive":
        row |= {"adaptive": {"eot": 1, "mix": "sum", **change}}
    return row


def _suspicious(folds: Folds, fold: int, source: dict[str, Any], detector: str, sides: int) -> np.ndarray:
    """Of the clips of a fold as one source has them (n,)."""
    benign, halves = folds
    reference = benign[fold]["confidence"][detector]
    return suspicion(reference, source["confidence"][detector], sides, halves[fold])


def _against_noise(
    group: Sequence[Cell], folds: Folds, changed: list[np.ndarray], detector: str, sides: int
) -> float | None:
    noise = [_suspicious(folds, task["fold"], result["noise"], detector, sides) for task, result in group]
    return _mean_auc(noise, changed)


def _mean_auc(clean: Sequence[np.ndarray], changed: Sequence[np.ndarray]) -> float | None:
    """Within folds, since each has networks of its own; weighed by clips."""
    parts = [(_auc(one, other), len(other)) for one, other in zip(clean, changed, strict=True) if len(other)]
    return float(np.average([auc for auc, _ in parts], weights=[size for _, size in parts])) if parts else None


def _auc(clean: np.ndarray, changed: np.ndarray) -> float:
    truth = np.arange(len(clean) + len(changed)) >= len(clean)
    return roc_auc(truth, np.concatenate([clean, changed]))


def _auc_interval(clean: Sequence[np.ndarray], changed: Sequence[np.ndarray], seed: int) -> tuple[float, float]:
    """95% by drawing clips anew, a clip with its changed copy; that of a proportion where there is no overlap."""
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(_DRAWS):
        picks = [rng.integers(len(one), size=len(one)) for one in clean]
        resampled = ([part[p] for part, p in zip(side, picks, strict=True)] for side in (clean, changed))
        drawn.append(_mean_auc(*resampled))
    low, high = np.quantile(np.array(drawn, float), [0.025, 0.975])
    if low == high:
        clips = sum(map(len, clean))
        return proportion_interval(round(float(low) * clips), clips)
    return float(low), float(high)


def _median(results: Sequence[dict[str, Any]], key: str) -> float | None:
    values = [value for result in results for value in result["distortion"].get(key, []) if value is not None]
    return float(np.median(values)) if values else None


def _flags(line: str) -> np.ndarray:
    return np.array([sign == "1" for sign in line])
