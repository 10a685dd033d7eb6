"""Sound-event classifiers: published sizes, chunks averaged, every front end reached by gradients, bad input."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from art_audio_ext.networks.sound_event_classifiers import ARCHITECTURES, SoundEventClassifier, chunks, log_mean
from art_audio_ext.training.runs import seeded

SIZES = {"vgg13": 9.43, "crnn": 12.60, "gcnn": 18.83, "dense-mel": 10.43, "dense-wav": 10.43}  # millions, 41 labels
PAIRS = [(name, front) for name in ARCHITECTURES for front in ("mel", "wave", "constant_q") if name != "dense-wav"]
PAIRS += [("dense-wav", "wave")]


def small(name: str, front_end: str | None = None, rate: int = 16000, classes: int = 5) -> SoundEventClassifier:
    return seeded(partial(SoundEventClassifier, name, classes, 4, rate, front_end), 0).eval()


def noise(clips: int, length: int) -> torch.Tensor:
    return torch.rand((clips, length), generator=torch.Generator().manual_seed(1)) - 0.5


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_published_sizes(name):
    with torch.device("meta"):
        network = SoundEventClassifier(name, 41)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(SIZES[name], abs=0.01)
    assert (network.sample_rate, network.picture.samples, network.picture.window) == (32000, 65536, 1024)
    assert list(dict(network.named_children()))[-1] == "features"


def test_blocks_are_those_of_the_papers():
    with torch.device("meta"):
        vgg, gcnn, dense = (SoundEventClassifier(name, 41) for name in ("vgg13", "gcnn", "dense-mel"))
    channels = [64, 64, 128, 128, 256, 256, 512, 512, 512, 512]
    kernels = [m.out_channels for m in vgg.modules() if isinstance(m, torch.nn.Conv2d)]
    assert kernels == channels
    assert [m.out_channels for m in gcnn.modules() if isinstance(m, torch.nn.Conv2d)] == [2 * c for c in channels]
    added = [m.out_channels for m in dense.modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)]
    assert added == [16, 16, 32, 64, 128, 256, 512, 512, 512]
    assert dense.classifier.out_features == 8 * 41


@pytest.mark.parametrize(("name", "front_end"), PAIRS)
def test_log_probabilities_and_gradients_that_reach_the_sound(name, front_end):
    network = small(name, front_end)
    x = noise(2, 40000).requires_grad_()
    found = network(x)
    assert found.shape == (2, 5)
    torch.testing.assert_close(found.exp().sum(1), torch.ones(2))
    (gradient,) = torch.autograd.grad(found[:, 0].sum(), x)
    assert gradient.isfinite().all()
    reached = gradient.abs().reshape(2, 10, 4000).amax(2)  # every quarter of a second, of both chunks
    assert reached.min() > 0


@pytest.mark.parametrize(("name", "front_end"), PAIRS)
def test_silence_gives_finite_output_and_gradients(name, front_end):
    x = torch.zeros(2, 33000, requires_grad=True)
    found = small(name, front_end)(x)
    assert found.isfinite().all()
    assert torch.autograd.grad(found.sum(), x)[0].isfinite().all()


@pytest.mark.parametrize("name", ["crnn", "dense-mel", "dense-wav"])
def test_a_clip_has_the_mean_probability_of_its_chunks(name):
    network = small(name)
    time = torch.arange(100000) / 16000
    picture = network.picture(noise(2, 100000) * time / 7 * torch.sin(300 * time**3)).double()
    network.double()  # what differs is made to count below, and in 32 bits its rounding would be, too
    size = network.picture.chunk
    assert size == {"crnn": 128, "dense-mel": 512, "dense-wav": 32768}[name]
    with torch.no_grad():
        parts = chunks(picture, size)
        # chunks of fresh networks agree so much that every mean of them is the same: what differs is made to count
        found = network.network(parts.flatten(0, 1))
        network.classifier.weight *= 5 / (found @ network.classifier.weight.T).std(0)[:, None]
        network.classifier.bias[:] = -(found.mean(0) @ network.classifier.weight.T)
        assert parts.shape[1] == 4
        each = torch.stack([network.log_probabilities(parts[:, k]).exp() for k in range(4)], 1)
        assert each.std(1).max() > 0.05
        torch.testing.assert_close(network.log_probabilities(picture).exp(), each.mean(1), atol=1e-6, rtol=0)
        features = network.network(parts.flatten(0, 1)).unflatten(0, (2, 4)).mean(1)
        kept = []
        network.features.register_forward_hook(lambda *about: kept.append(about[2]))
        network.log_probabilities(picture)
        torch.testing.assert_close(kept[0], features)


def test_chunks_cover_a_picture_from_end_to_end():
    picture = torch.arange(300.0)[None, None]
    parts = chunks(picture, 128)
    assert parts.shape == (1, 3, 1, 128)
    assert parts[0, :, 0, 0].tolist() == [0, 86, 172]
    assert parts[0, -1, 0, -1] == 299
    assert chunks(picture[..., :128], 128).shape[1] == 1
    assert chunks(picture[..., :129], 128)[0, :, 0, 0].tolist() == [0, 1]
    torch.testing.assert_close(log_mean(torch.tensor([[0.2, 0.6]]).log(), 1).exp(), torch.tensor([0.4]))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_short_clips_are_padded_and_shorter_ones_refused(name):
    network = small(name)
    short = noise(2, 9000)
    torch.testing.assert_close(network(short), network(torch.nn.functional.pad(short, (0, 32768 - 9000))))
    assert network(noise(1, 512)).shape == (1, 5)
    for shape in ((2, 511), (16000,), (2, 1, 16000)):
        with pytest.raises(ValueError, match="one window \\(512 samples at 16000 Hz\\)"):
            network(torch.zeros(shape))


def test_the_front_end_follows_the_sample_rate():
    for rate, samples in ((8000, 16384), (44100, 90112)):
        network = small("vgg13", rate=rate)
        assert network.picture.samples == samples
        assert network.picture(noise(1, samples)).shape == (1, 1, 64, 128)
    at = [small("dense-wav", rate=rate).network.blocks[0].stride for rate in (8000, 16000, 32000)]
    assert at == [(2,), (4,), (8,)]


def test_published_levels_are_divided_by_their_largest_and_its_gradient_is_not_hidden():
    network = small("vgg13")
    x = noise(3, 33000).requires_grad_()
    picture = network.picture(x)
    torch.testing.assert_close(picture.abs().amax((1, 2, 3)), torch.ones(3))
    # were the maximum a constant, the gradient of the sum would be another
    whole = torch.autograd.grad(picture.sum(), x, retain_graph=True)[0]
    from art_audio_ext.functional.sound_pictures import event_mel

    levels = event_mel(x, 16000, 256)
    constant = torch.autograd.grad((levels / levels.abs().amax((1, 2), keepdim=True).detach()).sum(), x)[0]
    assert (whole - constant).abs().max() > 1e-3 * constant.abs().max()


def test_learnt_filters_are_learnt():
    network = small("vgg13", "wave").train()
    network(noise(2, 33000)).sum().backward()
    assert network.picture.filters.weights.grad.abs().sum() > 0


def test_a_recurrent_layer_has_gradients_outside_of_training_as_art_wants_them():
    from art.estimators.classification import PyTorchClassifier

    network = small("crnn")
    classifier = PyTorchClassifier(network, torch.nn.NLLLoss(), (33000,), 5, device_type="cpu")
    x = noise(2, 33000).numpy()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert abs(classifier.loss_gradient(x, torch.eye(5)[:2].numpy())).max() > 0
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert classifier.get_activations(x, classifier.layer_names[-1], batch_size=2).shape == (2, 64)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_gradients_on_a_gpu_outside_of_training(name):
    x = noise(2, 40000)
    expected = small(name)(x)
    network, y = small(name).cuda(), x.cuda().requires_grad_()
    found = network(y)
    torch.testing.assert_close(found.cpu(), expected, atol=1e-2, rtol=1e-2)
    assert torch.autograd.grad(found[:, 0].sum(), y)[0].abs().sum() > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vgg12", 5), "choose vgg13, crnn"),
        (("vgg13", 5, 0), "width"),
        (("vgg13", 0), "num_classes"),
        (("vgg13", 5, 4, 16000, "mfcc"), "choose mel, wave, constant_q"),
        (("dense-wav", 5, 4, 16000, "mel"), "choose dense-mel"),
        (("vgg13", 5, 4, 1000), "at least 4000"),
        (("vgg13", 5, 4, 16000.5), "whole number"),
    ],
)
def test_what_it_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        SoundEventClassifier(*arguments)
