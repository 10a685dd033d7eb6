"""Every part of the voice-conversion tables once, from end to end, on speakers with few clips each."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments import voice_conversion_tasks as tasks
from art_audio_ext.experiments.voice_conversion import voice_conversion
from art_audio_ext.experiments.voice_conversion_size import PARTS

LINES = ["none", "perfect", "activation_clustering", "spectral_signatures_tuned", "combined"]


@pytest.fixture
def few_of_each() -> AudioDataset:
    """Twelve speakers of eleven clips of half a second, each ending in padding; tones of a speaker's pitch."""
    rng, labels = np.random.default_rng(0), np.repeat(np.arange(12), 11)
    time = np.arange(8000) / 16000
    pitch = (140 + 60 * labels)[:, None] * rng.uniform(0.98, 1.02, (132, 1))
    sound = 0.2 * sum(np.sin(2 * np.pi * k * pitch * time) / k for k in (1, 2, 3)) + 0.005 * rng.normal(
        size=(132, 8000)
    )
    sound[:, 6000:] = 0
    return AudioDataset(
        waveforms=(sound / 2).astype(np.float32),
        labels=labels,
        label_names=tuple(f"id{k:02d}" for k in range(12)),
        sample_rate=16000,
        paths=np.array([f"id{k:02d}/{i:03d}.wav" for i, k in enumerate(labels)]),
        speakers=np.full(132, ""),
        partition=np.where(np.arange(132) % 11 < 9, "train", "test"),
        name="few",
    )


def test_all_parts_run_on_speakers_with_few_clips(few_of_each, buzzing_voices, tmp_path, monkeypatch):
    pytest.importorskip("asteroid_filterbanks", reason="needs the extra [voice]")
    monkeypatch.setattr(tasks, "_CLEAN_EPOCHS", (1, 2))
    options = {"architecture": "rawnet3", "changes": {"width": 16}, "epochs": 1, "precision": "float32"}
    options |= {"parts": PARTS, "defences": LINES, "progress": False}
    record = voice_conversion(few_of_each, buzzing_voices, tmp_path / "out", **options)
    rows = [row for row in record["rows"] if row["attack"] == "voice"]
    assert record["victim"]["architecture"] == "rawnet3"
    assert {row["target"] for row in rows} == {0, 1, 2}
    assert {row["voice"] for row in rows if row["target"] == 0} == {"10/10-0", "10/10-1", "20/20-0"}
    assert [row["fine_tune"] for row in rows if row["fine_tune"]] == [1, 2]
    (clean,) = (row for row in rows if row["clean_label"])
    assert clean["poisoned"] == 6  # three quarters of nine: a tenth of all would be ten
    assert [row["defence"] for row in record["defences"]] == LINES
    assert [bool(row["refused"]) for row in record["defences"]] == [False] * 4 + [True]
    table = (tmp_path / "out" / "table.md").read_text()
    assert "5.6%, 75% of its class (10% asked for)" in table
    assert "then 2 clean epochs" in table
    assert "did not take the data: 1 of 12 classes can be scored" in table  # the rest of the table stands
    assert (tmp_path / "out" / "fine_tuning.png").is_file()
    assert record["quality"]["clips"] > 0
