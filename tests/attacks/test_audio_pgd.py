"""AudioPGD: ART's own steps on a plain model, and what it does about noise, restarts and stopping."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from art.attacks.evasion import ProjectedGradientDescent
from art.defences.preprocessor import SpatialSmoothing
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.attacks.evasion import AudioPGD
from art_audio_ext.attacks.evasion.white_box import channels_last
from art_audio_ext.defences.preprocessor import Purifier
from art_audio_ext.networks.speech_classifiers import SpeechClassifier

SMALL = {"max_iter": 4, "verbose": False}


class _Muting(Purifier):
    """Silences some clips."""

    def _purify(self, x, generator):
        return x * (torch.rand(len(x), 1, generator=generator) > 0.3)


class _Louder(Purifier):
    """Multiplies by a random factor: a defence whose mean gradient is known."""

    def _purify(self, x, generator):
        return x * (0.5 + torch.rand(len(x), 1, generator=generator))


@pytest.fixture(scope="module")
def network(tiny_dataset) -> SpeechClassifier:
    """Knows the four classes, in two seconds."""
    x, y = torch.from_numpy(tiny_dataset.waveforms), torch.from_numpy(tiny_dataset.labels)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SpeechClassifier("resnet18", 4, width=8)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.3  # 30 steps must do
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(30):
        rows = slice(step % 4, None, 4)
        loss = nn.functional.cross_entropy(network(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for parameter in network.parameters():
        parameter.grad = None
    network.eval()
    assert (network(x).argmax(1) == y).float().mean() > 0.9
    return network


@pytest.fixture(scope="module")
def x(tiny_dataset) -> np.ndarray:
    return tiny_dataset.waveforms[::20].copy()


@pytest.fixture(scope="module")
def y(tiny_dataset) -> np.ndarray:
    return tiny_dataset.labels[::20].copy()


@pytest.fixture(scope="module")
def classify(network):
    def build(*defences) -> PyTorchClassifier:
        return PyTorchClassifier(
            network,
            nn.CrossEntropyLoss(),
            (16000,),
            4,
            clip_values=(-1.0, 1.0),
            preprocessing_defences=list(defences) or None,
            device_type="cpu",
        )

    return build


@pytest.fixture(scope="module")
def plain(classify) -> PyTorchClassifier:
    return classify()


@pytest.mark.parametrize(("norm", "arts", "eps", "step"), [("inf", np.inf, 0.002, 0.0004), ("2", 2, 0.1, 0.05)])
def test_on_a_plain_model_it_takes_arts_steps(plain, x, y, norm, arts, eps, step):
    theirs = ProjectedGradientDescent(plain, norm=arts, eps=eps, eps_step=step, verbose=False, max_iter=6)
    ours = AudioPGD(plain, norm=norm, eps=eps, max_iter=6, verbose=False)
    expected = theirs.generate(x, y)
    np.testing.assert_allclose(ours.generate(x, y), expected, atol=1e-5)
    other = np.abs(ours.generate(x, y, batch_size=2) - expected) > 1e-5  # the mean of other batches: some signs differ
    assert other.mean() < 0.05
    assert np.abs(expected - x).max() > 1e-4


def test_it_climbs_and_leaves_the_model_alone(plain, x, y):
    plain.model.zero_grad(set_to_none=True)
    before = {name: value.clone() for name, value in plain.model.state_dict().items()}
    attack = AudioPGD(plain, eps=0.01, **SMALL)
    bad = attack.generate(x, y)

    def loss(sound):
        return nn.functional.cross_entropy(torch.from_numpy(plain.predict(sound)), torch.from_numpy(y)).item()

    assert loss(bad) > loss(x) + 0.01
    assert np.abs(bad - x).max() <= 0.01 + 1e-6
    assert all(torch.equal(value, before[name]) for name, value in plain.model.state_dict().items())
    assert all(p.grad is None for p in plain.model.parameters())  # unlike ART's own
    assert loss(attack.generate(x, y, targeted=True)) < loss(x)


def test_the_gradient_is_the_mean_over_draws(classify, x, y):
    """Of 64 draws of a factor, in one batch or in eight, the steps are those of the mean."""
    one, pieces = (
        AudioPGD(
            classify(_Louder(seed=3)), eps=0.01, max_iter=1, norm="2", eot_samples=64, batch_size=size, verbose=False
        )
        for size in (64 * 6, 8)
    )
    steps = [attack.generate(x, y) - x for attack in (one, pieces)]
    cosine = (steps[0] * steps[1]).sum(1) / np.linalg.norm(steps[0], axis=1) / np.linalg.norm(steps[1], axis=1)
    assert cosine.min() > 0.95
    assert (one.draws_seen == 64).all()


def test_what_was_ever_wrong_is_not_what_is_wrong_at_the_end(classify, x):
    classifier = classify(_Muting(seed=3))
    answers = np.stack([classifier.predict(x).argmax(1) for _ in range(20)])
    attack = AudioPGD(classifier, eps=1e-9, max_iter=20, verbose=False)
    attack.generate(x, answers[0])
    unsure = (answers != answers[0]).any(0)
    assert unsure.any()
    assert attack.ever_wrong[unsure].any()  # without any attack at all
    assert (attack.draws_seen == 20).all()


def test_stopping_early_keeps_the_first_point_that_is_wrong(plain, x):
    answers = plain.predict(x).argmax(1)
    attack = AudioPGD(plain, eps=0.05, max_iter=30, verbose=False)
    last = attack.generate(x, answers)
    first = attack.generate(x, answers, early_stop=True)
    hit = attack.ever_wrong
    assert hit.any()
    assert (plain.predict(first).argmax(1)[hit] != answers[hit]).all()
    assert (attack.draws_seen[hit] < 30).all()
    assert (np.abs(first - x).mean(1)[hit] < np.abs(last - x).mean(1)[hit]).all()


def test_restarts_are_seeded_and_never_weaker(plain, x):
    answers = plain.predict(x).argmax(1)

    def run(**options):
        attack = AudioPGD(plain, eps=0.004, loss="margin", **SMALL, **options)
        bad = attack.generate(x, answers)
        logits = plain.predict(bad)
        own = logits[np.arange(6), answers]
        logits[np.arange(6), answers] = -np.inf
        return bad, logits.max(1) - own

    _, margins = run()
    again, _ = run(restarts=3, seed=5)
    same, best = run(restarts=3, seed=5)
    assert np.array_equal(again, same)
    assert (best >= margins - 1e-5).all()
    assert not np.array_equal(run(random_start=True, seed=1)[0], run(random_start=True, seed=2)[0])


def test_what_it_cannot_attack(plain, classify, x, y):
    with pytest.raises(ValueError, match="not PyTorch's"):
        AudioPGD(classify(SpatialSmoothing()))
    with pytest.raises(ValueError, match="targeted attack needs y"):
        AudioPGD(plain, targeted=True, **SMALL).generate(x)
    with pytest.raises(ValueError, match="row 0 names class 6"):
        AudioPGD(plain, **SMALL).generate(x, y + 6)


def test_half_the_precision_finds_nearly_the_same_point(network, x):
    y = np.arange(len(x)) % 4
    classifier = PyTorchClassifier(network, nn.CrossEntropyLoss(), (x.shape[1],), 4, clip_values=(-1.0, 1.0))
    whole = AudioPGD(classifier, **SMALL).generate(x, y) - x
    half = AudioPGD(classifier, dtype="bfloat16", **SMALL).generate(x, y) - x
    assert not np.array_equal(whole, half)
    assert (whole * half).sum() / np.sqrt((whole**2).sum() * (half**2).sum()) > 0.9
    assert np.abs(half).max() <= 0.002 + 1e-6
    with pytest.raises(ValueError, match="dtype must be one of float32, bfloat16"):
        AudioPGD(classifier, dtype="float8")


def test_kernels_lie_as_before_afterwards_and_mean_the_same_meanwhile():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Conv1d(4, 2, 1))
    kernel, x = model[0].weight, torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    place, expected = kernel.data_ptr(), model[0](x)
    try:
        with channels_last(model):
            assert kernel.is_contiguous(memory_format=torch.channels_last)
            assert not kernel.is_contiguous()
            torch.testing.assert_close(model[0](x), expected)
            raise KeyError
    except KeyError:
        pass
    assert kernel.data_ptr() == place
    assert kernel.is_contiguous()
