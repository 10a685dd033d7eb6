"""For the experiments' tests: a score and an encoder, quick and blunt; tiny diffusion models; a folder of sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.scorers import SCORERS
from art_audio_ext.training.audio_diffusion import AudioDiffusion, build_network
from art_audio_ext.training.diffusion_settings import DiffusionSettings
from art_audio_ext.training.runs import seeded


class FirstSamples:
    """An encoder: the spectrum of a clip's first samples."""

    def encode(self, waveforms: np.ndarray) -> np.ndarray:
        return np.abs(np.fft.rfft(waveforms[:, :512]))[:, :40].astype(np.float32)

    def encode_steps(self, waveforms: np.ndarray) -> np.ndarray:
        return np.stack([self.encode(waveforms), self.encode(waveforms[:, 512:])])


@pytest.fixture
def first_samples() -> FirstSamples:
    return FirstSamples()


@pytest.fixture
def loud_start(monkeypatch) -> list[int]:
    """The score "loud_start" suspects clips that are loud in their first tenth of a second; clips of each call."""
    calls: list[int] = []

    def score(waveforms: np.ndarray, labels: np.ndarray, *, seed: int, ignore_classes: Any = ()) -> PoisonScores:
        calls.append(len(waveforms))
        loud = np.square(waveforms[:, :1600]).mean(1) > 4e-4
        classes = np.unique(labels)
        share = np.array([loud[labels == label].mean() for label in classes])
        nothing = np.full(len(classes), np.nan)
        return PoisonScores(
            classes=classes,
            class_scores=share,
            class_spread=nothing,
            class_outlier=nothing,
            flagged=share > 0.02,
            sample_scores=loud.astype(float),
            suspects=loud,
            class_p=np.where(share > 0.02, 0.001, 0.5),
        )

    entry = SCORERS["pls"]._replace(score=score, check=lambda **options: None, takes="waveforms")
    monkeypatch.setitem(SCORERS, "loud_start", entry)
    return calls


TINY = {"base": 8, "multipliers": (1, 1), "attention": (), "heads": 1, "residual_channels": 4, "layers": 2}


def _untrained(domain: str, rate: int = 16000) -> AudioDiffusion:
    """The smallest diffusion model of a domain, with weights that do something."""
    settings = DiffusionSettings(domain, **TINY, dilation_cycle=2, skip_channels=4, embedding=(8, 8, 8))
    network = seeded(lambda: build_network(settings), 0)
    with torch.no_grad():  # the last layer of a fresh network is zero
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    return AudioDiffusion(network, settings, rate)


@pytest.fixture(scope="session")
def untrained():
    """Of a domain, "mel" or "wave", and a rate in Hz: the smallest diffusion model, with weights that do something."""
    return _untrained


@pytest.fixture(scope="session")
def wave() -> AudioDiffusion:
    return _untrained("wave")


@pytest.fixture(scope="session")
def mel() -> AudioDiffusion:
    return _untrained("mel")


def tone(length: int, rate: int = 16000, hertz: float = 440.0) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(length) / rate)


@pytest.fixture
def recordings(tmp_path) -> Path:
    """Four files at three depths: a second, two and a half, a short flac, a stereo one at 44.1 kHz."""
    root = tmp_path / "in"
    (root / "yes" / "deep").mkdir(parents=True)
    soundfile.write(root / "a.wav", tone(16000), 16000)
    soundfile.write(root / "yes" / "long.WAV", tone(40000, hertz=300), 16000)
    soundfile.write(root / "yes" / "deep" / "short.flac", tone(3000, hertz=900), 16000)
    both = np.stack([tone(44100, 44100, 500), tone(44100, 44100, 700)], 1)
    soundfile.write(root / "yes" / "stereo.wav", both, 44100)
    return root
