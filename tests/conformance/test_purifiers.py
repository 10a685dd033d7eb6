"""What every purifier of ours promises an ART user."""

from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch
from art.attacks.evasion import CarliniL2Method, FastGradientMethod, ProjectedGradientDescent
from art.defences.preprocessor.preprocessor import PreprocessorPyTorch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_audio_ext.networks.speech_classifiers import SpeechClassifier

Y = np.arange(6) % 4


@pytest.fixture
def x(tiny_dataset) -> np.ndarray:
    return tiny_dataset.waveforms[::20].copy()


@pytest.fixture
def behind() -> callable:
    """A classifier that takes sound or pictures, behind a purifier."""

    def build(purifier) -> PyTorchClassifier:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = SpeechClassifier("resnet18", 4, width=8).eval()
        return PyTorchClassifier(
            network,
            nn.CrossEntropyLoss(),
            (16000,),
            4,
            clip_values=(-1.0, 1.0),
            preprocessing_defences=[purifier],
            device_type="cpu",
        )

    return build


def test_it_is_arts_kind_of_preprocessor(purifier_case):
    purifier = purifier_case.make()
    assert isinstance(purifier, PreprocessorPyTorch)
    assert purifier.apply_predict
    assert not purifier.apply_fit
    assert purifier_case.make(apply_fit=True).apply_fit


def test_its_parameters_are_those_of_its_constructor_and_go_both_ways(purifier_case, x):
    purifier = purifier_case.make()
    given = set(inspect.signature(type(purifier)).parameters) - {"device_type"}
    assert set(purifier.get_params()) == set(type(purifier).params) == given
    other = purifier_case.make(seed=99)
    other.set_params(**purifier.get_params())
    np.testing.assert_array_equal(other(x)[0], purifier(x)[0])


def test_wrong_parameters_are_refused_and_change_nothing(purifier_case, x):
    purifier = purifier_case.make(fixed_noise=True)
    expected, _ = purifier(x)
    with pytest.raises(ValueError, match="no_such_thing"):
        purifier.set_params(no_such_thing=1)
    for name, value in {**purifier_case.defects, "seed": -1, "batch_size": 0, "fixed_noise": 1}.items():
        with pytest.raises(ValueError, match=name):
            purifier_case.make(**{name: value})
        with pytest.raises(ValueError, match=name):
            purifier.set_params(**{name: value})
    np.testing.assert_array_equal(purifier(x)[0], expected)


def test_a_seed_and_the_number_of_the_call_decide(purifier_case, x, untouched_randomness):
    with untouched_randomness():
        purifier = purifier_case.make()
        first, second = purifier(x)[0], purifier(x)[0]
        fixed = purifier_case.make(fixed_noise=True)
        held = [fixed(x)[0] for _ in range(2)]
        travelled = pickle.loads(pickle.dumps(purifier))
        purifier.reset()
        assert purifier(x)[0].tobytes() == first.tobytes()
        assert held[0].tobytes() == held[1].tobytes() == first.tobytes()
    random = purifier.is_random
    assert (travelled(x)[0].tobytes() != second.tobytes()) == random  # it went on from call 2
    assert (purifier_case.make(seed=77)(x)[0].tobytes() != first.tobytes()) == random
    assert (first.tobytes() != second.tobytes()) == random


def test_labels_and_input_are_left_alone(purifier_case, x):
    before = x.copy()
    for given in (x, x.astype(np.float64)):
        given.flags.writeable = False
        pure, labels = purifier_case.make()(given, Y)
        assert labels is Y
        assert pure.dtype == np.float32
        assert len(pure) == len(x)
        assert np.isfinite(pure).all()
    np.testing.assert_array_equal(x, before)
    assert purifier_case.make()(x[:1])[0].shape[0] == 1


def test_what_is_not_sound_is_refused_by_row_and_remedy(purifier_case, bad_sound):
    for message, sound in bad_sound.items():
        with pytest.raises(ValueError, match=message):
            purifier_case.make()(sound)


def test_its_gradient_is_exact(purifier_case, x):
    """Against central differences in 64 bits, at fixed noise, along random directions."""
    purifier = purifier_case.make(fixed_noise=True)
    if "diffusion" in purifier.params:
        purifier.diffusion = copy.deepcopy(purifier.diffusion)
        purifier.diffusion.network.double()
    rng = torch.Generator().manual_seed(0)
    point = torch.from_numpy(x[:2]).double()
    direction = torch.randn(point.shape, generator=rng, dtype=torch.float64)
    weights = torch.randn(purifier.forward(point)[0].shape, generator=rng, dtype=torch.float64)

    def value(at):
        return (purifier.forward(at)[0] * weights).sum()

    leaf = point.clone().requires_grad_()
    slope = float((torch.autograd.grad(value(leaf), leaf)[0] * direction).sum())
    step = 1e-6
    with torch.no_grad():
        difference = float(value(point + step * direction) - value(point - step * direction)) / (2 * step)
    assert slope == pytest.approx(difference, rel=1e-4)  # ReLUs have kinks


def test_arts_own_attacks_go_through_it(purifier_case, x, behind):
    classifier = behind(purifier_case.make())
    assert classifier.predict(x).shape == (6, 4)
    assert np.abs(classifier.loss_gradient(x, np.eye(4, dtype=np.float32)[Y])).max() > 0
    attacks = [
        FastGradientMethod(classifier, eps=0.01),
        ProjectedGradientDescent(classifier, eps=0.01, eps_step=0.005, max_iter=2, verbose=False),
        CarliniL2Method(classifier, max_iter=1, binary_search_steps=1, batch_size=6, verbose=False),
    ]
    for attack in attacks:
        assert attack.generate(x, np.eye(4, dtype=np.float32)[Y]).shape == x.shape


def test_a_batch_of_any_size_goes_through_in_pieces(purifier_case, x, monkeypatch):
    purifier = purifier_case.make(batch_size=4)
    sizes, inner = [], type(purifier)._purify
    monkeypatch.setattr(
        type(purifier), "_purify", lambda self, some, g: sizes.append(len(some)) or inner(self, some, g)
    )
    assert len(purifier(x)[0]) == 6
    assert sizes == [4, 2]
