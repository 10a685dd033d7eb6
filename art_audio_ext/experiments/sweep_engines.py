"""Where the experiments of a sweep run: in this process, in processes beside it, or on a Dask cluster."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import joblib

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",  # torch's too
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_PATIENCE = 10  # seconds for a cluster to answer, and for its first worker

Experiment = dict[str, Any]
Run = Callable[[Experiment, Any], dict[str, Any]]


@dataclass(frozen=True)
class Engine:
    """Where experiments run: how one is started, and how many at a time."""

    submit: Callable[[Experiment], Future]
    at_once: Callable[[], int]


@contextmanager
def in_this_process(run: Run, context: Any) -> Iterator[Engine]:
    def submit(experiment: Experiment) -> Future:
        future: Future = Future()
        try:
            future.set_result(run(experiment, context))
        except Exception as error:
            future.set_exception(error)
        return future

    yield Engine(submit, lambda: 1)


@contextmanager
def in_processes(run: Run, context: Any, jobs: int, path: Path) -> Iterator[Engine]:
    """Processes that read the context from a file: its arrays are mapped, so that they lie in memory once."""
    from joblib.externals.loky import ProcessPoolExecutor

    dump = path.with_name(f".{path.name}.context")
    dump.unlink(missing_ok=True)  # of a killed sweep: its last workers may still read it, so it is never overwritten
    pool = ProcessPoolExecutor(jobs, initializer=_end_with, initargs=(os.getpid(),), env=_thread_limits(jobs))
    try:
        joblib.dump(context, dump)
        yield Engine(partial(pool.submit, _run_with_file, run, os.fspath(dump.resolve())), lambda: jobs)
        pool.shutdown()
    except BaseException:
        pool.shutdown(kill_workers=True)
        raise
    finally:
        dump.unlink(missing_ok=True)


def _thread_limits(jobs: int) -> dict[str, str]:
    """Environment of a worker that makes numerical libraries take their share of the cores, or less if told so."""
    share = max(1, joblib.cpu_count() // jobs)
    told = {name: os.environ.get(name, "") for name in _THREAD_VARIABLES}
    return {name: str(min(share, int(text)) if text.isdigit() and int(text) else share) for name, text in told.items()}


def _end_with(parent: int) -> None:
    """
    End this worker soon after its parent, even if that was killed: nobody waits for the result any more.

    loky also ends workers that grow by 300 MB, as if memory leaked. Here that is the context, which a new worker would
    read again.
    """
    from joblib.externals.loky import process_executor

    process_executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _run_with_file(run: Run, dump: str, experiment: Experiment) -> dict[str, Any]:
    return run(experiment, _load(dump))


@lru_cache(maxsize=1)
def _load(dump: str) -> Any:
    return joblib.load(dump, mmap_mode="c")  # a write to it is the worker's own, as with a copy


@contextmanager
def on_cluster(run: Run, context: Any, jobs: int | None, scheduler: str) -> Iterator[Engine]:
    """
    A Dask cluster through its futures, which report every loss of a worker.

    Not joblib's Dask backend: that one waits for ever once an experiment has lost too many workers. Dask keeps the
    context where it is in use, not on all workers: if its last holder is lost, experiments are cancelled, and the
    next one takes it along again.
    """
    try:
        from distributed import Client
        from distributed import TimeoutError as NoAnswer  # not Python's own before 3.11
    except ImportError as error:
        raise ValueError('backend "dask" needs dask and distributed: pip install "art-audio-ext[cluster]"') from error
    try:
        client = Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, NoAnswer) as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler}: start one with `dask scheduler`") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except NoAnswer as error:
            raise ValueError(f"the cluster has no workers: start some with `dask worker {scheduler}`") from error
        executor = client.get_executor(pure=False)
        shared: list[Any] = []  # the context's place in the cluster, once it has one

        def submit(experiment: Experiment) -> Future:
            if not shared:
                shared.extend(client.scatter([context], broadcast=True, hash=False))
            future = executor.submit(run, experiment, shared[0])
            future.add_done_callback(lambda future: shared.clear() if future.cancelled() else None)
            return future

        yield Engine(submit, lambda: jobs or max(1, sum(client.nthreads().values())))
