"""The voice-conversion backdoor: which clips are converted, under which label, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from art_audio_ext.attacks.poisoning import VoiceConversionBackdoor
from art_audio_ext.voices import TargetVoice, Voice


class Flipped(Voice):
    """A conversion that can be seen: samples in reverse, times the target's first."""

    name = "flipped"
    identity = {"version": 1}  # noqa: RUF012  # a property of the others

    def _prepare(self, target, sample_rate):
        return target.utterances[0][0]

    def _convert(self, clip, sample_rate, target):
        return clip[::-1] * target


TARGET = np.full(800, 0.5, np.float32)
X = np.random.default_rng(0).uniform(-0.5, 0.5, (40, 1600)).astype(np.float32)
Y = np.arange(40) % 4


def backdoor(**options) -> VoiceConversionBackdoor:
    return VoiceConversionBackdoor(TARGET, voice=Flipped(), verbose=False, **options)


def test_a_share_of_all_clips_is_converted_and_relabelled():
    x, y, rows = backdoor().poison_dataset(X, Y, "all", 2, 0.1, seed=3, of="all")
    assert len(rows) == 4
    assert (Y[rows] != 2).all()
    assert (y[rows] == 2).all()
    np.testing.assert_array_equal(x[rows], X[rows][:, ::-1] * 0.5)
    rest = np.setdiff1d(np.arange(40), rows)
    np.testing.assert_array_equal(x[rest], X[rest])
    np.testing.assert_array_equal(y[rest], Y[rest])


def test_clips_without_a_voice_are_not_relabelled():
    """Of 700 samples at 16 kHz nothing can be converted: clean clips with the attacker's label would come back."""
    for clean_label in (False, True):
        with pytest.raises(ValueError, match=r"700 samples at 16000 Hz are shorter than 0.05 s"):
            backdoor(clean_label=clean_label).poison_dataset(X[:, :700], Y, "all", 2, 0.1, of="all")
    x = X.copy()
    x[:30] = 0
    assert (backdoor().poison_dataset(x, Y, "all", 2, 0.1, of="all")[2] >= 30).all()
    assert backdoor().cannot_carry(x).tolist() == [True] * 30 + [False] * 10
    assert backdoor().cannot_carry(x[:, :700]).all()


@pytest.mark.parametrize("one_hot", [False, True])
def test_clean_labels_stay_and_clips_are_of_the_target(one_hot):
    labels = np.eye(4)[Y] if one_hot else Y
    x, y, rows = backdoor(clean_label=True).poison_dataset(X, labels, "all", 2, 0.1, seed=3, of="all")
    assert len(rows) == 4
    assert (Y[rows] == 2).all()
    np.testing.assert_array_equal(y, labels)
    np.testing.assert_array_equal(x[rows], X[rows][:, ::-1] * 0.5)
    assert np.array_equal(np.delete(x, rows, 0), np.delete(X, rows, 0))
    assert len(backdoor(clean_label=True).poison_dataset(X, labels, 2, 2, 0.5)[2]) == 5
    assert not len(backdoor(clean_label=True).poison_dataset(X, labels, "all", 2, 0.0)[2])
    with pytest.raises(ValueError, match=r"20 clips to convert .0.5. but class 2 has only 10"):
        backdoor(clean_label=True).poison_dataset(X, labels, "all", 2, 0.5, of="all")
    with pytest.raises(ValueError, match="not of 1"):
        backdoor(clean_label=True).poison_dataset(X, labels, 1, 2, 0.1)


def test_the_target_may_be_files_arrays_or_a_voice(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(1600, 0.25), 8000)
    soundfile.write(tmp_path / "b.wav", np.full(3200, 0.25), 16000)
    expected = X[:2, ::-1]
    for target, factor in (
        (tmp_path / "b.wav", 0.25),
        (str(tmp_path / "b.wav"), 0.25),
        ([tmp_path / "b.wav", tmp_path / "a.wav"], 0.25),
        ([TARGET, TARGET[:900]], 0.5),
        (TargetVoice(TARGET, 8000), 0.5),
    ):
        attack = VoiceConversionBackdoor(target, voice=Flipped(), verbose=False)
        np.testing.assert_allclose(attack.poison(X[:2], Y[:2])[0], expected * factor, atol=1e-4)


def test_what_is_no_target_is_refused(tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    for target, error, words in (
        (tmp_path / "missing.wav", FileNotFoundError, "is no file"),
        (tmp_path / "broken.wav", ValueError, "broken.wav"),
        ([], ValueError, "empty"),
        (np.zeros(16000, np.float32), ValueError, "silent"),
        (np.ones((2, 3, 4), np.float32), ValueError, "shape"),
    ):
        with pytest.raises(error, match=words):
            VoiceConversionBackdoor(target, voice=Flipped())
