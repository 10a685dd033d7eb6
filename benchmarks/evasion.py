"""Minimal attacks on a classifier of sound: success, median SNR and seconds a clip; ours, ART, foolbox, torchattacks.

    pip install --no-deps torchattacks foolbox eagerpy GitPython gitdb smmap  # the rivals, in another environment
    python benchmarks/evasion.py [--recordings FOLDER]

All attack one network on the same clips that it calls rightly. Without recordings it learns four synthetic kinds.
DeepFool and Carlini-Wagner are compared, each at its owner's defaults, and ART's also as our builders set it up; of
foolbox's Carlini-Wagner, whose defaults take hours, as many passes as ours has. Read seconds beside success and SNR.
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
from art.attacks.evasion import CarliniL2Method, DeepFool
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.attacks.evasion import AudioCarliniL2, AudioDeepFool, attack_report, audio_carlini, audio_deepfool
from art_audio_ext.datasets.folder import load_folder
from art_audio_ext.functional.attack_report import AttackSummary, summarise
from art_audio_ext.functional.front_end import log_mel

Attack = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Small(nn.Module):
    """Log-mel, eight convolutions, log-probabilities: VGG's kind, small enough for a benchmark."""

    def __init__(self, classes: int, width: int = 12) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for channels in (width, 2 * width, 4 * width, 8 * width):
            for one in (before, channels):
                layers += [nn.Conv2d(one, channels, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(channels)]
            layers.append(nn.MaxPool2d(2))
            before = channels
        self.classifier = nn.Linear(before, classes)
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(self.classifier(self.features(2 * log_mel(x)[:, None] - 1)), 1)


class Halved(nn.Module):
    """torchattacks knows inputs in [0, 1] alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x * 2 - 1)


def main() -> None:
    """Learn, attack in turn, print the table, and as the last line one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--recordings", help="a folder with train/LABEL/ and test/LABEL/")
    options = parser.parse_args()
    torch.manual_seed(0)
    (x, y), (test, wanted) = recordings(options.recordings) if options.recordings else synthetic()
    network = learnt(Small(int(y.max()) + 1), x, y, options.epochs)
    classifier = PyTorchClassifier(
        network, nn.NLLLoss(), x.shape[1:], int(y.max()) + 1, clip_values=(-1.0, 1.0), device_type="cpu"
    )
    right = np.flatnonzero(classifier.predict(test).argmax(1) == wanted)
    print(f"accuracy {len(right) / len(test):.2f}; {min(options.clips, len(right))} clips")
    chosen = np.random.default_rng(0).permutation(right)[: options.clips]
    clips, labels = test[chosen], wanted[chosen]
    report(*measured(build(network, classifier), classifier, clips, labels, options.repeats))


def build(network: nn.Module, classifier: PyTorchClassifier) -> dict[str, Attack]:
    """Ours first, then ART's, then the rivals that are installed; names are method/owner."""
    quiet = {"verbose": False}
    attacks: dict[str, Attack] = {
        "deepfool/ours": AudioDeepFool(classifier, **quiet).generate,
        "deepfool/art": DeepFool(classifier, **quiet).generate,
        "deepfool/art_audio_deepfool": audio_deepfool(classifier, **quiet).generate,
        "carlini/ours": AudioCarliniL2(classifier, **quiet).generate,
        "carlini/art": CarliniL2Method(classifier, **quiet).generate,
        "carlini/art_audio_carlini": audio_carlini(classifier, **quiet).generate,
    }
    try:
        import foolbox

        model = foolbox.PyTorchModel(network, bounds=(-1, 1), device="cpu")
        # at its default of 10 000 steps Carlini-Wagner takes hours: as many passes as ours has
        for name, attack in {
            "deepfool/foolbox": foolbox.attacks.L2DeepFoolAttack(),
            "carlini/foolbox": foolbox.attacks.L2CarliniWagnerAttack(binary_search_steps=6, steps=50),
        }.items():
            attacks[name] = lambda x, y, attack=attack: (
                attack.run(model, torch.from_numpy(x), torch.from_numpy(y)).detach().numpy()
            )
    except ImportError as error:
        print(f"without foolbox: {error}")
    try:
        import torchattacks

        halved = Halved(network).eval()
        for name, attack in {
            "deepfool/torchattacks": torchattacks.DeepFool(halved),
            "carlini/torchattacks": torchattacks.CW(halved),
        }.items():
            attacks[name] = lambda x, y, attack=attack: (
                attack(torch.from_numpy(x / 2 + 0.5), torch.from_numpy(y)).detach().numpy() * 2 - 1
            )
    except ImportError as error:
        print(f"without torchattacks: {error}")
    return attacks


def measured(
    attacks: dict[str, Attack], classifier: PyTorchClassifier, x: np.ndarray, y: np.ndarray, repeats: int
) -> tuple[dict[str, AttackSummary], dict[str, float]]:
    """What each attack reached, and its median seconds a clip; in turn, in one run."""
    found: dict[str, AttackSummary] = {}
    seconds: dict[str, list[float]] = {name: [] for name in attacks}
    for _ in range(repeats):
        for name, attack in attacks.items():
            start = time.perf_counter()
            bad = attack(x, y)
            seconds[name].append((time.perf_counter() - start) / len(x))
            bad = np.clip(np.nan_to_num(bad), -1, 1).astype(np.float32)
            found[name] = summarise(attack_report(classifier, x, bad, y))
    return found, {name: statistics.median(values) for name, values in seconds.items()}


def report(found: dict[str, AttackSummary], seconds: dict[str, float]) -> None:
    """The table, and as the last line one JSON object: both methods together, and apart under `methods`."""
    print(f"{'attack':<30}{'success':>9}{'median SNR dB':>15}{'s a clip':>10}{'ratio':>8}")
    total: dict[str, list[float]] = {}
    same = True
    for name, summary in found.items():
        method, owner = name.split("/")
        ours = found[f"{method}/ours"]
        ratio = seconds[name] / seconds[f"{method}/ours"]
        shown = "-" if summary.median_snr_db is None else f"{summary.median_snr_db:.2f}"
        print(f"{name:<30}{summary.success_rate or 0.0:>9.1%}{shown:>15}{seconds[name]:>10.2f}{ratio:>8.2f}")
        total.setdefault(owner, []).append(seconds[name])
        level = [-np.inf if one.median_snr_db is None else one.median_snr_db for one in (ours, summary)]
        same &= ours.successes >= summary.successes and level[0] >= level[1] - 0.1
    both = {owner: sum(parts) for owner, parts in total.items() if len(parts) == len(total["ours"])}
    mine = both.pop("ours")
    methods = {name: {"seconds": round(seconds[name], 4)} | summary.as_dict() for name, summary in found.items()}
    summary_line = {
        "name": "evasion",
        "unit": "seconds a clip",
        "ours": round(mine, 4),
        "rivals": {owner: round(value, 4) for owner, value in both.items()},
        "ratios": {owner: round(value / mine, 3) for owner, value in both.items()},
        "same_result": bool(same),
        "methods": methods,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    print(json.dumps(summary_line))


def learnt(network: Small, x: np.ndarray, y: np.ndarray, epochs: int) -> Small:
    """Trained by Adam in a few minutes at most."""
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    clips, labels = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(25):
            optimizer.zero_grad()
            nn.functional.nll_loss(network(clips[rows]), labels[rows]).backward()
            optimizer.step()
    return network.eval()


def recordings(folder: str) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Clips and labels of the two parts of a folder, 3 s at 16 kHz."""
    data = load_folder(folder, sample_rate=16000, seconds=3.0)
    first, second = (
        (np.array(data.waveforms[data.partition == part]), data.labels[data.partition == part])
        for part in ("train", "test")
    )
    return first, second


def synthetic() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Four kinds of one second: tones of a pitch each, under noise."""
    rng, moments = np.random.default_rng(0), np.arange(16000) / 16000
    y = np.arange(160) % 4
    pitch = (150 + 90 * y)[:, None] * rng.uniform(0.9, 1.1, (160, 1))
    x = 0.1 * sum(np.sin(2 * np.pi * k * pitch * moments) / k for k in (1, 2, 3)) * np.exp(-2 * moments)
    x = (x + 0.01 * rng.standard_normal(x.shape)).astype(np.float32)
    return (x[:120], y[:120]), (x[120:], y[120:])


if __name__ == "__main__":
    main()
