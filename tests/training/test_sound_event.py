"""Sound-event classifiers: they learn, resume, mix, travel as files, and are ART classifiers of whole clips."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from art_audio_ext.networks.sound_event_classifiers import ARCHITECTURES
from art_audio_ext.training.sound_event import train_sound_event_classifier
from art_audio_ext.training.sound_event_model import SoundEventModel
from art_audio_ext.training.sound_event_settings import PRESETS, SoundEventSettings, resolve_settings

NAMES = ("alpha", "bravo", "charlie", "delta")
TINY = SoundEventSettings(width=4, epochs=6, batch_size=4, learning_rate=5e-3, augment=False, mixup=0.0)


@pytest.fixture(scope="module")
def sound(tiny_dataset):
    """Clips (40, 9000) at 4 kHz, so that a chunk is 8192 samples, and labels; the last tenth is padding."""
    clips = tiny_dataset.waveforms[::3, ::2][:, :8000]
    return np.pad(clips, ((0, 0), (0, 1000))), tiny_dataset.labels[::3]


def train(sound, settings=TINY, *, seed=0, rows=slice(None), rate=4000, **options) -> SoundEventModel:
    some = (sound[0][rows], sound[1][rows])
    return train_sound_event_classifier(*some, NAMES, rate, settings, seed=seed, progress=False, **options)


@pytest.fixture(scope="module")
def model(sound) -> SoundEventModel:
    return train(sound)


@pytest.fixture(scope="module")
def short(sound) -> SoundEventModel:
    return train(sound, replace(TINY, epochs=1), rows=slice(0, 40, 4))


def weights(model: SoundEventModel) -> bytes:
    return b"".join(v.numpy().tobytes() for v in model.network.state_dict().values())


@pytest.mark.parametrize("architecture", ["vgg13", "crnn", "gcnn", "dense-mel", "dense-wav"])
def test_they_learn(sound, architecture):
    model = train(sound, replace(TINY, architecture=architecture, epochs=12))
    assert model.history[-1]["train_loss"] < 0.6 * model.history[0]["train_loss"]
    assert np.mean(model.predict(sound[0]) == sound[1]) > 0.8
    share = model.predict_proba(sound[0])
    assert share.shape == (40, 4)
    np.testing.assert_allclose(share.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(sound[0], batch_size=7), share, atol=1e-5)


@pytest.mark.parametrize("settings", [TINY, replace(TINY, architecture="dense-wav", optimizer="adam")])
def test_only_the_seed_decides_and_a_stop_changes_nothing(sound, tmp_path, settings, monkeypatch):
    full, rows = replace(settings, epochs=3, augment=True, mixup=0.5, masks=0.2), slice(0, 40, 3)
    state = torch.get_rng_state()
    expected = train(sound, full, rows=rows)
    assert torch.equal(torch.get_rng_state(), state)
    assert weights(train(sound, full, rows=rows, seed=1)) != weights(expected)
    from art_audio_ext.training.sound_event_module import SoundEventModule

    step = SoundEventModule.training_step

    def stopped(self, batch, i):
        if self.current_epoch == 2:
            raise KeyboardInterrupt
        return step(self, batch, i)

    monkeypatch.setattr(SoundEventModule, "training_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(sound, full, rows=rows, checkpoint_dir=tmp_path)
    monkeypatch.undo()
    assert weights(train(sound, full, rows=rows, checkpoint_dir=tmp_path)) == weights(expected)
    with pytest.raises(ValueError, match="another data"):
        train(sound, full, rows=slice(0, 40, 4), checkpoint_dir=tmp_path)


def test_every_setting_changes_what_is_learnt(sound):
    one = replace(TINY, epochs=1)
    kinds = [one, replace(one, mixup=1.0), replace(one, mixup=0.2), replace(one, augment=True)]
    kinds += [replace(one, masks=0.3), replace(one, crops=2), replace(one, optimizer="adam")]
    kinds += [replace(one, front_end="wave"), replace(one, front_end="constant_q")]
    assert len({weights(train(sound, kind, rows=slice(0, 40, 4))) for kind in kinds}) == len(kinds)


def test_mixup_pays_for_both_labels(short):
    from art_audio_ext.training.sound_event_module import SoundEventModule

    module = SoundEventModule(short.network, replace(TINY, mixup=1.0), 0, {})
    module._trainer = type("Trainer", (), {"current_epoch": 0, "global_rank": 0})()
    picture = short.network.picture(torch.rand(6, 9000) - 0.5)
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    seen = []
    hook = short.network.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    _, loss = module._mixed_loss(picture, labels, 0, torch.Generator().manual_seed(4))
    hook.remove()
    order = torch.randperm(6, generator=torch.Generator().manual_seed(4))
    mixed = seen[0].unflatten(0, (6, -1))[:, 0, 0]
    whole = picture[:, 0, :, :128]
    share = ((mixed - whole[order]) / (whole - whole[order])).nanmedian(-1)[0].nanmedian(-1)[0].nan_to_num(1.0)
    assert share.min() >= 0.49  # a clip's own picture is the larger part
    found = short.network.log_probabilities(
        share.view(-1, 1, 1, 1) * picture + (1 - share.view(-1, 1, 1, 1)) * picture[order]
    )
    own, other = found[torch.arange(6), labels], found[torch.arange(6), labels[order]]
    assert loss.item() == pytest.approx(-(share * own + (1 - share) * other).mean().item(), rel=1e-3)


def test_fine_tuning_starts_where_the_model_is(sound, model):
    tuned = train(sound, replace(TINY, epochs=1, learning_rate=1e-4), start=model)
    assert tuned.history[0]["train_loss"] < 0.5 * model.history[0]["train_loss"]
    assert weights(tuned) != weights(model)
    for settings, message in (
        (replace(TINY, width=8), "another width: 4"),
        (replace(TINY, front_end="wave"), "front_end"),
    ):
        with pytest.raises(ValueError, match=message):
            train(sound, settings, start=model)
    with pytest.raises(ValueError, match="another rate"):
        train(sound, start=model, rate=4001)


def test_half_the_precision(sound):
    half = train(sound, replace(TINY, epochs=1), rows=slice(0, 40, 4), precision="bfloat16")
    assert all(v.dtype != torch.bfloat16 for v in half.network.state_dict().values())
    assert np.isfinite(half.predict_proba(sound[0][:8])).all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_they_travel_as_two_files(sound, tmp_path, architecture):
    settings = replace(TINY, architecture=architecture, epochs=1)
    settings = replace(settings, front_end="constant_q") if architecture == "gcnn" else settings
    model = train(sound, settings, rows=slice(0, 40, 4))
    again = SoundEventModel.load(model.save(tmp_path / "model"))
    assert (again.label_names, again.settings, again.history) == (NAMES, settings, model.history)
    assert again.sample_rate == 4000
    assert again.checksum() == model.checksum()
    np.testing.assert_array_equal(again.predict_proba(sound[0][:9]), model.predict_proba(sound[0][:9]))


def test_damaged_files_are_refused(short, tmp_path):
    path = short.save(tmp_path / "model")
    beside = path.with_suffix(".json")
    about = json.loads(beside.read_text())
    for changes, message in (
        ({"label_names": "alpha"}, "label_names"),
        ({"label_names": ["a", "b"]}, "do not fit"),
        ({"settings": {**about["settings"], "width": 8}}, "do not fit"),
        ({"settings": {**about["settings"], "width": 10**6}}, "width"),
        ({"settings": {**about["settings"], "architecture": "lenet"}}, "architecture"),
        ({"settings": {**about["settings"], "front_end": "mfcc"}}, "front_end"),
        ({"settings": {**about["settings"], "epochs": "many"}}, "epochs"),
        ({"settings": [1]}, "dictionary"),
        ({"sample_rate": 10}, "at least 4000"),
        ({"sample_rate": "fast"}, "sample_rate"),
        ({"format": "art_audio_ext.SpeakerModel"}, "sound-event classifier"),
    ):
        beside.write_text(json.dumps({**about, **changes}))
        with pytest.raises(ValueError, match=message):
            SoundEventModel.load(path)
    beside.write_text(json.dumps({k: v for k, v in about.items() if k != "sample_rate"}))
    with pytest.raises(ValueError, match="does not describe"):
        SoundEventModel.load(path)
    short.save(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="whole safetensors"):
        SoundEventModel.load(path)
    with pytest.raises(FileNotFoundError, match="train sound-events"):
        SoundEventModel.load(tmp_path / "none")


def test_art_attacks_whole_clips(sound, model):
    from art.attacks.evasion import FastGradientMethod

    classifier = model.classifier(length=9000, device_type="cpu")
    clips, labels = sound[0][::4], sound[1][::4]
    np.testing.assert_allclose(np.exp(classifier.predict(clips)), model.predict_proba(clips), atol=1e-5)
    moved = FastGradientMethod(classifier, eps=0.05).generate(clips, labels)
    own = np.arange(len(clips)), labels
    assert model.predict_proba(np.clip(moved, -1, 1))[own].mean() < model.predict_proba(clips)[own].mean() - 0.05
    features = classifier.get_activations(clips, classifier.layer_names[-1], batch_size=5)
    assert features.shape == (len(clips), model.network.network.size)
    assert model.classifier(device_type="cpu").input_shape == (12000,)


def test_what_cannot_be_trained(sound):
    x, y = sound
    for wrong, message in (
        ((x, y, NAMES, 1000), "at least 4000"),
        ((x, y, NAMES[:3], 4000), "label is 3"),
        ((x[y == 1], y[y == 1], NAMES, 4000), "one label"),
        ((x[:, :100], y, NAMES, 4000), "load longer clips"),
        ((x * np.nan, y, NAMES, 4000), "nan"),
        ((x, y[:5], NAMES, 4000), "y"),
    ):
        with pytest.raises(ValueError, match=message):
            train_sound_event_classifier(*wrong, TINY, seed=0, progress=False)
    with pytest.raises(ValueError, match="seed"):
        train(sound, seed=-1)
    with pytest.raises(ValueError, match="the settings are of 'vgg13'"):
        train(sound, TINY, architecture="crnn")


def test_settings_are_checked_and_round_trip():
    for (architecture, _), preset in PRESETS.items():
        assert SoundEventSettings.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset
        assert preset.architecture == architecture
    paper = resolve_settings("gcnn", "paper")
    assert (paper.width, paper.optimizer, paper.learning_rate, paper.mixup) == (None, "adam", 5e-4, 1.0)
    assert (paper.epochs, paper.batch_size) == (40, 128)
    assert resolve_settings("crnn", "quick", epochs=3).epochs == 3
    for bad in (
        {"architecture": "lenet"},
        {"front_end": "mfcc"},
        {"width": 0},
        {"epochs": 1.5},
        {"crops": 0},
        {"optimizer": "sgd"},
        {"learning_rate": 0},
        {"mixup": -1},
        {"masks": 1},
        {"augment": 1},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            SoundEventSettings(**bad)
    with pytest.raises(ValueError, match="choose dense-mel"):
        SoundEventSettings("dense-wav", front_end="mel")
    with pytest.raises(ValueError, match="choose quick, paper"):
        resolve_settings("crnn", "best")
    with pytest.raises(ValueError, match="choose vgg13, crnn, gcnn, dense-mel, dense-wav"):
        resolve_settings("lenet")


def test_the_published_rate_falls_by_a_tenth_every_two_epochs(short):
    from art_audio_ext.training.sound_event_module import SoundEventModule

    module = SoundEventModule(short.network.requires_grad_(True), resolve_settings("vgg13", "paper"), 0, {})
    (adam,), (schedule,) = module.configure_optimizers()
    rates = []
    for _ in range(6):
        rates.append(adam.param_groups[0]["lr"])
        adam.step()
        schedule.step()
    assert rates == pytest.approx([5e-4, 5e-4, 4.5e-4, 4.5e-4, 4.05e-4, 4.05e-4])
