"""Long files a span at a time: the same pictures and sound as at once, and no more of them in memory."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.datasets import mouth_files, video_files
from art_audio_ext.datasets.mouth import FixedMouth
from art_audio_ext.datasets.mouth_files import mouth_spans, read_mouth
from art_audio_ext.datasets.steady_pictures import SteadyPictures
from art_audio_ext.datasets.video_files import VideoError, read_video, video_spans

MOUTH = FixedMouth(4, 8, 16)
MPEG = ("mpeg1video", "yuv420p", "mp2", "s16")


@pytest.fixture
def short(monkeypatch):
    """Spans whose rest is a second at most."""
    monkeypatch.setattr(video_files, "_REST_SECONDS", 1)


@pytest.fixture
def film(tmp_path, make_video):
    """Eight and a half seconds, whose sound starts 90 ms before the pictures and never repeats."""

    def make(name="a.mkv", seconds=8.5, dark=slice(0, 0), **options):
        count = round(25 * seconds)
        pictures = np.random.default_rng(0).integers(1, 255, (count, 32, 48), np.uint8)
        pictures[dark] = 0
        sound = 0.3 * np.random.default_rng(1).standard_normal(round(options.get("rate", 16000) * seconds)).clip(-3, 3)
        return make_video(tmp_path / name, pictures, sound, **options)

    return make


@pytest.mark.parametrize("kind", ["plain", "apart", "mpeg"])
def test_spans_are_what_the_whole_file_is(film, short, kind):
    options = {"plain": {}, "apart": {"times": 0.09 + np.arange(212) / 25}, "mpeg": {"rate": 44100, "codecs": MPEG}}[
        kind
    ]
    file = film("a.mpg" if kind == "mpeg" else "a.mkv", **options)
    whole, spans = read_video(file), list(video_spans(file, seconds=2))
    assert [start for start, _ in spans] == [0, 2, 4, 6]
    assert [len(video.pictures) for _, video in spans[:3]] == [50] * 3
    np.testing.assert_array_equal(np.concatenate([video.pictures for _, video in spans]), whole.pictures)
    sound = np.concatenate([video.audio for _, video in spans])
    assert len(sound) == len(whole.audio)
    np.testing.assert_allclose(sound, whole.audio, atol=1e-5)


def test_what_is_held_does_not_grow_with_the_length(film, short, monkeypatch):
    held, show = [], SteadyPictures.show
    monkeypatch.setattr(SteadyPictures, "show", lambda self, *frame: (show(self, *frame), held.append(self.held)))
    for seconds in (5, 20):
        held.clear()
        assert len(list(video_spans(film(f"{seconds}.mkv", seconds), seconds=1))) > seconds / 2
        assert max(held) < 25 * 3 + 10


def test_more_than_two_minutes_are_no_reason_to_refuse_a_file(film, tmp_path, make_video):
    file = make_video(
        tmp_path / "long.mkv", np.ones((281, 4, 4), np.uint8), np.zeros(8000 * 140), rate=8000, times=np.arange(281) / 2
    )
    with pytest.raises(VideoError, match="longer than 120 s"):
        read_video(file)
    assert [(start, len(span.pictures)) for start, span in mouth_spans(file, 4, FixedMouth(0, 0, 4))] == [
        (0, 3000),
        (120, 512),
    ]


def test_a_file_of_a_span_and_a_rest_is_one(film, short):
    assert len(list(video_spans(film(seconds=2.9), seconds=2))) == 1


def test_sound_far_from_its_pictures_is_refused_before_memory_is_full(film, short):
    late = film(seconds=10, times=np.concatenate([[0.0], 9 + np.arange(249) / 25]))
    with pytest.raises(VideoError, match="more than 4 s apart in the file, or a time is damaged"):
        list(video_spans(late, seconds=1))


def test_mouths_of_a_long_file_and_a_span_without(film, short, monkeypatch):
    pytest.importorskip("cv2")
    monkeypatch.setattr(mouth_files, "video_spans", lambda path: video_spans(path, seconds=2))

    def finder(pictures):
        return MOUTH(pictures) if pictures.any() else np.full((len(pictures), 3), np.nan)

    found = list(mouth_spans(film(dark=slice(50, 100)), 16, finder))
    assert [(start, isinstance(span, VideoError)) for start, span in found] == [(0, 0), (2, 1), (4, 0), (6, 0)]
    assert "no face in any of its 50 pictures" in str(found[1][1])
    assert found[2][1].pictures.shape == (50, 16, 16)


def test_one_span_is_kept_and_is_what_read_mouth_reads(film, short, monkeypatch):
    pytest.importorskip("cv2")
    file = film(seconds=1)
    ((_, found),) = mouth_spans(file, 16, MOUTH)
    monkeypatch.setattr(mouth_files, "video_spans", None)
    ((_, again),) = mouth_spans(file, 16, MOUTH)
    for other in (again, read_mouth(file, 16, MOUTH)):
        np.testing.assert_array_equal(other.pictures, found.pictures)
        np.testing.assert_array_equal(other.audio, found.audio)
