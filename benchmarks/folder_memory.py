"""Peak memory of loading a folder of sound and passing over it once: 2,000 against 20,000 clips, and a plain loader.

Run it with `python benchmarks/folder_memory.py`; `--clips 2000 --repeats 1` makes it small. Every figure is the peak of
resident memory of a process of its own that starts with an empty cache, the median over the repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

RATE = 16000
LABELS = ("no", "yes", "up", "down")


def main() -> None:
    """Make the folders, measure in turn, print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=20_000, help="clips in the large folder; the small has a tenth")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--measure", nargs=3, metavar=("LOADER", "FOLDER", "CACHE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure)))
        return
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        sizes = {"small": max(len(LABELS), options.clips // 10), "large": options.clips}
        for size, clips in sizes.items():
            make_folder(work / size, clips)
        runs: dict[str, list[dict[str, float]]] = {"package_small": [], "package_large": [], "plain_large": []}
        for _ in tqdm(range(options.repeats), desc="repeats"):
            for run, results in runs.items():
                loader, size = run.split("_")
                results.append(in_new_process(loader, work / size, work / "cache"))
    report(runs, sizes)


def make_folder(folder: Path, clips: int) -> None:
    """Write that many different clips of one second: a few sounds, each at a level of its own."""
    rng = np.random.default_rng(0)
    sounds = np.cumsum(rng.standard_normal((64, RATE)), axis=1)
    sounds /= np.abs(sounds).max(axis=1, keepdims=True)
    for label in LABELS:
        (folder / label).mkdir(parents=True)
    for i in tqdm(range(clips), desc=f"writing {clips} clips"):
        sound = sounds[i % len(sounds)] * (0.1 + 0.9 * i / clips)
        soundfile.write(folder / LABELS[i % len(LABELS)] / f"{i:06d}.wav", sound, RATE, subtype="PCM_16")


def in_new_process(loader: str, folder: Path, cache: Path) -> dict[str, float]:
    """Measure one loader in a fresh process with an empty cache."""
    shutil.rmtree(cache, ignore_errors=True)
    command = [sys.executable, __file__, "--measure", loader, str(folder), str(cache)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(loader: str, folder: str, cache: str) -> dict[str, float]:
    """Load, pass over every clip once, and say what it took."""
    from art_audio_ext.datasets import load_dataset, waveform_batches

    start = peak_mib()
    if loader == "package":
        waveforms = load_dataset(f"folder:{folder}", cache_dir=Path(cache), progress=False).waveforms
    else:
        files = sorted(Path(folder).rglob("*.wav"))
        waveforms = np.stack([soundfile.read(file, dtype="float32")[0] for file in files])
    total = sum(float(np.square(batch, dtype=np.float64).sum()) for batch in waveform_batches(waveforms))
    return {"peak_mib": peak_mib(), "start_mib": start, "clips": len(waveforms), "energy": total}


def peak_mib() -> float:
    """Peak of resident memory of this process in MiB; `ru_maxrss` alone would count the parent's before exec."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def report(runs: dict[str, list[dict[str, float]]], sizes: dict[str, int]) -> None:
    """Print the table, and as the last line one JSON object."""
    peaks = {run: statistics.median(result["peak_mib"] for result in results) for run, results in runs.items()}
    print(f"{'loader':<28}{'clips':>8}{'as float32':>12}{'peak':>12}{'start':>12}")
    titles = {"package": "load_dataset + batches", "plain": "all clips in one array"}
    for run, results in runs.items():
        loader, size = run.split("_")
        whole = sizes[size] * RATE * 4 / 2**20
        start = statistics.median(result["start_mib"] for result in results)
        print(f"{titles[loader]:<28}{sizes[size]:>8}{whole:>8.0f} MiB{peaks[run]:>8.0f} MiB{start:>8.0f} MiB")
    ours = peaks["package_large"]
    rivals = {"reference": peaks["plain_large"], "package_with_a_tenth": peaks["package_small"]}
    energies = [result["energy"] for run in ("package_large", "plain_large") for result in runs[run]]
    summary = {
        "name": "folder_memory",
        "unit": "MiB",
        "ours": round(ours, 1),
        "rivals": {name: round(value, 1) for name, value in rivals.items()},
        "ratios": {name: round(value / ours, 3) for name, value in rivals.items()},
        "same_result": bool(np.allclose(energies, energies[0], rtol=1e-9)),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
