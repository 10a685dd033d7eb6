"""Experiments of the sweeps under test, in a module of its own: worker processes import it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

IDENTITY = {"data": "abc", "seed": 1}
EXPERIMENTS = [{"number": number} for number in range(8)]


@dataclass
class Context:
    """What the experiments share; says in `marks` each time that it is unpacked, and each time that one starts."""

    marks: Path
    hold_from: int | None = None  # experiments from this number on wait for the mark "go"
    values: np.ndarray | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        mark(self, "unpacked")


def mark(context: Context, what: str) -> None:
    (context.marks / f"{what}-{os.getpid()}-{time.time_ns()}").touch()


def marks(context: Context, what: str = "started") -> list[tuple[str, int]]:
    """(experiment, process) of each start, in order."""
    names = [path.name.split("-") for path in context.marks.glob(f"{what}*")]
    return [(word.removeprefix("started"), int(process)) for word, process, _ in sorted(names, key=lambda n: n[2])]


def wait_for(context: Context, what: str) -> None:
    deadline = time.monotonic() + 60
    while not list(context.marks.glob(f"{what}-*")) and time.monotonic() < deadline:
        time.sleep(0.01)


def square(experiment: dict[str, Any], context: Context) -> dict[str, Any]:
    mark(context, f"started{experiment['number']}")
    if context.hold_from is not None and experiment["number"] >= context.hold_from:
        wait_for(context, "go")
    return {"square": np.int64(experiment["number"] ** 2), "undefined": float("nan"), "pair": (1, 2)}


def zero_last(experiment: dict[str, Any], context: Context) -> dict[str, Any]:
    """Number 0 waits until another one is in the file."""
    while experiment["number"] == 0 and b'"number"' not in (context.marks.parent / "out" / "sweep.jsonl").read_bytes():
        time.sleep(0.01)
    return {"square": experiment["number"] ** 2}


def fails_at_two(experiment: dict[str, Any], context: Context) -> dict[str, Any]:
    """Number 1 is still running then, unless they run one after the other."""
    mark(context, f"started{experiment['number']}")
    if experiment["number"] == 2:
        raise KeyError("no such class")
    if experiment["number"] == 1 and context.hold_from is not None:
        wait_for(context, "started2")
        time.sleep(0.3)
    return {}


def stopped_at_two(experiment: dict[str, Any], context: Context) -> dict[str, Any]:
    if experiment["number"] == 2:
        raise KeyboardInterrupt
    return square(experiment, context)


def killed_at_two(experiment: dict[str, Any], context: Context) -> dict[str, Any]:
    if experiment["number"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return square(experiment, context)


def machine(experiment: dict[str, Any], context: Context) -> dict[str, Any]:
    """What a worker sees: its process, threads, and the sum of the shared values."""
    import threadpoolctl
    import torch

    pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    time.sleep(0.05)
    return {
        "process": os.getpid(),
        "threads": [torch.get_num_threads(), *pools],
        "mapped": isinstance(context.values, np.memmap),
        "total": float(context.values.sum()),
    }
