"""Speaker classifiers: an utterance is the sum of its windows, in pieces or whole, padded or not."""

from __future__ import annotations

import pytest
import torch

from art_audio_ext.networks import speaker_classifier
from art_audio_ext.networks.speaker_classifier import SpeakerClassifier

pytest.importorskip("speechbrain", reason="needs the extra [voice]")
pytest.importorskip("asteroid_filterbanks", reason="needs the extra [voice]")
SIZES = {"sincnet": {"window": 1600, "hop": 400, "width": 4}, "rawnet3": {"window": 3200, "hop": 800, "width": 16}}


def make(architecture: str) -> SpeakerClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SpeakerClassifier(architecture, 5, **SIZES[architecture]).eval()


def sound(seed: int, *shape: int) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("architecture", SIZES)
def test_the_decision_is_by_summed_posteriors(architecture):
    network, x = make(architecture), sound(0, 2, 6400)
    with torch.no_grad():
        windows = x.unfold(1, network.window, network.hop)
        summed = torch.stack([network.window_logits(clip).softmax(1).sum(0) for clip in windows])
        torch.testing.assert_close(network(x).exp(), summed / windows.shape[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("architecture", SIZES)
def test_padding_changes_nothing(architecture):
    network, x = make(architecture), sound(0, 2, 6400)
    with torch.no_grad():
        longer = torch.nn.functional.pad(x, (0, 2000))
        torch.testing.assert_close(network(longer), network(x), atol=1e-5, rtol=1e-4)
        assert network(torch.zeros(2, 6400)).isfinite().all()


@pytest.mark.parametrize("architecture", SIZES)
def test_pieces_give_the_same_values_and_gradients(architecture, monkeypatch):
    network, x = make(architecture), sound(0, 2, 6400).requires_grad_()
    network.requires_grad_(False)
    whole = network(x)
    (expected,) = torch.autograd.grad(whole[:, 1].sum(), x)
    monkeypatch.setattr(speaker_classifier, "_SAMPLES_AT_ONCE", 3 * network.window)
    pieces = network(x)
    (found,) = torch.autograd.grad(pieces[:, 1].sum(), x)
    torch.testing.assert_close(pieces, whole, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
    assert expected.abs().amax(1).min() > 0
    with torch.no_grad():
        torch.testing.assert_close(network(x), whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("architecture", SIZES)
def test_the_last_child_gives_one_row_of_features_a_clip(architecture):
    network, seen = make(architecture), []
    assert list(dict(network.named_children()))[-1] == "features"
    network.features.register_forward_hook(lambda module, given, out: seen.append(out))
    x = sound(0, 3, 6400)
    with torch.no_grad():
        network(x)
        expected = torch.stack([network.network(c).mean(0) for c in x.unfold(1, network.window, network.hop)])
    torch.testing.assert_close(seen[0], expected, atol=1e-5, rtol=1e-4)


def test_clips_shorter_than_a_window():
    assert make("rawnet3")(sound(0, 2, 2000)).shape == (2, 5)
    with pytest.raises(ValueError, match="at least 1600 samples"):
        make("sincnet")(sound(0, 2, 1000))
    with pytest.raises(ValueError, match="choose sincnet, rawnet3"):
        SpeakerClassifier("xvector", 5, 1600, 400)
