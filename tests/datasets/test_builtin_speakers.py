"""Built-in speakers: same sound every time, voices of their own, files written once."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.datasets.builtin import VOICES
from art_audio_ext.datasets.builtin_speakers import SENTENCES, SPEAKERS, speaker_utterance, write_speakers
from art_audio_ext.datasets.decode import decode_clip

pytest.importorskip("espeakng_loader", reason="needs the extra [demo]")


def test_a_sentence_is_the_same_every_time():
    first = speaker_utterance("anika")
    assert first.dtype == np.float32
    assert 4 * 16000 < len(first) < 12 * 16000
    assert np.abs(first).max() == pytest.approx(0.5)
    np.testing.assert_array_equal(first, speaker_utterance("anika"))
    assert not np.array_equal(first[:8000], speaker_utterance("anika", sentence=1)[:8000])
    assert len(speaker_utterance("anika", 8000)) == pytest.approx(len(first) / 2, abs=2)


def test_nobody_speaks_in_the_dataset():
    spoken = {voice.partition("+")[2] for voice in VOICES}
    assert not spoken & {voice.partition("+")[2] for voice, _, _ in SPEAKERS.values()}


@pytest.mark.parametrize("name", SPEAKERS)
def test_each_has_a_pitch(name):
    world = pytest.importorskip("pyworld", reason="needs the extra [voice]")
    pitch, _ = world.dio(speaker_utterance(name).astype(float), 16000)
    assert (pitch > 0).mean() > 0.5


def test_files_are_written_once(tmp_path):
    root = write_speakers(tmp_path / "voices", 8000)
    files = sorted(root.rglob("*"))
    assert sum(path.is_file() for path in files) == len(SPEAKERS) * len(SENTENCES)
    one = root / "nguyen" / "1.flac"
    kept = decode_clip(one, 8000)
    np.testing.assert_allclose(kept, speaker_utterance("nguyen", 8000, 1), atol=1e-4)
    before = one.stat().st_mtime_ns
    write_speakers(root, 8000)
    assert one.stat().st_mtime_ns == before


def test_what_is_no_speaker_is_refused():
    for name, sentence, words in (("nobody", 0, "anika"), ("anika", 9, "0 to 2"), ("anika", True, "sentence")):
        with pytest.raises(ValueError, match=words):
            speaker_utterance(name, sentence=sentence)
    with pytest.raises(ValueError, match="rate"):
        speaker_utterance("anika", 0)
