"""Victims by name: commands and speakers, trained, tuned, saved and opened alike."""

from __future__ import annotations

import numpy as np
import pytest

from art_audio_ext.cli_options import named_values
from art_audio_ext.experiments.voice_conversion import voice_conversion
from art_audio_ext.experiments.voice_conversion_size import PRESETS, choose_size
from art_audio_ext.experiments.voice_victims import fit_victim, load_victim, victim_settings
from art_audio_ext.training.classifier_settings import ClassifierSettings
from art_audio_ext.training.speaker_model import SpeakerModel
from art_audio_ext.training.speaker_settings import SpeakerSettings
from art_audio_ext.training.speech_model import SpeechModel

_COMMANDS = ("vgg19_bn", "wide_resnet50", "resnet18")


def test_an_architecture_says_which_kind():
    usual = ClassifierSettings(epochs=3)
    assert victim_settings(usual, "quick") == usual
    assert victim_settings(usual, "quick", "vgg19_bn", 5) == ClassifierSettings("vgg19_bn", epochs=5)
    speakers = victim_settings(usual, "paper", "rawnet3", 5)
    assert (speakers.architecture, speakers.width, speakers.epochs) == ("rawnet3", None, 5)
    assert isinstance(choose_size("standard", architecture="sincnet").victim, SpeakerSettings)
    assert isinstance(PRESETS["standard"].victim, ClassifierSettings)
    with pytest.raises(ValueError, match="architecture"):
        victim_settings(usual, "quick", "tree")


def test_the_papers_batches_are_those_of_each_victim():
    batches = {name: choose_size("paper", architecture=name).victim.batch_size for name in (None, *_COMMANDS)}
    assert batches == {None: 512, "vgg19_bn": 512, "wide_resnet50": 128, "resnet18": 128}
    assert choose_size("quick", architecture="wide_resnet50").victim.batch_size == 64


def test_other_settings_of_a_victim_may_be_given():
    """The published row of 1% poison is of width 16 without augmentation."""
    victim = choose_size("quick", epochs=40, changes={"width": 16, "augment": False}).victim
    assert (victim.width, victim.augment, victim.epochs, victim.batch_size) == (16, False, 40, 64)
    speakers = choose_size("quick", architecture="sincnet", changes=named_values(["crops=3", "width=null"])).victim
    assert (speakers.crops, speakers.width) == (3, None)
    said = named_values(["augment=False", "optimizer=sgd", "masks=.1"])
    assert said == {"augment": False, "optimizer": "sgd", "masks": 0.1}
    with pytest.raises(ValueError, match="unknown speaker setting augment"):
        choose_size("quick", architecture="sincnet", changes={"augment": False})
    with pytest.raises(ValueError, match="NAME=VALUE"):
        named_values(["width"])


@pytest.mark.parametrize("kind", ["commands", "speakers"])
def test_a_victim_is_trained_tuned_saved_and_opened(kind, tiny_dataset, tmp_path):
    if kind == "speakers":
        pytest.importorskip("speechbrain", reason="needs the extra [voice]")
        settings = SpeakerSettings(width=4, epochs=1, hop_seconds=0.2)
    else:
        settings = ClassifierSettings(width=4, epochs=1, augment=False)
    run = {"seed": 0, "precision": "float32"}
    x, y, about = np.asarray(tiny_dataset.waveforms), tiny_dataset.labels, settings.to_dict()
    model = fit_victim(x, y, tiny_dataset, about, **run)
    assert isinstance(model, SpeakerModel if kind == "speakers" else SpeechModel)
    tuned = fit_victim(x, y, tiny_dataset, about, **run, start=model, epochs=1)
    assert tuned.checksum() != model.checksum()
    opened = load_victim(model.save(tmp_path / "victim"), about)
    np.testing.assert_array_equal(opened.predict(x[:20]), model.predict(x[:20]))


def test_speakers_are_attacked_in_the_same_tables(tiny_dataset, buzzing_voices, tmp_path):
    pytest.importorskip("speechbrain", reason="needs the extra [voice]")
    options = {"architecture": "sincnet", "epochs": 1, "precision": "float32", "parts": ["defences"]}
    options |= {"defences": ["none", "activation_clustering", "time_stage"], "target": "bravo", "progress": False}
    record = voice_conversion(tiny_dataset, buzzing_voices, tmp_path, **options)
    assert record["victim"]["architecture"] == "sincnet"
    assert [row["defence"] for row in record["defences"]] == ["none", "activation_clustering", "time_stage"]
    assert {row["attack"] for row in record["rows"]} == {"none", "voice", "badnets"}
