"""What every evasion attack on sentences promises an ART user."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
from art.attacks import EvasionAttack

Y = ["set bin", "lay", "place place", "bin lay set"]


@pytest.fixture
def x(tiny_clips) -> np.ndarray:
    return tiny_clips.rows(np.arange(4))


def test_it_is_arts_kind_of_attack_and_says_what_it_needs(sentence_case, sentence_victim, row_victim):
    attack = sentence_case.make(sentence_victim)
    assert isinstance(attack, EvasionAttack)
    assert attack.targeted
    for other in (object(), row_victim):
        with pytest.raises(Exception, match=r"(?i)estimator"):
            sentence_case.make(other)


def test_its_parameters_are_those_of_its_constructor_and_go_both_ways(sentence_case, x, sentence_victim):
    attack = sentence_case.make(sentence_victim)
    given = set(inspect.signature(type(attack)).parameters) - {"estimator"}
    assert given | set(EvasionAttack.attack_params) == set(type(attack).attack_params)
    other = type(attack)(sentence_victim)
    other.set_params(**{name: getattr(attack, name) for name in given})
    np.testing.assert_array_equal(other.generate(x, Y), attack.generate(x, Y))


def test_wrong_parameters_are_refused_and_change_nothing(sentence_case, x, sentence_victim):
    attack = sentence_case.make(sentence_victim)
    expected = attack.generate(x, Y)
    with pytest.raises(ValueError, match="no_such_thing"):
        attack.set_params(no_such_thing=1)
    for name, value in sentence_case.defects.items():
        with pytest.raises(ValueError, match=name):
            sentence_case.make(sentence_victim, **{name: value})
        with pytest.raises(ValueError, match=name):
            attack.generate(x, Y, **{name: value})
    np.testing.assert_array_equal(attack.generate(x, Y), expected)


def test_sentences_in_every_form(sentence_case, x, sentence_victim):
    attack = sentence_case.make(sentence_victim)
    expected = attack.generate(x, ["lay bin"] * 4)
    for same in ("lay bin", np.array(["lay  BIN"] * 4), np.array([["lay bin"]] * 4)):
        np.testing.assert_array_equal(attack.generate(x, same), expected)
    for wrong in (None, ["lay"] * 3, "dance", "", " ".join(["lay"] * 9)):
        with pytest.raises(ValueError, match=r"^y"):
            attack.generate(x, wrong)


def test_it_returns_new_float32_rows_the_same_each_time(sentence_case, x, sentence_victim, untouched_randomness):
    before = x.copy()
    x.flags.writeable = False
    with untouched_randomness():
        attack = sentence_case.make(sentence_victim)
        first, again = attack.generate(x, Y), attack.generate(x.astype(np.float64), Y)
    travelled = pickle.loads(pickle.dumps(attack)).generate(x, Y)
    for other in (again, travelled):
        assert other.tobytes() == first.tobytes()
    assert first.dtype == np.float32
    assert first.flags.writeable
    assert sentence_victim.layout.check_rows(first).shape == x.shape
    np.testing.assert_array_equal(x, before)


def test_what_are_no_rows_is_refused_by_row_and_remedy(sentence_case, x, sentence_victim):
    attack = sentence_case.make(sentence_victim)
    nan, loud = x.copy(), x.copy()
    nan[2, 7], loud[1, 5] = np.nan, 1.5
    for message, rows in {"row 2 is nan": nan, "row 1 peaks": loud, "empty": x[:0], "expected": x[:, 1:]}.items():
        with pytest.raises(ValueError, match=message):
            attack.generate(rows, "lay")
