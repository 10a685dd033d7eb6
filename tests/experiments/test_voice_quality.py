"""Quality of clips in the experiment: figures by hand, what is missing and its remedy, the page, and a stopped run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from art_audio_ext.experiments import voice_quality as module
from art_audio_ext.experiments.voice_conversion_cells import Converted, VoiceContext
from art_audio_ext.experiments.voice_quality import check_weights, choose_clips, heard_clips, voice_quality
from art_audio_ext.experiments.voice_quality_speakers import similarity_columns
from art_audio_ext.experiments.voice_quality_summary import quality_rows
from art_audio_ext.functional.speech_quality import ClipScores
from art_audio_ext.report.voice_quality_view import draw_quality, listen_cards, quality_table
from art_audio_ext.voices import speaker_encoder

RATE = 16000


@pytest.fixture
def context(tiny_dataset, tmp_path):
    """Clips, and their conversion: the same clips softer, under a tone."""
    tone = 0.05 * np.sin(2 * np.pi * 900 * np.arange(RATE) / RATE)
    paths = [tmp_path / name for name in ("train.npy", "test.npy", "own.npy")]
    for path in paths[:2]:
        np.save(path, (0.5 * tiny_dataset.waveforms + tone).astype(np.float32))
    np.save(paths[2], tiny_dataset.waveforms[30:36])
    return VoiceContext(
        tiny_dataset,
        tiny_dataset,
        {"v": Converted("k", np.arange(len(tiny_dataset)), str(paths[0]), str(paths[1]))},
        {"v": str(paths[2])},
    )


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No weights anywhere, and measures that take no time."""

    def missing(weights=None):
        raise ValueError(f"there are no weights at {weights or 'the usual place'}: put them there")

    def instead(name):
        def measure(changed, clean, sample_rate):
            values = (np.square(changed).mean(1) - 3 * np.square(clean).mean(1)).astype(np.float64)
            values[0] = np.nan
            return ClipScores(values, ("first", *[""] * (len(values) - 1)))

        return measure

    monkeypatch.setattr(module, "open_nisqa", missing)
    monkeypatch.setattr(speaker_encoder, "HUB", str(tmp_path / "hub"))
    for name in ("pesq", "stoi", "si_sdr"):
        monkeypatch.setattr(module.speech_quality, name, instead(name))


def test_the_sample_is_speech_the_same_each_time_and_aligned(context):
    noise = context.test.labels == 2
    clips = choose_clips(context, "v", noise, seed=3, clips=20)
    again = choose_clips(context, "v", noise, seed=3, clips=20)
    assert len(set(clips.rows.tolist())) == 20
    assert not noise[clips.rows].any()
    assert clips.checksum() == again.checksum() != choose_clips(context, "v", noise, seed=4, clips=20).checksum()
    np.testing.assert_array_equal(clips.versions["clean"], context.test.waveforms[clips.rows])
    np.testing.assert_array_equal(clips.versions["converted"], np.load(context.converted["v"].test)[clips.rows])
    assert np.abs(clips.versions["badnets"] - clips.versions["clean"]).max(1).min() > 1e-3
    assert clips.speakers.tolist() == context.test.speakers[clips.rows].tolist()


def test_measures_that_cannot_be_had_say_what_is_missing_and_the_others_go_on(context, bare, tmp_path, monkeypatch):
    clips = choose_clips(context, "v", np.zeros(120, bool), clips=12)
    found = voice_quality(clips, tmp_path / "q.jsonl", {"data": 1}, progress=False)
    rows = {(row["metric"], row["version"]): row for row in found["rows"]}
    assert "no weights at the usual place" in rows["nisqa", ""]["missing"]
    pesq = rows["pesq", "converted"]
    changed, clean = (np.square(clips.versions[name][1:]).mean() for name in ("converted", "clean"))
    assert pesq["mean"] == pytest.approx(changed - 3 * clean, rel=1e-4)
    assert pesq["low"] <= pesq["mean"] <= pesq["high"]
    assert (pesq["clips"], pesq["unanswered"]) == (11, {"first": 1})
    assert ("pesq", "clean") not in rows
    assert rows["similarity_to_target", "clean"]["method"] == "pitch and envelope"
    assert "83 MB" in found["notes"][0]
    monkeypatch.setattr(module, "run_measure", None)  # all is in the file
    assert voice_quality(clips, tmp_path / "q.jsonl", {"data": 1}, progress=False) == found
    json.dumps(found, allow_nan=False)


def test_a_library_that_is_absent_is_a_row(context, bare, tmp_path, monkeypatch):
    def absent(*_):
        raise ImportError('speech quality needs pesq: pip install "art-audio-ext[quality]"')

    monkeypatch.setattr(module.speech_quality, "pesq", absent)
    clips = choose_clips(context, "v", np.zeros(120, bool), clips=4)
    found = voice_quality(clips, tmp_path / "q.jsonl", {}, progress=False)
    table = quality_table(found)
    assert ["PESQ", "", 'missing: speech quality needs pesq: pip install "art-audio-ext[quality]"', *[""] * 4] in table
    assert any(cells[0] == "STOI" and cells[1] == "converted" for cells in table)


def test_no_speech_is_said(context, tmp_path):
    clips = choose_clips(context, "v", np.ones(120, bool))
    found = voice_quality(clips, tmp_path / "q.jsonl", {}, progress=False)
    assert (found["clips"], found["rows"]) == (0, [])
    assert "no test clip is speech" in found["notes"][0]
    assert listen_cards(heard_clips(clips, context.test.paths)) == []
    assert draw_quality(found) is None


def test_weights_that_were_named_are_looked_at_first(tmp_path):
    with pytest.raises(ValueError, match=r"no weights of NISQA at .*mine.tar"):
        check_weights(("quality",), tmp_path / "mine.tar")
    with pytest.raises(ValueError, match="part quality, which is not run"):
        check_weights(("targets",), tmp_path / "mine.tar")
    check_weights((), None, None)


def test_rows_by_hand():
    found = {
        "one": {
            "method": "m",
            "columns": {
                "s": {
                    "clean": {"values": [1.0, 2.0, None, 4.0], "reasons": ["", "", "silent", ""]},
                    "badnets": {"values": [0.0, None, 1.0, 2.0], "reasons": ["", "short", "", ""]},
                    "converted": {"values": [None] * 4, "reasons": ["no"] * 4},
                }
            },
        }
    }
    clean, badnets, converted = quality_rows(found, {}, np.array(["a", "a", "b", "b"]))
    assert (clean["mean"], clean["clips"], clean["unanswered"]) == (pytest.approx(7 / 3), 3, {"silent": 1})
    assert (clean["low"], clean["high"]) == (1.5, 4.0)  # one speaker has 1 and 2, the other 4
    assert clean["change"] is None
    assert badnets["change"]["mean"] == -1.5  # over the first and the last, which have both
    assert (converted["mean"], converted["low"], converted["clips"]) == (None, None, 0)
    (row,) = quality_rows({}, {"nisqa": "weights"}, np.array(["a"]))
    assert (row["metric"], row["missing"], row["mean"]) == ("nisqa", "weights", None)


def test_similarity_by_a_network_uses_its_embeddings():
    class Encoder:
        method = "a network"

        def embed(self, sound, sample_rate):
            return np.stack([np.ones(len(sound)), sound[:, 0]], 1)

    clean, other = np.zeros((3, 8)), np.ones((3, 8))
    found = similarity_columns({"clean": clean, "converted": other}, np.ones((2, 8)), RATE, Encoder())
    assert found["method"] == "a network"
    to_target = found["columns"]["similarity_to_target"]
    np.testing.assert_allclose(to_target["clean"]["values"], np.sqrt(0.5))
    np.testing.assert_allclose(to_target["converted"]["values"], 1)
    assert set(found["columns"]["similarity_to_source"]) == {"converted"}


def test_similarity_by_pitch_and_envelope_names_itself(context):
    clean, own = context.test.waveforms[:4], np.load(context.own["v"])  # the target's pitch is the next class's
    found = similarity_columns({"clean": clean, "converted": own[:4]}, own, RATE, "no weights")
    assert found["method"] == "pitch and envelope"
    assert found["note"].endswith("no weights")
    columns = found["columns"]
    near, far = (np.array(columns["pitch_to_target_semitones"][name]["values"]) for name in ("converted", "clean"))
    assert (near + 3 < far).all()
    assert "similarity_to_source" in columns
    silent = similarity_columns({"clean": np.zeros((1, RATE), np.float32)}, own, RATE, "")
    assert silent["columns"]["similarity_to_target"]["clean"]["reasons"] == ["no pitch was found"]


def test_the_figure_and_the_players(context):
    clips = choose_clips(context, "v", np.zeros(120, bool), clips=9)
    cards = listen_cards(heard_clips(clips, context.test.paths))
    assert len(cards) == 5
    assert [side["name"] for side in cards[0]["sides"]] == ["clean", "BadNets", "converted"]
    assert all(side["sound"].startswith("data:audio/wav") for side in cards[0]["sides"])
    row = {"method": "m", "mean": 3.0, "low": 2.5, "high": 3.5, "clips": 9, "unanswered": {}, "change": None}
    rows = [
        {"metric": name, "version": version, **row, "missing": ""} for name in ("nisqa_mos", "stoi") for version in "ab"
    ]
    assert draw_quality({"rows": rows}).startswith(b"\x89PNG")
    assert quality_table({"rows": rows})[0][:5] == ["NISQA, overall", "a", "3.00 (2.50 to 3.50)", "-", "9"]


@pytest.mark.real_data
def test_real_clips_have_every_measure(real_data, context, tmp_path):
    weights = real_data / "nisqa" / "nisqa.tar"
    if not weights.is_file():
        pytest.skip("the weights are not among the real recordings")
    for name in ("librosa", "pesq", "pystoi", "requests", "torchmetrics"):
        pytest.importorskip(name, reason="needs the extra [quality]")
    clips = choose_clips(context, "v", np.zeros(120, bool), clips=4).judged_with(weights, None)
    found = voice_quality(clips, tmp_path / "q.jsonl", {}, progress=False)
    names = {row["metric"] for row in found["rows"] if row["mean"] is not None}
    assert {"nisqa_mos", "nisqa_loudness", "pesq", "stoi", "si_sdr_db", "similarity_to_target"} <= names
    assert not any(row["missing"] for row in found["rows"])
