"""Phonemes move the mouth: lips closed for a p, wide open for an a, and no phoneme without a shape."""

# ruff: noqa: RUF001 (letters of the phonetic alphabet)

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.datasets.visemes import OPEN, ROUND, TEETH, TONGUE, TUCK, WIDTH, Phoneme, base_letters, mouth_track


def _spoken(*names: str, each: float = 0.12) -> list[Phoneme]:
    return [Phoneme(0.5 + i * each, 0.5 + (i + 1) * each, name) for i, name in enumerate(names)]


def _at(name: str) -> np.ndarray:
    return mouth_track(_spoken("", name, "", each=0.3), np.array([0.95]))[0]


def test_shapes():
    assert _at("ˈɑː")[OPEN] > 0.8
    assert _at("m")[OPEN] < 0.02
    assert _at("f")[TUCK] > 0.8
    assert _at("θ")[TONGUE] > 0.8
    assert _at("s")[TEETH] > 0.8
    assert _at("ˈuː")[ROUND] > 0.8
    assert _at("ˈuː")[WIDTH] < -0.4 < 0.4 < _at("ˈiː")[WIDTH]
    assert _at("a")[OPEN] < _at("ˈa")[OPEN]


def test_lips_are_closed_before_the_burst_of_a_p_and_part_after():
    track = mouth_track(_spoken("ˈɑː", "p", "ˈɑː", each=0.2), np.array([0.58, 0.68, 0.72, 1.0]))[:, OPEN]
    assert track[0] > 0.5
    assert track[1:3].max() < 0.1
    assert track[3] > 0.6


def test_rest_around_the_words_and_no_jumps():
    times = np.arange(0, 2, 0.001)
    track = mouth_track(_spoken("h", "ə", "l", "ˈoʊ"), times)
    assert np.abs(track[(times < 0.4) | (times > 1.1)]).max() < 0.02
    assert np.abs(np.diff(track, axis=0)).max() < 0.05
    assert track[:, OPEN].max() > 0.4


def test_a_diphthong_has_two_shapes():
    track = mouth_track(_spoken("", "ˈaʊ", "", each=0.3), np.array([0.875, 1.025]))
    assert track[0, OPEN] > track[1, OPEN] + 0.3
    assert track[1, ROUND] > track[0, ROUND] + 0.3


def test_nothing_said():
    assert not mouth_track([], np.arange(3)).any()


def test_letters():
    assert base_letters("ˈaɪ") == "aɪ"
    assert base_letters("t̪") == "t"
    assert base_letters("ˌuː") == "u"
    assert base_letters("") == ""
    with pytest.raises(ValueError, match="'ˈœ' has no viseme"):
        base_letters("ˈœ")
