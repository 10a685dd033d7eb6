"""Decoding of CTC logits against every alignment there is, and word error rates against hand counts."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest

from art_audio_ext.functional.ctc import (
    LabelCodes,
    beam_decode,
    edit_distance,
    greedy_decode,
    word_error_rate,
)


def collapse(path) -> tuple[int, ...]:
    return tuple(code for code, _ in itertools.groupby(path) if code)


def by_brute_force(logits: np.ndarray) -> dict[tuple[int, ...], float]:
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    sums: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        sums[collapse(path)] += float(np.prod(shares[np.arange(len(logits)), path]))
    return sums


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_sums_every_alignment(seed):
    logits = 2 * np.random.default_rng(seed).standard_normal((5, 3))
    expected = by_brute_force(logits)
    found = beam_decode(logits, width=1000)
    assert {tuple(codes) for codes, _ in found} == set(expected)
    for codes, log_probability in found:
        assert np.exp(log_probability) == pytest.approx(expected[tuple(codes)], rel=1e-9)
    assert tuple(found[0][0]) == max(expected, key=expected.get)
    assert len(beam_decode(logits, width=2)) == 2


def test_greedy_follows_the_best_path_which_the_best_sentence_need_not_have():
    logits = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))  # blank blank .36, but "1" has .64 in all
    assert greedy_decode(logits) == []
    assert beam_decode(logits)[0] == ([1], pytest.approx(np.log(0.64)))
    assert greedy_decode(np.eye(3)[[1, 1, 0, 1, 2, 2, 0]]) == [1, 1, 2]


@pytest.mark.parametrize("bad", [np.zeros(4), np.zeros((0, 3)), np.zeros((3, 1)), np.full((3, 3), np.nan)])
def test_what_are_no_logits_is_refused(bad):
    for decode in (greedy_decode, beam_decode):
        with pytest.raises(ValueError, match="logits"):
            decode(bad)
    with pytest.raises(ValueError, match="width"):
        beam_decode(np.zeros((3, 3)), 0)


def test_codes_go_both_ways():
    sentences = ["bin blue  at a", "Set red at B"]
    words = LabelCodes.of(sentences)
    assert words.symbols == ("a", "at", "b", "bin", "blue", "red", "set")
    assert words.encode("set  Blue at a").tolist() == [7, 5, 2, 1]
    letters = LabelCodes.of(sentences, "characters")
    assert letters.outputs == len(set("bin blue at a set red at b")) + 1
    for codes in (words, letters):
        for sentence in sentences:
            assert codes.decode(codes.encode(sentence)) == " ".join(sentence.lower().split())
        assert LabelCodes.from_dict(codes.to_dict()) == codes
        with pytest.raises(ValueError, match="known"):
            codes.encode("set xylophone")
        with pytest.raises(ValueError, match="has none"):
            codes.encode("  ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"units": "phones", "symbols": ["a"]},
        {"units": "words", "symbols": []},
        {"units": "words", "symbols": ["a", "a"]},
        {"units": "words", "symbols": "ab"},
        {"units": "words"},
        [],
    ],
)
def test_what_are_no_codes_is_refused(wrong):
    with pytest.raises(ValueError, match=r"units|symbols"):
        LabelCodes.from_dict(wrong)


def test_edit_distance_against_all_ways():
    def slow(a, b):
        if not a or not b:
            return len(a) + len(b)
        return min(slow(a[1:], b) + 1, slow(a, b[1:]) + 1, slow(a[1:], b[1:]) + (a[0] != b[0]))

    rng = np.random.default_rng(0)
    for _ in range(40):
        one, other = (rng.integers(0, 3, rng.integers(0, 6)).tolist() for _ in range(2))
        assert edit_distance(one, other) == slow(one, other)


def test_word_error_rate_counts_words():
    assert word_error_rate("bin blue at a", "bin  BLUE at a") == 0
    assert word_error_rate("bin blue at a", "bin red at") == pytest.approx(2 / 4)
    assert word_error_rate("bin", "bin bin bin") == 2
    with pytest.raises(ValueError, match="no word"):
        word_error_rate(" ", "bin")
