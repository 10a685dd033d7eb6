"""White noise in the colours of a series of spectra: the breath of synthesised speech."""

from __future__ import annotations

import numpy as np

_WINDOW_HOPS = 4  # a Hann window of four hops: four of them lie over each sample and add up to 2
_BLOCK = 4096  # frames at a time: files may be long
_WINDOW_SUM = _WINDOW_HOPS / 2


def shaped_noise(power: np.ndarray, hop: float, length: int, rng: np.random.Generator) -> np.ndarray:
    """
    Noise whose power spectrum follows that of each frame, without a jump between frames.

    :param power: Power spectral density (T, F), 1 for white noise of variance 1; F evenly spaced frequencies from 0 to
        half the sample rate. Frame t is about sample t * hop.
    :param hop: Samples between frames, 1 or more; a window of four of them must fit twice into the 2 (F - 1) samples of
        a spectrum.
    :param length: Samples wanted.
    :param rng: Of the noise.
    :return: float64 (length,).
    :raises ValueError: If the spectra are too coarse for the hop.
    """
    frames, size, window = len(power), 2 * (power.shape[1] - 1), _WINDOW_HOPS * round(hop)
    if size < 2 * window or window == 0:
        raise ValueError(f"spectra of {size} samples are too short for frames {hop} samples apart")
    margin = (size - window) // 2  # for what a filter spreads to either side
    starts = np.round(np.arange(frames) * hop).astype(int)
    noise = rng.standard_normal(starts[-1] + window)
    taper = np.hanning(window + 1)[:-1] / _WINDOW_SUM
    total = np.zeros(len(noise) + 2 * margin)
    for block in range(0, frames, _BLOCK):
        some, begins = power[block : block + _BLOCK], starts[block : block + _BLOCK]
        pieces = np.zeros((len(some), size))
        pieces[:, margin : margin + window] = taper * noise[begins[:, None] + np.arange(window)]
        for begin, piece in zip(begins, np.fft.irfft(np.fft.rfft(pieces) * np.sqrt(some), size), strict=True):
            total[begin : begin + size] += piece
    start = margin + window // 2  # frame 0 is about the first sample
    whole = np.zeros(length)
    part = total[start : start + length]
    whole[: len(part)] = part
    return whole
