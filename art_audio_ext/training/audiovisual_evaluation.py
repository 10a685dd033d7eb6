"""How well a recogniser does with both modalities, with either one blanked, and under noise: does it use both?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.functional.audiovisual_augment import add_noise, blanked
from art_audio_ext.functional.ctc import word_error_rate
from art_audio_ext.training.audiovisual_model import RecogniserModel
from art_audio_ext.training.runs import check_seed


@dataclass(frozen=True)
class RecogniserScores:
    """
    Shares of clips that are recognised; for sentences all of it, and word error rates beside them.

    :param clips: How many.
    :param accuracy: By condition: "clean", "audio_blanked", "video_blanked", "video_frozen" (its middle frame all the
        time), and "audio_at_X_db" for white noise over the sound.
    :param word_error_rate: The mean over clips, by condition; empty for words.
    """

    clips: int
    accuracy: dict[str, float]
    word_error_rate: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """As plain types."""
        return asdict(self)


def evaluate_recogniser(
    model: RecogniserModel, dataset: AudioVisualDataset, *, snr_db: Sequence[float] = (0.0, -10.0), seed: int = 0
) -> RecogniserScores:
    """
    Recognise clips as they are and with less to go by.

    A recogniser uses both modalities if it loses accuracy without either, and has more than chance with one alone.

    :param model: Of words or sentences.
    :param dataset: Of the model's layout, with labels of its kind.
    :param snr_db: Levels of noise over the sound.
    :param seed: Of the noise.
    :return: Scores by condition.
    :raises ValueError: If there are no clips, or layout or labels are not the model's.
    """
    _check(model, dataset)
    whole = torch.from_numpy(dataset.rows())
    audio, video = model.layout.unpack(whole)
    frozen = video[:, video.shape[1] // 2, None].expand_as(video)
    conditions = {
        "clean": (audio, video),
        "audio_blanked": blanked(audio, video, "audio"),
        "video_blanked": blanked(audio, video, "video"),
        "video_frozen": (audio, frozen),
    }
    for place, level in enumerate(snr_db):
        draws = torch.Generator().manual_seed(check_seed(seed) * 1_000_003 + place)
        conditions[f"audio_at_{level:g}_db"] = (add_noise(audio, level, draws), video)
    accuracy, errors = {}, {}
    wanted = dataset.sentences if model.codes else [dataset.label_names[k] for k in dataset.labels]
    for name, clips in conditions.items():
        said = model.transcripts(model.layout.pack(*clips).numpy())
        rates = [word_error_rate(one, other) for one, other in zip(wanted, said, strict=True)]
        accuracy[name] = float(np.mean([rate == 0 for rate in rates]))
        if model.codes:
            errors[name] = float(np.mean(rates))
    return RecogniserScores(len(dataset), accuracy, errors)


def _check(model: RecogniserModel, dataset: AudioVisualDataset) -> None:
    """Refuse clips that are not the model's kind."""
    if not len(dataset):
        raise ValueError("the dataset has no clips: load some")
    if dataset.layout != model.layout:
        raise ValueError(f"clips have {dataset.layout.describe()}, the model takes {model.layout.describe()}")
    if model.codes is None and dataset.label_names != model.label_names:
        raise ValueError("the clips have other label names than the model: load the words that it was trained on")
    if model.codes is not None and not all(text.split() for text in dataset.sentences):
        raise ValueError("a clip has no sentence: load clips with transcripts")
