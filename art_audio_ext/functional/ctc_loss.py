"""The CTC loss of each clip of a batch, for training and for attacks alike."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import ctc_loss

from art_audio_ext.functional.ctc import BLANK


def clip_ctc_losses(logits: Tensor, codes: Tensor, lengths: Tensor) -> Tensor:
    """
    Minus log probability of each clip's sentence, for each of its symbols.

    Source: Graves et al., Connectionist temporal classification, 2006, equation 8.

    :param logits: Shape (N, T, C) with the blank first.
    :param codes: Symbols from 1 up (N, L), filled up with zeros.
    :param lengths: How many symbols each clip has (N,), at least one.
    :return: Shape (N,); 0 for a sentence that T frames cannot hold, which has no gradient either.
    """
    scores = torch.log_softmax(logits.float(), 2).transpose(0, 1)
    frames = torch.full((len(logits),), logits.shape[1], dtype=torch.long)
    losses = ctc_loss(scores, codes, frames, lengths.cpu(), blank=BLANK, reduction="none", zero_infinity=True)
    return losses / lengths.to(losses)


def frames_needed(codes: list[int]) -> int:
    """
    The fewest frames that can hold a sentence: one a symbol, and a blank between two of a kind.

    :param codes: Symbols from 1 up.
    """
    return len(codes) + sum(one == other for one, other in pairwise(codes))
