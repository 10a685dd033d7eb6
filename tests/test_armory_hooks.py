"""What Armory JSONs name: dataset, model, attack, and the scenario classes, run inside this process."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from art_audio_ext.attacks.poisoning import VoiceConversionBackdoor
from art_audio_ext.experiments.armory_data import last_splits
from art_audio_ext.experiments.poison_folder import poison_folder
from art_audio_ext.experiments.scenario_config import scenario_config

pytestmark = [
    pytest.mark.armory,
    pytest.mark.skipif(importlib.util.find_spec("armory") is None, reason='needs pip install "art-audio-ext[armory]"'),
]


@pytest.fixture(scope="module")
def speech(tmp_path_factory, tiny_dataset) -> Path:
    root = tmp_path_factory.mktemp("hooks") / "speech"
    for row, label in enumerate(tiny_dataset.labels):
        path = root / tiny_dataset.label_names[label] / f"{tiny_dataset.speakers[row]}_nohash_{row}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tiny_dataset.waveforms[row, :8000], 16000)
    return root


@pytest.fixture
def hooks(armory_home):
    """The module, with Armory in host mode and at home in a folder of this test."""
    from art_audio_ext import armory_hooks

    return armory_hooks


def small_config(name, folder, **changes):
    options = {
        "spec": f"folder:{folder}",
        "source": "alpha",
        "target": "bravo",
        "poison_fraction": 0.5,
        "scale": 1.0,
        "epochs": 1,
        "victim": {"width": 4},
        "dataset": {"seconds": 0.5},
    }
    return scenario_config(name, **{**options, **changes})


def test_dataset_gives_batches_of_sound_with_a_context(hooks, speech):
    options = {"spec": f"folder:{speech}", "seconds": 0.5, "seed": 0}
    train = hooks.audio_commands(batch_size=32, split="train", **options)
    assert train.context.x_shape == (8000,)
    assert train.context.sample_rate == 16000
    assert train.context.label_names == ("alpha", "bravo", "charlie", "delta")
    x, y = (np.concatenate(part) for part in zip(*list(train), strict=True))
    assert x.dtype == np.float32
    assert x.shape == (len(y), 8000)
    test = hooks.audio_commands(batch_size=1000, split="test", epochs=2, shuffle_files=True, **options)
    batches = list(test)
    assert len(batches) == len(test) == 2
    assert len(y) + len(batches[0][1]) == 120
    assert sorted(batches[0][1]) == sorted(batches[1][1])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"split": "valid"}, "split"), ({"framework": "tf"}, "numpy"), ({"noise": 3}, "unknown dataset option noise")],
)
def test_dataset_refuses_what_it_does_not_know(hooks, speech, options, message):
    with pytest.raises(ValueError, match=message):
        hooks.audio_commands(spec=f"folder:{speech}", **options)


def test_models_of_one_seed_are_equal_and_torchs_own_state_is_left_alone(hooks):
    before = torch.get_rng_state()
    kwargs = {"num_classes": 3, "length": 8000, "width": 4, "depth": 18}
    one, same, other = (hooks.get_art_model({**kwargs, "seed": seed}, {}, None) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    x = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 8000)).astype(np.float32)
    assert np.array_equal(one.predict(x), same.predict(x))
    assert not np.array_equal(one.predict(x), other.predict(x))
    with pytest.raises(ValueError, match="num_classes"):
        hooks.get_art_model({}, {}, None)


def test_model_loads_safetensors(hooks, tmp_path):
    from safetensors.torch import save_file

    kwargs = {"num_classes": 3, "length": 8000, "width": 4}
    one, other = (hooks.get_art_model({**kwargs, "seed": seed}, {}, None) for seed in (1, 2))
    save_file(one.model.state_dict(), tmp_path / "weights.safetensors")
    loaded = hooks.get_art_model({**kwargs, "seed": 2}, {}, os.fspath(tmp_path / "weights.safetensors"))
    x = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 8000)).astype(np.float32)
    assert np.array_equal(one.predict(x), loaded.predict(x))
    assert not np.array_equal(other.predict(x), loaded.predict(x))
    whole = (tmp_path / "weights.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        hooks.get_art_model(kwargs, {}, os.fspath(tmp_path / "half.safetensors"))


def test_poison_scenario_poisons_filters_and_exports_sound(hooks, speech, tmp_path, evaluate):
    config = small_config("spectral_signatures_tuned", speech)
    config["scenario"]["export_batches"] = 1
    scenario = evaluate(config)
    sources = int(np.sum(scenario.splits.train.labels == 0))
    assert scenario.n_poisoned == sources // 2
    assert set(scenario.y_clean[scenario.poison_index]) == {0}
    assert set(scenario.y_poison[scenario.poison_index]) == {1}
    counts = scenario.results["filter"][0]
    assert counts["true_positives"] + counts["false_negatives"] == scenario.n_poisoned
    assert counts["true_positives"] + counts["false_positives"] == int(scenario.removed.sum()) > 0
    assert scenario.results["filter_seconds"][0] > 0
    assert 0 <= scenario.results["attack_success_rate"][0] <= 1
    exported = sorted((tmp_path / ".armory" / "outputs").rglob("*.wav"))
    sound, rate = soundfile.read(exported[0])
    assert rate == 16000
    assert sound.shape == (8000,)
    assert not list((tmp_path / ".armory" / "outputs").rglob("*.png"))


def test_poison_scenario_takes_a_poisoned_folder_as_it_is(hooks, speech, tmp_path, evaluate):
    out = tmp_path / "poisoned"
    options = {"source_label": "alpha", "target_label": "bravo", "poison_fraction": 0.5, "trigger": "whistle"}
    record = poison_folder(speech, out, scale=0.5, progress=False, **options)
    scenario = evaluate(small_config("perfect", out))
    listed = {entry["path"] for entry in record["poisoned"]}
    train = scenario.splits.train
    assert {str(path) for path in train.paths[scenario.poison_index]} == listed & set(map(str, train.paths))
    assert np.array_equal(scenario.x_poison, train.waveforms)
    assert not scenario.removed[np.setdiff1d(np.arange(len(train)), scenario.poison_index)].any()
    assert set(scenario.y_clean[scenario.poison_index]) == {0}
    attack = scenario.test_poisoner.attack
    assert (attack.trigger, attack.scale) == ("whistle", 0.5)
    changed = np.any(scenario.x_adv != scenario.x, axis=1)
    assert np.array_equal(changed, scenario.y == 0)
    last_splits.cache_clear()
    with pytest.raises(ValueError, match="poisoned with bravo"):
        evaluate(small_config("none", out, target="delta"))
    config = small_config("none", out)
    config["adhoc"]["poison_dataset"] = False
    with pytest.raises(ValueError, match="poisoned already"):
        evaluate(config)


def test_clips_of_every_class_are_poisoned(hooks, speech, evaluate):
    scenario = evaluate(small_config("none", speech, source="all", poison_fraction=0.1))
    assert scenario.n_poisoned == int(0.1 * len(scenario.splits.train))
    assert 1 not in scenario.y_clean[scenario.poison_index]
    assert len(set(scenario.y_clean[scenario.poison_index])) > 1
    changed = np.any(scenario.x_adv != scenario.x, axis=1)
    assert np.array_equal(changed, scenario.y != 1)  # the last batch of the test part
    assert 0 <= scenario.results["attack_success_rate"][0] <= 1


def test_another_voice_is_a_trigger(hooks, speech, tmp_path, evaluate):
    pytest.importorskip("pyworld", reason="needs the extra [voice]")
    pytest.importorskip("espeakng_loader", reason="needs the extra [demo]")
    config = small_config("none", speech, source="all", poison_fraction=0.1, trigger="voice:builtin:anika", scale=None)
    assert config["attack"]["name"] == "voice_conversion"
    scenario = evaluate(config)
    assert isinstance(scenario.poisoner.attack, VoiceConversionBackdoor)
    rows = scenario.poison_index
    assert np.any(scenario.x_poison[rows] != scenario.x_clean[rows], axis=1).all()


def test_a_folder_with_another_voice_from_all_labels_is_taken_as_it_is(hooks, speech, tmp_path, evaluate):
    pytest.importorskip("pyworld", reason="needs the extra [voice]")
    pytest.importorskip("espeakng_loader", reason="needs the extra [demo]")
    out = tmp_path / "poisoned"
    options = {"source_label": "all", "target_label": "bravo", "poison_fraction": 0.1, "progress": False}
    poison_folder(speech, out, trigger="voice:builtin:anika", **options)
    scenario = evaluate(small_config("none", out, source="all"))
    assert isinstance(scenario.poisoner.attack, VoiceConversionBackdoor)
    assert scenario.poisoner.attack.target == out / "voice.flac"
    assert len(set(scenario.y_clean[scenario.poison_index])) > 1
    last_splits.cache_clear()
    one = tmp_path / "one"
    poison_folder(speech, one, **{**options, "source_label": "alpha"})
    with pytest.raises(ValueError, match="source_class is all, but the folder was poisoned with alpha"):
        evaluate(small_config("none", one, source="all"))


def test_likelihood_filter_gets_class_indices_for_names(hooks, speech):
    config = small_config("poison_likelihood", speech, filter_options={"ignore_classes": ["delta", "_silence_", 0]})
    scenario = hooks.AudioPoison.__new__(hooks.AudioPoison)
    scenario.config = config
    scenario.load_model()
    assert config["defense"]["kwargs"]["ignore_classes"] == [3, 0]
    assert config["model"]["model_kwargs"]["num_classes"] == 4
    assert config["model"]["model_kwargs"]["length"] == 8000
