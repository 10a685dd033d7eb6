"""Video files made on the spot: both streams in step to the sample at any rate and start, and what is refused."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from art_audio_ext.datasets import video_files
from art_audio_ext.datasets.placed_sound import PlacedSound
from art_audio_ext.datasets.steady_pictures import SteadyPictures
from art_audio_ext.datasets.video_files import VideoError, read_video

LOSSLESS = ("ffv1", "gray", "pcm_s16le", "s16")
MPEG = ("mpeg1video", "yuv420p", "mp2", "s16")


def counting(count: int, step: int = 2) -> np.ndarray:
    """Pictures whose grey says which they are."""
    return np.tile((np.arange(count) * step).astype(np.uint8)[:, None, None], (1, 32, 48))


def clicks(seconds: float, times, rate: int = 16000) -> np.ndarray:
    sound = np.zeros(round(seconds * rate))
    sound[np.round(np.asarray(times) * rate).astype(int)] = 0.5
    return sound


def test_pictures_and_sound_as_they_are(tmp_path, make_video):
    sound = np.random.default_rng(0).uniform(-0.9, 0.9, 16000)
    video = read_video(make_video(tmp_path / "a.mkv", counting(25), sound, channels=2))
    assert video.pictures.dtype == np.uint8
    np.testing.assert_array_equal(video.pictures, counting(25))
    assert video.audio.dtype == np.float32
    np.testing.assert_allclose(video.audio, sound, atol=1e-4)


@pytest.mark.parametrize(("video_start", "sound_start"), [(0.2, 0.0), (0.0, 0.3), (0.44, 0.1)])
def test_streams_that_start_apart_stay_in_step(tmp_path, make_video, video_start, sound_start):
    """A click at .6 s of the file's clock belongs to what is seen at .6 s; what sounds before all pictures is cut."""
    times = video_start + np.arange(30) / 25
    before = [video_start - sound_start - 0.001] if video_start else []
    sound = clicks(1.0, [0.6 - sound_start, *before])
    video = read_video(make_video(tmp_path / "a.mkv", counting(30), sound, times=times, sound_start=sound_start))
    assert video.pictures.shape == (30, 32, 48)
    assert video.audio.shape == (19200,)
    assert np.flatnonzero(video.audio).tolist() == [round((0.6 - video_start) * 16000)]


@pytest.mark.parametrize("rate", [12.5, 30.0, 60.0])
def test_any_frame_rate_takes_the_nearest_picture(tmp_path, make_video, rate):
    count = round(2 * rate)
    times = np.round(np.arange(count) / rate, 3)  # Matroska's clock
    video = read_video(make_video(tmp_path / "a.mkv", counting(count), np.zeros(32000), times=times))
    assert len(video.pictures) == 50
    ticks = np.arange(50) / 25
    chosen = times[video.pictures[:, 0, 0] // 2]
    nearest = np.abs(times[:, None] - ticks).min(0)
    np.testing.assert_allclose(np.abs(chosen - ticks), nearest, atol=1e-3)


@pytest.mark.parametrize("rate", [10.0, 25.0, 240.0])
def test_what_is_held_does_not_grow_with_the_frame_rate(tmp_path, make_video, monkeypatch, rate):
    """Of two seconds never more than 50 pictures and the last frame, and no more than these are made."""
    count, held, made = round(2 * rate), [], []
    show, grey = SteadyPictures.show, video_files._grey
    monkeypatch.setattr(SteadyPictures, "show", lambda self, *frame: (show(self, *frame), held.append(self.held)))
    monkeypatch.setattr(video_files, "_grey", lambda frame: made.append(1) or grey(frame))
    times = np.round(np.arange(count) / rate, 3)
    video = read_video(make_video(tmp_path / "a.mkv", counting(count, 1), np.zeros(32000), times=times))
    assert len(video.pictures) == 50
    assert len(held) == count
    assert max(held) <= min(50, count) + 1
    assert len(made) == min(50, count)


def test_each_tick_takes_the_picture_that_a_look_at_all_of_them_would():
    rng = np.random.default_rng(0)
    for rate in (7, 25, 60, 200):
        times = 3.2 + np.cumsum(rng.exponential(1 / rate, 300))
        steady = SteadyPictures(25, 0.04, lambda frame: np.full((1, 1), frame.place, np.uint16))
        for place, time in enumerate(times):
            steady.show(SimpleNamespace(width=1, height=1, place=place % 256), time)
            steady.show(SimpleNamespace(width=1, height=1, place=0), time - 0.1)  # out of order: left out
        found = steady.taken()[:, 0, 0]
        length = times[-1] - times[0] + np.median(np.diff(times))
        ticks = times[0] + np.arange(round(length * 25)) / 25
        wanted = np.abs(times[None] - ticks[:, None]).argmin(1)
        np.testing.assert_array_equal(found, wanted % 256)
    with pytest.raises(ValueError, match="change their size"):
        steady.show(SimpleNamespace(width=2, height=1), None)


@pytest.mark.parametrize("time", [1e12, float("nan")])
def test_a_damaged_time_is_refused_before_its_ticks_are_filled(time):
    steady = SteadyPictures(25, 0.04, lambda frame: np.zeros((1, 1), np.uint8), most_seconds=600)
    steady.show(SimpleNamespace(width=1, height=1), 0.0)
    with pytest.raises(ValueError, match="longer than 600 s"):
        steady.show(SimpleNamespace(width=1, height=1), time)
    assert steady.held <= 2


def test_variable_frame_rate(tmp_path, make_video):
    """Ten pictures a second at first, then fifty: picture and sound agree at the end too."""
    times = np.concatenate([np.arange(10) / 10, 1 + np.arange(50) / 50])
    sound = clicks(2.0, [1.6])
    video = read_video(make_video(tmp_path / "a.mkv", counting(60), sound, times=times))
    assert len(video.pictures) == 50
    assert np.flatnonzero(video.audio).tolist() == [25600]
    assert video.pictures[40, 0, 0] // 2 == 40  # shown at 1.6 s
    assert video.pictures[5, 0, 0] // 2 == 2  # .2 s


@pytest.mark.parametrize("kind", ["pcm_u8", "pcm_s32le", "pcm_f32le", "flac"])
def test_samples_of_any_kind_have_one_scale(tmp_path, make_video, kind):
    form = {"pcm_u8": "u8", "pcm_s32le": "s32", "pcm_f32le": "flt", "flac": "s16"}[kind]
    sound = 0.5 * np.sin(np.arange(16000) / 20)
    codecs = ("ffv1", "gray", kind, form)
    video = read_video(make_video(tmp_path / "a.mkv", counting(25), sound, codecs=codecs, channels=2))
    np.testing.assert_allclose(video.audio, sound, atol=0.01)


def test_mp2_that_ends_early_is_silence_at_its_end(tmp_path, make_video):
    """As GRID: 114 pieces of 1,152 samples at 44.1 kHz are 22 ms short of 75 pictures."""
    sound = 0.5 * np.sin(np.arange(131328) / 9)
    video = read_video(make_video(tmp_path / "a.mpg", counting(75), sound, rate=44100, codecs=MPEG, channels=2))
    assert video.pictures.shape == (75, 32, 48)
    assert video.audio.shape == (48000,)
    whole = 131328 / 44100
    assert np.abs(video.audio[: round((whole - 0.02) * 16000)][-160:]).max() > 0.3
    assert np.abs(video.audio[round((whole + 0.003) * 16000) :]).max() < 0.01


def test_a_gap_in_the_sound_is_silence():
    for second in (0.1, 0.051):  # a gap, and the container's rounding, which is none
        sound = PlacedSound()
        sound.take(np.full(800, 0.5), 0.0, 16000)
        sound.take(np.full(800, 0.25), second, 16000)
        found = sound.cut(0.0, 0, 3200, 16000)
        assert (found[:800] == 0.5).all()
        assert (found[800:1600] == (0 if second == 0.1 else 0.25)).all()
        assert (found[1600:2400] == (0.25 if second == 0.1 else 0)).all()


def test_a_phone_held_upright():
    """Its picture is stored lying and says to be turned."""
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3)
    frame = SimpleNamespace(width=3, height=2, rotation=90, to_ndarray=lambda **_: picture)
    np.testing.assert_array_equal(video_files._grey(frame), np.rot90(picture))


def test_what_is_missing_is_named(tmp_path, make_video):
    with pytest.raises(VideoError, match=r"'silent.mkv': it has no audio stream.*ffmpeg"):
        read_video(make_video(tmp_path / "silent.mkv", counting(25)))
    with pytest.raises(VideoError, match="no video stream"):
        read_video(make_video(tmp_path / "blind.mkv", [], np.zeros(16000)))
    with pytest.raises(VideoError, match="one frame only"):
        read_video(make_video(tmp_path / "photo.mkv", counting(1), np.zeros(16000)))
    with pytest.raises(VideoError, match=r"longer than 0.5 s"):
        read_video(make_video(tmp_path / "long.mkv", counting(25), np.zeros(16000)), most_seconds=0.5)
    with pytest.raises(VideoError, match="no such file"):
        read_video(tmp_path / "nowhere.mp4")


def test_damaged_files_are_refused(tmp_path, make_video):
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoError, match="it is empty"):
        read_video(tmp_path / "empty.mp4")
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(VideoError, match="corrupt, cut off or no video"):
        read_video(tmp_path / "noise.mp4")
    noisy = np.random.default_rng(0).integers(0, 255, (75, 32, 48), np.uint8)
    for suffix, codecs in ((".mkv", LOSSLESS), (".mp4", ("mpeg4", "yuv420p", "aac", "fltp"))):
        whole = make_video(tmp_path / f"whole{suffix}", noisy, np.zeros(48000), codecs=codecs)
        assert len(read_video(whole).pictures) == 75
        content = whole.read_bytes()
        (tmp_path / f"cut{suffix}").write_bytes(content[: len(content) // 2])
        with pytest.raises(VideoError, match=r"cut off|breaks off"):
            read_video(tmp_path / f"cut{suffix}")


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"art-audio-ext\[video\]"):
        read_video(tmp_path / "a.mp4")
