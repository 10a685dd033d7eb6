"""What a victim learns from data that were repaired: attack success and accuracy, against dropping the suspects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import art_audio_ext
from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.experiments.attack_bank import AttackBank
from art_audio_ext.experiments.attack_plans import AttackPlan, check_line, draw_plans
from art_audio_ext.experiments.attack_scoring import input_kinds, scores_of
from art_audio_ext.experiments.audit_file import place_of
from art_audio_ext.experiments.poison_likelihood_setup import fingerprint
from art_audio_ext.experiments.poison_retrain import RetrainContext
from art_audio_ext.experiments.repair_plan import CONFIDENCE, WAYS, Repair, check_way, plan_repairs, repaired
from art_audio_ext.experiments.repair_record import ACTIONS
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.functional.metrics import attack_success_rate, benign_accuracy
from art_audio_ext.report.files import write_json

COMPARED = ("none", *WAYS, "perfect")  # nothing is done; what `plan_repairs` does; exactly the poison is dropped
_BATCH = 64


def evaluate_repair(
    data: str | Path | AudioDataset,
    out: str | Path,
    *,
    score: str = "combined",
    line: str = "clap",
    attacks: int = 1,
    confidence: float = CONFIDENCE,
    alpha: float = 0.01,
    epochs: int = 20,
    width: int = 16,
    seed: int = 0,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    progress: bool = True,
    **engine: Any,
) -> list[dict[str, Any]]:
    """
    Poison the training part of clean data, repair it in each way, train a ResNet-18 on the result, and attack that.

    The results are in `<out>/results.json`; `experiments.jsonl` beside it is what the same call goes on from after it
    was stopped.

    :param data: As `load_dataset` takes it, or a dataset; it must be clean.
    :param out: Folder for everything; made if absent.
    :param score: A key of `SCORERS` that takes no latents; finds the suspects.
    :param line: A key of `attack_plans.LINES` with one source and one target.
    :param attacks: How many pairs of source and target.
    :param confidence: Least confidence of a new label.
    :param alpha: Chance of calling clean data poisoned, where the score takes one.
    :param epochs: Of each training.
    :param width: Channels of the victim's first stage.
    :param seed: Of everything.
    :param seconds: Every clip is cut or padded to this.
    :param sample_rate: Every clip is resampled to this, in Hz.
    :param progress: Show progress bars.
    :param engine: `jobs`, `backend` and `scheduler` of `sweep`.
    :return: One row a pair and way of `COMPARED`: what was done to the suspects and to the poison,
        `attack_success_rate` (triggered test clips of the source class, called the target), `any_class_success_rate`
        (of every class but the target) and `benign_accuracy`.
    :raises ValueError: If the data or an option is unusable.
    """
    check_way("drop", confidence)
    check_line(line)
    if "latents" in input_kinds(score):
        raise ValueError(f"score {score!r} takes latents: choose one that finds suspects without a VAE")
    loading: dict[str, Any] = {"seconds": seconds, "sample_rate": sample_rate, "seed": seed, "progress": progress}
    dataset = data if isinstance(data, AudioDataset) else load_dataset(str(data), **loading)
    train, test = split_dataset(dataset, seed=seed)
    bank = AttackBank.build(train, input_kinds(score), progress=progress)
    plans = _plans(line, bank, attacks, seed)
    shared = {"score": score, "confidence": confidence, "alpha": alpha, "epochs": epochs, "width": width, "seed": seed}
    experiments = [{"attack": plan.to_dict(), "how": how, **shared} for plan in plans for how in COMPARED]
    rows = sweep(
        run_repair,
        experiments,
        Path(out) / "experiments.jsonl",
        identity={"experiment": "repair", "version": art_audio_ext.__version__, "data": fingerprint(dataset)},
        context=RetrainContext(bank, np.asarray(test.waveforms), test.labels),
        progress=progress,
        **engine,
    )
    write_json({"experiment": "repair", **shared, "rows": rows}, Path(out) / "results.json")
    return rows


def run_repair(experiment: dict[str, Any], context: RetrainContext) -> dict[str, Any]:
    """
    One way of repairing after one attack.

    :param experiment: `attack` (a plan), `how` (of `COMPARED`), `score`, `confidence`, `alpha`, `epochs`, `width`,
        `seed`.
    :param context: The data.
    :return: A row, see :func:`evaluate_repair`.
    """
    bank, plan, how = context.bank, AttackPlan.from_dict(experiment["attack"]), experiment["how"]
    attacked = bank.attacked(plan)
    nothing = np.full(len(attacked.labels), "")
    poisoned = AudioDataset(
        attacked.inputs("waveforms"), attacked.labels, bank.label_names, bank.sample_rate, nothing, nothing, nothing
    )
    repairs: list[Repair] = []
    if how == "perfect":
        repairs = plan_repairs(poisoned, attacked.is_poison, "drop")
    elif how != "none":
        found = scores_of(
            experiment["score"], attacked.inputs, attacked.labels, bank, experiment["seed"], experiment["alpha"]
        )
        places = {int(label): place_of(value) for label, value in found.details.get("classes", {}).items()}
        known = {label: place for label, place in places.items() if place is not None}
        options = {"confidence": experiment["confidence"], "seed": experiment["seed"]}
        repairs = plan_repairs(poisoned, found.removed(attacked.labels), how, places=known, **options)
    victim = _train(repaired(poisoned, repairs), experiment)
    (part,) = plan.parts
    facts = {"how": how, "line": plan.line, "source": part.source, "target": part.target}
    return facts | _ends(repairs, attacked.is_poison, bank.labels) | _measure(victim, plan, context)


def format_evaluation(rows: list[dict[str, Any]]) -> str:
    """
    Means over attacks, one line a way.

    :param rows: From :func:`evaluate_repair`.
    :return: Text for a terminal.
    """
    lines = ["repair    attack success  benign accuracy  dropped  relabelled  cleaned  poison: true label  wrong label"]
    columns = ("attack_success_rate", "benign_accuracy", *ACTIONS, "poison_true_label", "poison_wrong_label")
    for how in COMPARED:
        own = [row for row in rows if row["how"] == how]
        if own:
            values = [np.mean([np.nan if row[c] is None else row[c] for row in own]) for c in columns]
            lines.append("{:8s}{:>16.1%}{:>17.1%}{:>9.1f}{:>12.1f}{:>9.1f}{:>20.1f}{:>13.1f}".format(how, *values))
    return "\n".join(lines)


def _plans(line: str, bank: AttackBank, attacks: int, seed: int) -> list[AttackPlan]:
    """Attacks with one source and one target each; lines of others are refused."""
    plans = draw_plans(line, bank.classes.tolist(), attacks, seed)
    if any(len(plan.parts) != 1 or not isinstance(plan.parts[0].source, int) for plan in plans):
        raise ValueError(f"attack {line!r} has not one source and one target: choose another")
    return plans


def _train(dataset: AudioDataset, experiment: dict[str, Any]) -> Any:
    """A victim trained on clips."""
    from art_audio_ext.training.victims import make_victim  # brings ART, which takes seconds to import

    size = {"length": dataset.waveforms.shape[1], "sample_rate": dataset.sample_rate, "width": experiment["width"]}
    victim = make_victim(len(dataset.label_names), **size, seed=experiment["seed"])
    victim.fit(dataset.waveforms, dataset.labels, batch_size=_BATCH, nb_epochs=experiment["epochs"])
    return victim


def _ends(repairs: list[Repair], is_poison: np.ndarray, true_labels: np.ndarray) -> dict[str, int]:
    """What was done to the suspects, and where the poison ended."""
    given = [(repair.label, int(true_labels[repair.row])) for repair in repairs if is_poison[repair.row]]
    return {
        "poison": int(is_poison.sum()),
        "suspects": len(repairs),
        **{action: sum(repair.action == action for repair in repairs) for action in ACTIONS},
        "poison_dropped": sum(label is None for label, _ in given),
        "poison_true_label": sum(label == true for label, true in given),
        "poison_wrong_label": sum(label not in (None, true) for label, true in given),
        "poison_missed": int(is_poison.sum()) - len(given),
    }


def _measure(victim: Any, plan: AttackPlan, context: RetrainContext) -> dict[str, Any]:
    """How the victim does on the test part, with the trigger and without."""
    (part,) = plan.parts
    truth = context.test_labels
    others = np.isin(truth, context.bank.classes) & (truth != part.target)
    triggered = part.apply(context.test_waveforms[others], context.bank.sample_rate)
    fooled, plain = (victim.predict(x, batch_size=_BATCH).argmax(1) for x in (triggered, context.test_waveforms))
    source = truth[others] == part.source
    return {
        "attack_success_rate": float(np.mean(fooled[source] == part.target)) if source.any() else None,
        "any_class_success_rate": attack_success_rate(fooled, truth[others], part.target),
        "benign_accuracy": benign_accuracy(plain, truth),
    }
