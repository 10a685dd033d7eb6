"""What a voice-conversion backdoor does to the sound: quality and speaker of clean, BadNets and converted clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from art_audio_ext.attacks.poisoning import SpectrogramBadNets
from art_audio_ext.experiments.sweep import sweep
from art_audio_ext.experiments.voice_conversion_cells import VoiceContext
from art_audio_ext.experiments.voice_quality_speakers import similarity_columns
from art_audio_ext.experiments.voice_quality_summary import quality_rows
from art_audio_ext.functional import speech_quality
from art_audio_ext.functional.nisqa import nisqa
from art_audio_ext.functional.speech_quality import ClipScores, is_silent
from art_audio_ext.report.voice_quality_view import HeardClips
from art_audio_ext.voices.nisqa_weights import DEFAULT_PLACE, open_nisqa
from art_audio_ext.voices.speaker_encoder import open_speaker_encoder

MEASURES = ("nisqa", "pesq", "stoi", "si_sdr", "similarity")
CLIPS = 100
HEARD = 5  # that the page plays


@dataclass(frozen=True)
class QualityClips:
    """
    What is judged.

    :param rows: Of the test clips (N,).
    :param versions: "clean", "badnets" and "converted": float32 (N, L).
    :param target: Recordings of the target speaker (M, L).
    :param speakers: Of the clips (N,).
    :param sample_rate: In Hz.
    :param nisqa_weights: A file, or None for the usual place.
    :param speaker_weights: A file, or None for the usual place.
    """

    rows: np.ndarray
    versions: dict[str, np.ndarray]
    target: np.ndarray
    speakers: np.ndarray
    sample_rate: int
    nisqa_weights: str | None = None
    speaker_weights: str | None = None

    def judged_with(self, nisqa_weights: str | Path | None, speaker_weights: str | Path | None) -> QualityClips:
        """The same clips with other files of weights; None for the usual place."""
        files = [None if path is None else str(path) for path in (nisqa_weights, speaker_weights)]
        return replace(self, nisqa_weights=files[0], speaker_weights=files[1])

    def checksum(self) -> str:
        """Hexadecimal; tells these clips from others."""
        digest = blake2b(str(self.sample_rate).encode(), digest_size=8)
        for sound in (*self.versions.values(), self.target):
            digest.update(np.ascontiguousarray(sound, "<f4").data)
        return digest.hexdigest()


def check_weights(parts: tuple[str, ...], nisqa_weights: Any = None, speaker_weights: Any = None) -> None:
    """
    Refuse a file that was named and cannot be used, before anything is trained.

    :param parts: Of the experiment; the files are for "quality".
    :param nisqa_weights: A file, or None.
    :param speaker_weights: A file, or None.
    :raises ValueError: If there is no such file, or it is damaged, or not asked for.
    :raises ImportError: If what reads it is not installed.
    """
    named: list[tuple[Any, Callable[[Any], Any]]] = [
        (nisqa_weights, open_nisqa),
        (speaker_weights, open_speaker_encoder),
    ]
    for path, opened in named:
        if path is not None and "quality" not in parts:
            raise ValueError(f"the weights {path} are for the part quality, which is not run: add it to the parts")
        if path is not None:
            opened(path)


def choose_clips(
    context: VoiceContext,
    voice: str,
    noise: np.ndarray,
    *,
    seed: int = 0,
    clips: int = CLIPS,
) -> QualityClips:
    """
    A fixed sample of test clips that are speech, and what the attacks make of them.

    :param context: Clips and files.
    :param voice: The target voice, a key of `context.converted`.
    :param noise: Which test clips are of a class of noise (N,).
    :param seed: Draws the sample.
    :param clips: At most.
    :return: See `QualityClips`; without clips where there is no speech.
    """
    test = context.test
    speech = [row for row in np.flatnonzero(~noise) if not is_silent(np.asarray(test.waveforms[row]))]
    rows = np.sort(np.random.default_rng(seed).permutation(np.array(speech, np.int64))[:clips])
    clean = np.array(test.waveforms[rows], np.float32)
    stamped = SpectrogramBadNets().poison(clean, np.zeros(len(rows), np.int64))[0] if len(rows) else clean
    converted = np.array(np.load(context.converted[voice].test, mmap_mode="r")[rows])
    versions = {"clean": clean, "badnets": np.asarray(stamped, np.float32), "converted": converted}
    return QualityClips(rows, versions, np.load(context.own[voice]), test.speakers[rows], test.sample_rate)


def heard_clips(clips: QualityClips, paths: np.ndarray) -> HeardClips:
    """
    A few of the clips, evenly over the sample, for the page.

    :param clips: From `choose_clips`.
    :param paths: Of all test clips.
    :return: At most five.
    """
    few = np.unique(np.linspace(0, len(clips.rows) - 1, HEARD).astype(int)) if len(clips.rows) else clips.rows
    names = [str(paths[row]) for row in clips.rows[few]]
    return HeardClips(names, {name: sound[few] for name, sound in clips.versions.items()}, clips.sample_rate)


def voice_quality(
    clips: QualityClips, path: str | Path, identity: dict[str, Any], *, progress: bool = True
) -> dict[str, Any]:
    """
    Every measure of every version; one that cannot be had says what is missing.

    :param clips: From `choose_clips`.
    :param path: A `.jsonl` file that keeps each measure when it is there; a stopped run goes on from it.
    :param identity: What the file is of.
    :param progress: Show a bar.
    :return: `clips` (how many), `rows`, see `quality_rows`, and `notes`.
    :raises ValueError: If the file is of something else.
    """
    count = len(clips.rows)
    if not count:
        return {"clips": 0, "rows": [], "notes": ["quality: no test clip is speech"]}
    missing, tasks = {}, []
    for measure in MEASURES:
        try:
            tasks.append({"measure": measure, "clips": clips.checksum(), "with": _identity(measure, clips)})
        except (ImportError, ValueError) as error:
            missing[measure] = str(error)
    found = sweep(run_measure, tasks, path, identity=identity, context=clips, progress=progress)
    columns = {task["measure"]: result for task, result in zip(tasks, found, strict=True)}
    notes = [note for result in found if (note := result.get("note"))]
    return {"clips": count, "rows": quality_rows(columns, missing, clips.speakers), "notes": notes}


def run_measure(task: dict[str, Any], clips: QualityClips) -> dict[str, Any]:
    """
    One measure of all versions that have it.

    :param task: `measure`, one of `MEASURES`.
    :param clips: What is judged.
    :return: `method`, and `columns`: by name of a metric and of a version, `values` and `reasons`.
    """
    name, versions, rate = task["measure"], clips.versions, clips.sample_rate
    if name == "similarity":
        return similarity_columns(versions, clips.target, rate, _encoder(clips)[0])
    columns: dict[str, dict[str, Any]] = {}
    if name == "nisqa":
        model = open_nisqa(clips.nisqa_weights)
        for version, sound in versions.items():
            for dimension, scores in nisqa(sound, rate, model).items():
                columns.setdefault(f"nisqa_{dimension}", {})[version] = _plain(scores)
        return {"method": "NISQA v2.0", "columns": columns}
    measure = getattr(speech_quality, name)
    metric = {"si_sdr": "si_sdr_db"}.get(name, name)
    columns[metric] = {
        version: _plain(measure(sound, versions["clean"], rate))
        for version, sound in versions.items()
        if version != "clean"
    }
    return {"method": f"{name.upper().replace('_', '-')} beside the clean clip", "columns": columns}


def _identity(measure: str, clips: QualityClips) -> str:
    """What decides a measure beside the clips; raises what is missing."""
    if measure == "nisqa":
        open_nisqa(clips.nisqa_weights)
        return _checksum(clips.nisqa_weights or DEFAULT_PLACE)
    if measure == "similarity":
        encoder, name = _encoder(clips)
        if not isinstance(encoder, str):
            encoder.embed(clips.versions["clean"][:1], clips.sample_rate)
        return name
    getattr(speech_quality, measure)(clips.versions["clean"][:1], clips.versions["clean"][:1], clips.sample_rate)
    return ""


def _encoder(clips: QualityClips) -> tuple[Any, str]:
    """The network that knows speakers, or why there is none; and what tells one from another."""
    try:
        encoder = open_speaker_encoder(clips.speaker_weights)
    except (ImportError, ValueError) as error:
        if clips.speaker_weights is not None:
            raise
        return str(error), "pitch and envelope"
    return encoder, encoder.checksum()


def _checksum(path: str) -> str:
    return blake2b(Path(path).expanduser().read_bytes(), digest_size=8).hexdigest()


def _plain(scores: ClipScores) -> dict[str, Any]:
    return {"values": scores.values.tolist(), "reasons": list(scores.reasons)}
