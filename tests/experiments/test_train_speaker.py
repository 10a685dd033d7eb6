"""Speaker classifiers trained on named data: readers of books and speakers of digits, and what is written beside."""

from __future__ import annotations

import json

import numpy as np
import pytest

from art_audio_ext.datasets import load_dataset
from art_audio_ext.experiments.train_speaker import train_speaker_on
from art_audio_ext.training.speaker_model import SpeakerModel

pytest.importorskip("speechbrain", reason="needs the extra [voice]")


def test_what_is_written_and_what_a_second_call_finds(tiny_dataset, tmp_path):
    changes = {"width": 4, "epochs": 1, "crops": 1}
    found = train_speaker_on(tiny_dataset, tmp_path / "model", changes=changes, progress=False)
    assert found.path == tmp_path / "model.safetensors"
    test = json.loads((tmp_path / "model-test.json").read_text())
    assert (test["accuracy"], test["data"]) == (found.accuracy, "tiny")
    assert test["settings"]["epochs"] == 1
    model = SpeakerModel.load(found.path)
    assert model.label_names == tiny_dataset.label_names
    again = train_speaker_on(tiny_dataset, tmp_path / "model", changes=changes, progress=False)
    assert again.model.checksum() == found.model.checksum() == model.checksum()


@pytest.mark.real_data
def test_readers_and_speakers_of_digits_are_told_apart(real_data, tmp_path):
    spec = f"speakers:{real_data / 'read_speech'}+{real_data / 'spoken_digits'}"
    both = load_dataset(spec, seconds=1.0, cache_dir=tmp_path / "cache", progress=False)
    some = both.subset(np.sort(np.random.default_rng(0).permutation(len(both))[:400]))
    few = {"width": 8, "epochs": 4, "crops": 4, "optimizer": "adamw", "learning_rate": 3e-3}  # steps are few
    found = train_speaker_on(some, tmp_path / "voices", changes=few, progress=False)
    assert found.test_clips > 25
    assert found.interval[0] > 0.25  # chance is a tenth, the commonest voice a fifth
