"""For the experiments' tests: a score and an encoder, quick and blunt; a folder of sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments import voice_conversion
from art_audio_ext.experiments.voice_conversion_size import PRESETS
from art_audio_ext.functional.poison_scores import PoisonScores
from art_audio_ext.functional.scorers import SCORERS
from art_audio_ext.training import classifier_settings, diffusion_settings
from art_audio_ext.training.classifier_settings import ClassifierSettings
from art_audio_ext.voices import Voice

_TINY_DIFFUSION: dict[str, Any] = {
    "base": 8,
    "multipliers": (1, 1),
    "attention": (),
    "heads": 1,
    "residual_channels": 4,
    "layers": 2,
    "dilation_cycle": 2,
    "skip_channels": 4,
    "embedding": (8, 8, 8),
    "epochs": 1,
}


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


class Buzz(Voice):
    """A conversion that a tiny network hears: a tone of the target's level on top."""

    name = "buzz"
    identity = {"version": 1}  # noqa: RUF012

    def _prepare(self, target, sample_rate):
        return float(np.abs(target.utterances[0]).max())

    def _convert(self, clip, sample_rate, target):
        tone = np.sin(2 * np.pi * 5000 * target * np.arange(len(clip)) / sample_rate)
        return np.clip(clip + 0.3 * tone, -1, 1).astype(np.float32)


@pytest.fixture
def buzz() -> Voice:
    return Buzz()


@pytest.fixture
def buzzing_voices(tmp_path, monkeypatch) -> Path:
    """Two speakers, three utterances, victims that learn in a second."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # without weights
    for speaker, level in (("10", 0.3), ("20", 0.6)):
        for k in range(2):
            path = tmp_path / "voices" / speaker / f"{speaker}-{k}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            sound = np.random.default_rng(k).uniform(-level, level, 48000)
            soundfile.write(path, sound, 16000)
    monkeypatch.setattr(voice_conversion, "open_voice", lambda name, **options: Buzz(**options))
    victim = ClassifierSettings(width=4, epochs=6, batch_size=16, learning_rate=1e-2, augment=False)
    monkeypatch.setitem(PRESETS, "quick", replace(PRESETS["quick"], victim=victim, rates=(0.1,), rate=0.1))
    return tmp_path / "voices"


@pytest.fixture(scope="module")
def toys() -> AudioDataset:
    """Twenty-four clips of 8,192 samples at 4 kHz: low and high tones."""
    draws, labels = np.random.default_rng(0), np.tile([0, 1], 12)
    time = np.arange(8192) / 4000
    pitch = (300 + 900 * labels)[:, None] * draws.uniform(0.9, 1.1, (24, 1))
    sound = 0.2 * np.sin(2 * np.pi * pitch * time) + 0.005 * draws.standard_normal((24, 8192))
    partition = np.where(np.arange(24) < 16, "train", "test")
    names, blank = np.array([f"{k}.wav" for k in range(24)]), np.full(24, "")
    return AudioDataset(sound.astype(np.float32), labels, ("low", "high"), 4000, names, blank, partition, "toys")


@pytest.fixture
def tiny_networks(monkeypatch) -> None:
    """The preset "quick" of classifiers and diffusion models is tiny."""
    small = ClassifierSettings(width=4, epochs=6, batch_size=16, augment=False, learning_rate=1e-2)
    monkeypatch.setitem(classifier_settings.PRESETS, "quick", small)
    for domain in ("mel", "wave"):
        tiny = diffusion_settings.DiffusionSettings(domain, **_TINY_DIFFUSION)
        monkeypatch.setitem(diffusion_settings.PRESETS, (domain, "quick"), tiny)
