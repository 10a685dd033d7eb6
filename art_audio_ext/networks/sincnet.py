"""SincNet: a bank of learnt band-pass filters, two convolutions and three wide layers on a short window of sound."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d

PUBLISHED_WIDTH = 80
_LENGTHS = (251, 5, 5)
_POOL = 3
_SLOPE = 0.2
_LAYERS = 3


class SincNet(nn.Module):
    """
    Features of windows of sound.

    Source: Ravanelli and Bengio, "Speaker recognition from raw waveform with SincNet", 2018: filters 80, 60, 60 of
    lengths 251, 5, 5, each pooled by 3 and layer-normalised, then 3 layers of 2048 with batch norm, LeakyReLU
    throughout. The first filters are speechbrain's `SincConv`. At the published width and 200 ms it has 21.8 million
    parameters, at width 20, for a CPU, 1.4 million. Layer norm is over channels and time; that of the window itself has
    no weights, which in the published code stood for places in a window that is cut anywhere.

    :param window: Samples of a window; 3200 is the published 200 ms.
    :param width: Sinc filters, a multiple of 4; the other sizes keep their proportion to it. 80 is published.
    :param sample_rate: In Hz.
    :raises ValueError: If the width will not do, or the window is too short for the filters.
    :raises ImportError: If speechbrain is missing.
    """

    def __init__(self, window: int = 3200, width: int = PUBLISHED_WIDTH, sample_rate: int = 16000) -> None:
        super().__init__()
        if width < 4 or width % 4:
            raise ValueError(f"width of SincNet must be a positive multiple of 4, got {width}")
        self.window, self.size = window, width * 128 // 5
        self.input_norm = nn.LayerNorm(window, eps=1e-6, elementwise_affine=False)
        self.sinc = sinc_convolution(width, sample_rate)
        channels = (width, width * 3 // 4, width * 3 // 4)
        frames, norms = window, []
        for out, length in zip(channels, _LENGTHS, strict=True):
            frames = (frames - length + 1) // _POOL
            if frames < 1:
                raise ValueError(f"a window of {window} samples is too short for SincNet: 1000 are enough")
            norms.append(nn.LayerNorm([out, frames]))
        self.norms = nn.ModuleList(norms)
        self.convolutions = nn.ModuleList([nn.Conv1d(channels[i], channels[i + 1], _LENGTHS[i + 1]) for i in (0, 1)])
        inner = channels[-1] * frames
        dense: list[nn.Module] = [nn.Flatten(), nn.LayerNorm(inner)]
        for _ in range(_LAYERS):
            dense += [nn.Linear(inner, self.size, bias=False), nn.BatchNorm1d(self.size), nn.LeakyReLU(_SLOPE)]
            inner = self.size
        self.dense = nn.Sequential(*dense)
        self.activation = nn.LeakyReLU(_SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Sound (N, window).
        :return: Features (N, self.size).
        """
        x = self.input_norm(x)
        with torch.autocast(x.device.type, enabled=False):  # frequencies in half precision are other frequencies
            x = self.sinc(x.float().unsqueeze(2)).transpose(1, 2).abs()
        x = self.activation(self.norms[0](max_pool1d(x, _POOL)))
        for convolution, norm in zip(self.convolutions, self.norms[1:], strict=True):
            x = self.activation(norm(max_pool1d(convolution(x), _POOL)))
        return self.dense(x)


def sinc_convolution(filters: int, sample_rate: int) -> nn.Module:
    """
    A bank of band-pass filters of which the edges are learnt, at first equally wide in mel.

    :param filters: How many.
    :param sample_rate: In Hz.
    :return: speechbrain's `SincConv`: (N, L, 1) to (N, L - 250, filters).
    :raises ImportError: If speechbrain is missing.
    """
    try:
        from speechbrain.nnet.CNN import SincConv
    except ImportError as error:
        raise ImportError(f'SincNet needs speechbrain ({error}): pip install "art-audio-ext[voice]"') from error
    # Its window and time axis are no buffers: a network that is read from a file would not get them back.
    with torch.device("cpu"):
        return SincConv(filters, _LENGTHS[0], in_channels=1, padding="valid", sample_rate=sample_rate)
