"""`art-audio experiment sound-events` and `train sound-events`: what their options hand on."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from art_audio_ext.cli import app
from art_audio_ext.datasets.split import split_dataset
from art_audio_ext.experiments import sound_events, train_sound_events


@pytest.fixture
def takes(tmp_path, monkeypatch):
    """Two labels, four takes of each, three clips of a take."""
    monkeypatch.setenv("ART_AUDIO_CACHE", str(tmp_path / "cache"))
    draws = np.random.default_rng(0)
    for label in ("drum", "flute"):
        (tmp_path / "in" / label).mkdir(parents=True)
        for k in range(12):
            path = tmp_path / "in" / label / f"{label} take{k // 3} part{k % 3}.wav"
            soundfile.write(path, draws.uniform(-0.5, 0.5, 800), 8000)
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("command", "module"),
    [(("experiment", "sound-events"), sound_events), (("train", "sound-events"), train_sound_events)],
)
def test_clips_of_a_take_are_kept_apart_where_a_pattern_tells_it(takes, tmp_path, monkeypatch, command, module):
    parts = []

    def split(dataset, **options):
        parts.append(split_dataset(dataset, test_fraction=0.25, **options))
        raise ValueError("enough is seen")

    monkeypatch.setattr(module, "split_dataset", split)
    given = [*command, "--data", str(takes), "--out", str(tmp_path / "out"), "--seconds", "0.1", "--quiet"]
    for options in ((), ("--speaker-pattern", r"(\w+ take\d)")):
        assert "enough is seen" in str(CliRunner().invoke(app, [*given, *options]).exception)
    (_, unknown), (train, test) = parts
    assert set(unknown.speakers) == {""}
    assert len(set(test.speakers)) == 2  # a take of each label
    assert not set(test.speakers) & {"", *train.speakers}


def test_labels_and_the_published_rate_reach_the_study(tmp_path, monkeypatch):
    given = {}

    def study(data, out, **options):
        given.update(options)
        raise ValueError("enough is seen")

    monkeypatch.setattr(sound_events, "sound_events", study)
    words = ["experiment", "sound-events", "--data", "x", "--out", str(tmp_path), "--labels", "Cello, Oboe"]
    CliRunner().invoke(app, words)
    assert (given["labels"], given["sample_rate"]) == (["Cello", "Oboe"], 16000)
    CliRunner().invoke(app, words[:-2])
    assert given["labels"] is None
    for command in (words[:2], ["train", "sound-events"]):
        assert "--sample-rate 32000" in " ".join(CliRunner().invoke(app, [*command, "--help"]).output.split())
