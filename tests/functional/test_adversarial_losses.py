"""What attacks climb, against torch's own and against definitions written out."""

from __future__ import annotations

import torch

from art_audio_ext.functional.adversarial_losses import LOSSES, adversarial_loss

LOGITS = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3, 0])


def test_values():
    entropy = torch.nn.functional.cross_entropy(LOGITS, LABELS, reduction="none")
    assert torch.allclose(adversarial_loss(LOGITS, LABELS, "cross_entropy"), entropy)
    for i, label in enumerate(LABELS.tolist()):
        others = torch.cat([LOGITS[i, :label], LOGITS[i, label + 1 :]])
        margin = others.max() - LOGITS[i, label]
        assert torch.isclose(adversarial_loss(LOGITS, LABELS, "margin")[i], margin)
        high = LOGITS[i].sort(descending=True)[0]
        ratio = margin / (high[0] - high[2])
        assert torch.isclose(adversarial_loss(LOGITS, LABELS, "logit_ratio")[i], ratio)


def test_all_are_larger_for_what_is_wrong_and_keep_leading_shapes():
    sure = 10 * torch.eye(4)[LABELS]
    for name in LOSSES:
        right, wrong = adversarial_loss(sure, LABELS, name), adversarial_loss(sure, (LABELS + 1) % 4, name)
        assert (right < wrong).all()
        twice = adversarial_loss(sure[:, None].expand(-1, 3, -1), LABELS[:, None].expand(-1, 3), name)
        assert torch.equal(twice, right[:, None].expand(-1, 3))


def test_the_ratio_does_not_see_a_scale():
    small, large = (adversarial_loss(scale * LOGITS, LABELS, "logit_ratio") for scale in (1, 100))
    assert torch.allclose(small, large)
