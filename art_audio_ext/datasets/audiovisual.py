"""Audiovisual datasets by name: what a person writes after `--data`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout

CHOICES = "builtin-av, grid:ROOT, lrw:ROOT, or the path of a folder of video files"
FRAMES = {"word": 29, "sentence": 75}
_SIZES = {"lrw": 96}
_SIZE = 72


def load_audiovisual(
    spec: str,
    *,
    clips: str = "word",
    frames: int | None = None,
    size: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    cache_dir: Path | None = None,
    progress: bool = True,
    mouth: Any = None,
) -> AudioVisualDataset:
    """
    Load talking mouths with their sound: 25 pictures a second, sound at 16 kHz.

    :param spec: `builtin-av` (made on the spot, needs the extra [demo]), or, with the extra [video], `grid:ROOT`,
        `lrw:ROOT`, or the path of a folder of video files.
    :param clips: "word" (29 frames, the word in the middle) or "sentence" (75 frames from the start of the file).
    :param frames: Pictures a clip; None takes 29 or 75.
    :param size: Height and width of a picture in pixels; None takes 96 for LRW, else 72.
    :param seed: Decides the built-in clips, and which are kept if there are more than `limit`.
    :param limit: How many clips at most; built-in makes so many (500 if None).
    :param cache_dir: Where clips are kept; None takes ART_AUDIO_CACHE or ~/.cache/art-audio.
    :param progress: Show progress bars.
    :param mouth: How the mouth is found in a video file, as `mouth.MouthFinder`; None takes the dataset's usual way.
    :return: The dataset; files that will not do are listed in `skipped`.
    :raises ValueError: If the name is unknown, an extra is missing, or the data or an argument will not do.
    """
    if clips not in FRAMES:
        raise ValueError(f"clips must be 'word' or 'sentence', got {clips!r}")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, (int, np.integer)) or limit < 1):
        raise ValueError(f"limit must be a positive whole number, got {limit!r}")
    kind = spec.partition(":")[0]
    layout = AudioVisualLayout.of_frames(
        FRAMES[clips] if frames is None else frames, _SIZES.get(kind, _SIZE) if size is None else size
    )
    # Imported late: built-in clips need no video reader, and files no espeak-ng.
    if spec == "builtin-av":
        from art_audio_ext.datasets.builtin_av import DEFAULT_CLIPS, make_builtin_av

        return make_builtin_av(
            layout, clips, clips=limit or DEFAULT_CLIPS, seed=seed, cache_dir=cache_dir, progress=progress
        )
    raise ValueError(f"there is no audiovisual dataset {spec!r}: choose {CHOICES}")
