"""How fast a trained autoencoder turns clips into latents: in streamed batches, against one clip at a time."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time

import numpy as np
import torch

from art_audio_ext.networks.dsa import DisentangledSequentialAutoencoder
from art_audio_ext.training.vae import PRESETS, AudioVae

SAMPLE_RATE = 16000
REPEATS = 5


def new_vae(preset: str) -> AudioVae:
    """An autoencoder with first weights: speed does not depend on what was learnt."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        network = DisentangledSequentialAutoencoder(**PRESETS[preset].network_arguments())
    return AudioVae(network, PRESETS[preset], SAMPLE_RATE)


def timed(work) -> tuple[float, np.ndarray]:
    """Seconds, and what came out."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measure(preset: str, clips: int, few: int) -> tuple[float, float, bool]:
    """Median seconds a clip, batched and one at a time, run in turn; and whether the latents are the same."""
    vae = new_vae(preset)
    sound = np.random.default_rng(0).uniform(-0.1, 0.1, (clips, SAMPLE_RATE)).astype(np.float32)
    ours, single, same = [], [], True
    vae.encode(sound[:few])  # warm
    for _ in range(REPEATS):
        seconds, batched = timed(lambda: vae.encode(sound))
        ours.append(seconds / clips)
        seconds, alone = timed(lambda: np.concatenate([vae.encode(clip[None]) for clip in sound[:few]]))
        single.append(seconds / few)
        same = same and np.allclose(batched[:few], alone, atol=1e-4)
    return statistics.median(ours), statistics.median(single), same


def main() -> None:
    """Print the table, and the quick preset as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=512, help="one-second clips a run")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    few = max(1, arguments.clips // 16)
    print(f"{'preset':<10}{'ms a clip':>12}{'one at a time':>16}{'clips a second':>16}{'2,653 clips, s':>16}")
    rows = {}
    for preset, clips in (("quick", arguments.clips), ("standard", few)):
        rows[preset] = ours, single, _ = measure(preset, clips, max(1, few // 4) if preset == "standard" else few)
        print(f"{preset:<10}{1e3 * ours:>12.2f}{1e3 * single:>16.2f}{1 / ours:>16.0f}{2653 * ours:>16.1f}", flush=True)
    ours, single, same = rows["quick"]
    machine = f"{platform.machine()}, {arguments.threads} threads, torch {torch.__version__}"
    record = {
        "name": "vae_encode",
        "unit": "seconds per clip",
        "ours": ours,
        "rivals": {"reference": single},
        "ratios": {"reference": single / ours},
        "same_result": bool(same),
        "machine": machine,
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
