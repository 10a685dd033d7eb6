"""Armory's scenario of a detector, run inside this process."""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from art.defences.detector.evasion import EvasionDetector

from art_audio_ext.experiments.scenario_config import scenario_config

pytestmark = [
    pytest.mark.armory,
    pytest.mark.skipif(importlib.util.find_spec("armory") is None, reason='needs pip install "art-audio-ext[armory]"'),
]


class LoudnessDetector(EvasionDetector):
    """Calls a clip adversarial if it is louder than every clip it was shown as benign."""

    defence_params = ["margin"]  # noqa: RUF012

    def __init__(self, classifier, margin=1.0):
        super().__init__()
        self.classifier, self.margin = classifier, margin

    def fit(self, x, y, batch_size=128, nb_epochs=20, **kwargs):
        self.benign = x[y[:, 0] == 1]
        self.limit = self.margin * np.abs(x[y[:, 0] == 1]).max()

    def detect(self, x, batch_size=128, **kwargs):
        return {}, np.abs(x).max(1) > self.limit


class AddOne:
    """An "attack" that a loudness detector cannot miss."""

    def __init__(self, classifier, **kwargs):
        pass

    def generate(self, x, y=None, **kwargs):
        return np.ones_like(x)


def test_detector_scenario_measures_detection(armory_home, spoken_folder, monkeypatch, evaluate):
    module = SimpleNamespace(LoudnessDetector=LoudnessDetector, AddOne=AddOne)
    monkeypatch.setitem(sys.modules, "dummy_detectors", module)
    options = {"spec": spoken_folder, "source": "alpha", "target": "bravo", "epochs": 1, "victim": {"width": 4}}
    config = scenario_config("none", dataset={"seconds": 0.5}, **options)
    config["scenario"]["name"] = "AudioDetector"
    config["model"]["fit_kwargs"] = {"nb_epochs": 1}
    config["attack"] = {"knowledge": "white", "kwargs": {}, "module": "dummy_detectors", "name": "AddOne"}
    config["metric"] = {
        "means": True,
        "perturbation": "linf",
        "record_metric_per_sample": False,
        "task": ["categorical_accuracy"],
    }
    detector = {"module": "dummy_detectors", "name": "LoudnessDetector", "kwargs": {"margin": 2.0}, "fit_clips": 40}
    config["adhoc"] = {"split_id": 0, "detector": detector}
    scenario = evaluate(config)
    results = scenario.results
    assert results["detection_true_positive_rate"] in (1.0, [1.0])
    assert results["detection_false_positive_rate"] in (0.0, [0.0])
    train = scenario.splits.train
    rows = [np.flatnonzero((train.waveforms == clip).all(1))[0] for clip in scenario.detector.benign]
    assert len(set(rows)) == 40
    assert set(train.labels[rows]) == {0, 1, 2, 3}, "the first clips of a folder are all of one label"
    detector["kwargs"]["margin"] = 0.0
    again = evaluate(config)
    assert again.results["detection_false_positive_rate"] in (1.0, [1.0])
    assert np.array_equal(again.detector.benign, scenario.detector.benign)
    config["adhoc"] = {"split_id": 0}
    with pytest.raises(ValueError, match=r"adhoc\.detector is missing"):
        evaluate(config)
