"""The comparison of windows: every set on the same attacks, resumed, and the table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from art_audio_ext.experiments import token_sets
from art_audio_ext.experiments.token_sets import TOKEN_SETS, compare_tokens, format_tokens
from art_audio_ext.training.vae_settings import PRESETS


@pytest.fixture
def short_trainings(monkeypatch):
    for name in ("quick", "steps"):
        small = replace(PRESETS[name], epochs=1, conv_channels=4, z_dim=4)
        monkeypatch.setitem(PRESETS, name, small)


def test_every_set_meets_the_same_attacks_and_a_second_call_runs_none(
    tiny_dataset, tmp_path, short_trainings, monkeypatch
):
    options = {"lines": ["clap"], "attacks": 1, "clean": 1, "progress": False}
    record = compare_tokens(tiny_dataset, tmp_path, **options)
    assert [row["tokens"] for row in record["rows"]] == list(TOKEN_SETS)
    assert {row["attacks"] for row in record["rows"]} == {1}
    assert [row["runs"] for row in record["clean"]] == [1, 1, 1]
    scores = [(tmp_path / f"{tokens}.jsonl").read_text() for tokens in TOKEN_SETS]
    assert len(set(scores)) == 3
    monkeypatch.setattr(token_sets, "run_experiment", None)
    again = compare_tokens(tiny_dataset, tmp_path, **options)
    assert again["rows"] == record["rows"]
    table = format_tokens(record)
    assert table.count("| clap .1 at the start |") == 3
    assert "Clean datasets called poisoned: pca" in table


def test_an_unknown_line_is_refused_before_any_training(tiny_dataset, tmp_path):
    with pytest.raises(ValueError, match="no attack line"):
        compare_tokens(tiny_dataset, tmp_path, lines=["clapp"])
    assert not list(tmp_path.iterdir())
