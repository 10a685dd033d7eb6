"""ART's own attacks and filters draw from global states and take no seed: set these for a while, and put them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """
    NumPy's and torch's global generators at a seed, for as long as the block runs.

    :param seed: Not negative.
    """
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # not those of GPUs, which would not be put back
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
