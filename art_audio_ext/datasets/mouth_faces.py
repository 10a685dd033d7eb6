"""Whose mouth is drawn, and how camera, light and a moving head show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Face:
    """
    What does not change while someone speaks. Greys are in [0, 1], lengths in halves of the picture's side.

    :param skin: Grey of the skin.
    :param lip: Grey of the lips, as a share of the skin's.
    :param teeth: Grey of the teeth.
    :param half_width: From the middle of the mouth to its corner, at rest.
    :param upper: Thickness of the upper lip.
    :param lower: Thickness of the lower lip.
    :param bow: Depth of the dip in the middle of the upper lip, as a share of its thickness.
    :param corners: How far the corners hang (positive) or rise.
    :param nose: Distance of the nostrils from the middle line.
    :param nose_y: Height of the nostrils.
    :param chin_y: Where the chin ends.
    :param jaw: How quickly the jaw rises to the sides.
    :param beard: How much darker beard and moustache are, 0 for none.
    :param moles: (x, y, radius) of each (M, 3).
    """

    skin: float
    lip: float
    teeth: float
    half_width: float
    upper: float
    lower: float
    bow: float
    corners: float
    nose: float
    nose_y: float
    chin_y: float
    jaw: float
    beard: float
    moles: np.ndarray


@dataclass(frozen=True)
class View:
    """
    What camera, light and head do during a clip.

    :param shift: Where the middle of the mouth is, (T, 2), x and y.
    :param scale: Size of the head (T,).
    :param roll: Slope of the mouth's line (T,).
    :param light: Brightness (T,), 1 as the face is.
    :param slant: How the brightness changes to the right and downwards (2,).
    :param blur: Width of every edge.
    :param noise: Standard deviation of the camera's noise, in [0, 1] of full white.
    """

    shift: np.ndarray
    scale: np.ndarray
    roll: np.ndarray
    light: np.ndarray
    slant: np.ndarray
    blur: float
    noise: float


def draw_face(rng: np.random.Generator) -> Face:
    """
    Someone new.

    :param rng: Draws everything.
    :return: The face.
    """
    between = rng.uniform
    return Face(
        skin=between(0.42, 0.75),
        lip=between(0.62, 0.88),
        teeth=between(0.72, 0.92),
        half_width=between(0.46, 0.60),
        upper=between(0.07, 0.13),
        lower=between(0.10, 0.17),
        bow=between(0.1, 0.45),
        corners=between(-0.03, 0.05),
        nose=between(0.13, 0.20),
        nose_y=between(-0.78, -0.62),
        chin_y=between(0.78, 1.0),
        jaw=between(0.35, 0.65),
        beard=between(0.1, 0.45) if rng.uniform() < 0.3 else 0.0,
        moles=np.column_stack([between(-0.8, 0.8, 3), between(-0.6, 0.8, 3), between(0.02, 0.04, 3)]),
    )


def draw_view(frames: int, fps: float, rng: np.random.Generator) -> View:
    """
    One recording's light, camera and slow head movement.

    :param frames: Pictures, T.
    :param fps: Pictures a second.
    :param rng: Draws everything.
    :return: The view.
    """
    time = np.arange(frames) / fps
    return View(
        shift=np.stack([_sway(time, 0.04, rng) + rng.normal(0, 0.04) for _ in range(2)], axis=1),
        scale=1 + _sway(time, 0.02, rng) + rng.uniform(-0.08, 0.08),
        roll=_sway(time, 0.03, rng) + rng.normal(0, 0.05),
        light=rng.uniform(0.75, 1.2) * (1 + _sway(time, 0.02, rng)),
        slant=rng.uniform(-0.15, 0.15, 2),
        blur=rng.uniform(0.03, 0.07),
        noise=rng.uniform(0.004, 0.02),
    )


def _sway(time: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """A slow wandering of about `amount`."""
    speed, phase = rng.uniform(0.1, 0.8, 3), rng.uniform(0, 2 * np.pi, 3)
    return amount / np.sqrt(3) * np.sin(2 * np.pi * speed * time[:, None] + phase).sum(1)
