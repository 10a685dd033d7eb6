"""One experiment on a bank of clips: poison it or resample it, score it, and compare with the truth."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from art_audio_ext.experiments.attack_bank import AttackBank, AttackedClips
from art_audio_ext.experiments.attack_plans import AttackPlan
from art_audio_ext.functional.combined_component import PARTS, combine
from art_audio_ext.functional.metrics import confusion
from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.scorers import SCORERS, score_samples, scorer_options

COMBINED = "combined"
CLEAN_SHARE = 0.8  # of every class, in a clean dataset
_POINTS = 600  # clean clips in a picture, at most


def input_kinds(score: str) -> set[str]:
    """
    What of `attack_bank.KINDS` a score is given.

    :param score: A key of `SCORERS`.
    :return: What it takes; flattened sound where it takes that in the place of waveforms; of "combined" what its parts
        take, so that only the clips with a trigger are encoded there too.
    :raises ValueError: If there is no such score.
    """
    if score == COMBINED:
        return {kind for part in PARTS for kind in input_kinds(part)}
    return {"flattened" if "flattened" in scorer_options(score) else SCORERS[score].takes}


def scores_of(
    score: str, inputs: Callable[[str], np.ndarray], labels: np.ndarray, bank: AttackBank, seed: int, alpha: float
) -> PoisonScores:
    """
    Score clips of a bank.

    :param score: A key of `SCORERS`.
    :param inputs: Gives the clips as one of `attack_bank.KINDS`.
    :param labels: Class indices (N,).
    :param bank: Tells the noise classes and the sample rate.
    :param seed: Of the score.
    :param alpha: Chance of calling clean data poisoned, where the score takes one.
    :return: Scores.
    :raises ValueError: If the clips are too few for the score.
    """
    if score == COMBINED:
        options = {"largest_class": scorer_options(COMBINED)["largest_class"]}
        parts = {part: partial(_score, part, inputs, labels, bank, seed, alpha, options) for part in PARTS}
        found = {PARTS[0]: parts.pop(PARTS[0])()}
        with suppress(ValueError):  # more classes, or larger ones, are needed there: the first part decides
            found |= {part: run() for part, run in parts.items()}
        return combine(found, labels, alpha)
    return _score(score, inputs, labels, bank, seed, alpha, {})


def _score(
    score: str,
    inputs: Callable[[str], np.ndarray],
    labels: np.ndarray,
    bank: AttackBank,
    seed: int,
    alpha: float,
    options: dict[str, Any],
) -> PoisonScores:
    """One score with the options that it knows."""
    known = scorer_options(score)
    wanted: dict[str, Any] = {"ignore_classes": bank.noise_classes, "sample_rate": bank.sample_rate, "alpha": alpha}
    # suspects are compared with the truth in the target class whether it was flagged or not
    wanted |= {"flattened": True, "refine_all": True}
    options = options | {name: value for name, value in wanted.items() if name in known}
    (kind,) = input_kinds(score)
    return score_samples(score, inputs(kind), labels, seed=seed, **options)


def run_experiment(experiment: dict[str, Any], bank: AttackBank) -> dict[str, Any]:
    """
    Run one experiment of the sweep.

    :param experiment: `score`, `seed`, `alpha`, and one of `attack` (a plan), `picture` (a plan whose target class is
        to be drawn) and `clean` (seed of the resample). `windows` may name what stands in their place: "steps".
    :param bank: The clean clips.
    :return: `class_scores`, `class_p` and `flagged` by class, `seconds`; of an attack also how well it was found.
    """
    score, seed, alpha = experiment["score"], experiment["seed"], experiment["alpha"]
    start, stands_for_windows = time.perf_counter(), experiment.get("windows", "windows")

    def renamed(kind: str) -> str:
        return stands_for_windows if kind == "windows" else kind

    if "clean" in experiment:
        rows = bank.resample(CLEAN_SHARE, experiment["clean"])
        some = bank.labels[rows]
        scores = scores_of(score, lambda kind: bank.clean(rows, renamed(kind)), some, bank, seed, alpha)
        return _class_facts(scores, start)
    plan = AttackPlan.from_dict(experiment.get("attack") or experiment["picture"])
    attacked = bank.attacked(plan)
    scores = scores_of(score, lambda kind: attacked.inputs(renamed(kind)), attacked.labels, bank, seed, alpha)
    found = _class_facts(scores, start) | _attack_facts(plan, scores, attacked.labels, attacked.is_poison)
    if "picture" in experiment:
        kind = "latents" if "latents" in input_kinds(score) else "windows"
        found["picture"] = _picture(attacked, kind, plan.targets[0], scores.suspects)
    return found


def _class_facts(scores: PoisonScores, start: float) -> dict[str, Any]:
    p_values = np.full(len(scores.classes), np.nan) if scores.class_p is None else scores.class_p
    return {
        "classes": scores.classes,
        "class_scores": scores.class_scores,
        "class_p": p_values,
        "flagged": scores.flagged,
        "seconds": round(time.perf_counter() - start, 4),
    }


def _attack_facts(plan: AttackPlan, scores: PoisonScores, labels: np.ndarray, is_poison: np.ndarray) -> dict[str, Any]:
    """How an attack was found: by class, by clip in the target classes, and by what a filter removes."""
    targets = np.array(plan.targets)
    is_target = np.isin(scores.classes, targets)
    # a class that was not scored comes last; of equals, the one that is no target comes first
    order = np.lexsort((is_target, -np.nan_to_num(scores.class_scores, nan=-np.inf)))
    ranks = {int(scores.classes[i]): rank for rank, i in enumerate(order, start=1)}
    inside = [labels == target for target in targets]
    removed = confusion(is_poison, scores.removed(labels))
    return {
        "targets": targets,
        "target_ranks": [ranks[int(target)] for target in targets],
        "right_class": max(ranks[int(target)] for target in targets) == len(targets),
        "target_flagged": float(scores.flagged[is_target].mean()),
        "others_flagged": int(scores.flagged[~is_target].sum()),
        "ari": float(np.mean([confusion(is_poison[at], scores.suspects[at]).adjusted_rand_index for at in inside])),
        "precision": removed.precision,
        "recall": removed.true_positive_rate,
        "poisoned": int(is_poison.sum()),
    }


def _picture(attacked: AttackedClips, kind: str, target: int, suspects: np.ndarray) -> dict[str, Any]:
    """The target class on two principal components, at the window that tells poison and clean best apart."""
    inputs, inside = attacked.inputs(kind), attacked.labels == target
    steps = inputs[:, inside] if inputs.ndim == 3 else inputs[None, inside]
    truth = attacked.is_poison[inside]
    window = int(np.argmax([_distance(step, truth) for step in steps]))
    points = PCA(2, random_state=0).fit_transform(np.asarray(steps[window], dtype=np.float64))
    clean = np.flatnonzero(~truth)
    shown = np.sort(np.concatenate([np.flatnonzero(truth), clean[:: max(1, -(-len(clean) // _POINTS))]]))
    return {
        "kind": kind,
        "window": window if inputs.ndim == 3 else None,
        "target": target,
        "points": np.round(points[shown], 4),
        "poison": truth[shown],
        "suspect": suspects[inside][shown],
    }


def _distance(vectors: np.ndarray, truth: np.ndarray) -> float:
    """Between the means of poison and clean, in standard deviations of the clean, over all dimensions."""
    one, other = vectors[truth], vectors[~truth]
    return float(np.linalg.norm((one.mean(0) - other.mean(0)) / (other.std(0) + 1e-9)))
