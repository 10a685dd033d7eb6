"""The classifier of a sound-event scenario: trained once on the training part, found again, or opened from a file."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from art_audio_ext.attacks.evasion import LBFGS
from art_audio_ext.experiments.armory_config import complete_purification
from art_audio_ext.experiments.armory_data import last_splits, splits_of
from art_audio_ext.experiments.armory_sound_events import get_sound_event_model, lbfgs, sound_event_model_for
from art_audio_ext.experiments.scenario_sound_events import ATTACKS, sound_event_files, sound_event_scenario

TINY = {"width": 2, "epochs": 1}


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """A cache of this test alone, and the folder of its networks."""
    monkeypatch.setenv("ART_AUDIO_CACHE", os.fspath(tmp_path / "cache"))
    last_splits.cache_clear()
    return tmp_path / "cache" / "networks"


@pytest.fixture(scope="module")
def few(tiny_dataset):
    """Every third of the tiny clips."""
    return tiny_dataset.subset(np.arange(120) % 3 == 0)


@pytest.fixture
def folder(tmp_path, few):
    """The few clips as a folder, and how a scenario names it."""
    for row, label in enumerate(few.labels):
        path = tmp_path / "events" / few.label_names[label] / f"{row}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, few.waveforms[row], 16000)
    return {"spec": f"folder:{tmp_path / 'events'}", "seed": 0, "test_clips": 4}


def test_a_classifier_is_trained_once_and_then_opened(networks, few, capfd):
    first = sound_event_model_for(few, **TINY)
    said = capfd.readouterr().out
    assert "Training a sound-event classifier (vgg13, 40 clips, epochs: 1), about less than a minute; kept in" in said
    again = sound_event_model_for(few, **TINY)
    assert capfd.readouterr().out == ""
    assert first.checksum() == again.checksum()
    assert {path.suffix for path in networks.iterdir()} == {".safetensors", ".json", ".lock"}, "no checkpoints are left"
    for data, changes in (
        (few, {"seed": 1}),
        (few, {"architecture": "crnn"}),
        (few, {"front_end": "constant_q"}),
        (replace(few, sample_rate=8000), {}),
    ):
        found = sound_event_model_for(data, **{**TINY, **changes})
        assert "Training" in capfd.readouterr().out
        assert found.checksum() != first.checksum()
        assert found.sample_rate == data.sample_rate


def test_a_scenarios_classifier_learns_from_training_clips_alone(networks, folder, monkeypatch):
    from art_audio_ext.training import sound_event

    seen, real = [], sound_event.train_sound_event_classifier

    def noted(sound, *args, **kwargs):
        seen.append(sound)
        return real(sound, *args, **kwargs)

    monkeypatch.setattr(sound_event, "train_sound_event_classifier", noted)
    classifier = get_sound_event_model({**TINY, "data": {**folder, "seconds": 1.5}}, {"seed": 3}, None)
    splits = splits_of({**folder, "seconds": 1.5})
    assert len(seen) == 1
    assert np.array_equal(seen[0], splits.train.waveforms)
    assert not set(map(bytes, splits.test.waveforms)) & set(map(bytes, splits.train.waveforms))
    assert (classifier.input_shape, classifier.nb_classes) == ((24000,), 4)
    scores = classifier.predict(splits.test.waveforms)
    np.testing.assert_allclose(np.exp(scores).sum(1), 1, rtol=1e-4)
    for wrong, message in (
        ({"colour": 1}, "colour"),
        ({"architecture": "vgg"}, "unknown sound-event model 'vgg'"),
        ({"preset": "slow"}, "preset"),
    ):
        with pytest.raises(ValueError, match=message):
            get_sound_event_model({**wrong, "data": folder}, {}, None)


def test_a_named_file_is_opened_and_never_trained(networks, few, folder, tmp_path, capfd):
    model = sound_event_model_for(few, **TINY)
    path = os.fspath(model.save(tmp_path / "mine.safetensors"))
    capfd.readouterr()
    for classifier in (
        get_sound_event_model({"weights": path}, {}, None),
        get_sound_event_model({"data": folder}, {}, path),
    ):
        scores = classifier.predict(few.waveforms)
        assert np.array_equal(scores.argmax(1), model.predict(few.waveforms))
    assert get_sound_event_model({"weights": path}, {}, None).input_shape == (48000,)
    with pytest.raises(FileNotFoundError, match="art-audio train sound-events"):
        get_sound_event_model({"weights": path + ".no", "data": folder}, {}, None)
    names = replace(few, label_names=("a", "b", "c", "d"))
    other = os.fspath(sound_event_model_for(names, **TINY).save(tmp_path / "other"))
    for (entry, weights), message in (
        (({"weights": path, "width": 4}, None), "width would have no effect"),
        (({"weights": path}, path), "said twice"),
        (({}, None), "nothing to train a classifier on"),
        (({"weights": other, "data": folder}, None), "knows a, b, c, d; the data have alpha"),
        (({"weights": path, "data": {**folder, "sample_rate": 8000}}, None), '"sample_rate" of the dataset entry'),
    ):
        with pytest.raises(ValueError, match=message):
            get_sound_event_model(entry, {}, weights)
    assert capfd.readouterr().out.count("Training") == 1, "only the one with other names"


def test_armorys_word_for_targeted_reaches_lbfgs(networks, few):
    classifier = sound_event_model_for(few, **TINY).classifier(length=16000)
    attack = lbfgs(classifier, targeted=True, max_iter=3)
    assert isinstance(attack, LBFGS)
    assert attack.max_iter == 3
    with pytest.raises(ValueError, match="targeted must be true"):
        lbfgs(classifier, targeted=False)


def test_a_scenario_tells_its_classifier_the_data():
    config = sound_event_scenario("fgsm", seed=5)
    complete_purification(config)
    expected = {"architecture": "vgg13", "preset": "quick", "seed": 5, "data": config["dataset"]}
    assert config["model"]["model_kwargs"] == expected
    complete_purification(config, check=True)
    assert config["model"]["model_kwargs"]["epochs"] == 1


def test_every_attack_has_a_file_on_the_same_network():
    files = sound_event_files()
    assert set(files) == {f"{name}.json" for name in ATTACKS} | {"dense_wav_deepfool.json", "folder_deepfool.json"}
    for name in ATTACKS:
        config = files[f"{name}.json"]
        assert (config["model"], config["dataset"]) == (files["fgsm.json"]["model"], files["fgsm.json"]["dataset"])
        attack, targeted = config["attack"], ATTACKS[name][4]
        assert attack.get("use_label", False) is not targeted
        assert attack["kwargs"].get("targeted", False) is targeted is ("targeted_labels" in attack)
    assert files["white_noise.json"]["attack"]["knowledge"] == "black"
    assert sound_event_scenario("white_noise", seed=4)["attack"]["kwargs"]["seed"] == 4
    with pytest.raises(ValueError, match="no attack 'pgd'"):
        sound_event_scenario("pgd")
