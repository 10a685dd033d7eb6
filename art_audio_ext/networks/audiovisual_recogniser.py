"""The audiovisual recogniser of words and sentences: sound and frames in, logits out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from art_audio_ext.networks.audiovisual_streams import AudioStream, BidirectionalGRU, VideoStream

HEADS = ("word", "sentence")


class AudioVisualRecogniser(nn.Module):
    """
    A video stream and an audio stream, joined frame by frame, and recurrent layers over both.

    Pixels and samples are normalised and frames cropped inside, so that attacks act on what a camera and a microphone
    give. The defaults are the published sizes (40.7 M parameters, 11.2 M of them the residual network); `width` 16,
    `audio_width` 32 and `hidden` 64, the "small" preset of the training, have 1.4 M.

    Source: Ma et al., Detecting adversarial attacks on audiovisual speech recognition, 2021, section 3.2.

    :param outputs: Number of logits: words, or symbols of a sentence with the blank.
    :param head: "word" (the mean over frames) or "sentence" (a row a frame, for CTC).
    :param crop: Pixels of the square in the middle of each frame that is looked at.
    :param width: Channels of the first stage of the video stream.
    :param audio_width: Channels of the first layer of the audio stream.
    :param hidden: Of all recurrent layers, a direction.
    :param motion: The video stream looks at what differs from the clip's mean frame.
    :raises ValueError: If the head is unknown.
    """

    def __init__(
        self,
        outputs: int,
        *,
        head: str = "word",
        crop: int = 88,
        width: int = 64,
        audio_width: int = 64,
        hidden: int = 512,
        motion: bool = False,
    ):
        super().__init__()
        if head not in HEADS:
            raise ValueError(f"head must be one of {', '.join(HEADS)}, got {head!r}")
        self.head, self.crop = head, crop
        self.video = VideoStream(crop, width, hidden, motion)
        self.audio = AudioStream(audio_width, hidden)
        self.classifier = nn.Linear(2 * hidden, outputs)
        self.fusion = BidirectionalGRU(self.video.size + self.audio.size, hidden)

    def forward(self, audio: Tensor, video: Tensor) -> Tensor:
        """
        :param audio: Sound (N, S) in [-1, 1] at 16 kHz.
        :param video: Grey frames (N, T, H, W) in [0, 1] of the same time.
        :return: Logits (N, outputs) of words, or (N, T, outputs) of sentences.
        :raises ValueError: If the shapes do not belong together.
        """
        return self.join(*self.streams(audio, video))

    def streams(self, audio: Tensor, video: Tensor) -> tuple[Tensor, Tensor]:
        """
        What each stream makes of its modality.

        :param audio: As for `forward`.
        :param video: As for `forward`.
        :return: Features of the video and of the sound, each (N, T, 2 hidden).
        :raises ValueError: If the shapes do not belong together.
        """
        if audio.ndim != 2 or video.ndim != 4 or len(audio) != len(video):
            raise ValueError(f"expected sound (N, S) and frames (N, T, H, W), got {audio.shape} and {video.shape}")
        return self.video(video), self.audio(audio, video.shape[1])

    def join(self, seen: Tensor, heard: Tensor) -> Tensor:
        """
        Logits of both streams' features.

        :param seen: Of the video (N, T, 2 hidden).
        :param heard: Of the sound (N, T, 2 hidden).
        :return: As of `forward`.
        """
        return self.summed(self.classifier(self.fusion(torch.cat([seen, heard], 2))))

    def summed(self, logits: Tensor) -> Tensor:
        """
        Logits of frames as the head gives them.

        :param logits: Shape (N, T, outputs).
        :return: Their mean over frames for words, else as they are.
        """
        return logits.mean(1) if self.head == "word" else logits
