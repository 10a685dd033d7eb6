"""A tiny folder of labelled sound, and a cache of its own."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile


def write(path, value: float = 0.25, rate: int = 16000, seconds: float = 0.1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(round(rate * seconds), value, np.float32), rate)


@pytest.fixture
def root(tmp_path):
    """Two labels of ten clips, each clip with a value of its own."""
    for i in range(10):
        write(tmp_path / "data" / "no" / f"{i}.wav", 0.01 * (i + 1))
        write(tmp_path / "data" / "yes" / f"{i}.flac", -0.01 * (i + 1))
    return tmp_path / "data"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "own_cache"
