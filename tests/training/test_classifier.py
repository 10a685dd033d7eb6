"""Classifiers of speech commands: they learn, resume, resist what they were trained against, and travel as files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from art_audio_ext.training.classifier import train_classifier
from art_audio_ext.training.classifier_settings import PRESETS, ClassifierSettings, resolve_settings
from art_audio_ext.training.runs import fast_precision
from art_audio_ext.training.speech_model import SpeechModel

NAMES = ("alpha", "bravo", "charlie", "delta")
TINY = ClassifierSettings(width=4, epochs=6, batch_size=16, learning_rate=1e-2, augment=False)


def train(data, settings=TINY, *, seed=0, **options) -> SpeechModel:
    return train_classifier(data.waveforms, data.labels, NAMES, 16000, settings, seed=seed, progress=False, **options)


@pytest.fixture(scope="module")
def model(tiny_dataset) -> SpeechModel:
    return train(tiny_dataset)


def weights(model: SpeechModel) -> bytes:
    return b"".join(v.numpy().tobytes() for v in model.network.state_dict().values())


def test_it_learns_and_only_the_seed_decides(tiny_dataset, model):
    assert model.history[-1]["train_loss"] < 0.5 * model.history[0]["train_loss"]
    assert model.history[-1]["train_accuracy"] > 0.9
    assert np.mean(model.predict(tiny_dataset.waveforms) == tiny_dataset.labels) > 0.9
    state = torch.get_rng_state()
    again = train(tiny_dataset)
    assert torch.equal(torch.get_rng_state(), state)
    assert weights(again) == weights(model)
    assert weights(train(tiny_dataset, seed=1)) != weights(model)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(tiny_dataset, tmp_path, optimizer, monkeypatch):
    full = replace(
        TINY, epochs=3, optimizer=optimizer, augment=True, noise_sigma=0.01, adversarial_eps=0.002, adversarial_steps=1
    )
    short = tiny_dataset.subset(np.arange(0, 120, 4))
    expected = train(short, full)
    from art_audio_ext.training.classifier_module import ClassifierModule

    step = ClassifierModule.training_step
    monkeypatch.setattr(
        ClassifierModule,
        "training_step",
        lambda self, batch, i: (
            (_ for _ in ()).throw(KeyboardInterrupt) if self.current_epoch == 2 else step(self, batch, i)
        ),
    )
    with pytest.raises(KeyboardInterrupt):
        train(short, full, checkpoint_dir=tmp_path)
    monkeypatch.undo()
    assert weights(train(short, full, checkpoint_dir=tmp_path)) == weights(expected)
    with pytest.raises(ValueError, match="another data"):
        train(tiny_dataset, full, checkpoint_dir=tmp_path)


def test_noise_and_attacks_change_what_is_learnt(tiny_dataset):
    short = tiny_dataset.subset(np.arange(0, 120, 4))
    kinds = [
        replace(TINY, epochs=1),
        replace(TINY, epochs=1, noise_sigma=0.02),
        replace(TINY, epochs=1, adversarial_eps=0.01),
        replace(TINY, epochs=1, augment=True),
    ]
    assert len({weights(train(short, kind)) for kind in kinds}) == 4
    mixed = train(short, kinds[3], background=short.waveforms[:3])
    assert weights(mixed) != weights(train(short, kinds[3]))


def test_fine_tuning_starts_where_the_model_is(tiny_dataset, model):
    tuned = train(tiny_dataset, replace(TINY, epochs=1, learning_rate=1e-4), start=model)
    assert tuned.history[0]["train_loss"] < 0.5 * model.history[0]["train_loss"]
    assert weights(tuned) != weights(model)
    assert weights(model) == weights(train(tiny_dataset))  # the first is left alone
    with pytest.raises(ValueError, match="knows 4 labels"):
        train_classifier(tiny_dataset.waveforms, tiny_dataset.labels, (*NAMES, "e"), 16000, TINY, seed=0, start=model)


def test_it_travels_as_two_files(tiny_dataset, model, tmp_path):
    again = SpeechModel.load(model.save(tmp_path / "model"))
    assert (again.label_names, again.settings, again.history) == (NAMES, TINY, model.history)
    assert weights(again) == weights(model)
    classifier = again.as_art(device_type="cpu")
    np.testing.assert_array_equal(
        classifier.predict(tiny_dataset.waveforms).argmax(1), model.predict(tiny_dataset.waveforms)
    )


@pytest.mark.parametrize("names", ["alpha", [], [1, 2], ["a", "b", "c", "d", "e"]])
def test_damaged_files_are_refused(model, tmp_path, names):
    path = model.save(tmp_path / "model")
    about = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**about, "label_names": names}))
    with pytest.raises(ValueError, match=r"label_names|do not fit"):
        SpeechModel.load(path)
    model.save(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="whole safetensors"):
        SpeechModel.load(path)
    with pytest.raises(FileNotFoundError, match="train classifier"):
        SpeechModel.load(tmp_path / "none")


def test_what_cannot_be_trained(tiny_dataset):
    x, y = tiny_dataset.waveforms, tiny_dataset.labels
    for wrong, message in (
        ((x, y, NAMES, 8000), "8000 Hz"),
        ((x, y, NAMES[:3], 16000), "label is 3"),
        ((x[y == 1], y[y == 1], NAMES, 16000), "one label"),
        ((x[:50] * np.nan, y[:50], NAMES, 16000), "nan"),
        ((x, y[:5], NAMES, 16000), "y"),
    ):
        with pytest.raises(ValueError, match=message):
            train_classifier(*wrong, TINY, seed=0, progress=False)
    with pytest.raises(ValueError, match="seed"):
        train(tiny_dataset, seed=-1)


def test_settings_are_checked_and_round_trip():
    for preset in PRESETS.values():
        assert ClassifierSettings.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset
    assert resolve_settings("quick", epochs=3, width=None) == replace(PRESETS["quick"], epochs=3)
    for bad in (
        {"architecture": "lenet"},
        {"width": 0},
        {"epochs": 1.5},
        {"optimizer": "lbfgs"},
        {"noise_sigma": -1},
        {"learning_rate": 0},
        {"augment": 1},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            ClassifierSettings(**bad)
    with pytest.raises(ValueError, match="choose quick"):
        resolve_settings("best")


def test_averaged_weights_are_what_comes_back_and_travel_through_a_stop(tiny_dataset, tmp_path, model):
    averaged = replace(TINY, ema=0.9, epochs=2)
    expected = train(tiny_dataset, averaged)
    assert weights(expected) != weights(train(tiny_dataset, replace(TINY, epochs=2)))
    assert (
        np.mean(train(tiny_dataset, replace(TINY, ema=0.9)).predict(tiny_dataset.waveforms) == tiny_dataset.labels)
        > 0.9
    )
    again = [train(tiny_dataset, averaged, checkpoint_dir=tmp_path) for _ in range(2)]
    assert {weights(item) for item in again} == {weights(expected)}
    with pytest.raises(ValueError, match="ema must lie in"):
        replace(TINY, ema=1.0)


def test_half_the_precision_learns_as_well_and_is_another_training(tiny_dataset, tmp_path):
    half = train(tiny_dataset, precision="bfloat16", checkpoint_dir=tmp_path)
    assert all(v.dtype != torch.bfloat16 for v in half.network.state_dict().values())
    assert np.mean(half.predict(tiny_dataset.waveforms) == tiny_dataset.labels) > 0.9
    with pytest.raises(ValueError, match="precision"):
        train(tiny_dataset, checkpoint_dir=tmp_path)
    with pytest.raises(ValueError, match="precision must be one of float32, bfloat16"):
        train(tiny_dataset, precision="float8")


def test_the_fast_precision_is_one_that_the_machine_has(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for able, expected in (({"avx512_bf16": True}, "bfloat16"), ({"amx_bf16": True}, "bfloat16"), ({}, "float32")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert fast_precision() == expected
