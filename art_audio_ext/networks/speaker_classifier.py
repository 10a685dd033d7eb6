"""Who speaks in a clip: a network on windows, one linear layer, and the mean of the windows' posteriors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from art_audio_ext.functional.speaker_windows import counted_windows, cut_windows, utterance_log_posterior
from art_audio_ext.networks import rawnet3, sincnet

#: Name -> the published width.
SPEAKER_NETWORKS = {"sincnet": sincnet.PUBLISHED_WIDTH, "rawnet3": rawnet3.PUBLISHED_WIDTH}
_SAMPLES_AT_ONCE = 1 << 19  # of windows in one pass: bounds the memory, whatever the number of clips


class SpeakerClassifier(nn.Module):
    """
    Clips in, log of the mean posterior over their windows out, so that an argmax is the decision by summed posteriors.

    The head is a softmax on a linear layer, for both networks (RawNet3 was published with an additive angular margin,
    which is for telling apart speakers that it was not trained on). Windows in the zeros that a clip is padded
    with have no say. Outside of training long clips pass in pieces, and are computed again for gradients.

    The mean of the features is registered last, because ART's activation clustering and spectral signatures read the
    last registered child module, and must see features, not logits (ART issue #1810).

    :param architecture: A key of `SPEAKER_NETWORKS`.
    :param num_classes: Number of speakers.
    :param window: Samples of a window; RawNet3 takes clips that are shorter as one window.
    :param hop: Samples from window to window.
    :param width: See `SincNet` and `RawNet3`; None is the published width.
    :raises ValueError: If the architecture is unknown or a size will not do.
    :raises ImportError: If the library of the filters is missing.
    """

    def __init__(self, architecture: str, num_classes: int, window: int, hop: int, width: int | None = None) -> None:
        super().__init__()
        if architecture not in SPEAKER_NETWORKS:
            raise ValueError(f"unknown architecture {architecture!r}: choose {', '.join(SPEAKER_NETWORKS)}")
        width = SPEAKER_NETWORKS[architecture] if width is None else width
        self.architecture, self.num_classes, self.width = architecture, num_classes, width
        self.window, self.hop = window, hop
        network = sincnet.SincNet(window, width) if architecture == "sincnet" else rawnet3.RawNet3(width)
        self.network = network
        self.classifier = nn.Linear(network.size, num_classes)
        self.features = MeanOfWindows()

    def window_length(self, samples: int) -> int:
        """
        :param samples: Of a clip.
        :return: Samples of its windows.
        """
        return self.window if self.architecture == "sincnet" else min(self.window, samples)

    def window_logits(self, windows: Tensor) -> Tensor:
        """
        :param windows: Sound (M, window).
        :return: Logits (M, num_classes).
        """
        return self.classifier(self.network(windows))

    def forward(self, x: Tensor) -> Tensor:
        """
        :param x: Sound (N, L) in [-1, 1] at 16 kHz.
        :return: Log posteriors (N, num_classes).
        :raises ValueError: If the clips are too short.
        """
        window = self.window_length(x.shape[-1])
        counted = counted_windows(x, window, self.hop)
        found = self._in_pieces(cut_windows(x, window, self.hop)[counted])
        self.features(found, counted)
        return utterance_log_posterior(self.classifier(found), counted)

    def _in_pieces(self, windows: Tensor) -> Tensor:
        """Features (M, D) of windows (M, S); batch norm in training sees them all at once."""
        pieces = windows.split(max(1, _SAMPLES_AT_ONCE // windows.shape[1]))
        if self.training or len(pieces) == 1:
            return self.network(windows)
        if not torch.is_grad_enabled():
            return torch.cat([self.network(piece) for piece in pieces])
        return torch.cat(
            [checkpoint(self.network, piece, use_reentrant=False, preserve_rng_state=False) for piece in pieces]
        )


class MeanOfWindows(nn.Module):
    """The mean over windows: what a clip looks like to the last layer."""

    def forward(self, found: Tensor, counted: Tensor) -> Tensor:
        """
        :param found: Features of the windows that count (M, D).
        :param counted: Which these are, bool (N, W) with M true.
        :return: Shape (N, D).
        """
        every = found.new_zeros((*counted.shape, found.shape[1]))
        every[counted] = found
        return every.sum(1) / counted.sum(1, keepdim=True)
