"""A tiny folder of labelled sound, and a cache of its own."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets.mouth import HaarMouth


def write(path, value: float = 0.25, rate: int = 16000, seconds: float = 0.1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(round(rate * seconds), value, np.float32), rate)


@pytest.fixture
def root(tmp_path):
    """Two labels of ten clips, each clip with a value of its own."""
    for i in range(10):
        write(tmp_path / "data" / "no" / f"{i}.wav", 0.01 * (i + 1))
        write(tmp_path / "data" / "yes" / f"{i}.flac", -0.01 * (i + 1))
    return tmp_path / "data"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "own_cache"


def write_video(
    path,
    pictures,
    sound=None,
    *,
    times=None,
    rate: int = 16000,
    sound_start: float = 0.0,
    codecs: tuple[str, str, str, str] = ("ffv1", "gray", "pcm_s16le", "s16"),
    channels: int = 1,
):
    """
    A video made on the spot: pictures (T, H, W) uint8 shown at `times` in seconds (None: 25 a second), sound (S,) in
    [-1, 1] from `sound_start` on. Lossless unless `codecs` (video, its pixels, sound, its samples) differ.
    """
    from fractions import Fraction

    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    shown = np.arange(len(pictures)) / 25 if times is None else times
    with av.open(str(path), "w") as out:
        if len(pictures):
            video = out.add_stream(codecs[0], rate=25)
            video.height, video.width, video.pix_fmt = *pictures[0].shape, codecs[1]
            base = Fraction(1, 25 if times is None else 1000)
            video.time_base = video.codec_context.time_base = base
        if sound is not None:
            layout = "mono" if channels == 1 else "stereo"
            audio = out.add_stream(codecs[2], rate=rate, layout=layout)
            audio.format = codecs[3]
            samples = np.tile(np.round(np.asarray(sound) * 32767).astype(np.int16), (channels, 1))
            frame = av.AudioFrame.from_ndarray(samples.T.reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), round(sound_start * rate)
            fitting = av.AudioResampler(codecs[3], layout, rate, audio.codec_context.frame_size or 1024)
            for piece in (*fitting.resample(frame), *fitting.resample(None)):
                out.mux(audio.encode(piece))
            out.mux(audio.encode(None))
        for picture, time in zip(pictures, shown, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gray")
            frame.time_base, frame.pts = base, round(time / base)
            out.mux(video.encode(frame))
        if len(pictures):
            out.mux(video.encode(None))
    return path


@pytest.fixture
def make_video():
    """`write_video`, where PyAV is installed."""
    pytest.importorskip("av")
    return write_video


@pytest.fixture
def centre(monkeypatch):
    """A search that takes the middle of a picture; pictures that are all black show no face."""
    pytest.importorskip("cv2")

    def finder(self, pictures):
        places = np.tile([24.0, 16.0, 16.0], (len(pictures), 1))
        return places if pictures.any() else places * np.nan

    monkeypatch.setattr(HaarMouth, "__call__", finder)


@pytest.fixture
def film(make_video, centre):
    """Pictures that count, and sound whose value is the number of the picture that is shown, in hundredths."""

    def make(path, count=75, dark=False, size=(32, 48)):
        pictures = np.tile(np.arange(count, dtype=np.uint8)[:, None, None], (1, *size)) + 1
        return make_video(path, pictures * (not dark), np.repeat(np.arange(count) / 100, 640))

    return make
