"""Sound at another sample rate."""

from __future__ import annotations

from math import gcd

import numpy as np
from scipy.signal import resample_poly


def resampled(sound: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """
    Sound at another rate, by a polyphase filter.

    :param sound: Shape (L,).
    :param rate: It has, in Hz.
    :param wanted: In Hz.
    :return: Shape (ceil(L * wanted / rate),); the sound itself where the rates agree.
    """
    common = gcd(rate, wanted)
    return sound if rate == wanted else resample_poly(sound, wanted // common, rate // common)
