"""One small autoencoder, trained once for all tests of training."""

from __future__ import annotations

import numpy as np
import pytest

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
