"""Speech-command classifiers: published sizes, sound or picture in, features last."""

from __future__ import annotations

import pytest
import torch

from art_audio_ext.networks.speech_classifiers import ARCHITECTURES, SpeechClassifier

SIZES = {  # of 12 labels, in millions, from the published counts with their own stems and heads
    "resnet18": 11.17,
    "vgg19_bn": 20.03,
    "resnext29_8x64": 34.43,
    "wide_resnet28_10": 36.48,
    "wide_resnet50": 66.85,
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_published_sizes(name):
    with torch.device("meta"):
        network = SpeechClassifier(name, 12)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(SIZES[name], abs=0.01)
    assert list(dict(network.named_children()))[-1] == "features"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_sound_and_its_picture_give_the_same_and_gradients_reach_the_sound(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SpeechClassifier(name, 5, width=8).eval()
        x = torch.rand(2, 16000) - 0.5
    x.requires_grad_()
    logits = network(x)
    assert logits.shape == (2, 5)
    assert torch.allclose(logits, network(network.picture(x)))
    assert torch.autograd.grad(logits.sum(), x)[0].abs().amax(1).min() > 0


def test_what_it_cannot_be_or_see():
    with pytest.raises(ValueError, match="choose resnet18"):
        SpeechClassifier("resnet19", 5)
    for name, width in (("resnet18", 0), ("resnext29_8x64", 12)):
        with pytest.raises(ValueError, match="width"):
            SpeechClassifier(name, 5, width=width)
    network = SpeechClassifier("resnet18", 5, width=8)
    for shape in ((2, 1, 64, 64), (2, 3, 32, 32), (16000,), (2, 32, 32)):
        with pytest.raises(ValueError, match="expected sound"):
            network(torch.zeros(shape))
