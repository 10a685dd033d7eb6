"""`art-audio purify`: a sound file, or every one in a folder, through a purifier, with a page that plays the result."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from tqdm import tqdm

import art_audio_ext
from art_audio_ext.datasets.decode import DecodeError, decode_clip
from art_audio_ext.experiments.purify_defences import ChosenPurifier, choose_purifier
from art_audio_ext.experiments.purify_file import (
    RATE,
    content_digest,
    first_second,
    log_mels,
    noise_seed,
    purify_file,
    write_result,
)
from art_audio_ext.experiments.purify_plan import FINISHED_NAME, PurifyTask, check_places, plan_files
from art_audio_ext.experiments.sweep_file import SweepFile, experiment_key, record_line
from art_audio_ext.report.purify_view import PLAYED_SECONDS, ShownFile, write_purify
from art_audio_ext.training.audio_diffusion import AudioDiffusion

_NO_ROOM = (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))  # the next file would meet the same


def purify_folder(
    source: str | Path,
    out: str | Path,
    *,
    defence: str,
    diffusion: str | Path | AudioDiffusion | None = None,
    steps: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """
    Purify a sound file, or all of a folder at any depth, each in one-second pieces at 16 kHz, mono.

    `out` gets for `a/b.wav` a WAV of 32-bit floats of the same name, and `a/b.flac.wav` for `a/b.flac`; from a purifier
    of log-mels `a/b.wav.npy`, pictures (P, 1, 32, 32), and no sound. Beside them `purify.json`, `report.html`, and
    `purify.jsonl`, by which the same call goes on after it was stopped: a file is purified again only if it, or its
    result, has changed. A file's noise comes from the seed and its path alone.

    :param source: A file or a folder; it is never written to.
    :param out: A folder that does not exist, is empty, or was written with the same settings.
    :param defence: Of `PURIFIERS` or `ALIASES`.
    :param diffusion: For those that need one, see `choose_purifier`.
    :param steps: t; None for the defence's own.
    :param seed: Of the noise.
    :param progress: Show progress.
    :return: The record, as written to `purify.json`; what could not be purified is in `failed`, with a reason.
    :raises ValueError: If a place, a setting or the model will not do, or there is no sound file.
    :raises FileNotFoundError: If the model is not there.
    :raises OSError: If nothing can be written any more; what is finished is kept.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number from 0 up, got {seed!r}")
    source, out = Path(source).expanduser(), Path(out).expanduser()
    check_places(source, out)
    chosen = choose_purifier(defence, diffusion, steps)
    tasks, failed = plan_files(source, ".npy" if chosen.pictures else ".wav")
    settings = {**chosen.settings, "seed": int(seed), "version": art_audio_ext.__version__}
    with SweepFile(out / FINISHED_NAME, {"command": "purify", **settings}) as finished:
        rows = _purify_all(tasks, failed, out, chosen, int(seed), finished, progress)
        record = {
            "source": str(source),
            **settings,
            "diffusion": str(diffusion) if isinstance(diffusion, (str, Path)) else None,
            "sample_rate_hz": RATE,
            "pictures": chosen.pictures,
            "files": rows,
            "failed": [{"path": path, "reason": reason} for path, reason in sorted(failed.items())],
            "outdated": _outdated(finished, rows, out),
        }
        inputs = {task.path: task.file for task in tasks}
        write_purify(record, out, lambda row: _shown(inputs[row["path"]], out / row["output"]))
    return record


def _purify_all(
    tasks: list[PurifyTask],
    failed: dict[str, str],
    out: Path,
    chosen: ChosenPurifier,
    seed: int,
    finished: SweepFile,
    progress: bool,
) -> list[dict[str, Any]]:
    """Rows of the record, in order; what fails is added to `failed`."""
    rows: list[dict[str, Any]] = []
    with tqdm(tasks, "purifying", disable=not progress, unit="file") as bar:

        def tell(done: int, pieces: int) -> None:
            bar.set_postfix_str(f"{done} of {pieces} s" if done < pieces else "")

        for task in bar:
            try:
                rows.append(_purify(task, out, chosen, seed, finished, tell))
            except DecodeError as error:
                failed[task.path] = error.reason
            except OSError as error:
                if error.errno in _NO_ROOM:
                    raise
                failed[task.path] = error.strerror or type(error).__name__
            except (ValueError, MemoryError) as error:
                failed[task.path] = " ".join(str(error).split()) or "it does not fit into the memory"
    return rows


def _purify(
    task: PurifyTask, out: Path, chosen: ChosenPurifier, seed: int, finished: SweepFile, tell: Any
) -> dict[str, Any]:
    """The row of a file: as an earlier run wrote it, if the file and its result are still the same, or made now."""
    experiment, target = {"path": task.path, "content": content_digest(task.file)}, out / task.output
    found = finished.results.get(experiment_key(experiment))
    if found is None or not target.is_file() or content_digest(target) != found["output_digest"]:
        result, figures = purify_file(task.file, noise_seed(seed, task.path), chosen, tell)
        digest = write_result(result, target, out)
        row = {"path": task.path, "output": task.output, **figures, "output_digest": digest}
        finished.append(experiment, record_line(experiment, row))
        found = finished.results[experiment_key(experiment)]
    return found


def _outdated(finished: SweepFile, rows: list[dict[str, Any]], out: Path) -> list[str]:
    """Results of earlier runs that still lie in `out`, of files that are gone, or fail now."""
    written = {row["output"] for row in finished.results.values()} - {row["output"] for row in rows}
    return sorted(output for output in written if (out / output).is_file())


def _shown(file: Path, target: Path) -> ShownFile | None:
    """Sound or pictures of a file for the page; None where it has become unreadable since."""
    try:
        before = decode_clip(file, RATE, duration_seconds=PLAYED_SECONDS)[: PLAYED_SECONDS * RATE]
        if target.suffix == ".npy":
            pictures = np.load(target, mmap_mode="r", allow_pickle=False)
            return ShownFile(before, pictures=(log_mels(first_second(before))[0, 0], np.array(pictures[0, 0])))
        after, _ = soundfile.read(target, frames=PLAYED_SECONDS * RATE, dtype="float32")
        return ShownFile(before, after)
    except (ValueError, OSError, soundfile.LibsndfileError):
        return None
