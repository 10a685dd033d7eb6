"""A sweep runs every experiment once, whatever stops it, and its file says what it did."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.experiments.sweep_file import SweepFile

HERE = Path(__file__).parent


@pytest.fixture
def tasks(monkeypatch):
    """The module of experiments, where worker processes find it too."""
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("sweep_tasks")


@pytest.fixture
def context(tasks, tmp_path):
    (tmp_path / "marks").mkdir()
    return tasks.Context(tmp_path / "marks")


@pytest.fixture
def go(tasks, context, tmp_path):
    """Sweep with the usual settings but those given."""

    def call(**given):
        usual = {
            "run": tasks.square,
            "experiments": tasks.EXPERIMENTS,
            "path": tmp_path / "out" / "sweep.jsonl",
            "identity": tasks.IDENTITY,
            "context": context,
            "progress": False,
        }
        return sweep(**(usual | given))

    return call


def _records(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _started(tasks, context) -> list[int]:
    return sorted(int(name) for name, _ in tasks.marks(context))


@pytest.mark.parametrize("jobs", [None, 1, 2])
def test_each_runs_once_and_the_file_has_it(go, tasks, context, tmp_path, jobs):
    found = go(jobs=jobs)
    assert found == [{"square": n * n, "undefined": None, "pair": [1, 2]} for n in range(8)]
    header, *records = _records(tmp_path / "out" / "sweep.jsonl")
    assert header == {"sweep": tasks.IDENTITY}
    assert sorted(record["experiment"]["number"] for record in records) == list(range(8))
    assert os.listdir(tmp_path / "out") == ["sweep.jsonl"]
    processes = {process for _, process in tasks.marks(context)}
    assert (processes == {os.getpid()}) == (jobs != 2)
    assert go(jobs=jobs) == found  # from the file
    assert _started(tasks, context) == list(range(8))


def test_a_larger_sweep_runs_only_what_is_new_and_an_older_line_stays(go, tasks, context, tmp_path):
    go(experiments=[{"number": 3}, {"number": 50}])
    assert [found["square"] for found in go()] == [n * n for n in range(8)]
    assert _started(tasks, context) == [*range(8), 50]
    assert len(_records(tmp_path / "out" / "sweep.jsonl")) == 1 + 9


def test_results_stand_in_the_order_of_the_experiments(go, tasks, tmp_path):
    found = go(run=tasks.zero_last, experiments=[{"number": 0}, {"number": 2}], jobs=2)
    assert [result["square"] for result in found] == [0, 4]
    order = [record["experiment"]["number"] for record in _records(tmp_path / "out" / "sweep.jsonl")[1:]]
    assert order == [2, 0]


def test_workers_share_the_cores_and_get_the_context_once(go, tasks, context, monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "8")
    context.values = np.ones((300, 1000))
    found = go(run=tasks.machine, jobs=2)
    assert {found["total"] for found in found} == {300_000.0}
    assert all(result["mapped"] for result in found)
    assert {count for result in found for count in result["threads"]} == {1}
    processes = {result["process"] for result in found}
    assert len(processes) == 2
    assert sorted(process for _, process in tasks.marks(context, "unpacked")) == sorted(processes)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failure_names_the_experiment_and_keeps_the_finished(go, tasks, context, tmp_path, jobs):
    context.hold_from = None if jobs == 1 else 1
    with pytest.raises(RuntimeError, match=r'experiment {"number": 2} failed: KeyError: .no such class.') as caught:
        go(run=tasks.fails_at_two, jobs=jobs)
    assert isinstance(caught.value.__cause__, KeyError)
    kept = [record["experiment"]["number"] for record in _records(tmp_path / "out" / "sweep.jsonl")[1:]]
    assert sorted(kept) == [0, 1]  # with two at a time, 1 still ran when 2 failed
    assert _started(tasks, context) == [0, 1, 2]
    context.hold_from = None
    go()
    assert _started(tasks, context) == [0, 1, 2, *range(2, 8)]


def test_ctrl_c_keeps_the_finished(go, tasks, context, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        go(run=tasks.stopped_at_two)
    assert len(_records(tmp_path / "out" / "sweep.jsonl")) == 3
    go()
    assert _started(tasks, context) == list(range(8))


def test_a_worker_that_dies_is_reported_and_the_finished_kept(go, tasks, tmp_path):
    with pytest.raises(RuntimeError, match=r'a worker process died .*{"number": 2}'):
        go(run=tasks.killed_at_two, jobs=2)
    kept = {record["experiment"]["number"] for record in _records(tmp_path / "out" / "sweep.jsonl")[1:]}
    assert kept
    assert 2 not in kept
    assert len(go(jobs=2)) == 8


def test_a_result_that_is_no_dictionary_is_refused(go):
    with pytest.raises(ValueError, match=r'"number": 0.*returns a dictionary, not list'):
        go(run=lambda experiment, context: [1])


def test_a_killed_sweep_goes_on(go, tasks, context, tmp_path):
    path = tmp_path / "out" / "sweep.jsonl"
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nimport sweep_tasks as tasks\n"
        "from art_audio_ext.experiments.sweep import sweep\n"
        "sweep(tasks.square, tasks.EXPERIMENTS, sys.argv[1], identity=tasks.IDENTITY, jobs=2,\n"
        "      context=tasks.Context(Path(sys.argv[2]), hold_from=5))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.fspath(HERE)}
    process = subprocess.Popen(
        [sys.executable, script, path, context.marks], env=environment, stderr=subprocess.DEVNULL
    )
    while len(tasks.marks(context)) < 7 or path.read_bytes().count(b"\n") < 6:  # 0 to 4 are finished, 5 and 6 run
        assert process.poll() is None
        time.sleep(0.01)
    with pytest.raises(ValueError, match="being written by another process"):
        go()
    process.send_signal(signal.SIGKILL)
    process.wait()
    _wait_for_the_end_of({worker for _, worker in tasks.marks(context)})
    with path.open("a") as file:
        file.write('{"experiment": {"number": 7}, "res')
    assert [found["square"] for found in go(jobs=2)] == [n * n for n in range(8)]
    assert sorted(record["experiment"]["number"] for record in _records(path)[1:]) == list(range(8))
    assert _started(tasks, context) == [0, 1, 2, 3, 4, 5, 5, 6, 6, 7]  # again only those that were cut short
    assert os.listdir(path.parent) == ["sweep.jsonl"]


def _wait_for_the_end_of(processes) -> None:
    """Workers of a killed sweep do not stay, though what they run has not ended."""
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{process}/cmdline").exists() for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _spoiled(path, spoil):
    spoil_lines = path.read_bytes().split(b"\n")
    spoil(spoil_lines)
    path.write_bytes(b"\n".join(spoil_lines))


@pytest.mark.parametrize(
    "line", [b'{"experiment": {"number": 1}, "res', b"\x00\xff", b"", b'{"experiment": 3, "result": {}}', b'"text"']
)
def test_a_corrupt_line_is_named(go, tmp_path, line):
    path = tmp_path / "out" / "sweep.jsonl"
    go()
    _spoiled(path, lambda lines: lines.__setitem__(3, line))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"sweep.jsonl line 4 .*delete that line"):
        go()
    assert path.read_bytes() == before


def test_a_half_header_is_written_again(go, tmp_path):
    path = tmp_path / "out" / "sweep.jsonl"
    path.parent.mkdir()
    path.write_text('{"sweep": {"da')
    assert len(go()) == 8
    assert len(_records(path)) == 9


@pytest.mark.parametrize("text", ["notes", "notes\n", '{"a": 1}\n', "[]\nmore"])
def test_a_file_of_something_else_is_left_alone(go, tmp_path, text):
    path = tmp_path / "out" / "sweep.jsonl"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ValueError, match="name another folder"):
        go()
    assert path.read_text() == text


def test_another_sweep_is_refused_and_the_difference_named(go, tasks):
    go()
    with pytest.raises(ValueError, match=r"another sweep \(seed, version differ\): name another folder"):
        go(identity={"data": "abc", "seed": 2, "version": "1"})
    assert len(go(identity=dict(reversed(tasks.IDENTITY.items())))) == 8


def test_the_file_unlocks_when_it_is_closed(tmp_path):
    with SweepFile(tmp_path / "a.jsonl", {}), pytest.raises(ValueError, match="another process"):
        SweepFile(tmp_path / "a.jsonl", {}).__enter__()
    with SweepFile(tmp_path / "a.jsonl", {}) as file:
        assert file.results == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"experiments": [{"a": 1, "b": 2}, {"b": 2, "a": 1}]}, r'{"a": 1, "b": 2} is given more than once'),
        ({"experiments": [{"a": float("nan")}]}, "an experiment holds what JSON cannot"),
        ({"experiments": [{"a": np.zeros(2)}]}, "an experiment holds what JSON cannot"),
        ({"experiments": [3]}, "an experiment is a dictionary, not int"),
        ({"identity": {"a": object()}}, "the identity of a sweep holds what JSON cannot"),
        ({"jobs": 0}, "jobs must be a whole number from 1 up, not 0"),
        ({"jobs": True}, "jobs must be"),
        ({"backend": "threads"}, "choose from loky, dask"),
        ({"backend": "dask"}, "needs the address of a scheduler"),
        ({"backend": "dask", "scheduler": "somewhere"}, "not 'somewhere': start one with `dask scheduler`"),
        ({"scheduler": "tcp://127.0.0.1:1"}, 'goes with backend "dask"'),
    ],
)
def test_what_is_refused(go, tmp_path, given, message):
    with pytest.raises(ValueError, match=message):
        go(**given)
    assert not (tmp_path / "out").exists()


def test_the_cluster_without_its_extra(go, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r'pip install "art-audio-ext\[cluster\]"'):
        go(backend="dask", scheduler="tcp://127.0.0.1:1")
