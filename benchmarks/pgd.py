"""Seconds an iteration of projected gradient descent on waveforms: AudioPGD, ART, torchattacks and foolbox.

    pip install --no-deps torchattacks foolbox eagerpy GitPython gitdb smmap  # the rivals, in another environment
    python benchmarks/pgd.py

All attack one untrained ResNet-18 of width 32 on the same clips: L-infinity, the same steps, no random start.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from art.attacks.evasion import ProjectedGradientDescent
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.attacks.evasion import AudioPGD
from art_audio_ext.networks.speech_classifiers import SpeechClassifier

EPS, STEP, REPEATS = 0.002, 0.0004, 5
Attack = Callable[[np.ndarray, np.ndarray], np.ndarray]


def main() -> None:
    """Run all in turn, print the table, and as the last line one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10)
    options = parser.parse_args()
    torch.manual_seed(0)
    network = SpeechClassifier("resnet18", 12, width=32).eval()
    rng = np.random.default_rng(0)
    x = rng.uniform(-0.3, 0.3, (options.clips, 16000)).astype(np.float32)
    y = np.arange(options.clips) % 12
    attacks = build(network, options.clips, options.steps)
    results = {name: attack(x, y) for name, attack in attacks.items()}  # warm
    seconds: dict[str, list[float]] = {name: [] for name in attacks}
    for _ in range(REPEATS):
        for name, attack in attacks.items():
            start = time.perf_counter()
            results[name] = attack(x, y)
            seconds[name].append((time.perf_counter() - start) / options.steps)
    report({name: statistics.median(values) for name, values in seconds.items()}, results)


def build(network: nn.Module, batch: int, steps: int) -> dict[str, Attack]:
    """Ours first, then the rivals that are installed."""
    classifier = PyTorchClassifier(
        network, nn.CrossEntropyLoss(), (16000,), 12, clip_values=(-1.0, 1.0), device_type="cpu"
    )
    shared = {"eps": EPS, "eps_step": STEP, "max_iter": steps, "batch_size": batch, "verbose": False}
    attacks: dict[str, Attack] = {
        "ours": AudioPGD(classifier, **shared).generate,
        "art": ProjectedGradientDescent(classifier, **shared).generate,
    }
    try:
        import torchattacks

        attack = torchattacks.PGD(_Halved(network).eval(), eps=EPS / 2, alpha=STEP / 2, steps=steps, random_start=False)
        attacks["torchattacks"] = lambda x, y: (
            attack(torch.from_numpy(x / 2 + 0.5), torch.from_numpy(y)).numpy() * 2 - 1
        )
    except ImportError as error:
        print(f"without torchattacks: {error}")
    try:
        import foolbox

        model = foolbox.PyTorchModel(network, bounds=(-1, 1), device="cpu")
        pgd = foolbox.attacks.LinfPGD(abs_stepsize=STEP, steps=steps, random_start=False)
        attacks["foolbox"] = lambda x, y: (
            pgd.run(model, torch.from_numpy(x), torch.from_numpy(y), epsilon=EPS).detach().numpy()
        )
    except ImportError as error:
        print(f"without foolbox: {error}")
    return attacks


class _Halved(nn.Module):
    """torchattacks knows inputs in [0, 1] alone. It leaves a model in the mode it met: in train mode, so its part."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x * 2 - 1)


def report(seconds: dict[str, float], results: dict[str, np.ndarray]) -> None:
    """The table, and as the last line one JSON object."""
    print(f"{'attack':<14}{'ms an iteration':>17}{'ratio':>8}{'share of samples that differ from ours':>42}")
    rivals = {name: value for name, value in seconds.items() if name != "ours"}
    for name, value in seconds.items():
        differ = float(np.mean(np.abs(results[name] - results["ours"]) > 1e-5))
        print(f"{name:<14}{1000 * value:>17.1f}{value / seconds['ours']:>8.2f}{differ:>42.2%}")
    same = all(np.mean(np.abs(results[name] - results["ours"]) > 1e-5) < 0.01 for name in rivals)
    summary = {
        "name": "pgd",
        "unit": "seconds an iteration",
        "ours": round(seconds["ours"], 5),
        "rivals": {name: round(value, 5) for name, value in rivals.items()},
        "ratios": {name: round(value / seconds["ours"], 3) for name, value in rivals.items()},
        "same_result": bool(same),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
