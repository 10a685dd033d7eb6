"""Windows of an utterance, which of them hold sound, and the posterior of the utterance from those of its windows."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SILENCE = 2.0**-16  # half a step of 16 bits: what no sound file holds, such as what a filter leaves in the padding


def cut_windows(x: Tensor, window: int, hop: int) -> Tensor:
    """
    Windows at regular distances; what is left at the end and makes no whole window is not used.

    :param x: Sound (N, L), L at least `window`.
    :param window: Samples a window.
    :param hop: Samples from the start of one to the start of the next.
    :return: A view (N, W, window).
    :raises ValueError: If the sound is shorter than a window, or a number is not positive.
    """
    if window < 1 or hop < 1:
        raise ValueError(f"window and hop must be positive, got {window} and {hop}")
    if x.ndim != 2 or x.shape[1] < window:
        raise ValueError(f"expected sound (N, L) of at least {window} samples, got {tuple(x.shape)}: give longer clips")
    return x.unfold(1, window, hop)


def sound_lengths(x: Tensor, silence: float = 0.0) -> Tensor:
    """
    Samples of each clip up to what it is padded with.

    :param x: Sound (N, L).
    :param silence: Samples up to this magnitude are padding.
    :return: int64 (N,), 0 for a clip of padding alone.
    """
    return ((x.abs() > silence) * torch.arange(1, x.shape[1] + 1, device=x.device)).amax(1)


def counted_windows(x: Tensor, window: int, hop: int) -> Tensor:
    """
    Which windows of `cut_windows` have a say: those before the padding, but for those of nothing but silence; the first
    if there is no other. It is what `random_crops` gives a network to learn from.

    Silence is what lies below half a step of 16 bits. What a purifier puts into the padding is mostly louder and has a
    say: a bound that left it out would leave out the pauses of quiet recordings, too.

    :param x: Sound (N, L), L at least `window`.
    :param window: Samples a window.
    :param hop: Samples from the start of one to the start of the next.
    :return: bool (N, W), at least one true in each row.
    """
    windows = cut_windows(x, window, hop)
    ends = window + hop * torch.arange(windows.shape[1], device=x.device)
    counted = (ends <= sound_lengths(x, SILENCE).unsqueeze(1)) & (windows.abs() > SILENCE).any(2)
    first = (ends == window) & ~counted.any(1, keepdim=True)
    return counted | first


def random_crops(x: Tensor, window: int, crops: int, generator: torch.Generator, silence: float = 0.0) -> Tensor:
    """
    Windows at random places of each clip, before what it is padded with where it is long enough.

    :param x: Sound (N, L), L at least `window`.
    :param window: Samples a crop.
    :param crops: How many of each clip.
    :param generator: Decides where; on the CPU.
    :param silence: Samples up to this magnitude are padding.
    :return: Shape (N * crops, window), the crops of a clip after each other.
    """
    length = sound_lengths(x, silence).clamp(min=window).cpu()
    share = torch.rand((len(x), crops), generator=generator, dtype=torch.float64)
    start = (share * (length - window + 1).unsqueeze(1)).long().to(x.device)
    columns = start.unsqueeze(2) + torch.arange(window, device=x.device)
    return x.gather(1, columns.flatten(1)).reshape(-1, window)


def utterance_log_posterior(logits: Tensor, counted: Tensor) -> Tensor:
    """
    Log of the mean posterior of the windows that count; its largest entry is the class of the summed posteriors.

    Source: Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet", 2018, section 4.2.

    :param logits: Of the windows that count, row after row (M, C).
    :param counted: Which windows these are, bool (N, W) with M true.
    :return: Shape (N, C), normalised: its softmax is the mean posterior.
    """
    values = logits.float().log_softmax(1)
    every = values.new_full((*counted.shape, values.shape[1]), -math.inf)
    every[counted] = values
    return every.logsumexp(1) - counted.sum(1, keepdim=True).log()
