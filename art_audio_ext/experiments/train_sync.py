"""Train a synchronisation network on talking clips, and learn from held-out ones which confidence is suspicious."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.experiments.held_out_clips import load_and_hold_out
from art_audio_ext.experiments.official_split import VAL_FIRST
from art_audio_ext.experiments.sync_pieces import SyncLimits
from art_audio_ext.functional.detection_threshold import benign_limit
from art_audio_ext.functional.piece_limits import LEAST_KNOWN
from art_audio_ext.report.files import write_json
from art_audio_ext.report.text import percent, plural
from art_audio_ext.training.sync_model import SyncModel
from art_audio_ext.training.syncnet_settings import resolve_settings
from art_audio_ext.training.weight_files import two_paths

FALSE_POSITIVE_RATE = 0.05


@dataclass(frozen=True)
class TrainedSync:
    """
    What was trained.

    :param model: The model.
    :param path: Its weights.
    :param beside: The file with the threshold.
    :param detector: What that file holds, see `benign_detector`.
    :param skipped: Files that could not be used.
    """

    model: SyncModel
    path: Path
    beside: Path
    detector: dict[str, Any]
    skipped: int = 0

    def sentences(self) -> list[str]:
        """What a terminal says of it."""
        found = self.detector
        lines = [] if not self.skipped else [f"{plural(self.skipped, 'file')} could not be used."]
        lines.append(
            f"Offset within one frame on {percent(found['offset_within_one'])} of "
            f"{plural(found['held_out_clips'], 'held-out clip')}"
        )
        lines.append(f"Suspicious is a confidence below {found['threshold']:.3f}: {found['rule']}")
        return lines


def train_sync_on(
    data: str | AudioVisualDataset,
    out: str | Path,
    *,
    preset: str = "quick",
    epochs: int | None = None,
    seed: int = 0,
    accelerator: str = "auto",
    devices: int = 1,
    precision: str = "float32",
    progress: bool = True,
    **loading: Any,
) -> TrainedSync:
    """
    Train on nine tenths of the files, or on LRW's own part for that, whose part "val" is then what the threshold is
    learnt from; an interrupted training goes on when called again with the same `out`.

    :param data: As `load_audiovisual` takes it (sentence clips; of LRW, which has none, words), or a dataset.
    :param out: The `.safetensors` to write; checkpoints lie in a folder `<name>-checkpoints`, the threshold in
        `<name>-detector.json` beside it.
    :param preset: A key of `syncnet_settings.PRESETS`.
    :param epochs: Instead of the preset's.
    :param seed: Of loading, the files held out, and training.
    :param accelerator: As Lightning calls it.
    :param devices: How many of these.
    :param precision: "float32" or "bfloat16".
    :param progress: Show progress.
    :param loading: Other options of `load_audiovisual`.
    :return: The model and its threshold.
    :raises ValueError: If the data or an option is unusable.
    :raises ImportError: If the extra that reads video is needed and missing.
    """
    from art_audio_ext.training.syncnet import train_syncnet  # Lightning takes seconds to import

    settings = resolve_settings(preset, epochs=epochs)
    weights = two_paths(out)[0]
    kind = "word" if isinstance(data, str) and data.startswith("lrw:") else "sentence"
    learn, judge = load_and_hold_out(data, kind, seed, VAL_FIRST, **{"progress": progress, **loading})
    model = train_syncnet(
        learn,
        settings,
        seed=seed,
        checkpoint_dir=weights.with_name(f"{weights.stem}-checkpoints"),
        progress=progress,
        accelerator=accelerator,
        devices=devices,
        precision=precision,
    )
    path, beside = model.save(weights), detector_file(weights)
    detector = benign_detector(model, judge)
    write_json({**detector, "data": learn.name, "training_clips": len(learn), "seed": seed}, beside)
    return TrainedSync(model, path, beside, detector, len(learn.skipped))


def benign_detector(model: SyncModel, benign: AudioVisualDataset) -> dict[str, Any]:
    """
    The confidence that at most 5% of benign clips fall below; with fewer than 19 clips, which cannot show such a rate,
    the lowest one found.

    :param model: Trained on other clips.
    :param benign: Clips in sync.
    :return: `threshold`, `rule` (in words), `false_positive_rate` (of the rule, None with too few clips),
        `held_out_clips`, `confidence_mean` and `confidence_deviation` of them (None of fewer than three),
        `offset_within_one` (share of clips) and `network`, which says of which weights.
    """
    rows = benign.rows()
    confidence = model.confidence(rows)
    rate: float | None = FALSE_POSITIVE_RATE
    try:
        threshold = benign_limit(confidence, FALSE_POSITIVE_RATE)
        rule = f"at most {percent(FALSE_POSITIVE_RATE)} of benign clips such as those held out lie there"
    except ValueError:
        threshold, rate = float(confidence.min()), None
        rule = (
            f"the lowest of {plural(len(benign), 'held-out clip')}, too few to show a rate of "
            f"{percent(FALSE_POSITIVE_RATE)}: train on more files for that"
        )
    enough = len(benign) >= LEAST_KNOWN
    return {
        "threshold": threshold,
        "rule": rule,
        "false_positive_rate": rate,
        "held_out_clips": len(benign),
        "confidence_mean": float(confidence.mean()) if enough else None,
        "confidence_deviation": float(confidence.std(ddof=1)) if enough else None,
        "offset_within_one": float(np.mean(abs(model.offset(rows)) <= 1)),
        "network": model.checksum(),
    }


def detector_file(weights: str | Path) -> Path:
    """
    :param weights: With or without `.safetensors`.
    :return: Where the threshold lies that was learnt with them.
    """
    path = two_paths(weights)[0]
    return path.with_name(f"{path.stem}-detector.json")


def read_limits(weights: str | Path, model: SyncModel) -> SyncLimits:
    """
    What was learnt with a model about which confidence is suspicious.

    :param weights: Its file.
    :param model: What is in it.
    :return: The limits: none if there is no file of them, the threshold alone if it has no spread of benign clips.
    :raises ValueError: If that file is damaged, or of other weights.
    """
    beside = detector_file(weights)
    if not beside.is_file():
        return SyncLimits()
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
        threshold, network = float(found["threshold"]), found["network"]
        spread = None
        if found.get("confidence_deviation") is not None:
            spread = (
                float(found["confidence_mean"]),
                float(found["confidence_deviation"]),
                int(found["held_out_clips"]),
            )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{beside} holds no threshold ({error!r}): copy it again, or give --threshold") from error
    if not np.isfinite([threshold, *(spread or ())]).all() or network != model.checksum():
        raise ValueError(f"{beside} is of other weights than {weights}: copy it again, or give --threshold")
    return SyncLimits(threshold, spread)
