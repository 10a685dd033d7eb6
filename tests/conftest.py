"""Fixtures shared by all tests: the real recordings where they lie, a tiny synthetic dataset, tiny diffusion models."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import soundfile
import torch

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.training.audio_diffusion import AudioDiffusion, build_network
from art_audio_ext.training.diffusion_settings import DiffusionSettings
from art_audio_ext.training.runs import seeded

matplotlib.use("Agg")
REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real recordings, read in place."""
    if not REAL_DATA.is_dir():
        pytest.skip("real recordings are not beside the project (../shared/data)")
    return REAL_DATA


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Caches go to a folder of the test run, never to the person's own."""
    base = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("ART_AUDIO_CACHE", os.fspath(base))
    if "art.config" in sys.modules:  # ART writes the weights of a pickled classifier there
        monkeypatch.setattr("art.config.ART_DATA_PATH", os.fspath(base))


@pytest.fixture(scope="session")
def tiny_dataset() -> AudioDataset:
    """Four classes of 30 one-second clips at 16 kHz: harmonic tones of a class pitch under noise, six speakers."""
    rng = np.random.default_rng(0)
    time = np.arange(16000) / 16000
    labels = np.repeat(np.arange(4), 30)
    speakers = np.tile(np.arange(6), 20)
    pitch = (150 + 130 * labels + 7 * speakers)[:, None] * rng.uniform(0.98, 1.02, (120, 1))
    tone = sum(np.sin(2 * np.pi * k * pitch * time + k) / k for k in (1, 2, 3))
    envelope = np.exp(-(((time - rng.uniform(0.35, 0.65, (120, 1))) / 0.15) ** 2))
    sound = 0.15 * tone * envelope + 0.01 * rng.standard_normal((120, 16000))
    return AudioDataset(
        waveforms=sound.astype(np.float32),
        labels=labels,
        label_names=("alpha", "bravo", "charlie", "delta"),
        sample_rate=16000,
        paths=np.array([f"{'abcd'[k]}/{i:03d}.wav" for i, k in enumerate(labels)]),
        speakers=np.array([f"s{s}" for s in speakers]),
        partition=np.full(120, ""),
        name="tiny",
    )


@pytest.fixture(scope="session")
def spoken_folder(tmp_path_factory, tiny_dataset) -> str:
    """The tiny dataset as files that name their speaker, as a scenario names their folder."""
    root = tmp_path_factory.mktemp("spoken")
    for row, label in enumerate(tiny_dataset.labels):
        path = root / tiny_dataset.label_names[label] / f"{tiny_dataset.speakers[row]}_nohash_{row}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tiny_dataset.waveforms[row], 16000)
    return f"folder:{root}"


@pytest.fixture
def armory_home(tmp_path, monkeypatch) -> None:
    """Armory in host mode, at home in a folder of this test."""
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    from armory import paths

    from art_audio_ext.experiments.armory_data import last_splits

    paths.set_mode("host", set_art_path=False)
    last_splits.cache_clear()


@pytest.fixture(scope="session")
def evaluate():
    """Of a scenario: runs it as Armory's main does, but lets errors out."""

    def run(config, **options):
        from armory.scenarios import main
        from armory.utils.configuration import validate_config
        from armory.utils.json_utils import dumps

        validate_config(config)
        config["eval_id"] = "test"
        scenario = main.get(base64.b64encode(dumps(config).encode()).decode(), from_file=False, **options)
        scenario._evaluate()
        return scenario

    return run


@pytest.fixture(scope="session")
def tiny_clips() -> AudioVisualDataset:
    """Forty clips of two words each, named by the first: tones of a word's pitch, a bright bar at a word's height."""
    rng = np.random.default_rng(0)
    layout = AudioVisualLayout.of_frames(8, 20)
    labels = np.tile(np.arange(4), 10)
    words = np.repeat(np.stack([labels, (labels + 1) % 4], 1), 4, axis=1)  # of each frame
    pitch = (200 + 250 * np.repeat(words, 640, axis=1)) * rng.uniform(0.97, 1.03, (40, 1))
    audio = 0.1 * np.sin(2 * np.pi * np.cumsum(pitch, 1) / 16000) + 0.01 * rng.standard_normal((40, layout.samples))
    video = rng.integers(90, 120, (40, 8, 20, 20))
    for (clip, frame), word in np.ndenumerate(words):
        video[clip, frame, 4 + 3 * word : 6 + 3 * word] = 220
    names = ("bin", "lay", "place", "set")
    return AudioVisualDataset(
        layout=layout,
        audio=audio.astype(np.float32),
        video=video.astype(np.uint8),
        labels=labels,
        label_names=names,
        sentences=tuple(f"{names[k]} {names[(k + 1) % 4]}" for k in labels),
        speakers=("s1",) * 40,
        paths=tuple(f"{i}" for i in range(40)),
        name="tiny",
    )


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


@pytest.fixture(scope="session")
def talking_bars() -> AudioVisualDataset:
    """32 clips of 32 frames of 32 x 32: noise, and a bar as high as the noise is loud, on a grey of the clip."""
    rng = np.random.default_rng(0)
    loud = rng.uniform(0, 1, (32, 32)) ** 2
    sound = 0.3 * rng.standard_normal((32, 20480)) * np.repeat(loud, 640, axis=1)
    rows = np.arange(32)[None, None, :, None] > 28 - 24 * loud[:, :, None, None]
    columns = abs(np.arange(32) - rng.integers(12, 20, (32, 1, 1, 1))) < 5
    video = 60 + 80 * rng.uniform(0, 1, (32, 1, 1, 1)) + 90 * (rows & columns) + rng.normal(0, 3, (32, 32, 32, 32))
    names = tuple(f"{i}.bar" for i in range(32))
    return AudioVisualDataset(
        layout=AudioVisualLayout.of_frames(32, 32),
        audio=sound.astype(np.float32).clip(-1, 1),
        video=video.clip(0, 255).astype(np.uint8),
        labels=np.arange(32) % 2,
        label_names=("even", "odd"),
        sentences=("",) * 32,
        speakers=("",) * 32,
        paths=names,
        name="bars",
    )
