"""Attacks on a classifier of sound: success, median SNR and seconds a clip; ours, ART, foolbox and torchattacks.

    pip install --no-deps torchattacks foolbox eagerpy GitPython gitdb smmap  # the rivals, in another environment
    python benchmarks/evasion.py  # a small network that learns four synthetic kinds

Or a trained network and its recordings, in a folder with train/LABEL/*.wav and test/LABEL/*.wav:

    art-audio train sound-events --model vgg13 --data folder:FOLDER --out vgg13.safetensors
    python benchmarks/evasion.py --recordings FOLDER --model vgg13.safetensors

All attack one network on the same clips that it calls rightly, on one thread. DeepFool and Carlini-Wagner look for the
smallest change: each at its owner's defaults, ART's also as our builders set it up, ours also in a hurry and at length;
of foolbox's Carlini-Wagner, whose defaults take hours, as many passes as ours has. FGSM at 20 dB, and PGD in the L2
ball of 30 dB with ten steps: the others take one `eps` a call and are called clip by clip. Seconds include what says
how each clip fared, which ours always report. They are medians of `--repeats` runs, all attacks in turn; `--enough`
stops the repeats of slow ones early, and the output says of which.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from evasion_attacks import METHODS, Attack, build
from evasion_report import report
from torch import nn
from tqdm import tqdm

from art_audio_ext.attacks.evasion import attack_report
from art_audio_ext.datasets.folder import load_folder
from art_audio_ext.functional.attack_report import ClipReport
from art_audio_ext.functional.front_end import log_mel
from art_audio_ext.training.sound_event_model import SoundEventModel


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


def main() -> None:
    """Learn, attack in turn, print the table, and as the last line one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--enough", type=float, default=float("inf"), help="seconds, then an attack is not repeated")
    parser.add_argument("--attacks", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--recordings", help="a folder with train/LABEL/ and test/LABEL/")
    parser.add_argument("--model", help="that was trained on its train part; default: a small one is")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    (x, y), (test, wanted) = recordings(options.recordings) if options.recordings else synthetic()
    if options.model:
        network: nn.Module = SoundEventModel.load(options.model).network.eval()
    else:
        network = learnt(Small(int(y.max()) + 1), x, y, options.epochs)
    classifier = PyTorchClassifier(
        network, nn.NLLLoss(), x.shape[1:], int(y.max()) + 1, clip_values=(-1.0, 1.0), device_type="cpu"
    )
    right = np.flatnonzero(classifier.predict(test).argmax(1) == wanted)
    print(f"accuracy {len(right) / len(test):.2f}; {min(options.clips, len(right))} clips")
    chosen = np.random.default_rng(0).permutation(right)[: options.clips]
    clips, labels = test[chosen], wanted[chosen]
    attacks = {
        name: attack for name, attack in build(network, classifier).items() if name.split("/")[0] in options.attacks
    }
    report(*measured(attacks, classifier, clips, labels, options.repeats, options.enough), options.enough)


def measured(
    attacks: dict[str, Attack], classifier: PyTorchClassifier, x: np.ndarray, y: np.ndarray, repeats: int, enough: float
) -> tuple[dict[str, list[ClipReport]], dict[str, list[float]]]:
    """What each attack reached, and its seconds a clip; in turn, in one run, each until it has had `enough` seconds."""
    found: dict[str, list[ClipReport]] = {}
    seconds: dict[str, list[float]] = {name: [] for name in attacks}
    for repeat in range(repeats):
        for name, attack in tqdm(attacks.items(), desc=f"run {repeat + 1} of {repeats}", unit="attack"):
            if sum(seconds[name]) * len(x) > enough:
                continue
            start = time.perf_counter()
            bad = np.clip(np.nan_to_num(attack(x, y)), -1, 1).astype(np.float32)
            own = getattr(getattr(attack, "__self__", None), "reports", None)
            found[name] = own or attack_report(classifier, x, bad, y)
            seconds[name].append((time.perf_counter() - start) / len(x))
    return found, seconds


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
