"""`art-audio train classifier`, `speaker`, `sound-events` and `diffusion`: what they write, print and refuse."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from art_audio_ext import cli
from art_audio_ext.datasets.export import write_folder
from art_audio_ext.training import diffusion_settings
from art_audio_ext.training.audio_diffusion import AudioDiffusion
from art_audio_ext.training.sound_event_model import SoundEventModel
from art_audio_ext.training.speaker_model import SpeakerModel
from art_audio_ext.training.speech_model import SpeechModel


@pytest.fixture
def folder(tiny_dataset, tmp_path):
    return write_folder(tiny_dataset, tmp_path / "clips", progress=False)


@pytest.fixture
def run(monkeypatch, capsys):
    def command(*arguments) -> tuple[int, str]:
        """Exit code, and what was printed."""
        monkeypatch.setattr(sys, "argv", ["art-audio", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return command


def test_a_classifier_and_its_accuracy(run, folder, tmp_path):
    out = tmp_path / "out" / "model"
    options = ["--width", 4, "--epochs", 1, "--noise-sigma", 0.01, "--adversarial", "--quiet"]
    code, said = run("train", "classifier", "--data", folder, "--out", out, *options)
    assert code == 0, said
    record = json.loads((tmp_path / "out" / "model-test.json").read_text())
    assert f"Accuracy on {record['test_clips']} test clips: {record['accuracy']:.1%}" in said
    assert record["settings"]["adversarial_eps"] == 0.002
    model = SpeechModel.load(out)
    assert model.label_names == ("alpha", "bravo", "charlie", "delta")
    assert (model.settings.width, model.settings.noise_sigma) == (4, 0.01)
    assert run("train", "classifier", "--data", folder, "--out", out, "--model", "lenet")[0] == 2
    more = ["--start", out.with_suffix(".safetensors"), "--adversarial-eps", 0.003, "--masks", 0.2, "--ema", 0.9]
    more += ["--weight-decay", 0.05, "--learning-rate", 0.001, "--epochs", 1, "--quiet"]
    code, said = run("train", "classifier", "--data", folder, "--out", tmp_path / "more", *more)
    assert code == 0, said
    settings = json.loads((tmp_path / "more-test.json").read_text())["settings"]
    assert (settings["width"], settings["adversarial_eps"], settings["masks"]) == (4, 0.003, 0.2)
    assert (settings["ema"], settings["weight_decay"], settings["learning_rate"]) == (0.9, 0.05, 0.001)


@pytest.mark.parametrize(
    ("model", "library", "width"), [("sincnet", "speechbrain", 4), ("rawnet3", "asteroid_filterbanks", 16)]
)
def test_a_speaker_classifier_and_its_accuracy(run, folder, tmp_path, model, library, width):
    pytest.importorskip(library, reason="needs the extra [voice]")
    out = tmp_path / "out" / "model"
    options = ["--model", model, "--width", width, "--epochs", 1, "--seconds", 0.5, "--clips", 40, "--quiet"]
    code, said = run("train", "speaker", "--data", f"speakers:{folder}", "--out", out, *options)
    assert code == 0, said
    record = json.loads((tmp_path / "out" / "model-test.json").read_text())
    assert f"Accuracy on {record['test_clips']} test clips: {record['accuracy']:.1%}" in said
    assert record["data"] == f"speakers:{folder}"
    assert record["settings"]["architecture"] == model
    assert SpeakerModel.load(out).label_names == ("alpha", "bravo", "charlie", "delta")


def test_a_sound_event_classifier_and_its_accuracy(run, folder, tmp_path):
    out = tmp_path / "out" / "model"
    options = ["--model", "dense-wav", "--width", 4, "--epochs", 1, "--seconds", 0.5, "--sample-rate", 8000]
    options += ["--clips", 40, "--mixup", 0.5, "--learning-rate", 0.001, "--quiet"]
    code, said = run("train", "sound-events", "--data", folder, "--out", out, *options)
    assert code == 0, said
    record = json.loads((tmp_path / "out" / "model-test.json").read_text())
    assert f"Accuracy on {record['test_clips']} test clips: {record['accuracy']:.1%}" in said
    model = SoundEventModel.load(out)
    assert (model.sample_rate, model.label_names) == (8000, ("alpha", "bravo", "charlie", "delta"))
    assert (model.settings.architecture, model.settings.width, model.settings.mixup) == ("dense-wav", 4, 0.5)
    assert (model.settings.epochs, model.settings.learning_rate) == (1, 0.001)


def test_what_train_sound_events_refuses(run, folder, tmp_path):
    for options, message in (
        (["--model", "lenet"], "choose vgg13, crnn, gcnn, dense-mel, dense-wav"),
        (["--preset", "best"], "choose quick, paper"),
        (["--front-end", "mfcc"], "choose mel, wave, constant_q"),
        (["--model", "dense-wav", "--front-end", "mel"], "choose dense-mel"),
        (["--seconds", 0.02], "load longer clips"),
        (["--sample-rate", 2000], "at least 4000 Hz"),
    ):
        code, said = run("train", "sound-events", "--data", folder, "--out", tmp_path / "x", *options)
        assert code == 2
        assert message in said
    code, said = run("train", "sound-events", "--data", "esc50:", "--out", tmp_path / "x")
    assert code == 2
    assert "esc50: names no folder" in said


def test_what_train_speaker_refuses(run, folder, tmp_path):
    for options, message in (
        (["--model", "xvector"], "choose sincnet, rawnet3"),
        (["--preset", "best"], "choose quick, standard, paper"),
        (["--width", 6], "multiple of 4"),
        (["--seconds", 0.1], "load longer clips"),
    ):
        code, said = run("train", "speaker", "--data", f"speakers:{folder}", "--out", tmp_path / "x", *options)
        assert code == 2
        assert message in said
    code, said = run("train", "speaker", "--data", "timit:", "--out", tmp_path / "x")
    assert code == 2
    assert "timit: names no folder" in said


def test_a_diffusion_model(run, folder, tmp_path, monkeypatch):
    small = {"residual_channels": 4, "layers": 2, "dilation_cycle": 2, "skip_channels": 4, "embedding": (8, 8, 8)}
    tiny = replace(diffusion_settings.PRESETS["wave", "quick"], **small)
    monkeypatch.setitem(diffusion_settings.PRESETS, ("wave", "quick"), tiny)
    out = tmp_path / "wave.safetensors"
    code, said = run("train", "diffusion", "--domain", "wave", "--data", folder, "--out", out, "--epochs", 1, "--quiet")
    assert code == 0, said
    assert AudioDiffusion.load(out).settings.domain == "wave"
    code, said = run("train", "diffusion", "--domain", "video", "--data", folder, "--out", out)
    assert code == 2
    assert "choose mel, wave" in said
