"""Speakers from file names: the known corpora, a person's own pattern, and no guessing."""

from __future__ import annotations

import pytest

from art_audio_ext.datasets.speakers import speakers_from_paths


@pytest.mark.parametrize(
    ("path", "speaker"),
    [
        ("train/yes/ea37ca08_nohash_0.flac", "ea37ca08"),
        ("train/_unknown_/visual_ea37ca08_nohash_12.flac", "ea37ca08"),
        ("7/7_george_12.wav", "george"),
        ("cancel/00000016_NO_06.flac", "00000016"),
        ("1998/1998-15444-0001.flac", "1998"),
        ("yes/en-us+f3_0012.wav", "en-us+f3"),
        ("_unknown_/en-gb-x-rp+Alicia_2391.wav", "en-gb-x-rp+Alicia"),
        ("violin/9f522cda.flac", ""),
        ("noise/1024.flac", ""),
    ],
)
def test_known_names(path, speaker):
    assert speakers_from_paths([path], ["word"]) == [speaker]


def test_most_files_must_fit():
    fits, other = "a/1_anna_2.wav", "a/recording.wav"
    assert speakers_from_paths([fits, other, other], ["a"] * 3) == ["", "", ""]
    assert speakers_from_paths([fits, fits, other], ["a"] * 3) == ["anna", "anna", ""]


def test_noise_does_not_count():
    paths = ["_silence_/1024.flac"] * 5 + ["yes/ea37ca08_nohash_0.flac"]
    labels = ["_silence_"] * 5 + ["yes"]
    assert speakers_from_paths(paths, labels) == [""] * 5 + ["ea37ca08"]


def test_own_pattern():
    paths = ["yes/anna/1.wav", "no/bert/2.wav", "noise.wav"]
    assert speakers_from_paths(paths, ["x"] * 3, r"/(\w+)/") == ["anna", "bert", ""]
    assert speakers_from_paths(paths, ["x"] * 3, r"(yes|no)/(?P<speaker>\w+)/") == ["anna", "bert", ""]


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", "not a regular expression"), ("abc", "has no group"), ("(zzz)", "fits no clip")]
)
def test_bad_patterns(pattern, message):
    with pytest.raises(ValueError, match=message):
        speakers_from_paths(["a/b.wav"], ["a"], pattern)
