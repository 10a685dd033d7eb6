"""The two streams of an audiovisual recogniser and what both end in: pictures or sound in, a vector a frame out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d

from art_audio_ext.networks.residual_blocks import residual_stages

PIXEL_MEAN, PIXEL_SPREAD = 0.42, 0.17  # of grey mouth crops; batch norm sees to what is left
MOTION_SPREAD = 0.05  # of the same less their clip's mean
_QUIET = 1e-4  # a clip quieter than this (-80 dB of full scale) is not made loud


class BidirectionalGRU(nn.Module):
    """
    Gated recurrent layers in both directions: (N, T, in) -> (N, T, 2 hidden).

    :param inputs: Values a frame.
    :param hidden: Values a direction.
    :param layers: How many.
    """

    def __init__(self, inputs: int, hidden: int, layers: int = 2):
        super().__init__()
        self.layers = nn.GRU(inputs, hidden, layers, batch_first=True, bidirectional=True)
        self.size = 2 * hidden

    def forward(self, x: Tensor) -> Tensor:
        # cuDNN has no gradient of a recurrent layer in eval mode, where attacks need one
        fast = self.training or not (torch.is_grad_enabled() and x.requires_grad and x.is_cuda)
        with torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled and fast):
            output: Tensor = self.layers(x)[0]
        return output


class VideoStream(nn.Module):
    """
    A spatiotemporal convolution, a residual network on each frame, and recurrent layers.

    Source: Stafylakis and Tzimiropoulos, Combining residual networks with LSTMs for lipreading, 2017, with the
    recurrent layers of Petridis et al., End-to-end audiovisual speech recognition, 2018.

    :param crop: Pixels of the square in the middle of each frame that is looked at.
    :param width: Channels of the first stage; 64 is the published width.
    :param hidden: Of the recurrent layers, a direction.
    :param motion: Look at what differs from the clip's mean frame: on a few dozen clips this learns where whole frames
        do not (training loss of four words after 6 epochs of 72 clips 1.18 against 1.39, chance being 1.39).
    """

    def __init__(self, crop: int, width: int, hidden: int, motion: bool = False):
        super().__init__()
        self.crop, self.motion = crop, motion
        self.front = nn.Conv3d(1, width, (5, 7, 7), (1, 2, 2), (2, 3, 3), bias=False)
        self.active = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.trunk, channels = residual_stages(18, width)
        self.recurrent = BidirectionalGRU(channels, hidden)
        self.size = self.recurrent.size

    def forward(self, video: Tensor) -> Tensor:
        """
        :param video: Grey frames (N, T, H, W) in [0, 1], H and W at least the crop.
        :return: Shape (N, T, self.size).
        """
        frames = centre_crop(video, self.crop)
        if self.motion:
            frames = (frames - frames.mean(1, keepdim=True)) / MOTION_SPREAD
        else:
            frames = (frames - PIXEL_MEAN) / PIXEL_SPREAD
        pictures = self.active(self._front(frames))
        features = self.trunk(pictures).mean((2, 3)).unflatten(0, video.shape[:2])
        return self.recurrent(features)

    def _front(self, frames: Tensor) -> Tensor:
        """
        The convolution over five frames, frame by frame: (N, T, H, W) -> (N T, width, H / 2, W / 2).

        One channel and a step of one frame make it a flat convolution of five stacked frames, which with its gradient
        takes a processor half the time.
        """
        time = self.front.kernel_size[0]
        padded = nn.functional.pad(frames, (0, 0, 0, 0, time // 2, time // 2))
        stacked = padded.unfold(1, time, 1).permute(0, 1, 4, 2, 3).flatten(0, 1)
        return nn.functional.conv2d(stacked, self.front.weight.squeeze(1), None, 2, 3)


class AudioStream(nn.Module):
    """
    Five convolutions on the waveform, the first 5 ms long and a quarter of a millisecond apart, and recurrent layers.

    Source: Ma et al., Investigating the Lombard effect influence on end-to-end audio-visual speech recognition, 2019,
    whose inner strides are not printed; here the fifth layer is 8 ms apart, and its mean over a video frame is taken.

    :param width: Channels of the first layer; the last has eight times as many.
    :param hidden: Of the recurrent layers, a direction.
    """

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.layers = nn.Sequential(
            *_sound_layer(1, width, 80, 4),
            *_sound_layer(width, width, 8, 4),
            *_sound_layer(width, 2 * width, 8, 4),
            *_sound_layer(2 * width, 4 * width, 4, 2),
            *_sound_layer(4 * width, 8 * width, 3, 1),
        )
        self.recurrent = BidirectionalGRU(8 * width, hidden)
        self.size = self.recurrent.size

    def forward(self, audio: Tensor, frames: int) -> Tensor:
        """
        :param audio: Sound (N, S) at 16 kHz; a clip's level does not matter.
        :param frames: T, of the video that it belongs to.
        :return: Shape (N, T, self.size).
        """
        features = self.layers(standardised(audio).unsqueeze(1))
        return self.recurrent(adaptive_avg_pool1d(features, frames).transpose(1, 2))


def standardised(audio: Tensor) -> Tensor:
    """
    Each clip with zero mean and unit variance.

    :param audio: Sound (N, S).
    :return: The same shape; silence stays silent.
    """
    centred = audio - audio.mean(1, keepdim=True)
    return centred / (centred.square().mean(1, keepdim=True) + _QUIET**2).sqrt()


def centre_crop(video: Tensor, size: int) -> Tensor:
    """
    The square in the middle of each frame.

    :param video: Shape (N, T, H, W).
    :param size: Pixels of a side.
    :return: Shape (N, T, size, size), a view.
    :raises ValueError: If the frames are smaller.
    """
    height, width = video.shape[2:]
    if min(height, width) < size:
        raise ValueError(f"frames of {height} x {width} pixels are smaller than the crop of {size}: load larger ones")
    top, left = (height - size) // 2, (width - size) // 2
    return video[:, :, top : top + size, left : left + size]


def _sound_layer(channels: int, out: int, size: int, stride: int) -> list[nn.Module]:
    """A convolution that leaves every `stride`-th sample, norm and ReLU."""
    return [
        nn.Conv1d(channels, out, size, stride, (size - stride + 1) // 2, bias=False),
        nn.BatchNorm1d(out),
        nn.ReLU(),
    ]
