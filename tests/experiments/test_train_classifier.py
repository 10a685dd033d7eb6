"""Classifiers trained on named data: digits that people spoke, at 8 kHz as they come, and what is written beside."""

from __future__ import annotations

import json

import numpy as np
import pytest

from art_audio_ext.datasets import load_dataset
from art_audio_ext.experiments.train_classifier import background_of, train_classifier_on
from art_audio_ext.training.speech_model import SpeechModel


def test_what_is_written(tiny_dataset, tmp_path):
    found = train_classifier_on(tiny_dataset, tmp_path / "model", width=4, epochs=1, progress=False)
    assert found.path == tmp_path / "model.safetensors"
    test = json.loads((tmp_path / "model-test.json").read_text())
    assert test["accuracy"] == found.accuracy
    assert test["settings"]["epochs"] == 1
    assert SpeechModel.load(found.path).label_names == tiny_dataset.label_names


@pytest.mark.real_data
def test_spoken_digits_are_learnt_by_some_voices_and_known_by_others(real_data, tmp_path):
    digits = load_dataset(str(real_data / "spoken_digits"), sample_rate=16000, seed=0, progress=False)
    some = digits.subset(np.sort(np.random.default_rng(0).permutation(len(digits))[:600]))
    few = {"optimizer": "adamw", "learning_rate": 3e-3}  # epochs: the presets' descent wants more of them
    found = train_classifier_on(some, tmp_path / "digits", width=8, epochs=6, changes=few, progress=False)
    assert background_of(some) is None  # no class of noise
    assert found.test_clips > 50
    assert found.interval[0] > 0.2  # chance is a tenth
