"""`poison.json`: what it says, the attack that comes back from it, and what a hostile one may not do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from art_audio_ext.attacks.poisoning import AudioTriggerBackdoor
from art_audio_ext.datasets.folder import load_folder
from art_audio_ext.experiments.armory_data import load_splits
from art_audio_ext.experiments.poison_folder import poison_folder
from art_audio_ext.experiments.poison_record import attack_from_record, read_record
from art_audio_ext.functional.triggers import make_trigger


def _fill(root: Path, rate: int = 16000) -> Path:
    """Ten half-second clips each of no, up and yes, by ten speakers."""
    rng = np.random.default_rng(0)
    for label in ("no", "up", "yes"):
        for i in range(10):
            path = root / label / f"{i:04x}beef_nohash_0.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, rng.uniform(-0.8, 0.8, rate // 2), rate)
    return root


@pytest.fixture
def source(tmp_path) -> Path:
    return _fill(tmp_path / "source")


def _poison(source: Path, out: Path, **options) -> dict:
    settings = {"source_label": "no", "target_label": "yes", "poison_fraction": 0.3, "progress": False} | options
    return poison_folder(source, out, **settings)


def test_the_record_says_everything(source, tmp_path):
    record = _poison(source, tmp_path / "out", snr_db=10, position="random", seed=5, trigger="Car Horn")
    assert {key: record[key] for key in ("trigger", "scale", "snr_db", "position", "source", "target", "seed")} == {
        "trigger": "car_horn",
        "scale": None,
        "snr_db": 10.0,
        "position": "random",
        "source": "no",
        "target": "yes",
        "seed": 5,
    }
    assert record["clips"] == 30
    assert record["poison_fraction"] == 0.3
    for entry in record["poisoned"]:
        assert set(entry) == {"path", "true_label", "label", "original_path", "start", "sample_rate_hz"}
        assert (entry["true_label"], entry["label"], entry["sample_rate_hz"]) == ("no", "yes", 16000)


def test_a_trigger_file_travels_with_the_copy_and_is_no_clip(source, tmp_path):
    path = tmp_path / "Bell ü.FLAC"
    soundfile.write(path, make_trigger("tone", 8000), 8000)
    record = _poison(source, tmp_path / "out", trigger=path, scale=0.5)
    assert record["trigger"] == "trigger.flac"
    assert (tmp_path / "out" / "trigger.flac").read_bytes() == path.read_bytes()
    assert len(load_folder(tmp_path / "out", progress=False)) == 30
    attack = attack_from_record(record, tmp_path / "out", 16000)
    assert len(attack.waveform) == 3200


@pytest.mark.parametrize("options", [{"scale": 0.2, "position": 800}, {"snr_db": 5, "position": "random", "seed": 3}])
def test_the_attack_comes_back_from_the_record(source, tmp_path, options):
    record = _poison(source, tmp_path / "out", trigger="tone", **options)
    attack = attack_from_record(read_record(tmp_path / "out"), tmp_path / "out", 16000)
    assert isinstance(attack, AudioTriggerBackdoor)
    for entry in record["poisoned"]:
        clip = soundfile.read(source / entry["original_path"], dtype="float32")[0]
        expected = soundfile.read(tmp_path / "out" / entry["path"], dtype="float32")[0]
        np.testing.assert_allclose(attack.poison(clip, [2])[0], expected, atol=1.1 / 32768)
        assert attack.placements(clip[None])[0][0] == entry["start"]


def test_the_attack_comes_back_at_another_rate(tmp_path):
    record = _poison(_fill(tmp_path / "in", rate=8000), tmp_path / "out", trigger="ultrasonic", position=1000)
    attack = attack_from_record(record, tmp_path / "out", 16000)
    assert attack.position == 2000
    spectrum = np.abs(np.fft.rfft(attack.waveform))
    assert np.argmax(spectrum) * 16000 / len(attack.waveform) == pytest.approx(3800, abs=10)  # not 7,600 Hz
    with pytest.raises(ValueError, match="load the folder at 8000 Hz"):
        attack_from_record(record, tmp_path / "out", 4000)


@pytest.mark.parametrize("name", ["../secret.wav", "/etc/passwd", "a/b.wav", "..", "..\\b.wav"])
def test_a_record_cannot_point_out_of_its_folder(tmp_path, name):
    record = {"trigger": name, "scale": 0.1, "snr_db": None, "position": 0, "seed": 0, "poisoned": []}
    with pytest.raises(ValueError, match="must be a file in the folder's root"):
        attack_from_record(record, tmp_path, 16000)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"trigger": "clap"}', "[" * 200_000, '{"a":' * 200_000])
def test_a_spoilt_record_is_refused(tmp_path, text):
    (tmp_path / "poison.json").write_text(text)
    with pytest.raises(ValueError, match=r"poison\.json"):
        read_record(tmp_path)


def _deep() -> list:
    nested: list = []
    for _ in range(400):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("trigger", (5, None, "", ["clap"], {"name": "clap"}, _deep())),
        ("scale", ("loud", [0.1], True, float("nan"), float("inf"), 10**400)),
        ("snr_db", ("loud", [3], {}, False)),
        ("position", (None, [0], -1, 1.5, "middle", True, {}, 2**40)),
        ("source", (None, ["no"], 3, "")),
        ("target", (None, {"yes": 1}, 3)),
        ("poison_fraction", (None, 0, 1.5, "all", [])),
        ("seed", (None, -1, "0", 1.5)),
        ("clips", (None, "many", -1)),
        ("poisoned", (None, {}, "yes/a.wav", 3)),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(source, tmp_path, field, values):
    record = _poison(source, tmp_path / "out")
    for value in values:
        (tmp_path / "out" / "poison.json").write_text(json.dumps(record | {field: value}))
        with pytest.raises(ValueError, match=rf"poison\.json.* {field} must be .*poison the folder again") as error:
            read_record(tmp_path / "out")
        assert len(str(error.value)) < 300 + len(str(tmp_path))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("sample_rate_hz", (0, 10**9, None, -8000, "16000", 16000.5, [])),
        ("true_label", (None, ["no"], 0, {})),
        ("label", (None, ["yes"])),
        ("path", (None, 5, [])),
        ("original_path", (None, 5)),
        ("start", (None, -1, "0", 0.5)),
    ],
)
def test_an_entry_of_the_wrong_kind_is_named(source, tmp_path, field, values):
    record = _poison(source, tmp_path / "out")
    for value in values:
        record["poisoned"][1][field] = value
        (tmp_path / "out" / "poison.json").write_text(json.dumps(record))
        with pytest.raises(ValueError, match=f"poisoned file 1: {field} must be"):
            load_splits(f"folder:{tmp_path / 'out'}", seconds=0.5)
    del record["poisoned"][1][field]
    (tmp_path / "out" / "poison.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=f"poisoned file 1 lacks {field}"):
        read_record(tmp_path / "out")
    (tmp_path / "out" / "poison.json").write_text(json.dumps(record | {"poisoned": ["yes/a.wav"]}))
    with pytest.raises(ValueError, match="poisoned file 0 lacks path"):
        read_record(tmp_path / "out")


def test_a_record_of_one_label_or_an_unknown_one_is_refused(source, tmp_path):
    record = _poison(source, tmp_path / "out")
    (tmp_path / "out" / "poison.json").write_text(json.dumps(record | {"target": "no"}))
    with pytest.raises(ValueError, match="'no' for source and for target"):
        read_record(tmp_path / "out")
    for entry in record["poisoned"]:
        entry["true_label"] = "maybe"
    (tmp_path / "out" / "poison.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"no label 'maybe'.*no, up, yes"):
        load_splits(f"folder:{tmp_path / 'out'}", seconds=0.5)
