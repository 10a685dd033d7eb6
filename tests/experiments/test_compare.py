"""The comparison: what runs, what is kept, what the table says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.metrics import adjusted_rand_score

from art_audio_ext.datasets.audio_dataset import AudioDataset
from art_audio_ext.experiments import armory_queue
from art_audio_ext.experiments.armory_data import load_splits
from art_audio_ext.experiments.armory_run import ArmoryResult
from art_audio_ext.experiments.compare import compare
from art_audio_ext.experiments.compare_setup import absolute_spec
from art_audio_ext.experiments.poison_folder import poison_folder


def write_speech(root: Path, dataset: AudioDataset, rows: range, prefix: str = "") -> None:
    """Clips of the tiny dataset as files that name their speaker."""
    for row in rows:
        path = root / prefix / dataset.label_names[dataset.labels[row]] / f"{dataset.speakers[row]}_nohash_{row}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, dataset.waveforms[row, :8000], dataset.sample_rate)


@pytest.fixture
def folder(tmp_path, tiny_dataset):
    """Four labels, six speakers, half a second a clip."""
    write_speech(tmp_path / "speech", tiny_dataset, range(120))
    return tmp_path / "speech"


@pytest.fixture
def poisoned_folder(tmp_path, folder):
    out = tmp_path / "poisoned"
    poison_folder(folder, out, source_label="alpha", target_label="bravo", poison_fraction=0.5, progress=False)
    return out


@pytest.fixture
def no_armory(monkeypatch):
    """Scenarios answered on the spot; returns the names of those that were run."""
    ran: list[str] = []

    def answer(scenario, work, log, *, on_stage, **_):
        ran.append(scenario.stem)
        on_stage("training")
        counts = {"true_positives": 8, "false_positives": 3, "true_negatives": 90, "false_negatives": 2}
        results = {
            "filter": [counts],
            "attack_success_rate": [0.25],
            "accuracy_on_benign_test_data_all_classes": [0.75],
            "filter_seconds": [2.5],
        }
        return ArmoryResult(results, 5.0)

    monkeypatch.setattr(armory_queue, "run_scenario", answer)
    monkeypatch.setattr("art_audio_ext.experiments.compare.check_armory", lambda: None)
    return ran


SMALL = {"source": "alpha", "target": "bravo", "poison_fraction": 0.5, "seconds": 0.5, "progress": False}


def test_compare_collates_what_armory_measured(folder, tmp_path, no_armory):
    result = compare(str(folder), out=tmp_path / "out", filters=("none", "perfect", "activation_clustering"), **SMALL)
    none, _, clustering = result.filters
    assert (none.true_positive_rate, none.removed, none.adjusted_rand_index, none.filter_seconds) == (
        None,
        0,
        None,
        None,
    )
    assert clustering.true_positive_rate == pytest.approx(0.8)
    assert clustering.false_positive_rate == pytest.approx(3 / 93)
    assert clustering.precision == pytest.approx(8 / 11)
    truth, found = [1] * 10 + [0] * 93, [1] * 8 + [0] * 2 + [1] * 3 + [0] * 90
    assert clustering.adjusted_rand_index == pytest.approx(adjusted_rand_score(truth, found))
    assert (clustering.attack_success_rate, clustering.benign_accuracy) == (0.25, 0.75)
    assert (clustering.seconds, clustering.filter_seconds) == (5.0, 2.5)
    assert result.dataset["train_clips"] + result.dataset["test_clips"] == 120
    assert result.attack["poisoned_clips"] == int(0.5 * np.sum(load_splits_of(folder).train.labels == 0))
    settings = [row["setting"] for row in json.loads(json.dumps(result.to_dict(), allow_nan=False))["filters"]]
    assert settings == ["no defence", "perfect filter", "ART's activation clustering, ART's defaults"]


def load_splits_of(folder):
    return load_splits(absolute_spec(str(folder)), seconds=0.5, sample_rate=16000, seed=0, clips=None)


def test_compare_runs_only_what_changed(folder, tmp_path, no_armory):
    def again(**changes):
        no_armory.clear()
        options = {**SMALL, "filters": ("none", "perfect"), **changes}
        compare(str(folder), out=tmp_path / "out", **options)
        return sorted(no_armory)

    assert again() == ["none", "perfect"]
    assert again() == []
    assert again(filters=("perfect", "spectral_signatures")) == ["spectral_signatures"]
    assert again(epochs=3) == ["none", "perfect"]
    (tmp_path / "out" / "results" / "none.json").write_text("{")
    assert again(epochs=3) == ["none"]


def test_compare_runs_again_when_the_data_changes(folder, tmp_path, no_armory, tiny_dataset):
    compare(str(folder), out=tmp_path / "out", filters="none", **SMALL)
    first = next(folder.rglob("*.wav"))
    soundfile.write(first, 0.5 * tiny_dataset.waveforms[3, :8000], 16000)
    compare(str(folder), out=tmp_path / "out", filters="none", **SMALL)
    assert no_armory == ["none", "none"]


@pytest.mark.parametrize("changed", ["bell.wav", "vae.safetensors", "vae.json"])
def test_compare_runs_again_when_a_file_that_a_scenario_names_changes(folder, tmp_path, no_armory, changed):
    names = ("bell.wav", "vae.safetensors", "vae.json")
    for name in names:
        (tmp_path / name).write_bytes(b"one")
    options = {**SMALL, "trigger": str(tmp_path / "bell.wav"), "filters": ("none", "poison_likelihood")}
    options |= {"out": tmp_path / "out", "vae": tmp_path / "vae.safetensors"}
    assert compare(str(folder), **options).attack["trigger"] == "bell.wav", "not where it lies on this machine"
    compare(str(folder), **options)
    assert sorted(no_armory) == ["none", "poison_likelihood"]
    (tmp_path / changed).write_bytes(b"two")
    no_armory.clear()
    compare(str(folder), **options)
    assert sorted(no_armory) == (["none"] if changed == "bell.wav" else []) + ["poison_likelihood"]


def test_compare_runs_again_when_the_record_or_its_sound_changes(folder, tmp_path, no_armory):
    soundfile.write(tmp_path / "bell.wav", np.linspace(-0.5, 0.5, 800), 16000)
    attack = {"source_label": "alpha", "target_label": "bravo", "poison_fraction": 0.5}
    poison_folder(folder, tmp_path / "poisoned", trigger=tmp_path / "bell.wav", progress=False, **attack)
    options = {"out": tmp_path / "out", "filters": "none", "seconds": 0.5, "progress": False}

    def again():
        no_armory.clear()
        compare(str(tmp_path / "poisoned"), **options)
        return no_armory

    assert again() == ["none"]
    assert again() == []
    soundfile.write(tmp_path / "poisoned" / "trigger.wav", np.linspace(0.5, -0.5, 800), 16000)
    assert again() == ["none"]
    record = json.loads((tmp_path / "poisoned" / "poison.json").read_text())
    (tmp_path / "poisoned" / "poison.json").write_text(json.dumps(record | {"seed": 7}))
    assert again() == ["none"]


def test_a_failed_scenario_is_named_and_the_others_are_kept(folder, tmp_path, no_armory, monkeypatch):
    answer = armory_queue.run_scenario

    def fail_one(scenario, *args, **kwargs):
        if scenario.stem == "perfect":
            raise ValueError("Armory scenario perfect failed (exit code 1): KeyError: 'x'; see perfect.log")
        return answer(scenario, *args, **kwargs)

    monkeypatch.setattr(armory_queue, "run_scenario", fail_one)
    options = {**SMALL, "filters": ("none", "perfect"), "out": tmp_path / "out", "jobs": 1}
    with pytest.raises(ValueError, match="scenario perfect failed"):
        compare(str(folder), **options)
    monkeypatch.setattr(armory_queue, "run_scenario", answer)
    no_armory.clear()
    compare(str(folder), **options)
    assert no_armory == ["perfect"]


def test_a_poisoned_folder_brings_its_own_attack(poisoned_folder, tmp_path, no_armory):
    options = {"out": tmp_path / "out", "filters": "none", "seconds": 0.5, "progress": False}
    result = compare(str(poisoned_folder), **options)
    record = json.loads((poisoned_folder / "poison.json").read_text())
    assert (result.attack["source"], result.attack["target"]) == ("alpha", "bravo")
    splits = load_splits_of(poisoned_folder)
    assert result.attack["poisoned_clips"] == len(splits.poison_index) > 0
    assert len(splits.poison_index) + splits.left_out == len(record["poisoned"])
    assert (splits.train.labels[splits.poison_index] == 1).all()
    assert (splits.true_labels[splits.poison_index] == 0).all()
    listed = {entry["path"] for entry in record["poisoned"]}
    assert listed.isdisjoint(splits.test.paths)
    with pytest.raises(ValueError, match="leave out trigger"):
        compare(str(poisoned_folder), trigger="whistle", **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": None}, "source must be named"),
        ({"source": "zulu"}, "no label 'zulu'.*alpha, bravo, charlie, delta"),
        ({"target": "alpha"}, "name two labels"),
        ({"poison_fraction": 0.001}, "raise poison_fraction"),
        ({"poison_fraction": 1.5}, "at most 1"),
        ({"filters": ("none", "magic")}, "no filter magic"),
        ({"filters": ()}, "no filter"),
        ({"filter_options": {"magic": {}}}, "no filter"),
    ],
)
def test_bad_requests_are_refused_before_anything_runs(folder, tmp_path, no_armory, changes, message):
    with pytest.raises(ValueError, match=message):
        compare(str(folder), out=tmp_path / "out", **{**SMALL, **changes})
    assert no_armory == []


def test_a_voice_may_be_the_trigger(folder, tmp_path, no_armory):
    target = tmp_path / "ann.flac"
    soundfile.write(target, np.random.default_rng(0).uniform(-0.5, 0.5, 16000), 16000)
    options = {**SMALL, "trigger": f"voice:{target}", "source": "all", "filters": "none"}
    result = compare(str(folder), out=tmp_path / "out", **options)
    assert (result.attack["trigger"], result.attack["source"]) == ("voice:world:ann.flac", "all")
    assert result.attack["poisoned_clips"] == int(SMALL["poison_fraction"] * len(load_splits_of(folder).train))
    compare(str(folder), out=tmp_path / "out", **options)
    assert no_armory == ["none"]
    target.write_bytes(target.read_bytes()[:-100])
    compare(str(folder), out=tmp_path / "out", **options)
    assert no_armory == ["none", "none"]  # another voice, another result
    with pytest.raises(ValueError, match="a voice has no scale"):
        compare(str(folder), out=tmp_path / "out", **options, scale=0.1)


def test_a_folder_poisoned_by_a_voice_brings_it(folder, tmp_path, no_armory):
    pytest.importorskip("pyworld", reason="needs the extra [voice]")
    pytest.importorskip("espeakng_loader", reason="needs the extra [demo]")
    options = {"source_label": "all", "target_label": "bravo", "poison_fraction": 0.1, "progress": False}
    poison_folder(folder, tmp_path / "voiced", trigger="voice:builtin:anika", **options)
    result = compare(str(tmp_path / "voiced"), out=tmp_path / "out", filters="none", seconds=0.5, progress=False)
    assert result.attack["trigger"] == "voice:world:voice.flac"
    written = json.loads((tmp_path / "out" / "scenarios" / "none.json").read_text())
    assert written["attack"]["kwargs"]["target"] == "voice.flac"


def test_a_missing_vae_is_refused(folder, tmp_path, no_armory):
    with pytest.raises(FileNotFoundError, match="art-audio train vae"):
        compare(str(folder), out=tmp_path / "out", vae=tmp_path / "none.safetensors", **SMALL)


def test_compare_without_armory_says_what_to_install(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"art-audio-ext\[armory\]"):
        compare(str(folder), out=tmp_path / "out", **SMALL)
