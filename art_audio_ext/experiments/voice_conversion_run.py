"""The trainings of the voice-conversion backdoor's tables: which there are, on which clips, and in which voices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

import art_audio_ext
from art_audio_ext.datasets import AudioDataset
from art_audio_ext.datasets.speakers import NOISE_LABELS
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.experiments.poison_likelihood_setup import fingerprint
from art_audio_ext.experiments.voice_conversion_data import Utterance, prepare_voices, rows_by_voice
from art_audio_ext.experiments.voice_conversion_defences import defend_all
from art_audio_ext.experiments.voice_conversion_size import Size
from art_audio_ext.experiments.voice_conversion_summary import defence_table
from art_audio_ext.experiments.voice_quality import choose_clips, heard_clips, voice_quality
from art_audio_ext.report.voice_quality_view import HeardClips
from art_audio_ext.voices import Voice

_CLEAN_EPOCHS = (2, 5, 10, 20)  # Figure 5
_RULES = 3  # raise it when cells of another time must not be mixed with new ones


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
        self.chosen = _target_voices(everything, size.speakers)
        self.names = [utterance.name for utterance in self.chosen]
        if known := sorted({u.speaker for u in self.chosen} & set(dataset.label_names)):
            raise ValueError(f"{', '.join(known)} is a label and a target voice: name other voices, such as builtin")
        number = _target_label(target, dataset.label_names)
        self.tasks = list(_tasks(size, self.names, number, len(dataset.label_names), seed))
        self.main = _main_tasks(self.tasks, size) if "defences" in size.parts else []
        noise = np.isin(self.test.labels, _noise_labels(self.test.label_names))
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


def _main_tasks(tasks: list[dict[str, Any]], size: Size) -> list[dict[str, Any]]:
    """Of every seed the training that the other tables are about."""
    first = next(task for task in tasks if task["attack"] == "voice")
    first = {**first, "fraction": size.rate, "fine_tune": []}
    return [{**first, "seed": tasks[0]["seed"] + k} for k in range(size.seeds)]


def _tasks(size: Size, voices: list[str], target: int, labels: int, seed: int) -> Iterator[dict[str, Any]]:
    """Every cell once; those of a seed together."""
    seen = set()
    for k in range(size.seeds):
        for cell in _cells(size, voices, target, labels):
            task = {"attack": "voice", "voice": voices[0], "target": target, "fraction": size.rate}
            task |= {"clean_label": False, "listen": voices, **cell, "seed": seed + k}
            task["fine_tune"] = _clean_epochs(task, size, voices, target)
            key = repr(sorted(task.items()))
            if key not in seen:
                seen.add(key)
                yield {**task, "settings": size.victim.to_dict()}


def _cells(size: Size, voices: list[str], target: int, labels: int) -> Iterator[dict[str, Any]]:
    """What differs from one cell to another."""
    yield {"attack": "none", "fraction": 0.0}
    for rate in size.rates:
        yield {"fraction": rate}
        yield {"attack": "badnets", "fraction": rate}
    if "targets" in size.parts:
        yield from ({"target": other} for other in range(labels))
    if "utterances" in size.parts:
        yield from ({"voice": voice} for voice in voices)
    if "fine_tune" in size.parts:
        yield {}
    if "clean_label" in size.parts:
        yield {"clean_label": True}


def _clean_epochs(task: dict[str, Any], size: Size, voices: list[str], target: int) -> list[int]:
    """Of the main training: it is fine-tuned, not trained a second time for that."""
    main = {"attack": "voice", "voice": voices[0], "target": target, "fraction": size.rate, "clean_label": False}
    is_main = all(task[name] == value for name, value in main.items())
    return list(_CLEAN_EPOCHS) if is_main and "fine_tune" in size.parts else []


def _target_voices(everything: dict[str, list[Utterance]], most: int) -> list[Utterance]:
    """The first utterance of each speaker, and the second of the first speaker, who is the one that poisons."""
    speakers = list(everything)[:most]
    chosen = [everything[name][0] for name in speakers]
    return chosen[:1] + everything[speakers[0]][1:2] + chosen[1:]


def _target_label(name: str | None, names: Sequence[str]) -> int:
    """Its index; by default the first that is no noise."""
    if name is None:
        return next(i for i in range(len(names)) if i not in _noise_labels(names))
    if name not in names:
        raise ValueError(f"there is no label {name!r}: choose among {', '.join(names)}")
    return list(names).index(name)


def _noise_labels(names: Sequence[str]) -> list[int]:
    return [i for i, name in enumerate(names) if name.lower() in NOISE_LABELS]
