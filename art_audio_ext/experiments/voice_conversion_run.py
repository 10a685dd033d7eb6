"""The trainings of the voice-conversion backdoor's tables: which there are, on which clips, and in which voices."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

import art_audio_ext
from art_audio_ext.datasets import AudioDataset
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.experiments.poison_likelihood_setup import fingerprint
from art_audio_ext.experiments.voice_conversion_data import Utterance, prepare_voices, rows_by_voice
from art_audio_ext.experiments.voice_conversion_defences import defend_all
from art_audio_ext.experiments.voice_conversion_size import Size
from art_audio_ext.experiments.voice_conversion_summary import defence_table, voice_table
from art_audio_ext.experiments.voice_conversion_tasks import (
    all_tasks,
    main_tasks,
    noise_labels,
    target_labels,
    target_voices,
)
from art_audio_ext.experiments.voice_quality import choose_clips, heard_clips, voice_quality
from art_audio_ext.report.voice_quality_view import HeardClips
from art_audio_ext.voices import Voice

_RULES = 4  # raise it when cells of another time must not be mixed with new ones


class VoiceRun:
    """
    The clips, the voices and the trainings of one experiment.

    :param dataset: Clips at 16 kHz.
    :param everything: Utterances by speaker.
    :param voice: Converts.
    :param size: How much is run.
    :param target: Name of the label that poisoned clips get; None is the first that is no noise.
    :param out: Folder for everything.
    :param seed: Of everything.
    :param progress: Show progress bars.
    :raises ValueError: If a name is unusable.
    """

    def __init__(
        self,
        dataset: AudioDataset,
        everything: dict[str, list[Utterance]],
        voice: Voice,
        size: Size,
        target: str | None,
        out: Path,
        seed: int,
        progress: bool,
    ) -> None:
        self.dataset, self.everything, self.voice, self.size = dataset, everything, voice, size
        self.out, self.seed, self.progress = out, seed, progress
        self.train, self.test = split_dataset(dataset, seed=seed)
        self.chosen = target_voices(everything, size.speakers, size.named)
        self.names = [utterance.name for utterance in self.chosen]
        if known := sorted({u.speaker for u in self.chosen} & set(dataset.label_names)):
            raise ValueError(f"{', '.join(known)} is a label and a target voice: name other voices, such as builtin")
        labels = target_labels(target, size.targets, dataset.label_names)
        self.tasks = all_tasks(size, self.chosen, labels, seed)
        self.main = main_tasks(self.tasks, size) if "defences" in size.parts else []
        noise = np.isin(self.test.labels, noise_labels(self.test.label_names))
        self.asked = self.test.labels, self.test.speakers, noise

    def prepare(self, precision: str) -> None:
        """Convert what is needed, and let every task say what it depends on."""
        every = [*self.tasks, *self.main]
        rows, folder = rows_by_voice(every, self.train), self.out / "voices"
        self.context = prepare_voices(
            self.chosen, self.everything, self.train, self.test, rows, self.voice, folder, progress=self.progress
        )
        for task in every:
            task["precision"] = precision
            task["voices"] = sorted(found.key for found in self.context.converted.values())
            task["own"] = sorted(Path(path).stem for path in self.context.own.values())
        self.identity = {"experiment": "voice-conversion", "version": art_audio_ext.__version__, "rules": str(_RULES)}
        self.identity |= {"data": fingerprint(self.dataset), "parts": _split_digest(self.train, self.test)}

    def quality(
        self, nisqa_weights: str | Path | None, speaker_weights: str | Path | None
    ) -> tuple[dict[str, Any], HeardClips]:
        """How clips sound, and some to listen to."""
        clips = choose_clips(self.context, self.names[0], self.asked[2], seed=self.seed)
        clips = clips.judged_with(nisqa_weights, speaker_weights)
        measured = voice_quality(clips, self.out / "quality.jsonl", self.identity, progress=self.progress)
        return {"voice": self.names[0], **measured}, heard_clips(clips, self.test.paths)

    def table(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows of what `run_cell` found for each task."""
        return voice_table(list(zip(self.tasks, found, strict=True)), *self.asked, self.context.own_files)

    def defended(self, lines: Sequence[Any], diffusion: str, engine: dict[str, Any]) -> list[dict[str, Any]]:
        """What each defence makes of the main training."""
        rest: dict[str, Any] = {
            "identity": self.identity,
            "seed": self.seed,
            "precision": self.tasks[0]["precision"],
            **engine,
        }
        rest |= {"progress": self.progress, "diffusion": diffusion}
        return defence_table(defend_all(self.main, lines, self.context, self.out, **rest), *self.asked)

    def about(self) -> dict[str, Any]:
        """What a report says of the data."""
        sizes = {"name": self.dataset.name, "train": len(self.train), "test": len(self.test)}
        return {"data": sizes | {"voices": self.names, "label_names": list(self.dataset.label_names)}}


def _split_digest(*parts: AudioDataset) -> str:
    """Which clips learn and which are asked, and whose they are: another seed draws others."""
    return "-".join(
        blake2b((fingerprint(p) + repr(list(p.speakers))).encode(), digest_size=8).hexdigest() for p in parts
    )
