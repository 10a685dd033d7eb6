"""Networks that embed short windows of a talking face and of its sound in one space: SyncNet, and a compact one."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from art_audio_ext.functional.audio_features import centred_log_mel, mfcc_100

WINDOW_FRAMES, WINDOW_FEATURES, FEATURES_A_FRAME = 5, 20, 4  # 0.2 s at 25 and at 100 frames a second
SOUND_FEATURES = {"log_mel": 40, "mfcc": 13}  # kind -> channels
PICTURE_INPUTS = {"centred": WINDOW_FRAMES, "differences": WINDOW_FRAMES - 1}
_FACE = 224
_COMPACT_WINDOWS = 64  # in one pass: more leave the processor's cache, at twice the time
_LIP_WINDOWS = 16  # of pictures in one pass of the original, whose first layer alone takes 5 MB a window


class SyncEmbeddings(NamedTuple):
    """Embeddings (N, Tv, E) and (N, Ta, E) of windows of pictures and of sound, and which hold no padding."""

    video: Tensor
    audio: Tensor
    video_valid: Tensor
    audio_valid: Tensor


class SyncNetwork(nn.Module):
    """
    Base: windows of 5 frames against 20 frames of features, 0.2 s, a new one each frame; window v begins at frame v.

    The sound's features are computed within, so that gradients reach the waveform. Sound at 16 kHz, 25 frames a second.
    """

    def forward(
        self, audio: Tensor, video: Tensor, samples: Tensor | None = None, frames: Tensor | None = None
    ) -> SyncEmbeddings:
        """
        :param audio: Sound (N, S) in [-1, 1] at 16 kHz.
        :param video: Grey pictures (N, T, H, W) in [0, 1], 25 a second.
        :param samples: How many samples of each clip are sound and not padding (N,); None takes all.
        :param frames: How many frames of each clip are pictures and not padding (N,); None takes all.
        :return: Embeddings and masks; Tv = T - 4, Ta follows from S.
        :raises ValueError: If there are fewer clips of one kind, or clips are shorter than a window.
        """
        if audio.ndim != 2 or video.ndim < 4 or len(audio) != len(video):
            raise ValueError(f"expected sound (N, S) and pictures (N, T, H, W), got {audio.shape} and {video.shape}")
        if video.shape[1] < WINDOW_FRAMES:
            raise ValueError(f"clips have {video.shape[1]} frames, a window {WINDOW_FRAMES}: give longer clips")
        features = self.sound_features(audio)
        if features.shape[2] < WINDOW_FEATURES:
            raise ValueError(f"clips have {audio.shape[1]} samples of sound, a window 3200: give longer clips")
        pictures, sounds = self.embed_video(video), self.embed_audio(features)
        ends = (None if frames is None else frames - WINDOW_FRAMES + 1, None if samples is None else _windows(samples))
        valid = [_valid(part, end) for part, end in zip((pictures, sounds), ends, strict=True)]
        return SyncEmbeddings(pictures, sounds, *valid)

    def sound_features(self, audio: Tensor) -> Tensor:
        """
        :param audio: Sound (N, S).
        :return: Shape (N, channels, F), 100 frames a second.
        """
        raise NotImplementedError

    def embed_video(self, video: Tensor) -> Tensor:
        """
        :param video: Pictures (N, T, H, W).
        :return: Shape (N, T - 4, E).
        """
        raise NotImplementedError

    def embed_audio(self, features: Tensor) -> Tensor:
        """
        :param features: Of `sound_features`.
        :return: Shape (N, (F - 20) // 4 + 1, E).
        """
        raise NotImplementedError


class CompactSyncNet(SyncNetwork):
    """
    A network of 0.8 M parameters for mouth crops; embeddings have length one.

    Its convolutions of sound have no padding and strides that divide a frame, so they run once over the clip.

    :param size: Pixels a side that the network sees, a multiple of 16.
    :param crop: Pixels a side of the middle of the picture that are scaled to `size`; None takes `size` of them.
    :param sound: A key of `SOUND_FEATURES`.
    :param pictures: "centred": five frames less the clip's mean frame; "differences" of neighbouring frames.
    :raises ValueError: If an argument is out of its range.
    """

    def __init__(
        self, size: int = 64, crop: int | None = None, sound: str = "log_mel", pictures: str = "centred"
    ) -> None:
        super().__init__()
        if size < 16 or size % 16:
            raise ValueError(f"size must be a multiple of 16, got {size!r}")
        for name, value, known in (("sound", sound, SOUND_FEATURES), ("pictures", pictures, PICTURE_INPUTS)):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")
        self.size, self.crop, self.sound, self.pictures = size, crop or size, sound, pictures
        widths = (PICTURE_INPUTS[pictures], 24, 48, 72, 96)
        layers = [_block(nn.Conv2d, a, b, 3, 2, 1) for a, b in pairwise(widths)]
        self.video_cnn = nn.Sequential(*layers, nn.Flatten())
        self.video_fc = nn.Sequential(
            nn.Linear(96 * (size // 16) ** 2, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 128)
        )
        self.audio_cnn = nn.Sequential(
            _block(nn.Conv1d, SOUND_FEATURES[sound], 96, 4, 2, 0),
            _block(nn.Conv1d, 96, 128, 3, 2, 0),
            _block(nn.Conv1d, 128, 192, 3, 1, 0),
        )
        self.audio_fc = nn.Sequential(_block(nn.Conv1d, 192, 256, 2, 1, 0), nn.Conv1d(256, 128, 1))

    def sound_features(self, audio: Tensor) -> Tensor:
        """Log-mels, or cepstral coefficients, less their means over the clip."""
        if self.sound == "log_mel":
            return centred_log_mel(audio, SOUND_FEATURES["log_mel"])
        cepstrum = mfcc_100(audio, SOUND_FEATURES["mfcc"])
        return (cepstrum - cepstrum.mean(2, keepdim=True)) / 8  # of the size of log-mels

    def embed_video(self, video: Tensor) -> Tensor:
        """The middle of the pictures, in windows."""
        height, width = video.shape[2:]
        if min(height, width) < self.crop:
            raise ValueError(f"pictures are {height} x {width}, the network needs {self.crop} pixels a side")
        top, left = (height - self.crop) // 2, (width - self.crop) // 2
        video = video[:, :, top : top + self.crop, left : left + self.crop]
        if self.crop != self.size:
            video = interpolate(video, (self.size, self.size), mode="bilinear", antialias=True)
        if self.pictures == "centred":
            shown, length = video - video.mean(1, keepdim=True), WINDOW_FRAMES
        else:
            shown, length = video[:, 1:] - video[:, :-1], WINDOW_FRAMES - 1
        windows = (4 * shown).unfold(1, length, 1).permute(0, 1, 4, 2, 3)
        # batch norm learns from all together
        clips = len(video) if self.training else max(1, _COMPACT_WINDOWS // windows.shape[1])
        embedded = self.video_fc(torch.cat([self.video_cnn(some.flatten(0, 1)) for some in windows.split(clips)]))
        return normalize(embedded, dim=-1).unflatten(0, windows.shape[:2])

    def embed_audio(self, features: Tensor) -> Tensor:
        """All windows at once."""
        return normalize(self.audio_fc(self.audio_cnn(features)).transpose(1, 2), dim=-1)


class SyncNet(SyncNetwork):
    """
    The original, 13.6 M parameters, with the names of its public weights; embeddings are as they come.

    Source: Chung and Zisserman, "Out of time: automated lip sync in the wild", 2016.
    """

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_triple(nn.Conv2d, 1, 64, 3, padding=1),
            nn.MaxPool2d(1),
            *_triple(nn.Conv2d, 64, 192, 3, padding=1),
            nn.MaxPool2d(3, (1, 2)),
            *_triple(nn.Conv2d, 192, 384, 3, padding=1),
            *_triple(nn.Conv2d, 384, 256, 3, padding=1),
            *_triple(nn.Conv2d, 256, 256, 3, padding=1),
            nn.MaxPool2d(3, 2),
            *_triple(nn.Conv2d, 256, 512, (5, 4)),
        )
        self.netfcaud = _fully_connected()
        self.netfclip = _fully_connected()
        flat, step, edge = (1, 3, 3), (1, 2, 2), (0, 1, 1)
        self.netcnnlip = nn.Sequential(
            *_triple(nn.Conv3d, 3, 96, (5, 7, 7), stride=step),
            nn.MaxPool3d(flat, step),
            *_triple(nn.Conv3d, 96, 256, (1, 5, 5), stride=step, padding=edge),
            nn.MaxPool3d(flat, step, edge),
            *_triple(nn.Conv3d, 256, 256, flat, padding=edge),
            *_triple(nn.Conv3d, 256, 256, flat, padding=edge),
            *_triple(nn.Conv3d, 256, 256, flat, padding=edge),
            nn.MaxPool3d(flat, step),
            *_triple(nn.Conv3d, 256, 512, (1, 6, 6)),
        )

    def sound_features(self, audio: Tensor) -> Tensor:
        """Cepstral coefficients (N, 13, F) of 16-bit sound."""
        return mfcc_100(audio)

    def embed_video(self, video: Tensor) -> Tensor:
        """
        Faces of 211 to 242 pixels as they are, others scaled to 224; convolved once over the clip.

        :param video: Grey (N, T, H, W), or (N, T, 3, H, W) with blue first, in [0, 1].
        :return: Shape (N, T - 4, 1024).
        """
        some = (video,) if self.training else video.split(1)  # batch norm learns from all together
        embedded = torch.cat([self._seen(part) for part in some])
        return self.netfclip(embedded.flatten(0, 1)).unflatten(0, embedded.shape[:2])

    def _seen(self, video: Tensor) -> Tensor:
        """Of pictures as for `embed_video`: what the convolutions make of them (N, T - 4, 512)."""
        pictures = 255 * (video[:, :, None] if video.ndim == 4 else video)
        if not all(211 <= side <= 242 for side in pictures.shape[3:]):
            scaled = interpolate(pictures.flatten(0, 1), (_FACE, _FACE), mode="bilinear", align_corners=False)
            pictures = scaled.unflatten(0, pictures.shape[:2])
        pictures = pictures.expand(-1, -1, 3, -1, -1).transpose(1, 2)
        windows = pictures.shape[2] - WINDOW_FRAMES + 1
        at_once = windows if self.training else _LIP_WINDOWS
        # no layer but the first looks across time, and none pads there: the same numbers as window by window
        parts = [
            self.netcnnlip(pictures[:, :, k : min(k + at_once, windows) + WINDOW_FRAMES - 1])
            for k in range(0, windows, at_once)
        ]
        return torch.cat(parts, 2)[..., 0, 0].transpose(1, 2)

    def embed_audio(self, features: Tensor) -> Tensor:
        """Window by window, for its layers pad each window."""
        windows = features.unfold(2, WINDOW_FEATURES, FEATURES_A_FRAME).transpose(1, 2)  # (N, Ta, 13, 20)
        embedded = self.netcnnaud(windows.flatten(0, 1)[:, None]).flatten(1)
        return self.netfcaud(embedded).unflatten(0, windows.shape[:2])


def _block(kind: type[nn.Module], inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> nn.Sequential:
    """Convolution, batch norm and ReLU of the compact network."""
    norm = nn.BatchNorm2d if kind is nn.Conv2d else nn.BatchNorm1d
    return nn.Sequential(kind(inputs, outputs, kernel, stride, padding, bias=False), norm(outputs), nn.ReLU())


def _triple(kind: type[nn.Module], inputs: int, outputs: int, kernel: int | tuple, **more: int | tuple) -> list:
    """Convolution, batch norm and ReLU, as three entries, which is how the public weights count them."""
    norm = nn.BatchNorm2d if kind is nn.Conv2d else nn.BatchNorm3d
    return [kind(inputs, outputs, kernel, **more), norm(outputs), nn.ReLU()]


def _fully_connected() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1024))


def _windows(samples: Tensor) -> Tensor:
    """How many windows of sound a number of samples has."""
    frames = 1 + torch.ceil((samples - 400) / 160).clamp(min=0)
    return (frames - WINDOW_FEATURES).div(FEATURES_A_FRAME, rounding_mode="floor") + 1


def _valid(embedded: Tensor, end: Tensor | None) -> Tensor:
    """bool (N, T): whether a window lies before the end."""
    places = torch.arange(embedded.shape[1], device=embedded.device).expand(embedded.shape[:2])
    return torch.ones_like(places, dtype=torch.bool) if end is None else places < end.to(places.device)[:, None]
