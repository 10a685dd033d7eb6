"""Armory's scenarios of sound events: the committed files, the hooks in Armory's hands, and one real run."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("armory", reason='needs pip install "art-audio-ext[armory]"')

from art_audio_ext.attacks.evasion import LBFGS
from art_audio_ext.experiments import armory_sound_events
from art_audio_ext.experiments.armory_data import last_splits
from art_audio_ext.experiments.armory_evasion import _breaks, _hits
from art_audio_ext.experiments.armory_run import measured, run_scenario
from art_audio_ext.experiments.scenario_config import write_scenario
from art_audio_ext.experiments.scenario_sound_events import ATTACKS, sound_event_files, sound_event_scenario
from art_audio_ext.training.sound_event import train_sound_event_classifier
from art_audio_ext.training.sound_event_settings import SoundEventSettings

pytestmark = [pytest.mark.armory, pytest.mark.usefixtures("armory_home")]

SCENARIOS = Path(__file__).resolve().parents[1] / "armory_scenarios" / "sound_events"
LEARN = {"width": 3, "epochs": 12, "batch_size": 8, "mixup": 0.0, "augment": False}
FAST = {"carlini": {"binary_search_steps": 3, "max_iter": 20}, "lbfgs": {"bisections": 0, "max_iter": 6}}
FAST["carlini_targeted"] = FAST["carlini"]


@pytest.fixture(scope="module")
def learnt(tiny_dataset):
    """A network that knows the tiny clips."""
    half = tiny_dataset.subset(np.arange(120) % 2 == 0)
    told = (half.waveforms, half.labels, half.label_names, 16000)
    return train_sound_event_classifier(*told, SoundEventSettings(**LEARN), seed=0, progress=False)


@pytest.fixture
def asked(monkeypatch, learnt):
    """That network in place of those that a scenario would train; and what was asked for."""
    calls = []

    def model_for(train, architecture="vgg13", preset="quick", seed=0, **changes):
        calls.append((architecture, preset, train, changes))
        return learnt

    monkeypatch.setattr(armory_sound_events, "sound_event_model_for", model_for)
    return calls


def tiny(attack, spec, **more):
    options = {"dataset": {"seconds": 1.0, "test_clips": 8}, "model": LEARN, "classes": 4, "batch_size": 4, **more}
    return sound_event_scenario(attack, spec=spec, **{"options": FAST.get(attack), **options})


@pytest.mark.parametrize("name", sorted(sound_event_files()))
def test_committed_scenarios_are_taken_by_armory_and_by_what_they_name(name, spoken_folder, asked):
    from armory.utils import config_loading
    from armory.utils.configuration import load_config

    config = load_config(SCENARIOS / name)
    assert json.loads(json.dumps(sound_event_files()[name])) == config
    config["dataset"] |= {"spec": spoken_folder, "test_clips": 8, "batch_size": 4, "seconds": 1.0}
    config["dataset"].pop("clips", None)
    scenario = config_loading.load_fn(config["scenario"])({**config, "eval_id": "test"}, num_eval_batches=1)
    scenario.load_model()
    scenario.load_attack()
    scenario.load_dataset()
    assert asked[0][:2] == (config["model"]["model_kwargs"]["architecture"], "quick")
    assert len(asked[0][2]) == len(last_splits(spoken_folder, seed=0).train)
    x, _ = next(scenario.test_dataset)
    assert scenario.model.predict(x).shape == (4, 4)
    attack = scenario.attack
    assert type(attack).__name__ == {"lbfgs": "LBFGS"}.get(config["attack"]["name"], config["attack"]["name"])
    assert attack.targeted == scenario.targeted == (name in ("carlini_targeted.json", "lbfgs.json"))
    if scenario.targeted:
        assert scenario.label_targeter.generate(np.array([0, 8, 9])).tolist() == [1, 9, 0]


@pytest.mark.parametrize("attack", list(ATTACKS))
def test_a_whole_run_of_each_attack(attack, spoken_folder, asked, evaluate):
    scenario = evaluate(tiny(attack, spoken_folder))
    found = {name: values[-1] for name, values in scenario.results.items() if name != "compute"}
    assert found["benign_mean_categorical_accuracy"] >= 0.75
    rate, level = found["attack_success_rate"], found["attack_success_median_snr_db"]
    if attack in ("white_noise", "fgsm"):
        assert found["perturbation_mean_snr_db"] == pytest.approx(20, abs=0.01)
        assert level is None or level == pytest.approx(20, abs=0.01)
    else:
        assert rate >= 0.75
        assert level > 20
    if scenario.targeted:
        assert found["targeted_mean_categorical_accuracy"] >= rate - 0.25
        assert isinstance(scenario.attack, LBFGS) is (attack == "lbfgs")
    else:
        assert found["adversarial_mean_categorical_accuracy"] <= found["benign_mean_categorical_accuracy"]


def test_only_clips_that_an_attack_could_break_are_counted():
    labels = np.array([0, 0, 1])
    before, after = np.eye(2)[[0, 1, 1]], np.eye(2)[[1, 1, 1]]
    right, wrong = _breaks(labels, before, after)
    assert (right.tolist(), wrong.tolist()) == ([True, False, True], [True, True, False])
    apart, there = _hits(1 - labels, before, after)
    assert (apart.tolist(), there.tolist()) == ([True, False, True], [True, True, False])


def test_armorys_own_scenario_class_does_with_data_said_twice(spoken_folder, asked, evaluate):
    config = tiny("deepfool", spoken_folder)
    own = {"kwargs": {}, "module": "armory.scenarios.audio_classification", "name": "AudioClassificationTask"}
    config["scenario"], config["model"]["model_kwargs"] = own, {"data": copy.deepcopy(config["dataset"])}
    results = evaluate(config).results
    assert measured(results, "adversarial_mean_categorical_accuracy") < 0.5
    assert measured(results, "attack_success_rate") is None, "ours alone"
    config["model"]["model_kwargs"] = {}
    with pytest.raises(ValueError, match="nothing to train a classifier on"):
        evaluate(config)


def test_a_check_learns_for_one_epoch_and_nothing_to_count_is_null(spoken_folder, asked, evaluate):
    config = tiny("fgsm", spoken_folder, options=None)
    config["model"]["model_kwargs"]["epochs"] = 50
    evaluate(config, check_run=True)
    assert asked[0][3]["epochs"] == 1
    silent = tiny("white_noise", spoken_folder)
    silent["attack"]["kwargs"]["snr_db"] = 100.0
    results = evaluate(silent).results
    assert measured(results, "attack_success_rate") == 0
    assert measured(results, "attack_success_median_snr_db") is None


def test_armory_runs_a_scenario_from_its_command_line(spoken_folder, tmp_path):
    write_scenario(tiny("fgsm", spoken_folder, model={"width": 2, "epochs": 1}), tmp_path / "tiny.json")
    found = run_scenario(tmp_path / "tiny.json", tmp_path / "work", tmp_path / "tiny.log")
    assert 0 <= measured(found.results, "adversarial_mean_categorical_accuracy") <= 1
    assert "attack_success_rate" in found.results
    assert "Training a sound-event classifier (vgg13" in (tmp_path / "tiny.log").read_text(encoding="utf-8")
