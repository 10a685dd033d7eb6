"""What an attack on a classifier climbs: cross-entropy and margins, a value for each clip."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

LOSSES = ("cross_entropy", "margin", "logit_ratio")


def adversarial_loss(logits: Tensor, labels: Tensor, name: str) -> Tensor:
    """
    Large where a clip is not called its label.

    :param logits: Shape (..., C).
    :param labels: Class indices, the leading shape of `logits`.
    :param name: "cross_entropy"; "margin", the best other logit less that of the label (Carlini and Wagner, 2017); or
        "logit_ratio", that margin over the spread of the three largest logits, which no scaling of the logits can
        flatten (DLR of Croce and Hein, 2020; needs 3 classes).
    :return: The leading shape of `logits`.
    """
    if name == "cross_entropy":
        flat = cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none")
        return flat.view(labels.shape)
    own = logits.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    is_own = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, labels.unsqueeze(-1), True)
    margin = logits.masked_fill(is_own, -torch.inf).amax(-1) - own
    if name == "margin":
        return margin
    ordered = logits.sort(-1, descending=True)[0]
    return margin / (ordered[..., 0] - ordered[..., 2] + 1e-12)
