"""Audiovisual datasets by name: what a person writes after `--data`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.datasets.mouth import MouthFinder
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

CHOICES = "builtin-av, grid:ROOT, lrw:ROOT, or a folder of video files with one sub-folder a label"
_FRAMES = {"word": 29, "sentence": 75}
_BUILTIN_SIZE = 72


def load_audiovisual(
    spec: str,
    *,
    clips: str = "word",
    frames: int | None = None,
    size: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    progress: bool = True,
    finder: MouthFinder | None = None,
) -> AudioVisualDataset:
    """
    Load clips of talking mouths by the name of the dataset.

    :param spec: `builtin-av`; `grid:ROOT`; `lrw:ROOT`; or a folder of video files, one sub-folder a label.
    :param clips: "word" (29 pictures) or "sentence" (75 pictures, 3 s).
    :param frames: Pictures a clip, if another number is wanted.
    :param size: Height and width of a mouth crop in pixels; None takes what suits the dataset.
    :param seed: Decides the built-in clips, and which clips a limit takes.
    :param limit: Clips at most; None takes all there are.
    :param progress: Show progress bars.
    :param finder: Says where the mouth is in the pictures of a file, see `datasets.mouth.MouthFinder`: a callable of
        your own, or a `HaarMouth` or `FixedMouth` with other options; None takes what suits the dataset.
    :return: The dataset; files that cannot be used are listed in `skipped`.
    :raises ValueError: If the name is unknown, an argument will not do, or not one clip is left.
    :raises ImportError: If the extra [video] is needed and not installed.
    """
    if clips not in _FRAMES:
        raise ValueError(f"clips must be one of {', '.join(_FRAMES)}, got {clips!r}")
    for name, value in (("frames", frames), ("size", size), ("limit", limit)):
        wrong = isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1
        if value is not None and wrong:
            raise ValueError(f"{name} must be a positive whole number, got {value!r}")
    asked: dict[str, Any] = {"clips": clips, "frames": frames, "size": size, "seed": seed, "limit": limit}
    if finder is not None:  # left out where there is none: LRW has one of its own
        asked["finder"] = finder
    if spec == "builtin-av":
        if finder is not None:
            raise ValueError("builtin-av draws its mouths where the crop is: leave finder out")
        return _builtin(clips, frames, size or _BUILTIN_SIZE, seed, limit, progress)
    kind, _, root = spec.partition(":")
    asked["progress"] = progress
    if kind in ("grid", "lrw") and not root:
        raise ValueError(f"{kind}: names no folder: say where it lies, as in {kind}:ROOT; nothing is downloaded")
    if kind == "grid":
        from art_audio_ext.datasets.grid import load_grid

        return load_grid(root, **asked)
    if kind == "lrw":
        from art_audio_ext.datasets.video_folders import load_lrw

        return load_lrw(root, **asked)
    if spec and Path(spec).expanduser().exists():
        from art_audio_ext.datasets.video_folders import load_video_folder

        return load_video_folder(spec, **asked)
    raise ValueError(f"there is no audiovisual dataset {spec!r}: choose {CHOICES}")


def _builtin(
    clips: str, frames: int | None, size: int, seed: int, limit: int | None, progress: bool
) -> AudioVisualDataset:
    """Clips made on the spot."""
    from art_audio_ext.datasets.builtin_av import DEFAULT_CLIPS, make_builtin_av  # imported late: it needs espeak-ng

    layout = AudioVisualLayout.of_frames(frames or _FRAMES[clips], size)
    return make_builtin_av(layout, clips, clips=limit or DEFAULT_CLIPS, seed=seed, progress=progress)
