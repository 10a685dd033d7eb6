"""Many independent experiments on one machine or many, each kept when it ends: a stopped sweep goes on from there."""

from __future__ import annotations

import json
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from art_audio_ext.experiments.sweep_engines import Engine, Experiment, Run, in_processes, in_this_process, on_cluster
from art_audio_ext.experiments.sweep_file import SweepFile, experiment_key, record_line

BACKENDS = ("loky", "dask")
_LOSSES = 3  # of one experiment, with the workers that held it, before the sweep gives up


def sweep(
    run: Run,
    experiments: list[Experiment],
    path: str | Path,
    *,
    identity: dict[str, Any],
    context: Any = None,
    jobs: int | None = None,
    backend: str = "loky",
    scheduler: str | None = None,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """
    Run each experiment that is not in the file yet, and append its result to the file as soon as it is there.

    A sweep that was stopped, by Ctrl-C, a power cut or whatever, goes on when called again with the same file: what
    is in the file is not run again. If an experiment fails, those that run beside it are waited for and kept, and the
    rest is not started.

    :param run: Given an experiment and the context, what it found, as a dictionary; a function of a module. It must
        not change the context. Seeds belong into the experiment.
    :param experiments: Parameters of each, as JSON can hold them; all different.
    :param path: A `.jsonl` file: first `{"sweep": identity}`, then one `{"experiment": ..., "result": ...}` a line.
    :param identity: What they share (data, versions, settings): a file with another identity is refused.
    :param context: What they all read, such as data; handed to each worker once, however many experiments it runs.
    :param jobs: At a time. None for one, in this process, or for as many as the cluster has threads. Several
        processes share the cores: each has `cores // jobs` threads.
    :param backend: "loky", processes on this machine, or "dask", a cluster. Workers of a cluster need this package;
        how many threads each has is up to whoever starts them (one, unless told otherwise). If one is lost, what it
        ran is run elsewhere.
    :param scheduler: Address of the cluster's scheduler, such as "tcp://10.0.0.1:8786". Connect only to one you
        trust: cluster and client run each other's code.
    :param progress: Show a bar.
    :return: Results in the order of `experiments`, as they are in the file: numpy values are plain ones, numbers that
        are not finite None.
    :raises ValueError: If the settings are not acceptable, two experiments are the same, the file is in use, belongs
        to another sweep or is damaged, the cluster does not answer, or an experiment raised a ValueError.
    :raises RuntimeError: If an experiment raised another error; the message names it, the cause is the error itself.
    :raises OSError: If the cluster's scheduler is lost on the way; what is finished is kept.
    """
    check_engine(jobs, backend, scheduler)
    keys = [experiment_key(experiment) for experiment in experiments]
    twice = next((key for key, count in Counter(keys).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"experiment {twice} is given more than once: give each once")
    with SweepFile(path, identity) as file:
        todo = [experiment for key, experiment in zip(keys, experiments, strict=True) if key not in file.results]
        if todo:
            with (
                _engine(run, context, jobs, backend, scheduler, file.path) as engine,
                tqdm(total=len(keys), initial=len(keys) - len(todo), desc="experiments", disable=not progress) as bar,
            ):
                _run_all(engine, todo, file, bar)
        return [file.results[key] for key in keys]


def check_engine(jobs: int | None = None, backend: str = "loky", scheduler: str | None = None) -> None:
    """
    Refuse what no sweep can run on: for who has long work before it.

    :param jobs: As `sweep` takes it.
    :param backend: As `sweep` takes it.
    :param scheduler: As `sweep` takes it.
    :raises ValueError: If one is unusable.
    """
    if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1):
        raise ValueError(f"jobs must be a whole number from 1 up, not {jobs!r}")
    if backend not in BACKENDS:
        raise ValueError(f"backend {backend!r} is unknown: choose from {', '.join(BACKENDS)}")
    if backend == "dask" and (not isinstance(scheduler, str) or "://" not in scheduler):
        raise ValueError(
            f'backend "dask" needs the address of a scheduler, not {scheduler!r}: start one with `dask scheduler`, and '
            'give what it prints, such as scheduler="tcp://10.0.0.1:8786"'
        )
    if backend != "dask" and scheduler is not None:
        raise ValueError(f'scheduler {scheduler!r} goes with backend "dask": name that backend, or no scheduler')


def _engine(
    run: Run, context: Any, jobs: int | None, backend: str, scheduler: str | None, path: Path
) -> AbstractContextManager[Engine]:
    if backend == "dask":
        return on_cluster(run, context, jobs, str(scheduler))
    return in_this_process(run, context) if jobs in (None, 1) else in_processes(run, context, jobs, path)


def _run_all(engine: Engine, todo: list[Experiment], file: SweepFile, bar: tqdm) -> None:
    """Keep the engine busy and write down what it finds, until all is done or something fails."""
    left = deque(todo)
    waiting: dict[Future, Experiment] = {}
    failed: list[tuple[Experiment, Exception]] = []
    losses: Counter[str] = Counter()
    while True:
        free = 0 if failed else min(engine.at_once() - len(waiting), len(left))
        waiting |= {_submit(engine, experiment): experiment for experiment in (left.popleft() for _ in range(free))}
        if not waiting:
            break
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            experiment = waiting.pop(future)
            losses[experiment_key(experiment)] += future.cancelled()
            if future.cancelled() and losses[experiment_key(experiment)] <= _LOSSES:
                left.appendleft(experiment)
                continue
            try:
                line = record_line(experiment, future.result())
            except Exception as error:
                failed.append((experiment, error))
                if waiting:
                    bar.set_postfix_str("one failed: waiting for those beside it")
            else:
                file.append(experiment, line)
                bar.update()
    if failed:
        raise _failure(failed, file.path) from failed[0][1]


def _submit(engine: Engine, experiment: Experiment) -> Future:
    try:
        return engine.submit(experiment)
    except BrokenExecutor as error:  # noticed here first; those that run are about to fail with it
        future: Future = Future()
        future.set_exception(error)
        return future


def _failure(failed: list[tuple[Experiment, Exception]], path: Path) -> Exception:
    """What to raise: the first failure's experiment and text, or all that ran when a worker was lost."""
    experiment, error = failed[0]
    kept = f"what is finished is in {path}, and the same call goes on from there"
    if isinstance(error, BrokenExecutor):
        names = " or ".join(json.dumps(experiment) for experiment, _ in failed)
        return RuntimeError(f"a worker process died (out of memory?) while it ran {names}; {kept}: {error}")
    if isinstance(error, CancelledError):
        return RuntimeError(f"experiment {json.dumps(experiment)} lost its workers {_LOSSES + 1} times; {kept}")
    kind = ValueError if isinstance(error, ValueError) else RuntimeError
    return kind(f"experiment {json.dumps(experiment)} failed: {type(error).__name__}: {error}; {kept}")
