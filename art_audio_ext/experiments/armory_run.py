"""One Armory scenario as a process of its own: started, watched, and its results read."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import site
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from art_audio_ext.datasets.cache import cache_dir

# What Armory writes to its log when a stage begins, and what to call the stage.
_STAGES = (
    ("Loading dataset", "reading data"),
    ("for defense", "filtering"),
    ("Filtering out", "filtered"),
    (r"Fitting model\n", "training"),
    ("Loading test dataset", "testing"),
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r"^(?:[\w.]+(?:Error|Exception|Interrupt))(?:: .*)?$")


@dataclass(frozen=True)
class ArmoryResult:
    """What one scenario measured."""

    results: dict[str, Any]  # Armory's results, each measured value as it stands in its JSON
    seconds: float  # from start to end of the process


def check_armory() -> None:
    """
    :raises ValueError: If Armory is not installed, with the command that installs it.
    """
    missing = [name for name in ("armory", "tensorflow") if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(
            f'the comparison runs through Armory, and {missing[0]} is missing: pip install "art-audio-ext[armory]"'
        )


def run_scenario(
    scenario: Path,
    work: Path,
    log: Path,
    *,
    threads: int = 1,
    stop: Event | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> ArmoryResult:
    """
    Run `armory run SCENARIO --no-docker` with a home folder of its own, so that nothing of the person's is touched.

    :param scenario: The JSON file.
    :param work: Armory's home for this run; what lay there is deleted.
    :param log: Where everything it prints goes.
    :param threads: Threads of its numerical libraries.
    :param stop: Set it to end the run early.
    :param on_stage: Called with the name of each stage as it begins.
    :return: Results and time.
    :raises ValueError: If the scenario fails or is stopped; the message has the last error and the log's path.
    """
    shutil.rmtree(work, ignore_errors=True)
    for folder in (work, log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    _write_home(work)
    command = [sys.executable, "-m", "armory", "run", os.fspath(scenario.resolve()), "--no-docker"]
    started = time.perf_counter()
    with log.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=_environment(work, threads),
            start_new_session=True,  # Armory starts a shell that starts Python: the whole group is ended together
        )
        try:
            code = _watch(process, log, stop or Event(), on_stage or (lambda _: None))
        finally:
            _end(process)
    seconds = time.perf_counter() - started
    found = sorted((work / ".armory" / "outputs").glob("*/*.json"))
    if code != 0 or not found:
        what = "stopped" if stop is not None and stop.is_set() else f"failed (exit code {code}): {_last_error(log)}"
        raise ValueError(f"Armory scenario {scenario.stem} {what}; see {log}")
    return ArmoryResult(json.loads(found[-1].read_text(encoding="utf-8"))["results"], seconds)


def measured(results: dict[str, Any], name: str) -> Any:
    """
    The last value of a record in Armory's results, which keep a list under each name.

    :param results: Of :class:`ArmoryResult`.
    :param name: Of the record.
    :return: The value, or None if there is none.
    """
    values = results.get(name)
    if isinstance(values, list):
        return values[-1] if values else None
    return values


def _write_home(work: Path) -> None:
    """Armory's configuration, with every folder below `work`."""
    base = work.resolve() / ".armory"
    base.mkdir()
    folders = {"dataset": "datasets", "local_git": "git", "saved_model": "saved_models", "output": "outputs"}
    config: dict[str, Any] = {f"{key}_dir": os.fspath(base / name) for key, name in folders.items()}
    config |= {"tmp_dir": os.fspath(base / "tmp"), "verify_ssl": True}
    (base / "config.json").write_text(json.dumps(config, indent=4), encoding="utf-8")


def _environment(work: Path, threads: int) -> dict[str, str]:
    """The person's environment with another home; what usually lies at home is named, so that it is still found."""
    home = Path.home()
    env = dict(os.environ)
    usual = {
        "PYTHONUSERBASE": site.getuserbase(),
        "XDG_CACHE_HOME": os.fspath(home / ".cache"),
        "HF_HOME": os.fspath(home / ".cache" / "huggingface"),
        "MPLCONFIGDIR": os.fspath(home / ".config" / "matplotlib"),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    for name, value in usual.items():
        env.setdefault(name, value)
    env |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    env |= {"HOME": os.fspath(work.resolve()), "ART_AUDIO_CACHE": os.fspath(cache_dir().resolve())}
    return env


def _watch(process: subprocess.Popen, log: Path, stop: Event, on_stage: Callable[[str], None]) -> int:
    """Wait for the end, and report stages on the way."""
    on_stage("starting")
    with log.open(encoding="utf-8", errors="replace") as lines:
        while process.poll() is None and not stop.wait(0.5):
            text = _COLOUR.sub("", lines.read())
            begun = [(match.start(), name) for sign, name in _STAGES for match in re.finditer(sign, text)]
            if begun:
                on_stage(max(begun)[1])
    code = process.poll()
    return -signal.SIGTERM if code is None else code


def _end(process: subprocess.Popen) -> None:
    """End the process and everything it started, if it still runs."""
    if process.poll() is not None:
        return
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(timeout=5)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _last_error(log: Path) -> str:
    """The last line of the log that names an error."""
    lines = [_COLOUR.sub("", line).strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    errors = [line for line in lines if _ERROR.match(line)]
    return errors[-1][:300] if errors else "no error was named"
