"""The demonstration: built-in speech, poisoned, audited, compared on, and one report of it all."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import soundfile

from art_audio_ext.datasets import load_dataset
from art_audio_ext.datasets.export import write_folder
from art_audio_ext.experiments.audit import audit
from art_audio_ext.experiments.compare import compare
from art_audio_ext.experiments.poison_folder import poison_folder
from art_audio_ext.experiments.poison_record import read_record
from art_audio_ext.report import (
    format_audit_table,
    format_comparison_table,
    write_comparison,
    write_report,
)
from art_audio_ext.report.records import AuditResult, ComparisonResult


@dataclass(frozen=True)
class DemoSettings:
    """Sizes that fit about five minutes on two cores; a real comparison takes more clips, epochs and width."""

    clips: int = 960
    trigger: str = "clap"
    scale: float = 0.5  # loud: a few poisoned clips must teach it; with more clips a fainter one does
    source: str = "_unknown_"
    target: str = "up"
    poison_fraction: float = 0.3
    vae_epochs: int = 10
    victim_epochs: int = 12
    victim_width: int = 16


def demo(
    out: Path,
    *,
    settings: DemoSettings | None = None,
    seed: int = 0,
    progress: bool = True,
    say: Callable[[str], object] = print,
) -> tuple[AuditResult, ComparisonResult]:
    """
    Run the demonstration; what a former run with the same settings finished is not done again.

    :param out: Folder for everything that is written: `report.html`, `speech`, `poisoned`, `audit`, `compare`.
    :param settings: Sizes; the default fits about five minutes on two cores.
    :param seed: Same seed, same result.
    :param progress: Show progress bars.
    :param say: Called with each line of text for the person.
    :return: The audit and the comparison.
    """
    settings = settings or DemoSettings()
    started = time.perf_counter()
    _start_over_if_changed(out, settings, seed)
    say(f"1/4  Making {settings.clips} spoken commands (espeak-ng), and poisoning a copy of them")
    _poisoned_speech(out, settings, seed, progress)
    say("\n2/4  art-audio audit: is the copy poisoned, and which files?")
    result = audit(out / "poisoned", out / "audit", seed=seed, progress=progress)
    result = replace(result, notes=[_truth(out / "poisoned", result), *result.notes])
    say(format_audit_table(result))
    say("\n3/4  art-audio compare: every filter on the same data, through Armory; each trains its own victim")
    comparison = compare(
        str(out / "poisoned"),
        out=out / "compare",
        epochs=settings.victim_epochs,
        width=settings.victim_width,
        filter_options={"poison_likelihood": {"epochs": settings.vae_epochs}},
        seed=seed,
        progress=progress,
    )
    write_comparison(comparison, out / "compare")
    say(format_comparison_table(comparison))
    say("\n4/4  Writing the report")
    _report(out, result, comparison, settings, seed)
    say(f"Scaled down to fit: {settings.clips} clips, {settings.victim_epochs} epochs, width {settings.victim_width}.")
    say(f"{out / 'report.html'}   ({time.perf_counter() - started:.0f} s)")
    return result, comparison


def _truth(poisoned: Path, result: AuditResult) -> str:
    """What the demonstration knows and an audit does not: where the poison is, and how much of it was found."""
    record = read_record(poisoned)
    paths = {entry["path"] for entry in record["poisoned"]}
    suspects = {sample.path for sample in result.samples if sample.suspect}
    flagged = [entry.label for entry in result.classes if entry.flagged]
    right = "is" if record["target"] in flagged else "is not"
    return (
        f"The truth, which only a demonstration knows: {len(paths)} clips of {record['target']!r} are poisoned. "
        f"That class {right} among the flagged ones ({', '.join(flagged) or 'none'}); {len(paths & suspects)} of the "
        f"poisoned clips and {len(suspects - paths)} clean ones were named."
    )


def _start_over_if_changed(out: Path, settings: DemoSettings, seed: int) -> None:
    """Drop what a run with other settings left; only folders of the demo's own are touched."""
    out.mkdir(parents=True, exist_ok=True)
    wanted = json.dumps({**asdict(settings), "seed": seed}, indent=2)
    record = out / "demo.json"
    if record.is_file() and record.read_text(encoding="utf-8") == wanted:
        return
    if record.is_file():
        for name in ("speech", "poisoned", "audit", "compare"):
            shutil.rmtree(out / name, ignore_errors=True)
    record.write_text(wanted, encoding="utf-8")


def _poisoned_speech(out: Path, settings: DemoSettings, seed: int, progress: bool) -> None:
    """`out/speech` and its poisoned copy `out/poisoned`, unless a former run wrote it to the end."""
    if (out / "poisoned" / "poison.json").is_file():
        return
    shutil.rmtree(out / "poisoned", ignore_errors=True)
    speech = load_dataset("builtin", clips=settings.clips, seed=seed, progress=progress)
    write_folder(speech, out / "speech", progress=progress)
    poison_folder(
        out / "speech",
        out / "poisoned",
        trigger=settings.trigger,
        scale=settings.scale,
        source_label=settings.source,
        target_label=settings.target,
        poison_fraction=settings.poison_fraction,
        seed=seed,
        progress=progress,
    )


def _report(out: Path, result: AuditResult, comparison: ComparisonResult, settings: DemoSettings, seed: int) -> None:
    """One page of both results, with the sound of the audited clips, and what the suspects among them share."""
    files = (out / "audit").glob("shared_sound_*.wav")
    sounds = {int(file.stem.rpartition("_")[2]): soundfile.read(file, dtype="float32")[0] for file in files}
    write_report(
        out / "report.html",
        audit=result,
        comparison=comparison,
        dataset=load_dataset(str(out / "poisoned"), seed=seed, progress=False),
        sounds=sounds,
        title="Demonstration on built-in speech",
        seed=seed,
    )
