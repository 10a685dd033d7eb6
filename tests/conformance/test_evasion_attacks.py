"""What every evasion attack of ours promises an ART user."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
from art.attacks import EvasionAttack

Y = np.arange(6) % 4


@pytest.fixture
def x(evasion_case, tiny_dataset, tiny_clips) -> np.ndarray:
    """Six clips of what the attack acts on: sound, or rows of sound and pictures."""
    return tiny_clips.rows(np.arange(6)) if _of_rows(evasion_case) else tiny_dataset.waveforms[::20].copy()


@pytest.fixture
def victim(evasion_case, victim, row_victim):
    """A classifier of the same."""
    return row_victim if _of_rows(evasion_case) else victim


@pytest.fixture
def bad_sound(evasion_case, bad_sound, x):
    """What is not the same."""
    if not _of_rows(evasion_case):
        return bad_sound
    nan, loud, dark = x.copy(), x.copy(), x.copy()
    nan[2, 7], loud[1, 5], dark[3, -1] = np.nan, 1.5, -0.5
    bad = {"row 2 is nan": nan, "row 1 peaks at 1.5": loud, "row 3 has a pixel of -0.5": dark, "empty": x[:0]}
    return {**bad, "int16": (x * 1000).astype(np.int16), "shape": x[None], "expected": x[:, 1:]}


def _of_rows(case) -> bool:
    return "layout" in case.options


def test_it_is_arts_kind_of_attack_and_says_what_it_needs(evasion_case, victim):
    attack = evasion_case.make(victim)
    assert isinstance(attack, EvasionAttack)
    assert attack.estimator_requirements
    with pytest.raises(Exception, match=r"(?i)estimator"):
        evasion_case.make(object())


def test_its_parameters_are_those_of_its_constructor_and_go_both_ways(evasion_case, x, victim):
    attack = evasion_case.make(victim)
    given = set(inspect.signature(type(attack)).parameters) - {"estimator"}
    assert given | set(EvasionAttack.attack_params) == set(type(attack).attack_params)
    other = type(attack)(victim, **{name: evasion_case.options[name] for name in evasion_case.required})
    other.set_params(**{name: getattr(attack, name) for name in given})
    np.testing.assert_array_equal(other.generate(x, Y), attack.generate(x, Y))


def test_wrong_parameters_are_refused(evasion_case, x, victim):
    attack = evasion_case.make(victim)
    with pytest.raises(ValueError, match="no_such_thing"):
        attack.set_params(no_such_thing=1)
    for name, value in evasion_case.defects.items():
        with pytest.raises(ValueError, match=name):
            evasion_case.make(victim, **{name: value})
        expected = attack.generate(x, Y)
        with pytest.raises(ValueError, match=name):
            attack.generate(x, Y, **{name: value})
        np.testing.assert_array_equal(attack.generate(x, Y), expected)


def test_labels_in_every_form_and_none(evasion_case, x, victim):
    attack = evasion_case.make(victim)
    expected = attack.generate(x, Y)
    for labels in (Y[:, None], np.eye(4, dtype=np.float32)[Y], list(Y)):
        np.testing.assert_array_equal(attack.generate(x, labels), expected)
    if evasion_case.targeted:
        with pytest.raises(ValueError, match="targeted"):
            attack.generate(x)
    else:
        own = attack.generate(x, victim.predict(x).argmax(1))
        np.testing.assert_array_equal(attack.generate(x), own)
    for wrong in (Y[:5], Y + 7, Y - 1, np.full((6, 2, 2), 1)):
        with pytest.raises(ValueError, match=r"^y"):
            attack.generate(x, wrong)


def test_it_changes_every_clip_into_new_float32_sound(evasion_case, x, victim):
    before, right = x.copy(), victim.predict(x).argmax(1)  # what is wrong already may be left alone
    right = (right + evasion_case.targeted) % 4  # and so may what is called its target
    for given in (x, x.astype(np.float64)):
        given.flags.writeable = False
        bad = evasion_case.make(victim).generate(given, right)
        assert bad.dtype == np.float32
        assert bad.shape == x.shape
        assert np.abs(bad).max() <= 1
        assert (bad != x).any(axis=1).all()
        assert bad.flags.writeable
    np.testing.assert_array_equal(x, before)


def test_one_clip_and_a_batch_agree(evasion_case, x, victim):
    attack = evasion_case.make(victim, **({"restarts": 1} if "restarts" in evasion_case.options else {}))
    batch = attack.generate(x, Y)
    alone = np.concatenate([attack.generate(x[i : i + 1], Y[i : i + 1]) for i in range(6)])
    # a sample whose gradient is all but zero may go either way
    assert np.mean(np.abs(batch - alone) > 1e-4) < 0.01


def test_same_parameters_same_bytes_and_no_global_randomness(evasion_case, x, victim, untouched_randomness):
    with untouched_randomness():
        attack = evasion_case.make(victim)
        first, again = attack.generate(x, Y), attack.generate(x, Y)
        fresh = evasion_case.make(victim).generate(x, Y)
    travelled = pickle.loads(pickle.dumps(attack)).generate(x, Y)
    for other in (again, fresh, travelled):
        assert other.tobytes() == first.tobytes()


def test_what_is_not_sound_is_refused_by_row_and_remedy(evasion_case, bad_sound, victim):
    attack = evasion_case.make(victim)
    for message, sound in bad_sound.items():
        with pytest.raises(ValueError, match=message):
            attack.generate(sound, np.zeros(len(sound), int))
