"""Pictures at a steady rate out of a video of any rate, chosen while it is decoded, so that no others are held."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

_TIE_SECONDS = 1e-6  # of two pictures as near as each other, the earlier one is taken


class SteadyPictures:
    """
    Keeps the picture nearest to each tick of a clock that starts at the first picture.

    Of what was decoded it holds the last frame, and of the others those alone that a tick has taken; a frame that no
    tick takes is never made a picture. Frames come in the order in which they are shown, as FFmpeg gives them; one
    whose time is not later than the last one's is left out.

    :param fps: Ticks a second.
    :param even: Seconds from a picture to one without a time.
    :param picture: Makes a frame a picture (H, W), uint8.
    :param most_seconds: More is not held at once but refused, before a tick is filled: a damaged file may say any time.
    :param longer: The message then, with a place for the seconds.
    """

    def __init__(
        self,
        fps: float,
        even: float,
        picture: Callable[[Any], np.ndarray],
        most_seconds: float = math.inf,
        longer: str = "it is longer than {:g} s: cut it into shorter files",
    ) -> None:
        self.fps, self.even, self.picture = fps, even, picture
        self.most_seconds, self.longer = most_seconds, longer
        self.first = self.last = 0.0
        self.shown = 0
        self._times: list[float] = []
        self._size: tuple[int, int] | None = None
        self._frame: Any = None
        self._made: np.ndarray | None = None
        self._kept: list[np.ndarray] = []
        self._given = 0  # ticks whose pictures are not held any more

    @property
    def ready(self) -> int:
        """How many pictures can be given."""
        return len(self._kept)

    @property
    def held(self) -> int:
        """How many different pictures and frames are in memory."""
        return len({id(picture) for picture in self._kept}) + (self._frame is not None)

    def show(self, frame: Any, time: float | None) -> None:
        """
        Look at the next frame.

        :param frame: With `width` and `height`.
        :param time: Seconds; None follows the last one evenly.
        :raises ValueError: If pictures change their size, or a time is none or too late.
        """
        if self._size is None:
            self._size = (frame.width, frame.height)
        elif self._size != (frame.width, frame.height):
            raise ValueError("its pictures change their size: encode it again")
        if not self.shown:
            self.first = self.last = 0.0 if time is None else float(time)
        else:
            now = self.last + self.even if time is None else float(time)
            if not now - self.first - self._given / self.fps <= self.most_seconds:
                raise ValueError(self.longer.format(self.most_seconds))
            if now <= self.last:
                return
            made = self._choose(frame, now)
            self._times.append(now - self.last)
            self.last, self._made = now, made
        self.shown += 1
        self._frame = frame

    def give(self, count: int) -> np.ndarray:
        """
        The first pictures, which are not held from then on.

        :param count: How many, `ready` at most.
        :return: uint8 (count, H, W).
        """
        found = np.stack(self._kept[:count])
        del self._kept[:count]
        self._given += count
        return found

    def taken(self) -> np.ndarray:
        """
        All pictures that were not given yet, once; the last one is shown as long as the median of the others.

        :return: uint8 (T, H, W).
        """
        length = self.last - self.first + float(np.median(self._times))
        count = max(1, round(length * self.fps) - self._given)
        missing = count - len(self._kept)
        if missing > 0:
            self._kept += [self._picture_of_last()] * missing
        del self._kept[count:]
        self._frame = self._made = None
        found = np.empty((count, *self._kept[0].shape), np.uint8)
        for index, picture in enumerate(self._kept):
            found[index] = picture
            self._kept[index] = found[index]  # the old one may go: both at once would be twice the memory
        self._kept = []
        return found

    def _choose(self, frame: Any, now: float) -> np.ndarray | None:
        """Give the ticks up to now the last frame or this one; this one as a picture, if a tick took it."""
        made = None
        while (tick := self.first + (self._given + len(self._kept)) / self.fps) <= now:
            if tick - self.last <= now - tick + _TIE_SECONDS:
                self._kept.append(self._picture_of_last())
            else:
                made = self.picture(frame) if made is None else made
                self._kept.append(made)
        return made

    def _picture_of_last(self) -> np.ndarray:
        """Made once, however many ticks take it."""
        if self._made is None:
            self._made = self.picture(self._frame)
        return self._made
