"""Built-in talking mouths: the same bytes for the same seed, fair labels, and a mouth that moves with its sound."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="needs the extra [demo]")

from art_audio_ext.datasets.builtin_av import _phonemes, make_builtin_av
from art_audio_ext.datasets.builtin_av_plan import COMMANDS, GRAMMAR, SPEAKERS, WORDS, plan_clip
from art_audio_ext.datasets.espeak import speak, speak_timed
from art_audio_ext.datasets.visemes import OPEN, mouth_track
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

WORD, SENTENCE = AudioVisualLayout.of_frames(29, 32), AudioVisualLayout.of_frames(75, 32)


def _make(tmp_path, layout=WORD, kind="word", **options):
    return make_builtin_av(layout, kind, cache_dir=tmp_path, progress=False, **options)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    return _make(tmp_path_factory.mktemp("words"), clips=30)


def test_word_clips(words):
    assert words.video.shape == (30, 29, 32, 32)
    assert words.audio.shape == (30, 18560)
    assert words.label_names == WORDS
    assert np.bincount(words.labels).tolist() == [3] * 10
    assert len(set(words.speakers)) > 10
    for label, sentence in zip(words.labels, words.sentences, strict=True):
        assert WORDS[label] in sentence.split()
    words.layout.check_rows(words.rows())


def test_no_speaker_in_both_partitions():
    plans = [plan_clip(number, "word", 0) for number in range(240)]
    parts = [{plan.speaker for plan in plans if plan.partition == part} for part in ("train", "test")]
    assert not parts[0] & parts[1]
    assert len(parts[0] | parts[1]) == len(SPEAKERS)
    assert len({(plan.label, plan.speaker) for plan in plans}) == 240  # every speaker says every word


def test_same_bytes_and_fewer_are_the_first_of_more(words, tmp_path):
    again = _make(tmp_path, clips=12)
    np.testing.assert_array_equal(again.audio, words.audio[:12])
    np.testing.assert_array_equal(again.video, words.video[:12])
    assert again.sentences == words.sentences[:12]
    other = _make(tmp_path, clips=12, seed=1)
    assert (other.audio != again.audio).any(1).all()


def test_the_cache_is_used_and_a_damaged_entry_made_anew(words, tmp_path):
    _make(tmp_path, clips=3)
    (entry,) = tmp_path.rglob("*.npz")
    before = entry.stat().st_mtime_ns
    _make(tmp_path, clips=3)
    assert entry.stat().st_mtime_ns == before
    data = bytearray(entry.read_bytes())
    data[len(data) // 2] ^= 255
    entry.write_bytes(data)
    np.testing.assert_array_equal(_make(tmp_path, clips=3).video, words.video[:3])
    assert entry.stat().st_mtime_ns != before


def test_sentence_clips(tmp_path):
    clips = _make(tmp_path, SENTENCE, "sentence", clips=8)
    assert clips.video.shape == (8, 75, 32, 32)
    assert clips.label_names == COMMANDS
    for label, sentence in zip(clips.labels, clips.sentences, strict=True):
        spoken = sentence.split()
        assert spoken[0] == COMMANDS[label]
        assert all(word in choices for word, choices in zip(spoken, GRAMMAR, strict=True))


def test_every_phoneme_of_the_vocabulary_has_a_shape_and_every_word_its_time():
    for kind, longest in (("word", 99), ("sentence", 3)):
        plans = [plan_clip(number, kind, 3) for number in range(240)]
        for plan, said in zip(plans, speak_timed([plan.utterance for plan in plans]), strict=True):
            mouth_track(_phonemes(said), np.zeros(1))
            assert len(said.words) == len(plan.sentence.split()), plan.sentence
            assert len(said.sound) < longest * said.sample_rate


def test_words_are_in_the_middle():
    plans = [plan_clip(number, "word", 0) for number in range(10)]
    for plan, said in zip(plans, speak_timed([plan.utterance for plan in plans]), strict=True):
        position = said.words[plan.focus][1]
        assert plan.utterance.text[position:].split()[0] == plan.label


def test_events_leave_the_sound_as_it_is():
    utterances = [plan_clip(number, "word", 0).utterance for number in range(3)]
    for (sound, rate), said in zip(speak(utterances, 5), speak_timed(utterances, 5), strict=True):
        np.testing.assert_array_equal(sound, said.sound)
        assert rate == said.sample_rate
        assert said.phonemes[0][0] >= 0
        assert said.phonemes[-1][0] <= len(sound)


@pytest.mark.parametrize("kind", ["word", "sentence"])
def test_the_mouth_opens_with_the_sound(kind):
    """Opening against loudness, frame by frame, over shifts of the sound: the right one fits best, by far."""
    plans = [plan_clip(number, kind, 1) for number in range(60)]
    scores = []
    for said in speak_timed([plan.utterance for plan in plans]):
        frames = int(25 * len(said.sound) / said.sample_rate)
        step = said.sample_rate // 25
        loudness = np.sqrt((said.sound[: frames * step].reshape(frames, step) ** 2).mean(1))
        opening = mouth_track(_phonemes(said), (np.arange(frames) + 0.5) / 25 + 0.01)[:, OPEN]
        middle = opening[6:-6]
        scores.append([np.corrcoef(middle, loudness[6 + k : frames - 6 + k])[0, 1] for k in range(-6, 7)])
    mean = np.mean(scores, 0)
    assert mean.argmax() == 6
    assert mean[6] > 0.4
    assert np.delete(mean, [5, 6, 7]).max() < 0.25


def test_pictures_show_it_at_the_right_time(tmp_path):
    """The same in the finished clips: the darkness of the mouth against the sound's loudness."""
    clips = _make(tmp_path, SENTENCE, "sentence", clips=24)
    loudness = np.sqrt((clips.audio.reshape(24, 75, 640) ** 2).mean(2))
    mouth = clips.video[:, :, 10:26, 8:24].astype(float)
    shades = mouth.mean((2, 3)) / mouth.mean((1, 2, 3))[:, None]
    dark = -(shades - shades.mean(1, keepdims=True))
    scores = [
        np.mean([np.corrcoef(dark[i, 10:-10], loudness[i, 10 + k : 65 + k])[0, 1] for i in range(24)])
        for k in range(-8, 9)
    ]
    assert abs(int(np.argmax(scores)) - 8) <= 1
    assert scores[8] > 0.3


def test_wrong_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="'word' or 'sentence'"):
        _make(tmp_path, kind="syllable")
    with pytest.raises(ValueError, match="clips must be a whole number"):
        _make(tmp_path, clips=0)
    with pytest.raises(ValueError, match=r"a sentence needs 3 s, 29 frames last 1\.16 s"):
        _make(tmp_path, kind="sentence")
