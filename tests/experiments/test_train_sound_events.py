"""Sound-event classifiers trained on named data: what is written, and instruments told apart."""

from __future__ import annotations

import json

import pytest

from art_audio_ext.experiments.train_sound_events import train_sound_events_on
from art_audio_ext.training.sound_event_model import SoundEventModel


def test_what_is_written_and_what_a_second_call_finds(tiny_dataset, tmp_path):
    changes = {"width": 2, "epochs": 1, "front_end": "constant_q"}
    found = train_sound_events_on(tiny_dataset, tmp_path / "model", model="gcnn", changes=changes, progress=False)
    assert found.path == tmp_path / "model.safetensors"
    test = json.loads((tmp_path / "model-test.json").read_text())
    assert (test["accuracy"], test["data"]) == (found.accuracy, "tiny")
    assert (test["settings"]["architecture"], test["settings"]["front_end"]) == ("gcnn", "constant_q")
    model = SoundEventModel.load(found.path)
    assert model.label_names == tiny_dataset.label_names
    again = train_sound_events_on(tiny_dataset, tmp_path / "model", model="gcnn", changes=changes, progress=False)
    assert again.model.checksum() == found.model.checksum() == model.checksum()


@pytest.mark.real_data
def test_instruments_are_told_apart(real_data, tmp_path):
    few = {"width": 4, "epochs": 12, "mixup": 0.0, "masks": 0.0}
    data = f"folder:{real_data / 'instruments'}"
    options = {"cache_dir": tmp_path / "cache", "progress": False}
    found = train_sound_events_on(data, tmp_path / "model", model="crnn", changes=few, **options)
    assert found.test_clips == 50
    assert found.interval[0] > 0.15  # chance is a tenth
