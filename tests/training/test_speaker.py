"""Speaker classifiers: they learn, resume, travel as files, and are ART classifiers of whole utterances."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from art_audio_ext.training.speaker import train_speaker
from art_audio_ext.training.speaker_model import SpeakerModel
from art_audio_ext.training.speaker_settings import PRESETS, SpeakerSettings, resolve_settings

pytest.importorskip("speechbrain", reason="needs the extra [voice]")
pytest.importorskip("asteroid_filterbanks", reason="needs the extra [voice]")
NAMES = ("alpha", "bravo", "charlie", "delta")
TINY = {
    "sincnet": SpeakerSettings(width=4, window_seconds=0.1, epochs=6, crops=2, batch_size=16, learning_rate=3e-3),
    "rawnet3": SpeakerSettings(
        "rawnet3", 16, 0.2, 0.2, epochs=16, crops=1, batch_size=10, optimizer="adamw", learning_rate=1e-2
    ),
}


@pytest.fixture(scope="module")
def sound(tiny_dataset):
    """Half a second about the tones, of which the last tenth is padding: clips (60, 8000) and labels."""
    clips = tiny_dataset.waveforms[::2, 4000:12000].copy()
    clips[:, 6400:] = 0
    return clips, tiny_dataset.labels[::2]


def train(sound, settings, *, seed=0, rows=slice(None), **options) -> SpeakerModel:
    return train_speaker(sound[0][rows], sound[1][rows], NAMES, 16000, settings, seed=seed, progress=False, **options)


@pytest.fixture(scope="module", params=TINY)
def model(request, sound) -> SpeakerModel:
    return train(sound, TINY[request.param])


@pytest.fixture(scope="module")
def sincnet(sound) -> SpeakerModel:
    return train(sound, replace(TINY["sincnet"], epochs=1))


def weights(model: SpeakerModel) -> bytes:
    return b"".join(v.numpy().tobytes() for v in model.network.state_dict().values())


def test_they_learn(sound, model):
    assert model.history[-1]["train_loss"] < 0.5 * model.history[0]["train_loss"]
    assert np.mean(model.predict(sound[0]) == sound[1]) > 0.9
    share = model.predict_proba(sound[0])
    assert share.shape == (60, 4)
    np.testing.assert_allclose(share.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(sound[0], batch_size=7), share, atol=1e-5)


@pytest.mark.parametrize("architecture", TINY)
def test_only_the_seed_decides_and_a_stop_changes_nothing(sound, tmp_path, architecture, monkeypatch):
    settings, rows = replace(TINY[architecture], epochs=3, batch_size=4), slice(0, 60, 5)
    state = torch.get_rng_state()
    expected = train(sound, settings, rows=rows)
    assert torch.equal(torch.get_rng_state(), state)
    assert weights(train(sound, settings, rows=rows, seed=1)) != weights(expected)
    from art_audio_ext.training.speaker_module import SpeakerModule

    step = SpeakerModule.training_step

    def stopped(self, batch, i):
        if self.current_epoch == 2:
            raise KeyboardInterrupt
        return step(self, batch, i)

    monkeypatch.setattr(SpeakerModule, "training_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(sound, settings, rows=rows, checkpoint_dir=tmp_path)
    monkeypatch.undo()
    assert weights(train(sound, settings, rows=rows, checkpoint_dir=tmp_path)) == weights(expected)
    with pytest.raises(ValueError, match="another data"):
        train(sound, settings, rows=slice(0, 60, 3), checkpoint_dir=tmp_path)


def test_loudness_and_crops_change_what_is_learnt(sound):
    rows, one = slice(0, 60, 5), replace(TINY["sincnet"], epochs=1)
    kinds = [one, replace(one, gain=0.0), replace(one, crops=3), replace(one, optimizer="adamw")]
    assert len({weights(train(sound, kind, rows=rows)) for kind in kinds}) == 4


def test_half_the_precision(sound):
    half = train(sound, replace(TINY["sincnet"], epochs=1), rows=slice(0, 60, 2), precision="bfloat16")
    assert all(v.dtype != torch.bfloat16 for v in half.network.state_dict().values())
    assert np.isfinite(half.predict_proba(sound[0][:8])).all()


def test_they_travel_as_two_files(sound, model, tmp_path):
    again = SpeakerModel.load(model.save(tmp_path / "model"))
    assert (again.label_names, again.settings, again.history) == (NAMES, model.settings, model.history)
    assert weights(again) == weights(model)
    assert again.checksum() == model.checksum()
    np.testing.assert_array_equal(again.predict_proba(sound[0][:9]), model.predict_proba(sound[0][:9]))


def test_damaged_files_are_refused(sincnet, tmp_path):
    path = sincnet.save(tmp_path / "model")
    beside = path.with_suffix(".json")
    about = json.loads(beside.read_text())
    for changes, message in (
        ({"label_names": "alpha"}, "label_names"),
        ({"label_names": ["a", "b"]}, "do not fit"),
        ({"settings": {**about["settings"], "width": 8}}, "do not fit"),
        ({"settings": {**about["settings"], "architecture": "xvector"}}, "architecture"),
        ({"settings": {**about["settings"], "window_seconds": 1e9}}, "window_seconds"),
        ({"format": "art_audio_ext.SpeechModel"}, "speaker classifier"),
    ):
        beside.write_text(json.dumps({**about, **changes}))
        with pytest.raises(ValueError, match=message):
            SpeakerModel.load(path)
    with pytest.raises(FileNotFoundError, match="train speaker"):
        SpeakerModel.load(tmp_path / "none")


def test_art_attacks_and_reads_whole_utterances(sound, model):
    from art.attacks.evasion import FastGradientMethod

    classifier = model.as_art(length=8000, device_type="cpu")
    clips, labels = sound[0][::5], sound[1][::5]
    np.testing.assert_allclose(np.exp(classifier.predict(clips)), model.predict_proba(clips), atol=1e-5)
    moved = FastGradientMethod(classifier, eps=0.05).generate(clips, labels)
    before, after = model.predict_proba(clips), model.predict_proba(np.clip(moved, -1, 1))
    own = np.arange(len(clips)), labels
    assert after[own].mean() < before[own].mean() - 0.05
    features = classifier.get_activations(clips, classifier.layer_names[-1], batch_size=5)
    assert features.shape == (len(clips), model.network.network.size)


def test_what_cannot_be_trained(sound):
    x, y = sound
    for wrong, message in (
        ((x, y, NAMES, 8000), "8000 Hz"),
        ((x, y, NAMES[:3], 16000), "label is 3"),
        ((x[y == 1], y[y == 1], NAMES, 16000), "one label"),
        ((x[:, :1000], y, NAMES, 16000), "load longer clips"),
        ((x * np.nan, y, NAMES, 16000), "nan"),
    ):
        with pytest.raises(ValueError, match=message):
            train_speaker(*wrong, TINY["sincnet"], seed=0, progress=False)
    with pytest.raises(ValueError, match="seed"):
        train(sound, TINY["sincnet"], seed=-1)
    with pytest.raises(ValueError, match="the settings are of 'sincnet'"):
        train(sound, TINY["sincnet"], architecture="rawnet3")


def test_settings_are_checked_and_round_trip():
    for (architecture, _), preset in PRESETS.items():
        assert SpeakerSettings.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset
        assert preset.architecture == architecture
    paper = resolve_settings("sincnet", "paper")
    assert (paper.window, paper.hop, paper.width, paper.optimizer) == (3200, 160, None, "rmsprop")
    assert resolve_settings("rawnet3", "quick", epochs=3).epochs == 3
    for bad in (
        {"architecture": "xvector"},
        {"width": 0},
        {"epochs": 1.5},
        {"crops": 0},
        {"optimizer": "sgd"},
        {"learning_rate": 0},
        {"window_seconds": 0.01},
        {"window_seconds": float("nan")},
        {"hop_seconds": 0.3},
        {"gain": 1},
        {"gain": -0.1},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            SpeakerSettings(**bad)
    with pytest.raises(ValueError, match="choose quick, standard, paper"):
        resolve_settings("rawnet3", "best")
    with pytest.raises(ValueError, match="choose sincnet, rawnet3"):
        resolve_settings("xvector")


def test_a_model_to_go_on_from_must_be_of_the_same_kind(tiny_dataset):
    pytest.importorskip("speechbrain", reason="needs the extra [voice]")
    learn = (np.asarray(tiny_dataset.waveforms), tiny_dataset.labels, tiny_dataset.label_names, 16000)
    settings = SpeakerSettings(width=4, epochs=1, hop_seconds=0.2)
    model = train_speaker(*learn, settings, seed=0, progress=False)
    with pytest.raises(ValueError, match="another width: 4"):
        train_speaker(*learn, replace(settings, width=8), seed=0, start=model, progress=False)
    with pytest.raises(ValueError, match="other speakers"):
        train_speaker(*learn[:2], ("e", "f", "g", "h"), 16000, settings, seed=0, start=model, progress=False)
