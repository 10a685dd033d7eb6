"""Train a recogniser of words or sentences on talking clips, and say how well it does with both modalities and one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.experiments.held_out_clips import check_sentences, load_and_hold_out
from art_audio_ext.functional.ctc import LabelCodes
from art_audio_ext.functional.metrics import proportion_interval
from art_audio_ext.networks.audiovisual_recogniser import HEADS
from art_audio_ext.report.files import write_json
from art_audio_ext.report.text import percent, plural
from art_audio_ext.training.audiovisual_evaluation import RecogniserScores, evaluate_recogniser
from art_audio_ext.training.audiovisual_model import RecogniserModel
from art_audio_ext.training.audiovisual_settings import resolve_settings
from art_audio_ext.training.weight_files import two_paths


@dataclass(frozen=True)
class TrainedRecogniser:
    """
    What was trained.

    :param model: The model.
    :param path: Its weights.
    :param beside: The file with what held-out clips say.
    :param scores: That.
    :param skipped: Files that could not be used.
    """

    model: RecogniserModel
    path: Path
    beside: Path
    scores: RecogniserScores
    skipped: int = 0

    def sentences(self) -> list[str]:
        """What a terminal says of it."""
        lines = [] if not self.skipped else [f"{plural(self.skipped, 'file')} could not be used."]
        right, clips = self.scores.accuracy, self.scores.clips
        low, high = proportion_interval(round(right["clean"] * clips), clips)
        lines.append(
            f"Right on {percent(right['clean'])} of {plural(clips, 'held-out clip')} (95% interval {percent(low)} to "
            f"{percent(high)}); {percent(right['audio_blanked'])} without sound, {percent(right['video_blanked'])} "
            f"without pictures"
        )
        if self.scores.word_error_rate:
            lines.append(f"Word error rate: {percent(self.scores.word_error_rate['clean'])}")
        return lines


def train_recogniser_on(
    data: str | AudioVisualDataset,
    out: str | Path,
    *,
    head: str = "word",
    preset: str = "small",
    epochs: int | None = None,
    seed: int = 0,
    accelerator: str = "auto",
    devices: int = 1,
    precision: str = "float32",
    progress: bool = True,
    **loading: Any,
) -> TrainedRecogniser:
    """
    Train on nine tenths of the files, or on LRW's own part for that, whose part "test" then judges; an interrupted
    training goes on when called again with the same `out`.

    :param data: As `load_audiovisual` takes it (a folder of videos needs transcripts for head "sentence"), or a
        dataset.
    :param out: The `.safetensors` to write; checkpoints lie in a folder `<name>-checkpoints`, what held-out clips say
        in `<name>-test.json` beside it.
    :param head: "word" or "sentence".
    :param preset: A key of `audiovisual_settings.PRESETS`.
    :param epochs: Instead of the preset's.
    :param seed: Of loading, the files held out, and training.
    :param accelerator: As Lightning calls it.
    :param devices: How many of these.
    :param precision: "float32" or "bfloat16".
    :param progress: Show progress.
    :param loading: Other options of `load_audiovisual`.
    :return: The model and how well it does.
    :raises ValueError: If the data or an option is unusable.
    :raises ImportError: If the extra that reads video is needed and missing.
    """
    from art_audio_ext.training.audiovisual_recogniser import train_recogniser  # Lightning takes seconds to import

    if head not in HEADS:
        raise ValueError(f"there is no head {head!r}: choose {', '.join(HEADS)}")
    settings = resolve_settings(preset, epochs=epochs)
    weights = two_paths(out)[0]
    learn, judge = load_and_hold_out(data, head, seed, **{"progress": progress, **loading})
    for part in (learn, judge) if head == "sentence" else ():
        check_sentences(part)
    codes = None if head == "word" else LabelCodes.of((*learn.sentences, *judge.sentences), settings.units)
    model = train_recogniser(
        learn,
        settings,
        seed=seed,
        head=head,
        codes=codes,
        checkpoint_dir=weights.with_name(f"{weights.stem}-checkpoints"),
        progress=progress,
        accelerator=accelerator,
        devices=devices,
        precision=precision,
    )
    path, scores = model.save(weights), evaluate_recogniser(model, judge, seed=seed)
    beside = weights.with_name(f"{weights.stem}-test.json")
    about = {"data": learn.name, "training_clips": len(learn), "head": head, "settings": settings.to_dict()}
    write_json({**about, "seed": seed, **scores.to_dict()}, beside)
    return TrainedRecogniser(model, path, beside, scores, len(learn.skipped))
