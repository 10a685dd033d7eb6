"""How like the target and how like themselves clips sound, by a network for speakers or by pitch and envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from art_audio_ext.functional.speech_quality import ClipScores, NoAnswer, collected
from art_audio_ext.functional.voice_similarity import cosine_similarity, heard_voice, voice_distance
from art_audio_ext.voices.speaker_encoder import SpeakerEncoder

FALLBACK = "pitch and envelope"


def similarity_columns(
    versions: Mapping[str, np.ndarray], target: np.ndarray, sample_rate: int, encoder: SpeakerEncoder | str
) -> dict[str, Any]:
    """
    Similarity of each version to the target speaker, and of the changed ones to the clean clip.

    :param versions: "clean" and others: (N, L).
    :param target: Recordings of the target speaker (M, L).
    :param sample_rate: In Hz.
    :param encoder: The network, or why there is none: then pitch and envelope decide.
    :return: `method`, `columns` by metric and version, and `note`.
    """
    if isinstance(encoder, str):
        note = f"Speaker similarity is by pitch and envelope, not by a network that knows speakers: {encoder}"
        columns = _by_pitch_and_envelope(versions, target, sample_rate)
        return {"method": FALLBACK, "columns": columns, "note": note}
    codes = {name: encoder.embed(sound, sample_rate) for name, sound in versions.items()}
    speech = encoder.embed(target, sample_rate)
    centre = (speech / np.maximum(np.linalg.norm(speech, axis=1, keepdims=True), 1e-12)).mean(0)
    to_target = {name: _column(cosine_similarity(code, centre)) for name, code in codes.items()}
    to_source = {
        name: _column(cosine_similarity(code, codes["clean"])) for name, code in codes.items() if name != "clean"
    }
    columns = {"similarity_to_target": to_target, "similarity_to_source": to_source}
    return {"method": encoder.method, "columns": columns, "note": ""}


def _by_pitch_and_envelope(
    versions: Mapping[str, np.ndarray], target: np.ndarray, sample_rate: int
) -> dict[str, dict[str, Any]]:
    """Columns of similarities and of the distances that they are made of."""
    goal = heard_voice(target, sample_rate)
    heard = {name: [heard_voice(clip, sample_rate) for clip in sound] for name, sound in versions.items()}
    columns: dict[str, dict[str, Any]] = {}
    for name, voices in heard.items():
        apart = [voice_distance(voice, goal, sample_rate) for voice in voices]
        kinds = {
            "similarity_to_target": [each.similarity for each in apart],
            "pitch_to_target_semitones": [each.pitch_semitones for each in apart],
            "envelope_to_target_db": [each.envelope_db for each in apart],
        }
        if name != "clean":
            pairs = zip(voices, heard["clean"], strict=True)
            kinds["similarity_to_source"] = [voice_distance(*pair, sample_rate).similarity for pair in pairs]
        for metric, values in kinds.items():
            columns.setdefault(metric, {})[name] = _column(np.array(values))
    return columns


def _column(values: np.ndarray) -> dict[str, Any]:
    def one(row: int) -> float:
        if np.isnan(values[row]):
            raise NoAnswer("no pitch was found")
        return float(values[row])

    scores: ClipScores = collected(one, len(values))
    return {"values": scores.values.tolist(), "reasons": list(scores.reasons)}
