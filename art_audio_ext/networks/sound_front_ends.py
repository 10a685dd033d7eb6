"""What a sound-event network looks at: mel bands, constant-Q bands, learnt bands, or the wave; all differentiable."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, conv1d, pad

from art_audio_ext.functional.sound_pictures import EVENT_MEL_BANDS, constant_q, event_mel, frame_sizes

FRONT_ENDS = ("mel", "wave", "constant_q")
CHUNK_FRAMES = 128  # of 16 ms: 2.05 s
_STEPS = 4  # places of a learnt filter in a hop
_LOWEST, _HIGHEST = 50.0, 0.47  # first middles of learnt filters: in Hz, and as a share of the sample rate
_LOUDEST = 1.0  # dB; a picture without any level is divided by this


class SoundPicture(nn.Module):
    """
    Sound (N, L) to pictures (N, 1, bands, L // hop), or to the wave (N, 1, L); nothing but batch norms and learnt
    filters has weights.

    The networks of Iqbal et al. (`fine` false) see levels in decibels every 16 ms, divided by the largest absolute
    level of the clip, as the paper says (the code that it used standardises over the data set). The maximum passes
    its gradient on, so that nothing is hidden from an attack. Jeong and Lim's (`fine`) see them every 4 ms, with batch
    norms of the sound before and of the picture after, in their place. Learnt bands have a batch norm after them in
    any case: each has a scale of its own.

    :param front_end: One of `FRONT_ENDS`; "wave" learns its filters from the sound, see `LearntBands`.
    :param sample_rate: In Hz; windows and hops are as long at every rate, see `frame_sizes`.
    :param fine: Frames four times as close, and batch norms.
    :param flat: The sound itself, for a network in one dimension.
    :raises ValueError: If the front end is unknown or the sample rate will not do.
    """

    def __init__(self, front_end: str, sample_rate: int, *, fine: bool = False, flat: bool = False) -> None:
        super().__init__()
        if front_end not in FRONT_ENDS:
            raise ValueError(f"unknown front end {front_end!r}: choose {', '.join(FRONT_ENDS)}")
        if flat and front_end != "wave":
            raise ValueError(f"a network of the wave has the front end 'wave', not {front_end!r}")
        sizes = frame_sizes(sample_rate)
        self.front_end, self.sample_rate, self.fine, self.flat = front_end, sample_rate, fine, flat
        self.window, self.hop = sizes.window, sizes.fine_hop if fine else sizes.hop
        self.samples = CHUNK_FRAMES * sizes.hop
        self.chunk = self.samples if flat else self.samples // self.hop
        learnt = front_end == "wave" and not flat
        self.before = nn.BatchNorm1d(1) if fine or flat else nn.Identity()
        self.filters = LearntBands(sample_rate, self.hop) if learnt else None
        self.after = nn.BatchNorm2d(1) if fine and not (learnt or flat) else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Sound (N, L) in [-1, 1]; clips shorter than a chunk are padded with zeros at their end.
        :return: Shape (N, 1, bands, T) or (N, 1, T), T at least `self.chunk`.
        :raises ValueError: If the shape is another, or clips are shorter than a window.
        """
        if x.ndim != 2 or x.shape[1] < self.window:
            raise ValueError(
                f"expected sound (N, L) of at least one window ({self.window} samples at {self.sample_rate} Hz), "
                f"got {tuple(x.shape)}: give longer clips, or pad them"
            )
        x = self.before(pad(x, (0, max(0, self.samples - x.shape[1]))).unsqueeze(1))
        if self.flat:
            return x
        return self.after(self._picture(x.squeeze(1)).unsqueeze(1))

    def _picture(self, x: Tensor) -> Tensor:
        """Levels (N, bands, T)."""
        if self.filters is not None:
            return self.filters(x)
        if self.front_end == "mel":
            level_db = event_mel(x, self.sample_rate, self.hop, magnitude=self.fine)
        else:
            level_db = constant_q(x, self.sample_rate, self.hop)
        return level_db if self.fine else level_db / level_db.abs().amax((1, 2), keepdim=True).clamp(min=_LOUDEST)


class LearntBands(nn.Module):
    """
    64 bands whose filters are learnt from the sound: pairs of filters, the power of each pair averaged over a hop, in
    decibels, under a batch norm.

    The filters start as complex Gabor waves, equally far apart in mel, as long as the window of the mel front end.

    Source: Zeghidour et al., "Learning filterbanks from raw speech for phone recognition", 2018, with powers in
    decibels for its compression.

    :param sample_rate: In Hz.
    :param hop: In samples, a multiple of 4.
    """

    def __init__(self, sample_rate: int, hop: int) -> None:
        super().__init__()
        self.hop = hop
        self.steps = _STEPS if hop % _STEPS == 0 else 1
        self.weights = nn.Parameter(_gabor(sample_rate, frame_sizes(sample_rate).window))
        self.norm = nn.BatchNorm1d(EVENT_MEL_BANDS)

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Sound (N, L).
        :return: Shape (N, 64, L // hop).
        """
        length = self.weights.shape[2]
        around = pad(x.unsqueeze(1), (length // 2, length // 2))
        found = conv1d(around, self.weights, stride=self.hop // self.steps)
        power = found.square().unflatten(1, (EVENT_MEL_BANDS, 2)).sum(2)
        power = avg_pool1d(power, self.steps)[..., : x.shape[1] // self.hop]
        return self.norm(10 * torch.log10(power + 1e-10))


def _gabor(sample_rate: int, length: int) -> Tensor:
    """Cosines and sines under Gaussians, (128, 1, length), of norm 1, a band's two after each other."""
    lowest, highest = (2595 * math.log10(1 + hertz / 700) for hertz in (_LOWEST, _HIGHEST * sample_rate))
    mel = torch.linspace(lowest, highest, EVENT_MEL_BANDS + 1, dtype=torch.float64)
    edges = 700 * (10 ** (mel / 2595) - 1)
    middle, spread = edges[:-1, None], (edges[1:] - edges[:-1])[:, None]
    time = (torch.arange(length, dtype=torch.float64) - length / 2) / sample_rate
    # the width at half power is the distance to the next band, where the window is long enough
    sigma = (1.665 / (2 * math.pi * spread)).clamp(max=length / sample_rate / 5)
    wave = torch.exp(-0.5 * (time / sigma).square() + 2j * math.pi * middle * time)
    pairs = torch.stack([wave.real, wave.imag], 1)
    return (pairs / pairs.square().sum((1, 2), keepdim=True).sqrt()).flatten(0, 1).unsqueeze(1).float()
