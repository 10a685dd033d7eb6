"""Classifiers of sound events, front end and chunks inside: waveform in, log-probabilities out."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from art_audio_ext.networks.sound_event_parts import BlockNetwork, DenseNetwork
from art_audio_ext.networks.sound_front_ends import FRONT_ENDS, SoundPicture

_STEM_PLACES = 64  # of a network on the wave, in a hop of 16 ms


class Architecture(NamedTuple):
    """
    What a name stands for.

    :param width: As published.
    :param front_end: Its own; "wave" of a network in one dimension, which takes no other.
    :param heads: Softmaxes whose probabilities are averaged.
    """

    width: int
    front_end: str = "mel"
    heads: int = 1


#: Parameters at the published width with 41 labels, in millions: 9.43, 12.60, 18.83, 10.43 and 10.43.
ARCHITECTURES: dict[str, Architecture] = {
    "vgg13": Architecture(64),
    "crnn": Architecture(64),
    "gcnn": Architecture(64),
    "dense-mel": Architecture(16, heads=8),
    "dense-wav": Architecture(16, "wave", heads=8),
}


class SoundEventClassifier(nn.Module):
    """
    The five models of the paper; each looks at chunks of 128 frames (2.05 s), and a clip has the mean of the chunks'
    probabilities.

    Chunks are spread evenly from a clip's start to its end and overlap where its length is no whole number of them;
    clips shorter than a chunk are padded with zeros. The output is a logarithm of probabilities, which attacks may
    take for logits: its softmax is the mean of the probabilities. The dense models' eight heads are averaged likewise.
    How the sound becomes a picture is in `SoundPicture`; the sizes of windows follow the sample rate.

    The mean of the features is registered last, because ART's activation clustering and spectral signatures read the
    last registered child module, and must see features, not logits (ART issue #1810).

    Source: Subramanian et al., "Adversarial attacks in sound event classification", 2019, section 3; see
    `BlockNetwork` and `DenseNetwork`.

    :param architecture: A key of `ARCHITECTURES`.
    :param num_classes: Number of labels.
    :param width: Channels of the first layer; None is the published width.
    :param sample_rate: In Hz; 32000 is published.
    :param front_end: "mel", "wave" or "constant_q"; None is the architecture's own. "dense-wav" has only "wave".
    :raises ValueError: If a name is unknown, the two do not fit, or a size will not do.
    """

    def __init__(
        self,
        architecture: str,
        num_classes: int,
        width: int | None = None,
        sample_rate: int = 32000,
        front_end: str | None = None,
    ) -> None:
        super().__init__()
        check_front_end(architecture, front_end)
        about = ARCHITECTURES[architecture]
        width = about.width if width is None else width
        if width < 1 or num_classes < 1:
            raise ValueError(f"width and num_classes must be positive, got {width} and {num_classes}")
        fine, flat = architecture.startswith("dense"), about.front_end == "wave"
        self.architecture, self.num_classes, self.width, self.heads = architecture, num_classes, width, about.heads
        self.sample_rate, self.front_end = sample_rate, front_end or about.front_end
        self.picture = SoundPicture(self.front_end, sample_rate, fine=fine, flat=flat)
        network: BlockNetwork | DenseNetwork
        if fine:
            network = DenseNetwork(width, stride=max(1, 4 * self.picture.hop // _STEM_PLACES), flat=flat)
        else:
            network = BlockNetwork(width, gated=architecture == "gcnn", recurrent=architecture == "crnn")
        self.network = network
        self.classifier = nn.Linear(network.size, self.heads * num_classes)
        self.features = MeanOfChunks()

    def chunk_log_probabilities(self, picture: Tensor) -> Tensor:
        """
        :param picture: What `self.picture` gives of N clips.
        :return: Log-probabilities of every chunk (N, K, num_classes).
        """
        parts = chunks(picture, self.picture.chunk)
        found = self.network(parts.flatten(0, 1)).unflatten(0, parts.shape[:2])
        self.features(found)
        heads = self.classifier(found).float().unflatten(2, (self.heads, self.num_classes)).log_softmax(3)
        return log_mean(heads, 2)

    def log_probabilities(self, picture: Tensor) -> Tensor:
        """
        :param picture: What `self.picture` gives of N clips.
        :return: Log-probabilities of the clips (N, num_classes).
        """
        return log_mean(self.chunk_log_probabilities(picture), 1)

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Sound (N, L) in [-1, 1] at `self.sample_rate`.
        :return: Log-probabilities (N, num_classes).
        :raises ValueError: If clips are shorter than a window.
        """
        return self.log_probabilities(self.picture(x))


class MeanOfChunks(nn.Module):
    """The mean over chunks: what a clip looks like to the last layer."""

    def forward(self, found: Tensor) -> Tensor:
        """
        :param found: Features (N, K, D).
        :return: Shape (N, D).
        """
        return found.mean(1)


def check_front_end(architecture: str, front_end: str | None) -> None:
    """
    :param architecture: To be a key of `ARCHITECTURES`.
    :param front_end: To be one of its front ends, or None.
    :raises ValueError: If they are not.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {architecture!r}: choose {', '.join(ARCHITECTURES)}")
    if front_end is not None and front_end not in FRONT_ENDS:
        raise ValueError(f"unknown front_end {front_end!r}: choose {', '.join(FRONT_ENDS)}")
    if architecture == "dense-wav" and front_end not in (None, "wave"):
        raise ValueError(f"dense-wav reads the wave, not {front_end!r}: choose dense-mel for another front_end")


def chunks(picture: Tensor, size: int) -> Tensor:
    """
    As few chunks as hold every frame, evenly spread from the first to the last.

    :param picture: Shape (N, ..., T), T at least `size`.
    :param size: Frames of a chunk.
    :return: Shape (N, K, ..., size), K = ceil(T / size).
    """
    count, last = math.ceil(picture.shape[-1] / size), picture.shape[-1] - size
    starts = [round(index * last / max(1, count - 1)) for index in range(count)]
    return torch.stack([picture[..., start : start + size] for start in starts], 1)


def log_mean(values: Tensor, dim: int) -> Tensor:
    """
    :param values: Logarithms.
    :param dim: To be averaged over.
    :return: The logarithm of the mean of what they are logarithms of.
    """
    return values.logsumexp(dim) - math.log(values.shape[dim])
