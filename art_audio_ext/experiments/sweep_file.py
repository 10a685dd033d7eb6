"""The file of a sweep: a first line that says what it is about, then one line an experiment, each there or not."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

try:
    import fcntl
except ImportError:  # Windows has none: there nothing keeps two processes apart
    fcntl = None  # type: ignore[assignment]


class SweepFile:
    """
    Finished experiments of a sweep on disk, locked while it is open (`with SweepFile(...) as file`).

    A last line that a killed process left half written is cut off when the file is opened. Lines of experiments that
    nobody asks for now stay as they are.
    """

    def __init__(self, path: str | Path, identity: dict[str, Any]) -> None:
        """
        :param path: The `.jsonl` file; made, with its folder, if absent.
        :param identity: What all experiments share (data, versions, settings), as JSON can hold it.
        :raises ValueError: If the identity is no JSON.
        """
        self.path = Path(path)
        self.results: dict[str, dict[str, Any]] = {}  # by `experiment_key`
        self._header = {"sweep": json.loads(strict_json(identity, "the identity of a sweep"))}

    def __enter__(self) -> SweepFile:
        """
        Open, lock and read.

        :raises ValueError: If another process has it open, it belongs to another sweep, or a line is no record.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+b")
        try:
            self._lock()
            self._read()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, which unlocks; so does the end of the process, however it ends."""
        self._file.close()

    def append(self, experiment: dict[str, Any], line: str) -> None:
        """
        Add a finished experiment, on the disk when this returns.

        :param experiment: Its parameters.
        :param line: From `record_line`.
        """
        self._write(line)
        self.results[experiment_key(experiment)] = json.loads(line)["result"]

    def _lock(self) -> None:
        if fcntl is None:
            return
        with contextlib.suppress(OSError):  # a file system without locks
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ValueError(
                    f"{self.path} is being written by another process: wait until it ends, or name another folder"
                ) from error

    def _read(self) -> None:
        self._file.seek(0)
        *lines, tail = self._file.read().split(b"\n")
        header = json.dumps(self._header)
        if not lines and not header.encode().startswith(tail):  # never cut what is not ours
            raise ValueError(f"{self.path} is not the file of a sweep: name another folder")
        if lines:
            self._check_header(lines[0])
        self._file.truncate(sum(len(line) + 1 for line in lines))
        if not lines:
            self._write(header)
        for number, line in enumerate(lines[1:], start=2):
            try:
                record = json.loads(line)
                key, result = experiment_key(record["experiment"]), dict(record["result"])
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(
                    f"{self.path} line {number} is not the record of an experiment: delete that line, "
                    "and its experiment is run again, or name another folder"
                ) from error
            self.results[key] = result

    def _check_header(self, line: bytes) -> None:
        try:
            found, expected = json.loads(line)["sweep"], self._header["sweep"]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{self.path} line 1 is not the start of a sweep: name another folder") from error
        if found != expected:
            names = sorted({*found, *expected}) if isinstance(found, dict) else []
            differing = [name for name in names if name not in found or found[name] != expected.get(name)]
            raise ValueError(
                f"{self.path} holds results of another sweep ({', '.join(differing)} differ): name another folder"
            )

    def _write(self, line: str) -> None:
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def experiment_key(experiment: dict[str, Any]) -> str:
    """
    What makes two experiments the same: their JSON, in whatever order the names stand.

    :param experiment: Parameters, as JSON can hold them.
    :return: Text.
    :raises ValueError: If they are no dictionary or no strict JSON.
    """
    return strict_json(experiment, "an experiment")


def record_line(experiment: dict[str, Any], result: Any) -> str:
    """
    :param experiment: Its parameters.
    :param result: What it found; numpy values become plain ones, numbers that are not finite null.
    :return: Its line in the file, without the end of line.
    :raises ValueError: If the result is no dictionary.
    """
    from art_audio_ext.report.text import plain  # late: it brings torch, which a worker may do without

    if not isinstance(result, dict):
        raise ValueError(f"an experiment returns a dictionary, not {type(result).__name__}")
    return json.dumps({"experiment": experiment, "result": plain(result)}, allow_nan=False)


def strict_json(value: dict[str, Any], name: str) -> str:
    """
    :param value: A dictionary.
    :param name: What to call it in the error.
    :return: Its JSON with sorted names.
    :raises ValueError: If it is no dictionary, or holds what JSON cannot (NaN, arrays, objects).
    """
    if not isinstance(value, dict):
        raise ValueError(f"{name} is a dictionary, not {type(value).__name__}")
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} holds what JSON cannot ({error}): give plain, finite values") from error
