"""Where the mouth is in the pictures of a talking face, and the steady crop around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d

# Pictures (T, H, W) uint8 -> (T, 3): centre x, centre y and side of the mouth in pixels, NaN where it is not seen.
MouthFinder = Callable[[np.ndarray], np.ndarray]

_SEARCH_HEIGHT = 480  # taller pictures are shrunk for the search, which takes time by the pixel
_ODD = 5  # boxes a median is taken of: one wrong face among them does no harm
_CALM = 15  # pictures whose mean is the place of the mouth
LEAST_SHARE = 0.2  # of the pictures searched: a face in fewer is taken for a wrong one, and its place for a guess
_MOUTH_BELOW, _MOUTH_SIDE = 0.30, 0.56  # of the face box's size: centre of the mouth under its centre, side of the crop


class NoFaceError(ValueError):
    """No picture of a clip shows a face, or too few of them do."""


@dataclass(frozen=True)
class FixedMouth:
    """
    The same square in every picture, for clips whose faces are already aligned; the default is that of LRW's 256 x 256.

    :param top: First row.
    :param left: First column.
    :param side: Rows and columns.
    """

    top: int = 115
    left: int = 79
    side: int = 96

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """
        :param pictures: (T, H, W).
        :return: (T, 3), the same row throughout.
        :raises ValueError: If the square does not lie in the pictures.
        """
        height, width = pictures.shape[1:]
        if self.top + self.side > height or self.left + self.side > width or min(self.top, self.left) < 0:
            square = f"rows {self.top}:{self.top + self.side}, columns {self.left}:{self.left + self.side}"
            raise ValueError(f"the crop ({square}) does not lie in its {height} x {width} pictures: search the face")
        half = self.side / 2
        return np.tile([self.left + half, self.top + half, self.side], (len(pictures), 1))


@dataclass(frozen=True)
class HaarMouth:
    """
    Below the middle of the largest frontal face that OpenCV's Haar cascade finds, smoothed over time.

    A wrong box is outvoted by the median of five, pictures between boxes and without a face are interpolated, the mean
    of 15 pictures stills the rest, and the size of the face is the median of the clip.

    :param every: Search each so many pictures only.
    :param least: Smallest face, in pixels (of 480 rows where the pictures have more).
    :param share: Of the pictures searched, those that must show a face: the cascade sees one in a curtain now and then.
    """

    every: int = 3
    least: int = 80
    share: float = LEAST_SHARE

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """
        :param pictures: uint8 (T, H, W).
        :return: (T, 3); all NaN if no face was found.
        :raises NoFaceError: A ValueError, if fewer than `share` of the pictures searched show one.
        :raises ImportError: If OpenCV is not installed, or is one without this search.
        """
        cv2 = load_cv2()
        cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
        scale = min(1.0, _SEARCH_HEIGHT / pictures.shape[1])
        searched = np.arange(0, len(pictures), self.every)
        boxes = np.stack([self._face(cv2, cascade, pictures[index], scale) for index in searched])
        seen = ~np.isnan(boxes[:, 0])
        if not seen.any():
            return np.full((len(pictures), 3), np.nan)
        _check_share(seen, self.share)
        steady = median_filter(boxes[seen], (_ODD, 1), mode="nearest")
        every = np.arange(len(pictures))
        x, y = (
            uniform_filter1d(np.interp(every, searched[seen], steady[:, axis]), _CALM, mode="nearest")
            for axis in (0, 1)
        )
        size = np.median(boxes[seen, 2])
        return np.stack([x, y + _MOUTH_BELOW * size, np.full(len(x), _MOUTH_SIDE * size)], axis=1)

    def _face(self, cv2: Any, cascade: Any, picture: np.ndarray, scale: float) -> np.ndarray:
        """Centre and size of the largest face, (3,), NaN if there is none."""
        if scale < 1:
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found = cascade.detectMultiScale(picture, 1.1, 5, minSize=(self.least, self.least))
        if not len(found):
            return np.full(3, np.nan)
        left, top, width, height = max(found, key=lambda box: box[2])
        return np.array([left + width / 2, top + height / 2, width]) / scale


def _check_share(seen: np.ndarray, share: float) -> None:
    """Refuse a clip whose pictures that were searched (n,) hardly ever show a face."""
    if seen.mean() < share:
        raise NoFaceError(
            f"a face in {seen.sum()} of the {len(seen)} pictures searched ({seen.mean():.0%}), {share:.0%} are needed: "
            f"use a clip that shows one from the front most of the time"
        )


def load_cv2() -> ModuleType:
    """
    :return: OpenCV.
    :raises ImportError: If it is not installed, or is version 5, which has no Haar cascades.
    """
    line = 'pip install "art-audio-ext[video]"'
    try:
        import cv2
    except ImportError as error:
        raise ImportError(f"cropping mouths needs OpenCV: {line}") from error
    if not hasattr(cv2, "CascadeClassifier"):
        raise ImportError(f"OpenCV {cv2.__version__} has no face search, version 4 does: {line}")
    return cv2


def mouth_crops(pictures: np.ndarray, size: int, finder: MouthFinder | None = None) -> np.ndarray:
    """
    Square pictures of the mouth, all at the scale that is the clip's median.

    :param pictures: uint8 (T, H, W), grey.
    :param size: Height and width wanted, in pixels.
    :param finder: Says where the mouth is; None searches the face, see `HaarMouth`. Where it says NaN the place is
        interpolated.
    :return: uint8 (T, size, size); what lies outside a picture repeats its edge.
    :raises NoFaceError: A ValueError, if the finder finds no mouth in any picture, or in fewer than a fifth of them.
    :raises ValueError: If the finder answers in another shape.
    :raises ImportError: If OpenCV is not installed.
    """
    cv2 = load_cv2()
    boxes = np.asarray((finder or HaarMouth())(pictures), np.float64)
    if boxes.shape != (len(pictures), 3):
        raise ValueError(f"the mouth finder must return ({len(pictures)}, 3), one place a picture, got {boxes.shape}")
    seen = np.asarray(np.isfinite(boxes).all(1))
    if not seen.any():
        raise NoFaceError(f"no face in any of its {len(pictures)} pictures: use a clip that shows one from the front")
    _check_share(seen, LEAST_SHARE)
    every = np.arange(len(pictures))
    x, y = (np.interp(every, every[seen], boxes[seen, axis]) for axis in (0, 1))
    scale = size / float(np.median(boxes[seen, 2]))
    crops = np.empty((len(pictures), size, size), np.uint8)
    for index, picture in enumerate(pictures):
        zoom = scale
        if scale < 1:  # the mean over the area: interpolation alone would alias
            picture, zoom = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), 1.0
        # Places are counted from the corner of the first pixel, the matrix from its centre.
        shift = [size / 2 - scale * centre + (zoom - 1) / 2 for centre in (x[index], y[index])]
        matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
        crops[index] = cv2.warpAffine(picture, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
    return crops
