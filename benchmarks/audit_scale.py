"""Time and peak memory of `art-audio audit` on a few clips and on ten times as many.

    python benchmarks/audit_scale.py --folder recordings --clips 200000

The large folder repeats the clips of `--folder` at altered levels, so that no two files are alike. Each audit is a
process of its own with an empty cache.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm


def main() -> None:
    """Make both folders, audit each, print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="a folder of <label>/*.flac; default: built-in speech")
    parser.add_argument("--clips", type=int, default=200_000, help="clips in the large folder; the small has a tenth")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        source = options.folder or builtin_folder(work / "speech")
        rows = []
        for clips in (options.clips // 10, options.clips):
            repeat(source, work / str(clips), clips)
            rows.append({"clips": clips, **audit(work / str(clips), work / f"out{clips}", work / f"cache{clips}")})
    report(rows)


def builtin_folder(folder: Path) -> Path:
    """Built-in speech as files."""
    from art_audio_ext.datasets import load_dataset
    from art_audio_ext.datasets.export import write_folder

    return write_folder(load_dataset("builtin"), folder)


def repeat(source: Path, folder: Path, clips: int) -> None:
    """Write that many clips: the source's in turn, each time at another level."""
    files = sorted(path for path in source.rglob("*") if path.suffix in (".flac", ".wav"))
    if not files:
        raise SystemExit(f"{source} holds no .flac or .wav")
    rounds = -(-clips // len(files))
    for i in tqdm(range(clips), desc=f"writing {clips} clips"):
        path, level = files[i % len(files)], 1 - 0.8 * (i // len(files)) / rounds
        sound, rate = soundfile.read(path, dtype="float32")
        target = folder / path.parent.name / f"{path.stem}_level{i // len(files)}.flac"
        target.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(target, np.asarray(sound) * level, rate, subtype="PCM_16")


def audit(folder: Path, out: Path, cache: Path) -> dict[str, float]:
    """Audit in a process of its own with an empty cache; seconds, peak memory, and what each stage took."""
    command = [sys.executable, "-m", "art_audio_ext.cli", "audit", str(folder), "--out", str(out)]
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--quiet"], env={**os.environ, "ART_AUDIO_CACHE": str(cache)}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        raise SystemExit(f"the audit of {folder} failed")
    seconds = time.perf_counter() - start
    record = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    scale = 2**20 if sys.platform == "darwin" else 1024
    return {
        "seconds": seconds,
        "peak_mib": usage.ru_maxrss / scale,
        "samples": len(record["samples"]),
        "clips_per_second": len(record["samples"]) / seconds,
        **{f"{stage}_seconds": seconds for stage, seconds in record["seconds"].items()},
    }


def report(rows: list[dict[str, float]]) -> None:
    """Print the table, and as the last line one JSON object."""
    print(
        f"{'clips':>8}{'peak':>12}{'seconds':>10}{'load':>8}{'encode':>8}{'score':>8}{'recover':>9}{'clips/s':>9}"
        f"{'as float32':>14}"
    )
    for row in rows:
        stages = "".join(f"{row[f'{stage}_seconds']:>8.1f}" for stage in ("load", "encode", "score"))
        stages += f"{row['recover_seconds']:>9.1f}{row['clips_per_second']:>9.0f}"
        whole = row["clips"] * 16000 * 4 / 2**20
        print(f"{row['clips']:>8}{row['peak_mib']:>8.0f} MiB{row['seconds']:>10.1f}{stages}{whole:>10.0f} MiB")
    small, large = rows
    summary = {
        "name": "audit_scale",
        "unit": "MiB",
        "ours": round(large["peak_mib"], 1),
        "rivals": {"audit_of_a_tenth": round(small["peak_mib"], 1)},
        "ratios": {"audit_of_a_tenth": round(small["peak_mib"] / large["peak_mib"], 3)},
        "clips_per_second": round(large["clips_per_second"], 1),
        "same_result": all(row["samples"] == row["clips"] for row in rows),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
