"""Guessing labels: right on clips that sound like a class, unsure between two, blind where it must not look."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.functional.relabel import guess_labels, windows_outside


@pytest.fixture(scope="module")
def taught():
    """Tokens (4, 90, 3) of three classes that differ in the last two windows; the first two are noise."""
    return _tokens(np.repeat([0, 2, 5], 30), 0), np.repeat([0, 2, 5], 30)


def _tokens(labels, seed):
    tokens = np.random.default_rng(seed).standard_normal((4, len(labels), 3)).astype(np.float32)
    for place, label in enumerate((0, 2, 5)):
        tokens[2:, labels == label, place] += 4
    return tokens


def test_labels_are_guessed_by_their_own_numbers(taught):
    truth = np.repeat([5, 0, 2], 10)
    guesses, confidence = guess_labels(*taught, _tokens(truth, 1))
    assert guesses.dtype == np.int64
    assert (guesses == truth).mean() > 0.9
    assert ((confidence > 1 / 3) & (confidence <= 1)).all()
    assert np.median(confidence) > 0.8


def test_what_lies_between_two_classes_is_not_sure(taught):
    between = _tokens(np.full(20, 0), 2)
    between[2:, :, 0] -= 2
    between[2:, :, 1] += 2
    assert np.median(guess_labels(*taught, between)[1]) < np.median(guess_labels(*taught, _tokens(np.zeros(20), 2))[1])


def test_windows_that_are_ruled_out_are_not_looked_at(taught):
    tokens, labels = taught
    asked = _tokens(np.repeat([0, 2, 5], 10), 3)
    windows = np.array([False, True, True, True])
    loud = asked.copy()
    loud[0] += 100
    np.testing.assert_array_equal(
        guess_labels(tokens, labels, asked, windows)[1], guess_labels(tokens, labels, loud, windows)[1]
    )
    with_none = guess_labels(tokens, labels, asked, np.zeros(4, dtype=bool))
    np.testing.assert_array_equal(with_none[1], guess_labels(tokens, labels, asked)[1])


def test_small_classes_are_never_guessed(taught):
    tokens, labels = taught
    few = np.r_[0:60, 60:64]
    guesses, _ = guess_labels(tokens[:, few], labels[few], _tokens(np.full(5, 5), 4))
    assert not np.isin(guesses, [5]).any()


def test_nothing_asked_nothing_said(taught):
    guesses, confidence = guess_labels(*taught, np.zeros((4, 0, 3), np.float32))
    assert len(guesses) == len(confidence) == 0


def test_windows_outside():
    seconds = np.array([[0, 0.125], [0.125, 0.25], [0.25, 0.375], [0.3, 0.425]])
    assert windows_outside(seconds, 0.1, 0.25).tolist() == [False, False, True, True]
    assert windows_outside(seconds, 0.26, 0.3).tolist() == [True, True, False, True]


def test_refusals(taught):
    tokens, labels = taught
    with pytest.raises(ValueError, match="one basis"):
        guess_labels(tokens, labels, tokens[:3])
    with pytest.raises(ValueError, match="one class index a clip"):
        guess_labels(tokens, labels[:-1], tokens)
    with pytest.raises(ValueError, match="one bool a window"):
        guess_labels(tokens, labels, tokens, np.ones(3, dtype=bool))
    with pytest.raises(ValueError, match="drop the suspects"):
        guess_labels(tokens[:, :34], labels[:34], tokens)
