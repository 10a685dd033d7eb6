"""Filter, retrain, verify: what a victim learns from the clips that each filter leaves (the paper's Figure 5)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.experiments.attack_bank import AttackBank
from art_audio_ext.experiments.attack_plans import AttackPlan
from art_audio_ext.experiments.attack_scoring import input_kinds, scores_of
from art_audio_ext.experiments.global_seed import global_seed
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.functional.metrics import attack_success_rate, benign_accuracy, confusion
from art_audio_ext.training.encoders import Encoder

ART_FILTERS = "art"  # no filter and the two of ART, which read the unfiltered victim: one experiment trains it once
_BATCH = 64


@dataclass(frozen=True)
class RetrainContext:
    """The training part as a bank, and the test part."""

    bank: AttackBank
    test_waveforms: np.ndarray  # (M, L)
    test_labels: np.ndarray  # (M,)


def retrain_all(
    dataset: AudioDataset,
    plans: list[AttackPlan],
    scores: list[str],
    path: Path,
    *,
    identity: dict[str, Any],
    encoder: Encoder | None = None,
    encoder_id: str | None = None,
    epochs: int = 20,
    width: int = 16,
    seed: int = 0,
    alpha: float = 0.01,
    progress: bool = True,
    **engine: Any,
) -> list[dict[str, Any]]:
    """
    Run every filter against every plan, train a ResNet-18 on what it leaves, and attack that.

    :param dataset: Clean clips; its own split is kept, else one without common speakers is drawn.
    :param plans: Attacks on its training part, of one trigger each.
    :param scores: Filters of ours, by score.
    :param path: The `.jsonl` of this sweep; what is in it is not run again.
    :param identity: Of the data, as `sweep` takes it.
    :param encoder: For scores that take latents.
    :param encoder_id: What tells it from another.
    :param epochs: Of each training.
    :param width: Channels of the victim's first stage.
    :param seed: Of split, filters and training.
    :param alpha: Chance of calling clean data poisoned, where a score takes one.
    :param progress: Show progress bars.
    :param engine: `jobs`, `backend` and `scheduler` of `sweep`.
    :return: One row a filter and plan: counts, rates, `adjusted_rand_index`, `attack_success_rate` (triggered test
        clips of the source class, called the target), `any_class_success_rate` (of every class but the target),
        `benign_accuracy`, `filter_seconds` (with the victim's training where the filter needs it), `seconds`.
    :raises ValueError: If the dataset cannot be split.
    """
    train, test = split_dataset(dataset, seed=seed)
    kinds = {kind for score in scores for kind in input_kinds(score)}
    bank = AttackBank.build(train, kinds, encoder, progress)
    context = RetrainContext(bank, np.asarray(test.waveforms), test.labels)
    shared = {"seed": seed, "alpha": alpha, "epochs": epochs, "width": width}
    experiments = [
        {"filter": name, "attack": plan.to_dict(), **shared}
        | ({"vae": encoder_id} if name in scores and "latents" in input_kinds(name) else {})
        for plan in plans
        for name in (ART_FILTERS, "perfect", *scores)
    ]
    results = sweep(run_filter, experiments, path, identity=identity, context=context, progress=progress, **engine)
    return [row for result in results for row in result["rows"]]


def run_filter(experiment: dict[str, Any], context: RetrainContext) -> dict[str, Any]:
    """
    One filter (or those of ART together) against one attack.

    :param experiment: `filter`, `attack` (a plan), `seed`, `alpha`, `epochs`, `width`.
    :param context: The data.
    :return: `rows`, see `retrain_all`.
    """
    bank, plan, name = context.bank, AttackPlan.from_dict(experiment["attack"]), experiment["filter"]
    attacked = bank.attacked(plan)
    x, labels, is_poison = attacked.inputs("waveforms"), attacked.labels, attacked.is_poison
    start = time.perf_counter()
    if name == ART_FILTERS:
        victim = _train(x, labels, bank, experiment)
        trained = time.perf_counter() - start
        rows = [_row("none", np.zeros(len(x), dtype=bool), is_poison, victim, plan, context, 0.0, trained)]
        for art_name in ("activation_clustering", "spectral_signatures"):
            start = time.perf_counter()
            removed = _removed_by_art(art_name, victim, x, labels, experiment["seed"])
            filter_seconds = trained + time.perf_counter() - start
            rows.append(_retrained(art_name, removed, x, labels, is_poison, plan, context, experiment, filter_seconds))
        return {"rows": rows}
    removed = is_poison
    if name != "perfect":
        scores = scores_of(name, attacked.inputs, labels, bank, experiment["seed"], experiment["alpha"])
        removed = scores.removed(labels)
    filter_seconds = time.perf_counter() - start
    return {"rows": [_retrained(name, removed, x, labels, is_poison, plan, context, experiment, filter_seconds)]}


def _retrained(
    name: str,
    removed: np.ndarray,
    x: np.ndarray,
    labels: np.ndarray,
    is_poison: np.ndarray,
    plan: AttackPlan,
    context: RetrainContext,
    experiment: dict[str, Any],
    filter_seconds: float,
) -> dict[str, Any]:
    """Train on what is left, and measure."""
    start = time.perf_counter()
    victim = _train(x[~removed], labels[~removed], context.bank, experiment)
    seconds = filter_seconds + time.perf_counter() - start
    return _row(name, removed, is_poison, victim, plan, context, filter_seconds, seconds)


def _row(
    name: str,
    removed: np.ndarray,
    is_poison: np.ndarray,
    victim: Any,
    plan: AttackPlan,
    context: RetrainContext,
    filter_seconds: float,
    seconds: float,
) -> dict[str, Any]:
    """What a filter removed, and how the victim trained on the rest does on the test part."""
    (part,) = plan.parts
    counts = confusion(is_poison, removed)
    truth = context.test_labels
    victims = np.isin(truth, context.bank.classes) & (truth != part.target)
    triggered = part.apply(context.test_waveforms[victims], context.bank.sample_rate)
    fooled, plain = (victim.predict(x, batch_size=_BATCH).argmax(1) for x in (triggered, context.test_waveforms))
    source = truth[victims] == part.source
    return {
        "filter": name,
        "line": plan.line,
        "source": part.source,
        "target": part.target,
        "true_positives": counts.true_positives,
        "false_positives": counts.false_positives,
        "true_negatives": counts.true_negatives,
        "false_negatives": counts.false_negatives,
        "true_positive_rate": counts.true_positive_rate,
        "false_positive_rate": counts.false_positive_rate,
        "adjusted_rand_index": counts.adjusted_rand_index,
        "attack_success_rate": float(np.mean(fooled[source] == part.target)) if source.any() else None,
        "any_class_success_rate": attack_success_rate(fooled, truth[victims], part.target),
        "benign_accuracy": benign_accuracy(plain, truth),
        "filter_seconds": round(filter_seconds, 3),
        "seconds": round(seconds, 3),
    }


def _train(x: np.ndarray, labels: np.ndarray, bank: AttackBank, experiment: dict[str, Any]) -> Any:
    """A victim trained on clips."""
    from art_audio_ext.training.victims import make_victim  # brings ART, which takes seconds to import

    size = {"length": x.shape[1], "sample_rate": bank.sample_rate, "width": experiment["width"]}
    victim = make_victim(len(bank.label_names), **size, seed=experiment["seed"])
    victim.fit(x, labels, batch_size=_BATCH, nb_epochs=experiment["epochs"])
    return victim


def _removed_by_art(name: str, victim: Any, x: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """What ART's filter removes at its own defaults, bool (N,)."""
    from art.defences.detector.poison import ActivationDefence, SpectralSignatureDefense

    kind = ActivationDefence if name == "activation_clustering" else SpectralSignatureDefense
    with global_seed(seed):
        _, is_clean = kind(victim, x, np.eye(victim.nb_classes, dtype=np.float32)[labels]).detect_poison()
    return np.asarray(is_clean) == 0
