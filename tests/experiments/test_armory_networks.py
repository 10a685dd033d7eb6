"""Networks of a purification scenario: trained once on the training part, kept, found again, or opened from a file."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from art_audio_ext.defences.preprocessor import DDPMPurifier, DualPure, TimeDomainPurifier
from art_audio_ext.experiments import armory_networks
from art_audio_ext.experiments.armory_config import complete_purification
from art_audio_ext.experiments.armory_data import last_splits, splits_of
from art_audio_ext.experiments.armory_networks import classifier_for, diffusion_for
from art_audio_ext.experiments.armory_purifiers import get_purifier, get_speech_model

TINY = {"width": 4, "epochs": 1, "augment": False}
TINY_WAVE = {"residual_channels": 4, "skip_channels": 4, "layers": 2, "dilation_cycle": 2, "crop": 2000, "epochs": 1}


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """A cache of this test alone, and the folder of its networks."""
    monkeypatch.setenv("ART_AUDIO_CACHE", os.fspath(tmp_path / "cache"))
    last_splits.cache_clear()
    return tmp_path / "cache" / "networks"


@pytest.fixture
def trainings(monkeypatch):
    """The arguments of every training of a classifier."""
    from art_audio_ext.training import classifier

    calls, real = [], classifier.train_classifier

    def noted(*args, **kwargs):
        calls.append((args, kwargs))
        return real(*args, **kwargs)

    monkeypatch.setattr(classifier, "train_classifier", noted)
    return calls


@pytest.fixture
def speech(spoken_folder):
    """The tiny dataset as a folder, and how a scenario names it."""
    return {"spec": spoken_folder, "seed": 0}


def test_a_classifier_is_trained_once_and_then_opened(networks, trainings, tiny_dataset, capfd):
    first = classifier_for(tiny_dataset, **TINY)
    said = capfd.readouterr().out
    assert "Training a classifier (resnet18, 120 clips, epochs: 1), about less than a minute; kept in" in said
    again = classifier_for(tiny_dataset, **TINY)
    assert capfd.readouterr().out == ""
    assert len(trainings) == 1
    assert np.array_equal(first.predict(tiny_dataset.waveforms), again.predict(tiny_dataset.waveforms))
    assert {path.suffix for path in networks.iterdir()} == {".safetensors", ".json", ".lock"}, "no checkpoints are left"
    other_names = replace(tiny_dataset, label_names=("a", "b", "c", "d"))
    other_sound = replace(tiny_dataset, waveforms=0.5 * tiny_dataset.waveforms)
    for data, changes in (
        (tiny_dataset, {"seed": 1}),
        (tiny_dataset, {"width": 5}),
        (other_names, {}),
        (other_sound, {}),
    ):
        classifier_for(data, **{**TINY, **changes})
    assert len(trainings) == 5


def test_a_damaged_network_is_trained_anew_and_a_stopped_training_goes_on(
    networks, trainings, tiny_dataset, monkeypatch, caplog
):
    classifier_for(tiny_dataset, **TINY)
    path = next(networks.glob("*.safetensors"))
    whole = {name: value.clone() for name, value in load_file(path).items()}  # which is a memory map
    path.write_bytes(path.read_bytes()[:1000])

    def stop(model, where):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(armory_networks.SpeechModel, "save", stop)
        with pytest.raises(KeyboardInterrupt):
            classifier_for(tiny_dataset, **TINY)
    assert "not a whole safetensors file" in caplog.text
    checkpoints = next(networks.glob("*-checkpoints"))
    assert list(checkpoints.glob("epoch-0001.ckpt"))
    classifier_for(tiny_dataset, **TINY)
    assert trainings[-1][1]["checkpoint_dir"] == checkpoints
    assert not checkpoints.exists()
    assert all(torch.equal(value, whole[name]) for name, value in load_file(path).items())


@pytest.mark.skipif(armory_networks.fcntl is None, reason="no file locks here")
def test_a_second_process_waits_for_the_first(networks, tiny_dataset):
    classifier_for(tiny_dataset, **TINY)
    waits = threading.Thread(target=classifier_for, args=(tiny_dataset,), kwargs=TINY, daemon=True)
    with armory_networks._locked(next(networks.glob("*.lock"))):
        waits.start()
        waits.join(0.5)
        assert waits.is_alive()
    waits.join(30)
    assert not waits.is_alive()


def test_diffusion_models_are_trained_once_by_domain(networks, tiny_dataset, capfd):
    wave = diffusion_for(tiny_dataset, "wave", **TINY_WAVE)
    said = capfd.readouterr().out
    assert "a diffusion model of domain wave" in said
    assert wave.settings.layers == 2
    again = diffusion_for(tiny_dataset, "wave", **TINY_WAVE)
    assert capfd.readouterr().out == ""
    x = torch.from_numpy(tiny_dataset.waveforms[:2])
    assert torch.equal(wave.predict_noise(x, 3), again.predict_noise(x, 3))
    with pytest.raises(ValueError, match="unknown diffusion setting colour"):
        diffusion_for(tiny_dataset, "wave", colour="red")
    with pytest.raises(ValueError, match="unknown diffusion preset"):
        diffusion_for(tiny_dataset, "wave", "slow")


def test_a_mel_model_is_trained_for_a_purifier(networks, speech):
    pytest.importorskip("diffusers")
    diffusion = {"base": 8, "multipliers": [1], "attention": [], "epochs": 1}
    purifier = get_purifier("DualPure", diffusion, data=speech, time_steps=2, seed=7)
    assert isinstance(purifier, DualPure)
    assert (purifier.time_steps, purifier.seed, purifier.diffusion.settings.base) == (2, 7, 8)
    clips = splits_of(speech).test.waveforms[:3]
    assert purifier(clips)[0].shape == (3, 1, 32, 32)


def test_scenarios_classifier_learns_from_training_clips_alone(networks, trainings, speech):
    data = {**speech, "module": "m", "name": "n", "batch_size": 4, "framework": "numpy", "test_clips": 8}
    classifier = get_speech_model({**TINY, "data": data}, {}, None)
    splits = splits_of(data)
    assert np.array_equal(trainings[0][0][0], splits.train.waveforms)
    assert sorted(splits.test.labels) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert not set(map(bytes, splits.test.waveforms)) & set(map(bytes, splits.train.waveforms))
    assert classifier.input_shape == (16000,)
    assert classifier.nb_classes == 4
    with pytest.raises(ValueError, match="unknown classifier setting colour"):
        get_speech_model({"colour": 1, "data": data}, {}, None)
    with pytest.raises(ValueError, match="test_clips must be a positive whole number"):
        splits_of({**speech, "test_clips": 0})


def test_scenarios_classifier_comes_from_a_file(networks, trainings, tiny_dataset, speech, tmp_path):
    model = classifier_for(tiny_dataset, **TINY)
    path = os.fspath(model.save(tmp_path / "mine.safetensors"))
    for classifier in (get_speech_model({"weights": path}, {}, None), get_speech_model({"data": speech}, {}, path)):
        scores = classifier.predict(tiny_dataset.waveforms)
        assert np.array_equal(scores.argmax(1), model.predict(tiny_dataset.waveforms))
    assert len(trainings) == 1, "a named file is never replaced by a training"
    with pytest.raises(FileNotFoundError, match="art-audio train classifier"):
        get_speech_model({"weights": path + ".no", "data": speech}, {}, None)
    with pytest.raises(ValueError, match="width would have no effect"):
        get_speech_model({"weights": path, "width": 4}, {}, None)
    with pytest.raises(ValueError, match="said twice"):
        get_speech_model({"weights": path}, {}, path)
    with pytest.raises(ValueError, match="nothing to train a classifier on"):
        get_speech_model({}, {}, None)
    names = replace(tiny_dataset, label_names=("a", "b", "c", "d"))
    other = os.fspath(classifier_for(names, **TINY).save(tmp_path / "other"))
    with pytest.raises(ValueError, match="knows a, b, c, d; the data have alpha"):
        get_speech_model({"weights": other, "data": speech}, {}, None)


def test_purifiers_come_from_files_and_refuse_what_they_would_ignore(networks, tiny_dataset, tmp_path):
    path = os.fspath(diffusion_for(tiny_dataset, "wave", **TINY_WAVE).save(tmp_path / "wave.safetensors"))
    assert isinstance(get_purifier("DDPMPurifier", path, steps=2), DDPMPurifier)
    assert isinstance(get_purifier("TimeDomainPurifier", steps=2), TimeDomainPurifier)
    for name, kwargs, message in (
        ("Purifier", {}, "no purifier 'Purifier'"),
        ("TimeDomainPurifier", {"diffusion": path}, "has no diffusion model"),
        ("TimeDomainPurifier", {"colour": 1}, "has no option colour"),
        ("AudioPure", {}, "AudioPure needs diffusion"),
        ("AudioPure", {"diffusion": {}}, "nothing to train a diffusion model on"),
        ("DualPure", {"diffusion": path}, "is of domain 'wave'"),
    ):
        with pytest.raises(ValueError, match=message):
            get_purifier(name, **kwargs)
    with pytest.raises(FileNotFoundError, match="art-audio train diffusion"):
        get_purifier("AudioPure", path + ".no")
    (tmp_path / "published.pkl").write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match=r"published\.pkl"):
        get_purifier("AudioPure", os.fspath(tmp_path / "published.pkl"))


def test_a_scenario_tells_its_networks_their_data_and_nothing_else():
    dataset = {"module": "m", "name": "audio_commands", "spec": "builtin"}

    def config(model=None, diffusion=None):
        kwargs = {"purifier": "AudioPure", **({} if diffusion is None else {"diffusion": diffusion})}
        return {
            "adhoc": {"split_id": 5},
            "dataset": dict(dataset),
            "defense": {"name": "get_purifier", "kwargs": kwargs},
            "model": {"name": "get_speech_model", "model_kwargs": model or {}, "weights_file": None},
        }

    told = config(diffusion={"epochs": 9})
    complete_purification(told)
    assert told["model"]["model_kwargs"] == {"data": dataset, "seed": 5}
    assert told["defense"]["kwargs"]["data"] == dataset
    assert told["defense"]["kwargs"]["diffusion"] == {"epochs": 9, "seed": 5}
    checked = config(diffusion={"epochs": 9, "seed": 1})
    complete_purification(checked, check=True)
    assert checked["model"]["model_kwargs"]["epochs"] == 1
    assert checked["defense"]["kwargs"]["diffusion"] == {"epochs": 1, "seed": 1}
    files = config({"weights": "a"}, "b")
    complete_purification(files, check=True)
    assert files["model"]["model_kwargs"] == {"weights": "a", "data": dataset}
    assert files["defense"]["kwargs"]["diffusion"] == "b"
    with pytest.raises(ValueError, match="other data than the scenario's dataset"):
        complete_purification(config({"data": {**dataset, "seed": 1}}))


@pytest.mark.parametrize(
    ("seconds", "words"), [(3, "less than a minute"), (60, "a minute"), (200, "3 minutes"), (7300, "2 hours")]
)
def test_durations_in_words(seconds, words):
    assert armory_networks._in_words(seconds) == words
