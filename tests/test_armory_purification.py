"""Armory's evasion scenarios for purifiers: the committed files, the hooks in Armory's hands, and one real run."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("armory", reason='needs pip install "art-audio-ext[armory]"')
pytest.importorskip("diffusers", reason='needs pip install "art-audio-ext[diffusion]"')

from art_audio_ext.defences import preprocessor
from art_audio_ext.defences.preprocessor import Purifier, TimeDomainPurifier
from art_audio_ext.experiments import armory_purifiers
from art_audio_ext.experiments.armory_data import last_splits
from art_audio_ext.experiments.armory_run import measured, run_scenario
from art_audio_ext.experiments.scenario_config import write_scenario
from art_audio_ext.experiments.scenario_purifiers import DEFENCES, purification_files, purification_scenario
from art_audio_ext.networks.speech_classifiers import SpeechClassifier
from art_audio_ext.training.audio_diffusion import AudioDiffusion, build_network
from art_audio_ext.training.classifier_settings import ClassifierSettings
from art_audio_ext.training.diffusion_settings import DiffusionSettings
from art_audio_ext.training.speech_model import SpeechModel

pytestmark = [pytest.mark.armory, pytest.mark.usefixtures("armory_home")]

SCENARIOS = Path(__file__).resolve().parents[1] / "armory_scenarios" / "purification"
WAVE = {"residual_channels": 4, "skip_channels": 4, "layers": 2, "dilation_cycle": 2, "crop": 2000, "epochs": 1}
MEL = {"base": 8, "multipliers": [1], "attention": [], "epochs": 1}
TINY = {"classifier": {"width": 4, "epochs": 1, "augment": False}, "mel": MEL, "wave": WAVE}


@pytest.fixture
def untrained(monkeypatch):
    """Small networks with first weights, in place of those that a scenario would train; and what was asked for."""
    asked = []

    def classifier_for(train, preset="quick", seed=0, **changes):
        asked.append(("classifier", train, changes))
        settings = ClassifierSettings(width=4)
        return SpeechModel(SpeechClassifier("resnet18", len(train.label_names), 4), settings, train.label_names)

    def diffusion_for(train, domain, preset="quick", seed=0, **changes):
        asked.append((domain, train, changes))
        settings = DiffusionSettings.from_dict({**(MEL if domain == "mel" else WAVE), "domain": domain})
        return AudioDiffusion(build_network(settings), settings, 16000)

    monkeypatch.setattr(armory_purifiers, "classifier_for", classifier_for)
    monkeypatch.setattr(armory_purifiers, "diffusion_for", diffusion_for)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield asked


def tiny(defence, spec, **options):
    dataset = {"test_clips": 8}
    return purification_scenario(defence, spec=spec, networks=TINY, dataset=dataset, batch_size=4, **options)


def purifiers_of(classifier):
    """What stands before the model; ART puts its standardisation, here by 0 and 1, behind the defences."""
    *defences, standardisation = classifier.preprocessing_operations
    assert (standardisation.mean, standardisation.std) == (0, 1)
    assert all(isinstance(step, Purifier) for step in defences)
    return defences


@pytest.mark.parametrize("name", sorted(purification_files()))
def test_committed_scenarios_are_taken_by_armory_and_by_what_they_name(name, spoken_folder, untrained):
    from armory.utils import config_loading
    from armory.utils.configuration import load_config

    config = load_config(SCENARIOS / name)
    assert json.loads(json.dumps(purification_files()[name])) == config
    config["dataset"] |= {"spec": spoken_folder, "test_clips": 8, "batch_size": 4}
    config["dataset"].pop("clips", None)
    scenario_class = config_loading.load_fn(config["scenario"])
    scenario = scenario_class({**config, "eval_id": "test"}, num_eval_batches=1)
    scenario.load_model()
    scenario.load_attack()
    scenario.load_dataset()
    purifiers = purifiers_of(scenario.model)
    assert len(purifiers) == (config["defense"] is not None)
    assert scenario.model.all_framework_preprocessing
    if purifiers:
        assert type(purifiers[0]).__name__ == config["defense"]["kwargs"]["purifier"]
    x, y = next(scenario.test_dataset)
    assert scenario.model.predict(x).shape == (4, 4)
    assert type(scenario.attack).__name__ == config["attack"]["name"]
    scenario.attack.set_params(max_iter=1)
    assert np.abs(scenario.attack.generate(x=x[:1], y=y[:1]) - x[:1]).max() > 0


def test_every_defence_has_a_file_and_meets_the_same_attack():
    files = purification_files()
    builtin = {name for name in files if "/" not in name}
    assert builtin == {f"{name}.json" for name in DEFENCES} | {"dual_pure_art_pgd.json"}
    assert {name.removeprefix("speech_commands/") for name in set(files) - builtin} == {f"{n}.json" for n in DEFENCES}
    for name in DEFENCES:
        attack, reference = (copy.deepcopy(files[f"{n}.json"]["attack"]) for n in (name, "time_stage"))
        purifier = DEFENCES[name][1]
        if not purifier or not getattr(preprocessor, purifier).is_random:
            assert attack["kwargs"].pop("eot_samples") == 1, "nothing to average over"
            del reference["kwargs"]["eot_samples"]
        assert attack == reference
    assert files["noise_matched.json"]["model"]["model_kwargs"]["noise_sigma"] == pytest.approx(0.0245, abs=1e-4)
    assert files["noise_floor.json"]["model"]["model_kwargs"]["floor_sigma"] == pytest.approx(0.0245, abs=1e-4)
    with pytest.raises(ValueError, match="no defence 'magic'"):
        tiny("magic", "builtin")
    with pytest.raises(ValueError, match="no attack 'fgsm'"):
        tiny("none", "builtin", attack="fgsm")


@pytest.mark.parametrize("defence", ["time_stage", "dual_pure", "one_shot"])
def test_armory_puts_a_purifier_where_white_box_attacks_see_through_it(defence, spoken_folder, untrained):
    from armory.utils import config_loading

    config = tiny(defence, spoken_folder)
    data = config["dataset"]
    classifier, _ = config_loading.load_model({**config["model"], "model_kwargs": {"data": data}})
    undefended = classifier.model
    config["defense"]["kwargs"] |= {"data": data, "fixed_noise": True}
    defended = config_loading.load_defense_internal(config["defense"], classifier)
    (purifier,) = purifiers_of(defended)
    x, y = last_splits(spoken_folder, seed=0).test.waveforms[:3], np.array([0, 1, 2])
    point = torch.from_numpy(x.copy()).requires_grad_()
    loss = torch.nn.functional.cross_entropy(undefended(purifier.forward(point)[0]), torch.from_numpy(y))
    expected = torch.autograd.grad(loss, point)[0].numpy()
    found = defended.loss_gradient(x, np.eye(4)[y])
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    purifier.set_params(apply_predict=False)
    assert np.abs(defended.loss_gradient(x, np.eye(4)[y]) - expected).max() > 0.01 * np.abs(expected).max()


def test_armory_keeps_the_order_of_several_purifiers(spoken_folder, untrained):
    from armory.utils import config_loading

    config = tiny("frequency_stage", spoken_folder)
    data = config["dataset"]
    classifier, _ = config_loading.load_model({**config["model"], "model_kwargs": {"data": data}})
    for defence in ("time_stage", "frequency_stage"):
        entry = tiny(defence, spoken_folder)["defense"]
        entry["kwargs"]["data"] = data
        classifier = config_loading.load_defense_internal(entry, classifier)
    names = [type(step).__name__ for step in purifiers_of(classifier)]
    assert names == ["TimeDomainPurifier", "FrequencyDomainPurifier"]
    x = last_splits(spoken_folder, seed=0).test.waveforms[:2]
    assert np.abs(classifier.loss_gradient(x, np.eye(4)[:2])).max() > 0


def test_a_scenario_attacks_through_the_defence_and_tests_under_fresh_noise(spoken_folder, untrained, evaluate):
    config = tiny("time_stage", spoken_folder, max_iter=2)
    config["model"]["model_kwargs"] = {}
    scenario = evaluate(config)
    assert len(scenario.test_dataset) == 2
    assert len({learnt for _, train, _ in untrained for learnt in train.paths}) + 8 <= 120
    results = scenario.results
    assert measured(results, "perturbation_mean_linf") == pytest.approx(0.0008, abs=1e-5)
    assert measured(results, "perturbation_mean_snr_db") > 10
    for kind in ("benign", "adversarial"):
        assert 0 <= measured(results, f"{kind}_mean_categorical_accuracy") <= 1
    assert purifiers_of(scenario.model)[0].calls == 2 * (1 + 2 * 2 + 1), "benign, steps of two half batches, final"
    assert scenario.attack.draws_seen.tolist() == [4, 4, 4, 4]


def test_a_check_learns_for_one_epoch(spoken_folder, untrained, evaluate):
    config = tiny("dual_pure", spoken_folder, max_iter=1)
    config["model"]["model_kwargs"]["epochs"] = config["defense"]["kwargs"]["diffusion"]["epochs"] = 50
    evaluate(config, check_run=True)
    assert [(kind, changes["epochs"]) for kind, _, changes in untrained] == [("classifier", 1), ("mel", 1)]


def test_armorys_own_scenario_class_does_with_data_said_twice(spoken_folder, untrained, evaluate):
    config = tiny("time_stage", spoken_folder, max_iter=1)
    config["scenario"] = {
        "kwargs": {},
        "module": "armory.scenarios.audio_classification",
        "name": "AudioClassificationTask",
    }
    config["model"]["model_kwargs"] = {"data": config["dataset"]}
    scenario = evaluate(config)
    assert isinstance(purifiers_of(scenario.model)[0], TimeDomainPurifier)
    config["model"]["model_kwargs"] = {}
    with pytest.raises(ValueError, match="nothing to train a classifier on"):
        evaluate(config)


def test_armory_runs_a_scenario_from_its_command_line(spoken_folder, tmp_path):
    write_scenario(tiny("one_shot", spoken_folder, max_iter=1), tmp_path / "tiny.json")
    found = run_scenario(tmp_path / "tiny.json", tmp_path / "work", tmp_path / "tiny.log")
    assert 0 <= measured(found.results, "adversarial_mean_categorical_accuracy") <= 1
    assert measured(found.results, "perturbation_mean_linf") == pytest.approx(0.0004, abs=1e-5)
    log = (tmp_path / "tiny.log").read_text(encoding="utf-8")
    assert "Training a classifier" in log
    assert "Training a diffusion model of domain wave" in log
