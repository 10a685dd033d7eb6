"""Drawn mouths: an open one is dark inside, a face stays itself, and light, head and camera vary."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from art_audio_ext.datasets.mouth_drawing import draw_mouth
from art_audio_ext.datasets.mouth_faces import Face, View, draw_face, draw_view


def _calm(frames: int) -> View:
    still = np.zeros(frames)
    return View(np.zeros((frames, 2)), still + 1, still, still + 1, np.zeros(2), 0.05, 0.0)


def _drawn(track: np.ndarray, face: Face, view: View | None = None, size: int = 48) -> np.ndarray:
    return draw_mouth(track, face, view or _calm(len(track)), size, np.random.default_rng(0)).astype(float)


def _face(seed: int = 0) -> Face:
    return replace(draw_face(np.random.default_rng(seed)), beard=0.0, moles=np.zeros((0, 3)))


def test_opening_shows_as_dark_area():
    track = np.zeros((5, 6))
    track[:, 0] = [0, 0.25, 0.5, 0.75, 1]
    for seed in range(5):
        face = _face(seed)
        pictures = _drawn(track, face)
        dark = (pictures[:, 14:42, 8:40] < 255 * 0.35 * face.skin).sum((1, 2))
        assert (np.diff(dark) > 0).all()


def test_rounding_narrows_and_teeth_are_bright():
    track = np.zeros((3, 6))
    track[:, 0] = 0.5
    track[1, 2] = 1.0  # rounded
    track[2, 3] = 1.0  # teeth
    plain, rounded, teeth = _drawn(track, _face())
    width = [np.ptp(np.flatnonzero((picture[20:32] < 0.3 * 255 * _face().skin).any(0))) for picture in (plain, rounded)]
    assert width[1] < width[0] - 3
    assert teeth[20:28, 16:32].max() > plain[20:28, 16:32].max() + 10


def test_nothing_is_painted_beside_the_mouth():
    face = _face()
    rest = _drawn(np.zeros((1, 6)), face)[0]
    assert np.abs(np.diff(rest[16:30, :4], axis=0)).max() < 8


def test_a_moving_head_moves_the_picture():
    view = replace(_calm(2), shift=np.array([[0.0, 0.0], [0.25, 0.0]]))
    first, second = _drawn(np.zeros((2, 6)), _face(), view)
    np.testing.assert_allclose(second[:, 20:40], first[:, 14:34], atol=30)
    shift = [np.corrcoef(first[:, 10:34].ravel(), second[:, 10 + k : 34 + k].ravel())[0, 1] for k in range(12)]
    assert int(np.argmax(shift)) == 6


def test_views_and_faces_differ_and_repeat():
    one, again, other = (draw_view(10, 25, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one.shift, again.shift)
    assert not np.array_equal(one.shift, other.shift)
    assert np.abs(one.shift).max() < 0.4
    assert draw_face(np.random.default_rng(0)).skin != draw_face(np.random.default_rng(1)).skin
    noisy = replace(_calm(1), noise=0.02)
    assert np.abs(_drawn(np.zeros((1, 6)), _face(), noisy) - _drawn(np.zeros((1, 6)), _face())).std() > 2


def test_any_size():
    track = np.zeros((2, 6))
    assert [_drawn(track, _face(), size=size).shape[1:] for size in (8, 33, 96)] == [(8, 8), (33, 33), (96, 96)]
