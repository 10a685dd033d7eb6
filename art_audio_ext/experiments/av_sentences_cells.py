"""One cell of the sentence attack: a few clips made to be transcribed as one sentence, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from art_audio_ext.attacks.evasion.carlini_wagner_ctc import CarliniWagnerCTC
from art_audio_ext.datasets.audiovisual_dataset import AudioVisualDataset
from art_audio_ext.experiments.av_sync_cells import detectors
from art_audio_ext.functional.audiovisual_distortion import audiovisual_distortion, gaussian_noise_like
from art_audio_ext.training.audiovisual_model import RecogniserModel
from art_audio_ext.training.sync_model import SyncModel


@dataclass(frozen=True)
class SentenceContext:
    """
    What all cells read.

    :param clips: That are attacked; neither network has learnt from them.
    :param victim: File of the recogniser.
    :param sync: File of the sync network.
    """

    clips: AudioVisualDataset
    victim: str
    sync: str


def run_cell(experiment: dict[str, Any], context: SentenceContext) -> dict[str, Any]:
    """
    Attack some clips, or look at them as they are.

    :param experiment: `first` and `count` of the clips; `text`, the sentence that is wanted, "" for no attack;
        `iterations`, `audio` and `video` (the first box, of 32,768 and of 255), `aim` (without it "full"), and `seed`.
    :param context: Clips and files.
    :return: A value a clip: `confidence` by detector; `transcripts`; and for attacks `results` (of `CTCAttackResult`),
        `noise` (confidence by detector of Gaussian noise of equal power) and `distortion` by measure.
    """
    first, seed = experiment["first"], int(experiment["seed"])
    data = context.clips.subset(np.arange(first, first + experiment["count"]))
    victim, sync = RecogniserModel.load(context.victim), SyncModel.load(context.sync).for_layout(data.layout)
    kinds, rows = detectors([sync], seed), data.rows()

    def confidence(clips: np.ndarray) -> dict[str, list[float]]:
        return {name: [round(float(v), 6) for v in kind.confidence(clips)] for name, kind in kinds.items()}

    if not experiment["text"]:
        return {"confidence": confidence(rows), "transcripts": victim.transcripts(rows)}
    attack = CarliniWagnerCTC(
        victim.as_transcriber(),
        eps_audio=experiment["audio"] / 32768,
        eps_video=experiment["video"] / 255,
        max_iter=experiment["iterations"],
        aim=experiment.get("aim", "full"),
        batch_size=len(rows),
        seed=seed,
        verbose=False,
    )
    changed = attack.generate(rows, experiment["text"])
    measured = vars(audiovisual_distortion(rows, changed, data.layout))
    return {
        "confidence": confidence(changed),
        "noise": confidence(gaussian_noise_like(rows, changed, data.layout, seed=seed + first)),
        "transcripts": [result.transcript for result in attack.results],
        "results": [result.to_dict() for result in attack.results],
        "distortion": {name: [round(float(v), 4) for v in values] for name, values in measured.items()},
    }
