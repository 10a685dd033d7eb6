"""A drawn mouth between nose and chin, opened and shaped as told, as grey pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from art_audio_ext.datasets.mouth_faces import Face, View
from art_audio_ext.datasets.visemes import OPEN, ROUND, TEETH, TONGUE, TUCK, WIDTH

# Lengths are in halves of the picture's side: x from -1 (left) to 1, y from -1 (top) to 1.
_GAP = 0.42  # lips apart at opening 1
_UPPER_SHARE = 0.22  # how much of the opening the upper lip makes; the jaw makes the rest
_LINE = 0.022  # the dark line between closed lips


def draw_mouth(track: np.ndarray, face: Face, view: View, size: int, rng: np.random.Generator) -> np.ndarray:
    """
    The pictures of a clip.

    :param track: What the mouth does, (T, 6), as `visemes.mouth_track` gives it.
    :param face: Whose it is.
    :param view: How it is seen, for as many pictures.
    :param size: Height and width in pixels.
    :param rng: Draws the camera's noise.
    :return: uint8 (T, size, size).
    """
    edge = ((np.arange(size) + 0.5) * (2 / size) - 1).astype(np.float32)
    small = [_column(part) for part in (view.shift[:, 0], view.shift[:, 1], view.scale, view.roll, view.light)]
    dx, dy, scale, roll, light = small
    x = (edge - dx) / scale  # (T, 1, W)
    y = (edge[:, None] - dy) / scale + roll * x  # (T, H, W)
    soft = np.float32(max(view.blur, 2 / size))
    picture = _skin(face, x, y, _lips(track, face, x), soft)
    # The mouth fills half of the picture: only that part is painted over.
    near = (np.abs(x) < 0.8).any((0, 1)), ((y > -0.5) & (y < 0.9)).any((0, 2))
    columns, rows = (slice(int(part.argmax()), len(part) - int(part[::-1].argmax())) for part in near)
    x_near, y_near, mouth = x[:, :, columns], y[:, rows, columns], picture[:, rows, columns]
    lips = _lips(track, face, x_near)
    _paint(mouth, _between(y_near, lips.upper_edge, lips.lower_edge, soft, lips), _lip_grey(face, x_near, y_near, lips))
    hole = _between(y_near, lips.upper_line, lips.lower_line, soft, lips)
    _paint(mouth, hole, _inside(track, face, x_near, y_near, lips, soft))
    picture *= light * (1 + np.float32(view.slant[0]) * x + np.float32(view.slant[1]) * edge[:, None])
    picture += np.float32(view.noise) * rng.standard_normal(picture.shape, dtype=np.float32)
    picture *= 255
    return np.rint(picture, out=picture).clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class _Lips:
    """Four curves (T, 1, W), downwards, how far the lips are apart and how wide (T, 1, 1), and 1 where they are."""

    upper_edge: np.ndarray
    upper_line: np.ndarray
    lower_line: np.ndarray
    lower_edge: np.ndarray
    gap: np.ndarray
    half_width: np.ndarray
    across: np.ndarray


def _lips(track: np.ndarray, face: Face, x: np.ndarray) -> _Lips:
    """The outline of the mouth in every picture."""
    opening, width, rounding, tuck = (_column(track[:, i]) for i in (OPEN, WIDTH, ROUND, TUCK))
    half_width = np.float32(face.half_width) * (1 + 0.12 * width - 0.28 * rounding - 0.05 * opening)
    gap = np.float32(_GAP) * opening + np.float32(_LINE)
    across = (x / half_width).clip(-1, 1)
    arch = 1 - across * across
    inner, outer = np.sqrt(arch) * (0.4 + 0.6 * arch), np.sqrt(arch)
    middle = np.float32(face.corners) * across * across - 0.02
    upper_line = middle - _UPPER_SHARE * gap * inner
    lower_line = middle + (1 - _UPPER_SHARE) * gap * inner
    lower_line = lower_line - tuck * np.float32(0.03) * arch
    fuller = 1 + 0.25 * rounding
    dip = 1 - np.float32(face.bow) * np.exp(-((x / 0.07) ** 2))
    upper = np.float32(face.upper) * fuller * outer * dip
    lower = np.float32(face.lower) * (fuller - 0.5 * tuck) * outer
    return _Lips(upper_line - upper, upper_line, lower_line, lower_line + lower, gap, half_width, (8 * arch).clip(0, 1))


def _skin(face: Face, x: np.ndarray, y: np.ndarray, lips: _Lips, soft: np.float32) -> np.ndarray:
    """Everything but the mouth: cheeks, nose, chin and neck; the chin falls with the jaw."""
    skin = np.float32(face.skin)
    fall = 0.6 * lips.gap
    jaw = np.float32(face.chin_y) + fall - np.float32(face.jaw) * x * x
    picture = _ramp(jaw - y, 3 * soft)
    picture *= 0.35 * skin
    picture += 0.65 * skin
    flat = y[:, :, :1] - (y[:, :1, :1] - y[:, :1, x.shape[2] // 2, None])  # y of the middle column, (T, H, 1)
    nose_y = np.float32(face.nose_y)
    for side in (-face.nose, face.nose):
        picture -= 0.45 * skin * _bump(flat - nose_y, 0.05) * _bump(x - np.float32(side), 0.06)
    picture += 0.12 * skin * _bump(flat - nose_y + 0.2, 0.15) * _bump(x, 0.15)
    picture -= 0.10 * skin * _bump(flat - nose_y - 0.1, 0.05) * _bump(x, 0.25)
    picture -= 0.08 * skin * _bump(flat - (nose_y / 2 - 0.1), 0.15) * _bump(x, 0.05)
    for mole_x, mole_y, radius in face.moles:
        picture -= 0.2 * skin * _bump(flat - np.float32(mole_y), radius) * _bump(x - np.float32(mole_x), radius)
    low = lips.lower_edge.max(axis=2, keepdims=True)
    picture -= 0.16 * skin * _bump(flat - low - 0.05, 0.06) * _bump(x, 0.3)
    picture += 0.06 * skin * _bump(flat - low - 0.3, 0.12) * _bump(x, 0.25)
    if face.beard:
        picture -= np.float32(face.beard) * skin * _bump(flat - low - 0.3, 0.3) * _bump(x, 0.6)
        picture -= np.float32(face.beard) * skin * _bump(flat + 0.25, 0.1) * _bump(x, 0.4)
    return picture


def _lip_grey(face: Face, x: np.ndarray, y: np.ndarray, lips: _Lips) -> np.ndarray:
    """Lips: the upper one in its own shade, the lower one with a highlight."""
    grey = np.float32(face.skin * face.lip)
    shine = (lips.lower_line + lips.lower_edge) / 2
    away = (y - shine) / np.float32(0.5 * face.lower)
    highlight = 1 / (1 + away * away)
    highlight *= 0.28 * grey * _bump(x, 0.25)
    highlight += 0.88 * grey
    return highlight


def _inside(track: np.ndarray, face: Face, x: np.ndarray, y: np.ndarray, lips: _Lips, soft: np.float32) -> np.ndarray:
    """Between the lips: dark, with a tongue below and teeth above (and some below)."""
    teeth, tongue = (_column(track[:, i]) for i in (TEETH, TONGUE))
    skin = np.float32(face.skin)
    grey = np.full(y.shape, 0.14 * skin, np.float32)
    middle = _bump(x, 0.3)
    _paint(grey, _ramp(y - lips.lower_line + lips.gap * (0.2 + 0.55 * tongue) * middle, soft), 0.55 * skin)
    rows = np.float32(face.teeth) * (0.94 + 0.06 * np.cos(x * 50))
    rows = rows * (1 - 0.5 * np.abs(x / lips.half_width).clip(0, 1))
    seen = np.minimum(teeth * 0.11, lips.gap) * (x * x < lips.half_width**2)
    _paint(grey, _ramp(lips.upper_line + seen - y, soft / 2) * (teeth > 0.05), rows)
    lower = np.minimum(np.maximum(teeth - 0.5, 0) * 0.12, 0.4 * lips.gap)
    _paint(grey, _ramp(y - lips.lower_line + lower, soft / 2) * (lower > 0.01), 0.85 * rows)
    return grey


def _between(y: np.ndarray, top: np.ndarray, bottom: np.ndarray, soft: np.float32, lips: _Lips) -> np.ndarray:
    """1 between two curves, 0 outside, with soft edges; nothing beyond the corners of the mouth."""
    mask = _ramp(y - top, soft)
    np.minimum(mask, _ramp(bottom - y, soft), out=mask)
    mask *= lips.across
    return mask


def _paint(picture: np.ndarray, mask: np.ndarray, grey: np.ndarray | np.float32) -> None:
    """Lay a grey over the picture where the mask is."""
    picture += mask * (grey - picture)


def _ramp(distance: np.ndarray, soft: np.float32) -> np.ndarray:
    """0 to 1 across an edge of width `soft`."""
    made = distance / soft
    made += np.float32(0.5)
    return np.clip(made, 0, 1, out=made)


def _bump(distance: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-((distance / np.float32(width)) ** 2))


def _column(values: np.ndarray) -> np.ndarray:
    """(T,) as float32 (T, 1, 1)."""
    return np.asarray(values, np.float32)[:, None, None]
