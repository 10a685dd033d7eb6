"""A sweep on a real Dask cluster of this machine: every experiment is counted once, whatever happens to workers."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from art_audio_ext.experiments.sweep import sweep

distributed = pytest.importorskip("distributed", reason='needs pip install "art-audio-ext[cluster]"')
HERE = Path(__file__).parent


class Cluster:
    """A scheduler and two workers of one thread, each a process that can be killed."""

    def __init__(self, folder: Path, workers: int = 2, **settings: str) -> None:
        self._environment = os.environ | {"PYTHONPATH": os.fspath(HERE), "OMP_NUM_THREADS": "1"} | settings
        self._file = folder / "scheduler.json"
        self.processes = [self._start("scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")]
        try:
            self.address = self._when_up()
            for _ in range(workers):
                self.add_worker()
            with distributed.Client(self.address, set_as_default=False) as client:
                while len(client.nthreads()) < workers:
                    time.sleep(0.02)
        except BaseException:
            self.close()
            raise

    def add_worker(self) -> None:
        self.processes.append(
            self._start("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        )

    def _when_up(self) -> str:
        """The scheduler's address, once its file is there and whole."""
        while True:
            assert self.processes[0].poll() is None
            try:
                return json.loads(self._file.read_text())["address"]
            except (OSError, ValueError):
                time.sleep(0.02)

    def _start(self, what: str, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--scheduler-file", self._file, *options]
        return subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    """Starts a cluster; all end with the test."""
    started = []

    def start(**settings):
        started.append(Cluster(tmp_path, **settings))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def tasks(monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("sweep_tasks")


@pytest.fixture
def go(tasks, tmp_path):
    """Sweep on a cluster; returns the context, the results, and the numbers in the file."""
    (tmp_path / "marks").mkdir()
    context = tasks.Context(tmp_path / "marks", values=np.ones((200, 1000)))
    path = tmp_path / "sweep.jsonl"

    def call(cluster, run, **given):
        options = {"context": context, "backend": "dask", "scheduler": cluster.address, "progress": False} | given
        return sweep(run, tasks.EXPERIMENTS, path, identity=tasks.IDENTITY, **options)

    call.context, call.path = context, path
    return call


def _numbers(path) -> list[int]:
    return sorted(json.loads(line)["experiment"]["number"] for line in path.read_text().splitlines()[1:])


def _kill_a_worker(machines, tasks, context, instead: int) -> tuple[threading.Thread, list[tuple[str, int]]]:
    """Kill one that holds an experiment from 2 on; the list says (experiment, process). Then let those go on."""
    context.hold_from = 2
    held: list[tuple[str, int]] = []

    def kill() -> None:
        while not held:
            held.extend([start for start in tasks.marks(context) if int(start[0]) >= 2][:1])
            time.sleep(0.01)
        victim = next(process for process in machines.processes if process.pid == held[0][1])
        victim.kill()
        victim.wait()
        for _ in range(instead):
            machines.add_worker()
        tasks.mark(context, "go")

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    return killer, held


# With one worker, the only copy of the context is lost too; another worker comes in its place.
@pytest.mark.parametrize(("workers", "instead"), [(2, 0), (1, 1)])
def test_a_worker_killed_in_the_middle_costs_no_experiment(go, tasks, cluster, workers, instead):
    machines = cluster(workers=workers)
    killer, held = _kill_a_worker(machines, tasks, go.context, instead)
    found = go(machines, tasks.square)
    killer.join(5)
    assert [result["square"] for result in found] == [n * n for n in range(8)]
    assert _numbers(go.path) == list(range(8))
    ((cut_short, victim),) = held
    ran = [process for name, process in tasks.marks(go.context) if name == cut_short]
    assert ran[0] == victim
    assert victim not in ran[1:]
    assert len(ran) >= 2
    assert len(tasks.marks(go.context, "unpacked")) <= 4  # the context went to each worker, not with each experiment


def test_an_experiment_that_kills_its_workers_is_named(go, tasks, cluster):
    machines = cluster(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    with pytest.raises(RuntimeError, match=r'experiment {"number": 2} failed: KilledWorker'):
        go(machines, tasks.killed_at_two, jobs=1)
    assert _numbers(go.path) == [0, 1]
    assert len(go(machines, tasks.square)) == 8  # the other worker is still there


def test_an_error_of_an_experiment_comes_back(go, tasks, cluster):
    go.context.hold_from = 1
    with pytest.raises(RuntimeError, match=r'{"number": 2} failed: KeyError') as caught:
        go(cluster(), tasks.fails_at_two)
    assert isinstance(caught.value.__cause__, KeyError)
    assert _numbers(go.path) == [0, 1]
    assert sorted(name for name, _ in tasks.marks(go.context)) == ["0", "1", "2"]


def test_no_scheduler_and_no_workers(go, tasks, cluster, monkeypatch):
    monkeypatch.setattr("art_audio_ext.experiments.sweep_engines._PATIENCE", 1)
    machines = cluster(workers=0)
    with pytest.raises(ValueError, match=f"no workers: start some with `dask worker {machines.address}`"):
        go(machines, tasks.square)
    machines.close()
    with pytest.raises(ValueError, match=f"no Dask scheduler answers at {machines.address}"):
        go(machines, tasks.square)
