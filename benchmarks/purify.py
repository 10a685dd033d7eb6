"""Seconds a clip of every purifier, and how much of it is spent in its network.

    python benchmarks/purify.py [--full] [--steps 2]

Networks are untrained: what they compute does not change how long it takes. `--full` takes the published sizes, for a
GPU. The rivals of DualPure are the other purifiers, among them those of its paper's Table 4, which sets t = 2. They
purify in different ways: `same_result` says that each gave the same bytes every time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from art_audio_ext.defences.preprocessor import (
    AudioPure,
    DDPMPurifier,
    DiffRevPurifier,
    DualPure,
    FrequencyDomainPurifier,
    NoiseFloorPurifier,
    OneShotPurifier,
    Purifier,
    TimeDomainPurifier,
)
from art_audio_ext.networks.diffwave import DiffWave
from art_audio_ext.networks.mel_diffusion import MelUNet
from art_audio_ext.training.audio_diffusion import AudioDiffusion
from art_audio_ext.training.diffusion_settings import PRESETS

REPEATS = 5


def main() -> None:
    """Run all in turn, print the table, and as the last line one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--steps", type=int, default=2, help="t of all purifiers; t_w of DualPure, whose t_s is 1")
    parser.add_argument("--full", action="store_true", help="networks of the published sizes")
    options = parser.parse_args()
    x = np.random.default_rng(0).uniform(-0.3, 0.3, (options.clips, 16000)).astype(np.float32)
    purifiers = build("paper" if options.full else "quick", options.steps, options.clips)
    results = {name: purifier(x)[0] for name, purifier in purifiers.items()}  # warm
    seconds: dict[str, list[float]] = {name: [] for name in purifiers}
    inside: dict[str, list[float]] = {name: [] for name in purifiers}
    same = True
    for _ in range(REPEATS):
        for name, purifier in purifiers.items():
            purifier.reset()
            with network_time(getattr(purifier, "diffusion", None)) as spent:
                start = time.perf_counter()
                again = purifier(x)[0]
                seconds[name].append((time.perf_counter() - start) / options.clips)
            inside[name].append(spent[0] / options.clips)
            same = same and np.array_equal(again, results[name])
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    report(medians, {name: statistics.median(values) for name, values in inside.items()}, same)


def build(preset: str, steps: int, batch: int) -> dict[str, Purifier]:
    """Every purifier, with an untrained network where it needs one."""
    mel, wave = PRESETS["mel", preset], PRESETS["wave", preset]
    unet = AudioDiffusion(MelUNet(**mel.network_arguments()), mel, 16000)
    vocoder = AudioDiffusion(DiffWave(**wave.network_arguments()), wave, 16000)
    return {
        "dual_pure": DualPure(unet, steps, 1, batch_size=batch),
        "time_stage": TimeDomainPurifier(steps, batch_size=batch),
        "noise_floor": NoiseFloorPurifier(batch_size=batch),
        "frequency_stage": FrequencyDomainPurifier(unet, 1, batch_size=batch),
        "one_shot": OneShotPurifier(vocoder, steps, batch_size=batch),
        "diff_rev": DiffRevPurifier(vocoder, steps, batch_size=batch),
        "ddpm": DDPMPurifier(vocoder, steps, batch_size=batch),
        "audio_pure": AudioPure(vocoder, steps, batch_size=batch),
    }


@contextmanager
def network_time(diffusion: AudioDiffusion | None) -> Iterator[list[float]]:
    """Seconds that a diffusion model's network runs, in a list of one."""
    spent = [0.0]
    if diffusion is None:
        yield spent
        return
    starts: list[float] = []

    def begin(network: nn.Module, *_: object) -> None:
        wait(network)
        starts.append(time.perf_counter())

    def end(network: nn.Module, *_: object) -> None:
        wait(network)
        spent[0] += time.perf_counter() - starts.pop()

    hooks = [diffusion.network.register_forward_pre_hook(begin), diffusion.network.register_forward_hook(end)]
    try:
        yield spent
    finally:
        for hook in hooks:
            hook.remove()


def wait(network: nn.Module) -> None:
    """A GPU is asked to do things before it has done others."""
    if next(network.parameters()).is_cuda:
        torch.cuda.synchronize()


def report(seconds: dict[str, float], inside: dict[str, float], same: bool) -> None:
    """The table, and as the last line one JSON object."""
    print(f"{'purifier':<17}{'seconds a clip':>16}{'clips a second':>16}{'in the network':>16}")
    for name, value in seconds.items():
        print(f"{name:<17}{value:>16.4f}{1 / value:>16.1f}{inside[name] / value:>16.1%}")
    rivals = {name: value for name, value in seconds.items() if name != "dual_pure"}
    summary = {
        "name": "purify",
        "unit": "seconds a clip",
        "ours": round(seconds["dual_pure"], 5),
        "rivals": {name: round(value, 5) for name, value in rivals.items()},
        "ratios": {name: round(value / seconds["dual_pure"], 3) for name, value in rivals.items()},
        "same_result": same,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
