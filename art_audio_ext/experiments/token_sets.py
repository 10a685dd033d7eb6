"""Which windows serve the novel component best: principal components, or the steps of a trained autoencoder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import art_audio_ext
from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.experiments.attack_bank import AttackBank
from art_audio_ext.experiments.attack_plans import LINES, check_line, draw_plans
from art_audio_ext.experiments.attack_scoring import run_experiment
from art_audio_ext.experiments.poison_likelihood_setup import ALPHA, clean_seeds, fingerprint
from art_audio_ext.experiments.poison_likelihood_summary import Finished, clean_table, line_table
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.report.files import write_json
from art_audio_ext.training.vae_settings import PRESETS

SCORE = "novel_component"
TOKEN_SETS = {"pca": None, "steps": "steps", "dsa": "quick"}  # name -> preset of the autoencoder


def compare_tokens(
    data: str | Path | AudioDataset,
    out: str | Path,
    *,
    lines: Sequence[str] = ("clap", "whistle", "whistle_soft", "clap_mid"),
    attacks: int = 10,
    clean: int = 10,
    seed: int = 0,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    progress: bool = True,
    **engine: Any,
) -> dict[str, Any]:
    """
    The same attacks on the same clips, found by `novel_component_scores` in each set of windows.

    Written to `out`: `results.json`, the autoencoders, and a `.jsonl` of finished experiments a set of windows, from
    which the same call goes on after it was stopped.

    :param data: As `load_dataset` takes it, or a dataset; it must be clean. Autoencoders are trained on it.
    :param out: Folder for everything; made if absent.
    :param lines: Of `attack_plans.LINES`.
    :param attacks: A line.
    :param clean: Clean datasets.
    :param seed: Of everything.
    :param seconds: Every clip is cut or padded to this.
    :param sample_rate: Every clip is resampled to this, in Hz.
    :param progress: Show progress bars.
    :param engine: `jobs`, `backend` and `scheduler` of `sweep`.
    :return: `rows`, one a set of windows and line, as `line_table` has them, with `tokens`; `clean`, one a set;
        `train_seconds` by set, None where the autoencoder was there already.
    :raises ValueError: If the data or an option is unusable.
    """
    if not lines:
        raise ValueError(f"lines names no attack: choose among {', '.join(LINES)}")
    for line in lines:
        check_line(line)
    loading: dict[str, Any] = {"seconds": seconds, "sample_rate": sample_rate, "seed": seed, "progress": progress}
    dataset, out = data if isinstance(data, AudioDataset) else load_dataset(str(data), **loading), Path(out)
    about = {"experiment": "tokens", "version": art_audio_ext.__version__, "data": fingerprint(dataset)}
    record: dict[str, Any] = {**about, "attacks": attacks, "seed": seed, "rows": [], "clean": [], "train_seconds": {}}
    for tokens, preset in TOKEN_SETS.items():
        start, path = time.perf_counter(), out / f"{tokens}.safetensors"
        kept = path.is_file()
        encoder = _encoder(dataset, path, preset, seed, progress)
        record["train_seconds"][tokens] = None if kept else round(time.perf_counter() - start, 1)
        bank = AttackBank.build(dataset, ["windows" if encoder is None else "steps"], encoder, progress)
        experiments = _experiments(bank, lines, attacks, clean, seed)
        identity = about | {"tokens": tokens, "settings": None if preset is None else PRESETS[preset].to_dict()}
        options: dict[str, Any] = {"identity": identity, "context": bank, "progress": progress, **engine}
        found = sweep(run_experiment, experiments, out / f"{tokens}.jsonl", **options)
        finished: list[Finished] = list(zip(experiments, found, strict=True))
        record["rows"] += [{"tokens": tokens, **row} for row in line_table(finished, [SCORE])]
        record["clean"] += [{"tokens": tokens, **row} for row in clean_table(finished, [SCORE])]
    write_json(record, out / "results.json")
    return record


def format_tokens(record: dict[str, Any]) -> str:
    """
    The comparison as a table in Markdown.

    :param record: From :func:`compare_tokens`.
    :return: Text.
    """
    lines = ["| attack | tokens | class AUC | right class | ARI median | flagged | seconds |", f"|{'---|' * 7}"]
    for row in sorted(record["rows"], key=lambda row: row["about"]):
        figures = [row[name] for name in ("class_auc", "right_class", "ari", "target_flagged", "seconds")]
        cells = ["" if value is None else f"{value:.3f}" for value in figures]
        lines.append(f"| {row['about']} | {row['tokens']} | {' | '.join(cells)} |")
    alarms = [f"{row['tokens']} {row['alarms']} of {row['runs']}" for row in record["clean"]]
    known = record["train_seconds"].items()
    trained = [f"{name} {'trained before' if seconds is None else f'{seconds:g} s'}" for name, seconds in known]
    lines += ["", f"Clean datasets called poisoned: {', '.join(alarms)}.", f"Ready after: {', '.join(trained)}."]
    return "\n".join(lines)


def _experiments(bank: AttackBank, lines: Sequence[str], attacks: int, clean: int, seed: int) -> list[dict[str, Any]]:
    """The same attacks and clean datasets for every set."""
    plans = [plan for line in lines for plan in draw_plans(line, bank.classes.tolist(), attacks, seed)]
    tasks: list[dict[str, Any]] = [{"attack": plan.to_dict()} for plan in plans]
    tasks += [{"clean": k} for k in clean_seeds(clean, seed)]
    shared = {"score": SCORE, "windows": next(iter(bank.encoded)), "seed": seed, "alpha": ALPHA}
    return [task | shared for task in tasks]


def _encoder(dataset: AudioDataset, path: Path, preset: str | None, seed: int, progress: bool) -> Any:
    """The autoencoder, trained if it is not there yet."""
    if preset is None:
        return None
    from art_audio_ext.training.vae import AudioVae, train_vae  # Lightning takes seconds to import

    if path.is_file():
        return AudioVae.load(path)
    folder = path.with_suffix("")
    vae = train_vae(dataset.waveforms, dataset.sample_rate, preset, seed=seed, checkpoint_dir=folder, progress=progress)
    vae.save(path)
    return vae
