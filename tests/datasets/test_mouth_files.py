"""Mouth crops kept on disk: by content, size and finder, and only while they are whole."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.datasets import mouth_files
from art_audio_ext.datasets.mouth import FixedMouth
from art_audio_ext.datasets.mouth_files import read_mouth
from art_audio_ext.datasets.video_files import VideoError

pytest.importorskip("cv2")
MOUTH = FixedMouth(4, 8, 16)


@pytest.fixture
def reads(monkeypatch):
    """The files that were decoded."""
    read, seen = mouth_files.read_video, []
    monkeypatch.setattr(mouth_files, "read_video", lambda path: (seen.append(path.name), read(path))[1])
    return seen


@pytest.fixture
def file(tmp_path, make_video):
    pictures = np.random.default_rng(0).integers(0, 255, (10, 32, 48), np.uint8)
    return make_video(tmp_path / "a.mkv", pictures, np.full(6400, 0.25))


def test_kept_by_content_size_and_finder(file, reads, tmp_path):
    first = read_mouth(file, 16, MOUTH)
    assert first.pictures.shape == (10, 16, 16)
    again = read_mouth(file, 16, MOUTH)
    assert reads == ["a.mkv"]
    np.testing.assert_array_equal(first.pictures, again.pictures)
    np.testing.assert_array_equal(first.audio, again.audio)
    read_mouth(file.rename(tmp_path / "b.mkv"), 16, MOUTH)
    assert reads == ["a.mkv"]
    read_mouth(tmp_path / "b.mkv", 8, MOUTH)
    read_mouth(tmp_path / "b.mkv", 16, FixedMouth(5, 8, 16))
    assert len(reads) == 3


def test_a_callable_is_asked_each_time(file, reads):
    for _ in range(2):
        read_mouth(file, 16, lambda pictures: MOUTH(pictures))
    assert len(reads) == 2


def test_a_damaged_entry_is_made_anew(file, reads, tmp_path, caplog):
    whole = read_mouth(file, 16, MOUTH, tmp_path / "cache")
    entry = next((tmp_path / "cache").rglob("*.npz"))
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 255
    for damaged in (bytes(content), bytes(content[:300]), b""):
        entry.write_bytes(damaged)
        np.testing.assert_array_equal(read_mouth(file, 16, MOUTH, tmp_path / "cache").pictures, whole.pictures)
    assert len(reads) == 4
    assert "are damaged" in caplog.text


def test_what_cannot_be_used_is_named(file, tmp_path):
    with pytest.raises(VideoError, match=r"'a.mkv': no face in any of its 10 pictures"):
        read_mouth(file, 16)
    with pytest.raises(VideoError, match=r"'a.mkv': the crop .* does not lie"):
        read_mouth(file, 16, FixedMouth())
    with pytest.raises(VideoError, match="no such file"):
        read_mouth(tmp_path / "none.mkv", 16)
