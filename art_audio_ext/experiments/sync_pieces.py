"""What a sync network says of a recording, piece by piece and as a whole, and when its pieces make it suspicious."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from art_audio_ext.datasets.video_files import FPS, Video
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.functional.piece_limits import pieces_beyond_chance, tail_limit
from art_audio_ext.functional.sync import sync_confidence, sync_offset
from art_audio_ext.training.sync_model import SyncModel

IN_SYNC_FRAMES = 1  # what a network can tell on 3 s of speech, and less than what viewers notice
FILE_RATE = 0.05  # of benign files, that their pieces may make suspicious
_LEAST_FRAMES = 7


@dataclass(frozen=True)
class SyncLimits:
    """
    What counts as suspicious.

    :param threshold: A lower confidence of a whole file, or of a piece looked at alone, is; None calls nothing so.
    :param spread: Mean, standard deviation and number of the benign clips that the threshold was learnt from; None
        where it was given, not learnt.
    """

    threshold: float | None = None
    spread: tuple[float, float, int] | None = None

    def of_pieces(self, pieces: int) -> tuple[float, int]:
        """
        :param pieces: Of a file.
        :return: A limit, and how many pieces of lower confidence make the file suspicious, so that the pieces of at
            most `FILE_RATE` of benign files do. From a known spread: one piece below `tail_limit`, for which so many
            pieces do not matter. Else as many as chance seldom puts below the threshold, taken for one that
            `FILE_RATE` of benign pieces lie below.
        """
        threshold = float("-inf") if self.threshold is None else self.threshold
        if self.spread is None:
            return threshold, pieces_beyond_chance(pieces, FILE_RATE, FILE_RATE)
        return min(threshold, tail_limit(*self.spread, pieces, FILE_RATE)), 1


def look(
    model: SyncModel, spans: Video | Iterable[tuple[float, Video]], limits: SyncLimits, edges: str = "masked"
) -> dict[str, Any]:
    """
    Offset, confidence and verdict of one file.

    :param model: Of any length of clips.
    :param spans: Crops as the model looks at them, with their sound; of a long file in spans, each with the second at
        which it starts.
    :param limits: What is suspicious.
    :param edges: "masked" or "reference", see `SyncModel.distances`.
    :return: `seconds` looked at, `offset_frames`, `offset_ms` (positive where the sound comes late), `confidence`,
        `verdict`, `suspicious` (as a whole, or by its pieces), `curve` (31 distances, at -15 to 15 frames; NaN where
        too few windows meet), `piece_limit` and `pieces_needed` (see `SyncLimits`; None of a file of one piece, or
        without a threshold), `pieces_below` (that limit), and `pieces`: the same of each, from `start_seconds` on.
    :raises ValueError: If it is too short.
    """
    pieces, curves, seconds = list[dict[str, Any]](), list[np.ndarray](), 0.0
    for start, video in [(0.0, spans)] if isinstance(spans, Video) else spans:
        for first, curve in _curves(model, video, edges):
            pieces.append({"start_seconds": start + first / FPS, **judged(curve, FPS, limits.threshold)})
            curves.append(curve)
        seconds += len(video.pictures) / FPS
    whole = judged(np.mean(curves, 0), FPS, limits.threshold)
    return {"seconds": seconds, **whole, **_by_pieces(whole, pieces, limits), "pieces": pieces}


def judged(curve: np.ndarray, fps: float, threshold: float | None) -> dict[str, Any]:
    """
    What a curve of distances says.

    :param curve: Shape (31,).
    :param fps: Pictures a second.
    :param threshold: A lower confidence is suspicious; None calls nothing so.
    :return: `offset_frames`, `offset_ms`, `confidence`, `suspicious`, `verdict` and `curve`.
    """
    distances = torch.from_numpy(np.asarray(curve, np.float32))[None]
    offset, confidence = int(sync_offset(distances)), float(sync_confidence(distances))
    milliseconds = round(1000 / fps * offset)
    suspicious = threshold is not None and confidence < threshold
    if suspicious:
        verdict = "suspicious"
    elif abs(offset) <= IN_SYNC_FRAMES:
        verdict = "in sync"
    else:
        verdict = f"{'late' if offset > 0 else 'early'} by {abs(milliseconds)} ms"
    return {
        "offset_frames": offset,
        "offset_ms": milliseconds,
        "confidence": confidence,
        "suspicious": suspicious,
        "verdict": verdict,
        "curve": distances[0].tolist(),
    }


def _curves(model: SyncModel, video: Video, edges: str) -> list[tuple[int, np.ndarray]]:
    """First picture and curve of each piece; the last ends with the pictures and may overlap the one before it."""
    frames = len(video.pictures)
    if frames < _LEAST_FRAMES:
        raise ValueError(f"it has {frames} pictures at 25 a second, {_LEAST_FRAMES} are the least: take a longer clip")
    layout = AudioVisualLayout.of_frames(min(frames, model.layout.frames), model.layout.size)
    shown, found = model.for_layout(layout), []
    for first in [*range(0, frames - layout.frames, layout.frames), frames - layout.frames]:
        begin = round(first / layout.fps * layout.sample_rate)
        sound, pictures = video.audio[begin : begin + layout.samples], video.pictures[first : first + layout.frames]
        found.append((first, shown.distances(layout.pack(sound[None], pictures[None]), edges=edges)[0]))
    return found


def _by_pieces(whole: dict[str, Any], pieces: list[dict[str, Any]], limits: SyncLimits) -> dict[str, Any]:
    """What the pieces of a file add to its verdict."""
    if len(pieces) < 2 or limits.threshold is None:
        return {"piece_limit": None, "pieces_needed": None, "pieces_below": 0}
    limit, needed = limits.of_pieces(len(pieces))
    below = sum(piece["confidence"] < limit for piece in pieces)
    found: dict[str, Any] = {"piece_limit": limit, "pieces_needed": needed, "pieces_below": below}
    if below >= needed and not whole["suspicious"]:
        found |= {"suspicious": True, "verdict": f"suspicious in {below} of {len(pieces)} pieces"}
    return found
