"""Mouth crops from pictures in which the face is a bright square, found by a stand-in for the cascade."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from art_audio_ext.datasets.mouth import FixedMouth, HaarMouth, NoFaceError, mouth_crops

cv2 = pytest.importorskip("cv2")


class Cascade:
    """Finds the bright square; nothing in a dark picture."""

    def __init__(self, *_):
        pass

    def detectMultiScale(self, picture, *_, **__):
        rows, columns = np.nonzero(picture > 200)
        return [] if not len(rows) else [[columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]]


@pytest.fixture
def cascade(monkeypatch):
    monkeypatch.setattr(cv2, "CascadeClassifier", Cascade)


def faces(lefts, top: int = 20, side: int = 100) -> np.ndarray:
    """A face a picture at these columns; None for a picture without."""
    pictures = np.zeros((len(lefts), 200, 300), np.uint8)
    for picture, left in zip(pictures, lefts, strict=True):
        if left is not None:
            picture[top : top + side, left : left + side] = 255
    return pictures


def test_fixed_crop_is_exact():
    pictures = np.random.default_rng(0).integers(0, 255, (3, 256, 256), np.uint8)
    np.testing.assert_array_equal(mouth_crops(pictures, 96, FixedMouth()), pictures[:, 115:211, 79:175])
    with pytest.raises(ValueError, match=r"rows 115:211, columns 79:175.*200 x 300"):
        mouth_crops(faces([0]), 96, FixedMouth())


@pytest.mark.parametrize("size", [48, 192])
def test_another_size_keeps_the_place(size):
    """A ramp over the columns stays in its place to an eighth of a pixel, whether shrunk or enlarged."""
    pictures = np.tile(np.clip(2.5 * (np.arange(256) - 76), 0, 255).astype(np.uint8), (2, 256, 1))
    crops = mouth_crops(pictures, size, FixedMouth()).astype(float)
    assert crops.shape == (2, size, size)
    columns = 79 + 96 / size * (np.arange(size) + 0.5) - 0.5
    wanted = 2.5 * (columns - 76)
    assert abs((crops - wanted).mean()) < 0.3  # grey, an eighth of a pixel


def test_the_mouth_lies_below_the_middle_of_the_face(cascade):
    boxes = HaarMouth()(faces([60] * 31))
    np.testing.assert_allclose(boxes, np.tile([110, 20 + 50 + 30, 56], (31, 1)))


@pytest.mark.parametrize("every", [1, 3])
def test_a_moving_face_is_followed_and_gaps_are_bridged(cascade, every):
    lefts = [20 + 2 * frame for frame in range(60)]
    whole = HaarMouth(every=every)(faces(lefts))
    assert np.abs(whole[8:-8, 0] - (np.array(lefts) + 50)[8:-8]).max() < 6
    gaps = [None if 20 <= frame < 30 else left for frame, left in enumerate(lefts)]
    assert np.abs(HaarMouth(every=every)(faces(gaps)) - whole).max() < 4
    wrong = [180 if frame == 30 else 60 for frame in range(60)]  # one face elsewhere is outvoted
    np.testing.assert_allclose(HaarMouth(every=every)(faces(wrong))[:, 0], 110)


def test_tall_pictures_are_searched_small(cascade):
    pictures = np.zeros((4, 960, 960), np.uint8)
    pictures[:, 200:600, 300:700] = 255
    np.testing.assert_allclose(HaarMouth()(pictures), np.tile([500, 400 + 120, 224], (4, 1)), atol=4)


def test_a_clip_without_a_face_is_refused(cascade):
    with pytest.raises(NoFaceError, match="no face in any of its 5 pictures"):
        mouth_crops(faces([None] * 5), 32)


@pytest.mark.parametrize("every", [1, 3])
def test_a_face_here_and_there_does_not_make_a_clip_pass(cascade, every):
    """75 pictures, a face in every seventh or one in all: less than a fifth of those searched."""
    for shown, share in ((range(0, 75, 7 * every), "1[56]%"), ([0], "[14]%")):
        few = faces([60 if k in shown else None for k in range(75)])
        with pytest.raises(
            NoFaceError, match=rf"a face in \d+ of the \d+ pictures searched \({share}\), 20% are needed"
        ):
            mouth_crops(few, 32, HaarMouth(every=every))
    assert mouth_crops(few, 32, HaarMouth(every=every, share=0)).shape == (75, 32, 32)
    enough = faces([60 if k % (4 * every) == 0 else None for k in range(75)])
    np.testing.assert_allclose(HaarMouth(every=every)(enough)[:, 0], 110)
    with pytest.raises(NoFaceError, match=r"a face in 1 of the 6 pictures searched \(17%\)"):
        mouth_crops(few[:6], 32, lambda pictures: np.where(np.arange(6)[:, None] == 2, 40.0, np.nan) * np.ones(3))


def test_the_real_cascade_is_there_and_finds_no_face_in_noise():
    noise = np.random.default_rng(0).integers(0, 255, (1, 120, 120), np.uint8)
    with pytest.raises(NoFaceError):
        mouth_crops(noise, 32)


def test_a_callable_says_where():
    def finder(pictures):
        places = np.tile([100.0, 80.0, 40.0], (len(pictures), 1))
        places[:, 0] += np.arange(len(pictures))
        places[2:4] = np.nan
        return places

    pictures = np.random.default_rng(0).integers(0, 255, (6, 200, 300), np.uint8)
    crops = mouth_crops(pictures, 40, finder)
    for frame in range(6):  # also where it was interpolated
        np.testing.assert_array_equal(crops[frame], pictures[frame, 60:100, 80 + frame : 120 + frame])
    with pytest.raises(ValueError, match=r"must return \(6, 3\)"):
        mouth_crops(pictures, 40, lambda _: np.zeros((6, 2)))


def test_a_mouth_at_the_edge_repeats_the_edge():
    pictures = np.full((2, 50, 50), 77, np.uint8)
    assert (mouth_crops(pictures, 40, lambda p: np.tile([5.0, 48.0, 40.0], (len(p), 1))) == 77).all()


def test_an_opencv_that_will_not_do_is_named(monkeypatch):
    for module in (None, SimpleNamespace(__version__="5.0")):
        monkeypatch.setitem(sys.modules, "cv2", module)
        with pytest.raises(ImportError, match=r"art-audio-ext\[video\]"):
            mouth_crops(faces([0]), 32)
