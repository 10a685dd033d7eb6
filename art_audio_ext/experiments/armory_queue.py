"""Several Armory scenarios, a few at a time, each run only if its result is not there yet."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from tqdm import tqdm

import art_audio_ext
from art_audio_ext.datasets.builtin_speakers import BUILTIN
from art_audio_ext.experiments.armory_data import Splits
from art_audio_ext.experiments.armory_run import ArmoryResult, run_scenario
from art_audio_ext.experiments.scenario_config import write_scenario
from art_audio_ext.functional.triggers import trigger_name


@dataclass(frozen=True)
class Outcome:
    """A scenario's results, and how they were come by."""

    key: str  # of the scenario's text, the files it names, its data and the package; another key means another run
    results: dict[str, Any]
    seconds: float
    at_once: int  # scenarios that shared the machine


def run_all(
    configs: dict[str, dict[str, Any]], out: Path, splits: Splits, *, jobs: int | None = None, progress: bool = True
) -> dict[str, Outcome]:
    """
    Run scenarios, and keep each result as soon as it is there.

    :param configs: Name to configuration, in the order in which they start.
    :param out: Folder of scenarios/, logs/, results/ and Armory's own files.
    :param splits: The data they run on: other data, other results.
    :param jobs: At a time; None for two where there are two cores.
    :param progress: Show a bar, with the stage that each scenario is in.
    :return: Name to outcome.
    :raises ValueError: If one fails; those that run beside it are waited for and kept, the rest is not started.
    """
    content = fingerprint(splits)
    keys = {
        name: _key(write_scenario(config, _scenario(out, name)), content, _named_files(config, splits.root))
        for name, config in configs.items()
    }
    done = {name: outcome for name in configs if (outcome := _read(out, name, keys[name])) is not None}
    todo = [name for name in configs if name not in done]
    cores = _cores()
    at_once = max(1, min(jobs or 2, len(todo), cores if jobs is None else len(todo)))
    stages: dict[str, str] = {}
    stop = Event()

    def run(name: str) -> Outcome:
        found = _run(name, out, max(1, cores // at_once), stop, stages)
        outcome = Outcome(keys[name], found.results, found.seconds, at_once)
        _write(out, name, outcome)
        return outcome

    with ThreadPoolExecutor(at_once) as pool, tqdm(total=len(configs), desc="scenarios", disable=not progress) as bar:
        bar.update(len(done))
        futures = {pool.submit(run, name): name for name in todo}
        try:
            done |= _gather(futures, stages, bar)
        except KeyboardInterrupt:
            stop.set()
            raise
        finally:
            for future in futures:
                future.cancel()
    return {name: done[name] for name in configs}


def fingerprint(splits: Splits) -> str:
    """
    A hash of a dataset's content: its labels, paths, every hundredth sample or so of every clip, and its record.

    :param splits: The data.
    :return: Hexadecimal.
    """
    digest = hashlib.sha256()
    for part in (splits.train, splits.test):
        digest.update(part.labels.tobytes() + "\n".join([*part.label_names, *map(str, part.paths)]).encode())
        for start in range(0, len(part), 1024):
            digest.update(np.ascontiguousarray(part.waveforms[start : start + 1024, ::101]).tobytes())
    digest.update(splits.poison_index.tobytes() + splits.true_labels.tobytes())
    digest.update(json.dumps(splits.record, sort_keys=True).encode())
    return digest.hexdigest()


def _scenario(out: Path, name: str) -> Path:
    return out / "scenarios" / f"{name}.json"


def _run(name: str, out: Path, threads: int, stop: Event, stages: dict[str, str]) -> ArmoryResult:
    """One scenario, its stage noted for as long as it runs."""
    if stop.is_set():
        raise ValueError(f"Armory scenario {name} was not started")
    log, work = out / "logs" / f"{name}.log", out / "armory" / name
    note = partial(stages.__setitem__, name)
    try:
        return run_scenario(_scenario(out, name), work, log, threads=threads, stop=stop, on_stage=note)
    finally:
        stages.pop(name, None)


def _gather(futures: dict[Future, str], stages: dict[str, str], bar: tqdm) -> dict[str, Outcome]:
    """Outcomes as they come; the bar shows what runs."""
    done: dict[str, Outcome] = {}
    shown = ""
    waiting: set[Future] = set(futures)
    while waiting:
        ended, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
        for future in ended:
            done[futures[future]] = future.result()
            bar.update()
        running = ", ".join(f"{name}: {stage}" for name, stage in sorted(stages.items()))
        if running != shown:
            bar.set_postfix_str(running)
            shown = running
    return done


def _key(text: str, content: str, files: list[Path]) -> str:
    digest = hashlib.sha256("\n".join([art_audio_ext.__version__, content, text]).encode())
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"missing")
    return digest.hexdigest()


def _named_files(config: dict[str, Any], root: Path | None) -> list[Path]:
    """Files that a scenario holds the path of: a trigger's sound or a voice (relative to a poisoned folder), a VAE."""
    kwargs = config["attack"]["kwargs"]
    sound = kwargs["trigger"] if "trigger" in kwargs else kwargs["target"]
    is_name = sound.startswith(BUILTIN) if "target" in kwargs else trigger_name(sound) is not None
    files = [] if is_name else [(root or Path()) / sound]
    vae = ((config["defense"] or {}).get("kwargs") or {}).get("vae")
    if vae is not None:
        weights = Path(vae) if str(vae).endswith(".safetensors") else Path(f"{vae}.safetensors")
        files += [weights, weights.with_suffix(".json")]
    return files


def _read(out: Path, name: str, key: str) -> Outcome | None:
    """A result of the same scenario on the same data, or None."""
    try:
        outcome = Outcome(**json.loads((out / "results" / f"{name}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return outcome if outcome.key == key else None


def _write(out: Path, name: str, outcome: Outcome) -> None:
    """Written beside and moved into place: a result is whole or not there."""
    path = out / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(outcome), indent=2), encoding="utf-8")
    os.replace(part, path)


def _cores() -> int:
    """Cores this process may use, fewer if OMP_NUM_THREADS says so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(limit)) if limit.isdigit() and int(limit) else cores
