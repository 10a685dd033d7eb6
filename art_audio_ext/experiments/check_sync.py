"""`art-audio check-sync`: by how much sound and pictures of video files are apart, and whether they belong together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import art_audio_ext
from art_audio_ext.datasets.mouth import HaarMouth, MouthFinder
from art_audio_ext.datasets.mouth_files import mouth_spans
from art_audio_ext.datasets.video_clips import video_files
from art_audio_ext.datasets.video_files import Video, VideoError
from art_audio_ext.experiments.sync_pieces import SyncLimits, look
from art_audio_ext.experiments.train_sync import read_limits
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.report.check_sync_view import write_check
from art_audio_ext.training.sync_model import SyncModel
from art_audio_ext.training.weight_files import two_paths

PUBLIC_LAYOUT = AudioVisualLayout.of_frames(75, 224)  # whole faces, 3 s
_EDGES = ("masked", "reference")
_MOUTH_BELOW, _MOUTH_SIDE = 0.30, 0.56  # of a face box's size, as `HaarMouth` has it
_FACE_BELOW, _FACE_SIDE = 0.20, 1.40  # of the same: what the public code of SyncNet cuts out


def check_sync(
    videos: Sequence[str | Path],
    model: str | Path | SyncModel,
    out: str | Path,
    *,
    threshold: float | None = None,
    edges: str = "masked",
    finder: MouthFinder | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """
    Look at video files one after the other; what cannot be used is listed with the reason, and the others go on.

    A file is looked at in pieces as long as the clips that the network learnt from (3 s; the last piece ends with the
    file, and overlaps the one before it), a shorter one as a whole. Offset and confidence of the whole are those of
    the mean of its pieces' curves; it is suspicious by that confidence, or by its pieces, see `SyncLimits`.

    Written to `out`: `results.json` and `report.html`.

    :param videos: Files, or folders of them, at any depth.
    :param model: What `art-audio train sync` wrote, a file of the published weights of SyncNet (of whole faces), or a
        model of mouths.
    :param out: Folder for everything; made if absent.
    :param threshold: A lower confidence is suspicious; None takes what was learnt with the model, if anything was.
    :param edges: "masked" leaves out pairs of pictures with sound before or after a piece, "reference" takes silence
        for it, as the public code of SyncNet does; thresholds are learnt with "masked", and are for that alone.
    :param finder: Says where in the pictures that lies which the network looks at, a mouth or a whole face, see
        `datasets.mouth.MouthFinder`; None searches the face.
    :param progress: Show a bar.
    :return: The record, as written to `results.json`: `files` (see `look`; and `faceless`, spans of two minutes
        of a longer file that show no face and were not looked at), and `failed` with `path` and `reason`.
    :raises ValueError: If there is nothing to look at, or model or threshold will not do.
    :raises FileNotFoundError: If the model is not there.
    :raises ImportError: If the extra that reads video is needed and missing.
    """
    if threshold is not None and not math.isfinite(threshold):
        raise ValueError(f"threshold must be a finite number, got {threshold!r}")
    if edges not in _EDGES:
        raise ValueError(f"edges must be one of {', '.join(_EDGES)}, got {edges!r}")
    if not videos:
        raise ValueError("there is nothing to look at: name video files, or folders of them")
    opened, usual = _open(model)
    limits = SyncLimits() if threshold is None else SyncLimits(float(threshold))
    if threshold is None and edges == "masked" and not isinstance(model, SyncModel):
        limits = read_limits(model, opened)
    files, failed = _listed(videos)
    rows = []
    for path, file in tqdm(files.items(), "looking", unit="file", disable=not progress, delay=2):
        try:
            faceless = list[dict[str, Any]]()
            spans = _with_mouth(mouth_spans(file, opened.layout.size, finder or usual), faceless)
            rows.append({"path": path, **look(opened, spans, limits, edges), "faceless": faceless})
        except VideoError as error:
            failed[path] = error.reason
        except (ValueError, MemoryError) as error:
            failed[path] = " ".join(str(error).split()) or "it does not fit into the memory"
        except OSError as error:
            failed[path] = error.strerror or type(error).__name__
    record = {
        "command": "check-sync",
        "version": art_audio_ext.__version__,
        "model": str(model) if isinstance(model, (str, Path)) else "given",
        "architecture": opened.settings.architecture,
        "piece_frames": opened.layout.frames,
        "edges": edges,
        "threshold": limits.threshold,
        "files": rows,
        "failed": [{"path": path, "reason": reason} for path, reason in sorted(failed.items())],
    }
    write_check(record, Path(out))
    return record


def _with_mouth(
    spans: Iterable[tuple[float, Video | VideoError]], faceless: list[dict[str, Any]]
) -> Iterator[tuple[float, Video]]:
    """Spans that show a mouth; the others are noted, and if there are only such, the first reason is raised."""
    errors = []
    seen = False
    for start, found in spans:
        if isinstance(found, VideoError):
            errors.append(found)
            faceless.append({"start_seconds": start, "reason": found.reason})
        else:
            seen = True
            yield start, found
    if errors and not seen:
        raise errors[0]


def whole_face(pictures: np.ndarray) -> np.ndarray:
    """
    A finder of faces instead of mouths, about as the public code of SyncNet cuts them out.

    :param pictures: uint8 (T, H, W).
    :return: (T, 3): centre and side of the square in each picture, NaN where no face is seen.
    """
    x, y, side = HaarMouth()(pictures).T
    size = side / _MOUTH_SIDE
    return np.stack([x, y + (_FACE_BELOW - _MOUTH_BELOW) * size, _FACE_SIDE * size], axis=1)


def _open(model: str | Path | SyncModel) -> tuple[SyncModel, MouthFinder | None]:
    """The model, and what finds in pictures that which it looks at."""
    if isinstance(model, SyncModel):
        return model, None
    weights = two_paths(model)[0]
    if Path(model) == weights or weights.is_file() or not Path(model).is_file():
        opened = SyncModel.load(model)
        return opened, whole_face if opened.settings.architecture == "original" else None
    return SyncModel.from_public(model, PUBLIC_LAYOUT), whole_face


def _listed(videos: Sequence[str | Path]) -> tuple[dict[str, Path], dict[str, str]]:
    """Files by the name that reports give them, each once, and by name why others are left out."""
    files, failed, known = dict[str, Path](), dict[str, str](), set[Path]()
    for given in map(Path, videos):
        found, left_out = {str(given): given.expanduser()}, list[tuple[str, str]]()
        if given.expanduser().is_dir():
            try:
                root, inside, left_out = video_files(given, "videos")
                found = {str(given / file.relative_to(root)): file for file in inside}
            except ValueError as error:
                found, left_out = {}, [("", str(error))]
        failed |= {str(given / name): reason for name, reason in left_out}
        for path, file in found.items():
            if (place := file.resolve()) not in known:
                known.add(place)
                files[path] = file
    return files, failed
