"""One small autoencoder and one synchronisation network, each trained once for all tests of training."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.training.sync_model import SyncModel
from art_audio_ext.training.syncnet import train_syncnet
from art_audio_ext.training.syncnet_settings import SyncNetSettings
from art_audio_ext.training.vae import AudioVae, VaeSettings, train_vae


@pytest.fixture(scope="session")
def small() -> VaeSettings:
    """Settings that train in a second."""
    return VaeSettings(
        bands=16,
        frames=8,
        f_dim=6,
        z_dim=3,
        conv_channels=8,
        conv_dim=12,
        hidden_dim=8,
        epochs=3,
        batch_size=32,
        learning_rate=1e-2,
    )


@pytest.fixture(scope="session")
def sound(tiny_dataset) -> np.ndarray:
    """120 clips of half a second at 16 kHz."""
    return tiny_dataset.waveforms[:, 4000:12000]


@pytest.fixture(scope="session")
def vae(sound, small) -> AudioVae:
    return train_vae(sound, 16000, small, seed=1, progress=False)


@pytest.fixture(scope="session")
def seen(talking_bars) -> AudioVisualDataset:
    return talking_bars.subset(np.arange(24))


@pytest.fixture(scope="session")
def unseen(talking_bars) -> AudioVisualDataset:
    return talking_bars.subset(np.arange(24, 32))


@pytest.fixture(scope="session")
def model(seen) -> SyncModel:
    """A synchronisation network that has learnt from `seen`."""
    return train_syncnet(seen, SyncNetSettings(size=32, epochs=8, windows=24, jitter=1), seed=0, progress=False)
