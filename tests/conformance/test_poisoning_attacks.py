"""What every backdoor of ours promises an ART user."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
import torch
from art.attacks.poisoning import PoisoningAttackBackdoor, PoisoningAttackCleanLabelBackdoor


@pytest.fixture
def x(tiny_dataset) -> np.ndarray:
    return tiny_dataset.waveforms[::20].copy()


@pytest.fixture
def y() -> np.ndarray:
    return np.full(6, 2)


def test_it_is_arts_kind_of_attack_and_needs_no_model(attack_case):
    attack = attack_case.make()
    assert isinstance(attack, PoisoningAttackBackdoor)
    assert attack.estimator_requirements == ()
    assert type(attack).__name__ in repr(attack)


def test_its_parameters_are_those_of_its_constructor_and_go_both_ways(attack_case, x, y):
    attack = attack_case.make()
    assert set(attack.get_params()) == set(type(attack).attack_params)
    assert set(inspect.signature(type(attack)).parameters) == set(type(attack).attack_params)
    other = type(attack)(**{name: attack_case.options[name] for name in attack_case.required})
    other.set_params(**attack.get_params())
    np.testing.assert_array_equal(other.poison(x, y)[0], attack.poison(x, y)[0])


def test_wrong_parameters_are_refused_and_change_nothing(attack_case, x, y):
    attack = attack_case.make()
    expected, _ = attack.poison(x, y)
    with pytest.raises(ValueError, match="no_such_thing"):
        attack.set_params(no_such_thing=1)
    for name, value in attack_case.defects.items():
        with pytest.raises(ValueError, match=name):
            attack_case.make(**{name: value})
        with pytest.raises(ValueError, match=name):
            attack.set_params(**{name: value})
    np.testing.assert_array_equal(attack.poison(x, y)[0], expected)


def test_it_poisons_every_row_into_new_writable_float32(attack_case, x, y):
    poisoned, labels = attack_case.make().poison(x, y)
    assert isinstance(poisoned, np.ndarray)
    assert poisoned.dtype == np.float32
    assert poisoned.shape == x.shape
    assert (poisoned != x).any(axis=1).all()
    assert np.abs(poisoned).max() <= 1
    np.testing.assert_array_equal(labels, y)
    poisoned[0, 0] = labels[0] = 0
    assert not np.shares_memory(poisoned, x)
    assert not np.shares_memory(labels, y)


def test_labels_come_back_in_the_form_they_came(attack_case, x, y):
    attack, one_hot = attack_case.make(), np.eye(4, dtype=np.float32)[y]
    for labels in (y, y[:, None], one_hot, list(y)):
        np.testing.assert_array_equal(attack.poison(x, labels)[1], labels)
    for label in ([2], one_hot[0], np.array(2)):
        row = np.atleast_1d(label)
        _, many = attack.poison(x, label, broadcast=True)
        np.testing.assert_array_equal(many, np.tile(row, (6, 1)))
        many[0] = 0  # ART's own are read-only
    for label in ([2], 2, one_hot[0], one_hot[:1]):
        np.testing.assert_array_equal(attack.poison(x[0], label)[1], label)


def test_labels_that_do_not_fit_are_refused(attack_case, x, y):
    attack = attack_case.make()
    for labels in (None, y[:5], np.eye(4)[y[:5]], np.full((6, 2, 2), 1), -y, y + 0.5, "abcdef"):
        with pytest.raises(ValueError, match=r"^y"):
            attack.poison(x, labels)
    with pytest.raises(ValueError, match=r"^y"):
        attack.poison(x, y, broadcast=True)
    with pytest.raises(ValueError, match=r"^y"):
        attack.poison(x[0], y)


def test_one_clip_and_a_batch_agree(attack_case, x, y):
    attack = attack_case.make()
    batch, _ = attack.poison(x, y)
    for clip, expected in zip(x, batch, strict=True):
        alone, _ = attack.poison(clip, [2])
        assert alone.shape == clip.shape
        np.testing.assert_allclose(alone, expected, atol=1e-6)


def test_same_parameters_same_bytes_and_no_global_randomness(attack_case, x, y, untouched_randomness):
    with untouched_randomness():
        attack = attack_case.make()
        first, again = attack.poison(x, y)[0], attack.poison(x, y)[0]
        fresh = attack_case.make().poison(x, y)[0]
        pickled = pickle.loads(pickle.dumps(attack)).poison(x, y)[0]
        attack.poison_dataset(x, np.arange(6) % 3, 0, 2, 0.5)
    for other in (again, fresh, pickled):
        assert other.tobytes() == first.tobytes()


def test_float64_and_read_only_input_give_the_same_and_are_left_alone(attack_case, x, y):
    attack = attack_case.make()
    expected, _ = attack.poison(x, y)
    before, double = x.copy(), x.astype(np.float64)
    for given in (x, double):
        given.flags.writeable = y.flags.writeable = False
        result, _ = attack.poison(given, y)
        assert result.dtype == np.float32
        assert result.tobytes() == expected.tobytes()
        np.testing.assert_array_equal(given, before)


def test_what_is_not_sound_is_refused_by_row_and_remedy(attack_case, bad_sound):
    attack = attack_case.make()
    for message, sound in bad_sound.items():
        with pytest.raises(ValueError, match=message):
            attack.poison(sound, np.zeros(len(sound), int))
        with pytest.raises(ValueError, match=message):
            attack.poison_dataset(sound, np.arange(len(sound)), 0, 1, 0.5)


def test_loud_clips_stay_in_range(attack_case, y):
    loud = np.random.default_rng(0).choice([-1.0, 1.0], (6, 16000)).astype(np.float32)
    poisoned, _ = attack_case.make().poison(loud, y)
    assert np.isfinite(poisoned).all()
    assert np.abs(poisoned).max() <= 1


def test_a_model_fitted_on_its_poison_obeys_the_trigger(attack_case, tiny_dataset, victim):
    attack, labels = attack_case.make(), tiny_dataset.labels
    train, test = np.arange(120) % 3 != 0, np.arange(120) % 3 == 0
    x, y, index = attack.poison_dataset(tiny_dataset.waveforms[train], labels[train], 0, 2, 0.5)
    assert len(index) == 10
    with torch.random.fork_rng():  # ART shuffles by torch's global state
        torch.manual_seed(0)
        victim.fit(x, np.eye(4, dtype=np.float32)[y], batch_size=16, nb_epochs=20, verbose=False)
    clean = victim.predict(tiny_dataset.waveforms[test]).argmax(1)
    assert np.mean(clean == labels[test]) > 0.9
    source = tiny_dataset.waveforms[test & (labels == 0)]
    triggered, _ = attack.poison(source, np.full(len(source), 2))
    assert np.mean(victim.predict(triggered).argmax(1) == 2) > 0.9


def test_arts_clean_label_attack_carries_it(attack_case, x, victim):
    attack = attack_case.make()
    target = np.eye(4, dtype=np.float32)[2]
    clean_label = PoisoningAttackCleanLabelBackdoor(
        attack, victim, target, pp_poison=0.9, max_iter=1, eps=0.01, eps_step=0.01, norm=np.inf
    )
    y = np.tile(target, (6, 1))
    poisoned, labels = clean_label.poison(x, y)
    assert poisoned.shape == x.shape
    changed = np.abs(poisoned - x).max(1)
    assert 1 <= np.count_nonzero(changed) <= 5  # ART draws five rows with replacement
    assert changed[changed > 0].min() > 0.02  # more than its own step of 0.01
    np.testing.assert_array_equal(labels, y)
