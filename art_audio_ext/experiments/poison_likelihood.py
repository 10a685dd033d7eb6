"""The experiments of the paper on poison likelihood, for any of our scores and more attacks than the paper's."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import art_audio_ext
from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.experiments.attack_bank import AttackBank
from art_audio_ext.experiments.attack_plans import LINES
from art_audio_ext.experiments.attack_scoring import CLEAN_SHARE, input_kinds, run_experiment
from art_audio_ext.experiments.audit_record import ENOUGH_CLIPS
from art_audio_ext.experiments.poison_likelihood_setup import (
    ALPHA,
    MAP_LINES,
    Size,
    choose_scores,
    choose_size,
    fingerprint,
    first_plan,
    list_experiments,
)
from art_audio_ext.experiments.poison_likelihood_summary import (
    Finished,
    clean_table,
    fraction_table,
    line_table,
    pair_map,
    roc_of,
)
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.experiments.trigger_sounds import ARMORY
from art_audio_ext.report.experiment_records import PoisonLikelihoodResult
from art_audio_ext.report.poison_likelihood_view import write_poison_likelihood
from art_audio_ext.training.encoders import Encoder, load_encoder
from art_audio_ext.training.weight_files import two_paths, weights_checksum

FEW_ATTACKS = 20


def poison_likelihood(
    data: str | Path | AudioDataset,
    out: str | Path,
    *,
    preset: str = "quick",
    scores: Sequence[str] | None = None,
    vae: Encoder | str | Path | None = None,
    attacks: int | None = None,
    lines: Sequence[str] | None = None,
    clean: int | None = None,
    parts: Sequence[str] | None = None,
    seed: int = 0,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    jobs: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
    progress: bool = True,
    **loading: Any,
) -> PoisonLikelihoodResult:
    """
    Attack a clean dataset again and again, score each, and write tables, figures and a page.

    Written to `out`: `results.json`, `table.md`, `report.html`, a PNG for each figure, and `experiments.jsonl`, from
    which the same call goes on after it was stopped. Attacks are the same for every score.

    :param data: As `load_dataset` takes it, or a dataset; it must be clean.
    :param out: Folder for everything; made if absent.
    :param preset: "quick" (minutes), "standard" (40 attacks a line, every line) or "paper" (clap and whistle between
        all pairs of classes).
    :param scores: Keys of `SCORERS`; None for all, in "quick" without those that need a VAE unless one is given.
    :param vae: A trained VAE or its file, for scores that take latents; None trains one on these clips.
    :param attacks: A line, instead of the preset's.
    :param lines: Of `LINES`, instead of the preset's.
    :param clean: Clean datasets, instead of the preset's.
    :param parts: What to run besides the lines, of "clean", "maps", "fractions" and "retrain"; None for all.
    :param seed: Of everything.
    :param seconds: Every clip is cut or padded to this.
    :param sample_rate: Every clip is resampled to this, in Hz.
    :param jobs: Experiments at a time.
    :param backend: "loky" or "dask", see `sweep`.
    :param scheduler: Address of the Dask scheduler.
    :param progress: Show progress bars.
    :param loading: Other options of `load_dataset`.
    :return: What was found, as in `results.json`.
    :raises ValueError: If the data, a name or a number is unusable.
    :raises FileNotFoundError: If `vae` names no file.
    """
    begin, out = time.perf_counter(), Path(out)
    size = choose_size(preset, attacks, lines, clean, parts)
    names = choose_scores(scores, preset, vae is not None)
    rate = data.sample_rate if isinstance(data, AudioDataset) else sample_rate
    encoder = None if vae is None else load_encoder(vae, rate)
    loading |= {"seconds": seconds, "sample_rate": rate, "seed": seed, "progress": progress}
    dataset = data if isinstance(data, AudioDataset) else load_dataset(str(data), **loading)
    kinds = {kind for name in names for kind in input_kinds(name)}
    if "latents" in kinds and encoder is None:
        encoder = _train(dataset, out, preset, seed, progress)
    vae_id = _vae_id(vae, out) if "latents" in kinds else None
    bank = AttackBank.build(dataset, kinds | {"windows"}, encoder if "latents" in kinds else None, progress)
    experiments = list_experiments(size, bank, names, vae_id, seed)
    identity = {"experiment": "poison-likelihood", "version": art_audio_ext.__version__, "data": fingerprint(dataset)}
    engine: dict[str, Any] = {"jobs": jobs, "backend": backend, "scheduler": scheduler, "progress": progress}
    found = sweep(run_experiment, experiments, out / "experiments.jsonl", identity=identity, context=bank, **engine)
    finished = list(zip(experiments, found, strict=True))
    options: dict[str, Any] = {"encoder": encoder, "encoder_id": vae_id, "identity": identity, **engine}
    filters = _retrained(dataset, bank, size.lines, names, out, seed, options) if size.retrain else []
    spec = dataset.name if isinstance(data, AudioDataset) else str(data)
    result = _record(preset, size, names, spec, bank, finished, filters, seed, time.perf_counter() - begin)
    write_poison_likelihood(result, out)
    return result


def _retrained(
    dataset: AudioDataset,
    bank: AttackBank,
    lines: Sequence[str],
    scores: list[str],
    out: Path,
    seed: int,
    options: dict[str, Any],
) -> list[dict[str, Any]]:
    """What victims learn from what each filter leaves, after one attack of each line that has a map."""
    from art_audio_ext.experiments.poison_retrain import retrain_all

    plans = [first_plan(line, bank, seed) for line in MAP_LINES if line in lines]
    return retrain_all(dataset, plans, scores, out / "retrain.jsonl", seed=seed, alpha=ALPHA, **options)


def _record(
    preset: str,
    size: Size,
    scores: list[str],
    spec: str,
    bank: AttackBank,
    finished: list[Finished],
    filters: list[dict[str, Any]],
    seed: int,
    seconds: float,
) -> PoisonLikelihoodResult:
    """The tables and the data of the figures."""
    classes = bank.classes.tolist()
    maps = [pair_map(finished, line, score, classes) for line in MAP_LINES for score in scores]
    lines = tuple(line for line in MAP_LINES if line in size.lines) or size.lines
    curves = {score: roc_of(finished, lines, score) for score in scores}
    return PoisonLikelihoodResult(
        preset=preset,
        seed=seed,
        alpha=ALPHA,
        version=art_audio_ext.__version__,
        data=_about(spec, bank),
        labels=list(bank.label_names),
        scored=classes,
        scores=scores,
        attacks=[{"about": LINES[line].about, **first_plan(line, bank, seed).to_dict()} for line in size.lines],
        lines=line_table(finished, scores),
        clean=clean_table(finished, scores),
        pictures=[{"score": e["score"], "attack": e["picture"], **found} for e, found in finished if "picture" in e],
        roc={score: curve for score, curve in curves.items() if curve is not None},
        filters=filters,
        maps=[entry for entry in maps if entry is not None],
        fractions=fraction_table(finished, scores),
        machine={"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        seconds=round(seconds, 1),
        notes=_notes(size, scores, bank, finished),
    )


def _about(spec: str, bank: AttackBank) -> dict[str, Any]:
    """What a report says of the data."""
    return {
        "spec": spec,
        "clips": len(bank.labels),
        "classes": len(np.unique(bank.labels)),
        "sample_rate_hz": bank.sample_rate,
        "seconds_per_clip": bank.waveforms.shape[1] / bank.sample_rate,
    }


def _notes(size: Size, scores: list[str], bank: AttackBank, finished: list[Finished]) -> list[str]:
    """What a reader must know before believing the tables."""
    used = {part["trigger"] for experiment, _ in finished for part in experiment.get("attack", {}).get("parts", [])}
    if any(trigger.startswith(ARMORY) for trigger in used):
        notes = ["Clap, whistle, clicker and horn are Armory's own sound files, at the scale that each line says."]
    else:
        notes = ["Armory is not installed: the triggers are ours, at the energy of Armory's at the scale of each line."]
    if size.attacks is not None and size.attacks < FEW_ATTACKS:
        notes.append(f"{size.attacks} attacks a line say little about shares: give more (--attacks, --preset).")
    left_out = [bank.label_names[label] for label in bank.noise_classes]
    if left_out:
        notes.append(f"Noise is neither source nor target, and is not scored: {', '.join(left_out)}.")
    clips = int(np.median(np.bincount(bank.labels)[bank.classes]))
    if "pls" in scores and clips < ENOUGH_CLIPS:
        notes.append(
            f"The paper's score (pls) was made for about 3000 clips a class; here the median class has {clips}."
        )
    shares = f"{CLEAN_SHARE:.0%} of every class"
    return [*notes, f"Clean datasets are random draws of {shares}: they overlap, and false alarms come together."]


def _train(dataset: AudioDataset, out: Path, preset: str, seed: int, progress: bool) -> Encoder:
    """A VAE trained on the clean clips and saved; its checkpoints let an interrupted training go on."""
    from art_audio_ext.training.vae import train_vae  # Lightning takes seconds to import

    size = "standard" if preset == "paper" else "quick"
    folder = out / "vae" / f"{size}-seed{seed}"
    vae = train_vae(dataset.waveforms, dataset.sample_rate, size, seed=seed, checkpoint_dir=folder, progress=progress)
    vae.save(out / "vae.safetensors")
    return vae


def _vae_id(vae: Encoder | str | Path | None, out: Path) -> str:
    """What tells an encoder from another, for results that are kept."""
    if vae is not None and not isinstance(vae, (str, Path)):
        network = getattr(vae, "network", None)
        return type(vae).__name__ if network is None else f"{weights_checksum(network):08x}"
    path, _ = two_paths(out / "vae" if vae is None else vae)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
