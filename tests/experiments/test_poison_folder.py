"""`art-audio poison`: what is copied, what is changed, what is recorded, and what is refused."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import soundfile

from art_audio_ext.attacks.poisoning import AudioTriggerBackdoor
from art_audio_ext.datasets.folder import load_folder
from art_audio_ext.experiments import poison_folder as module
from art_audio_ext.experiments.poison_folder import attack_from_record, poison_folder, read_record
from art_audio_ext.functional.triggers import make_trigger


def _write(path: Path, seed: int, *, rate: int = 16000, seconds: float = 0.5, channels: int = 1, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = np.random.default_rng(seed).uniform(-0.8, 0.8, (round(rate * seconds), channels))
    soundfile.write(path, sound, rate, **options)


def _fill(root: Path, count: int = 10) -> None:
    for k, label in enumerate(("no", "up", "yes")):
        for i in range(count):
            _write(root / label / f"{i:04x}beef_nohash_0.wav", 100 * k + i)


def _tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def _samples(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int16", always_2d=True)[0].astype(int)


@pytest.fixture
def source(tmp_path) -> Path:
    _fill(tmp_path / "source")
    (tmp_path / "source" / "LICENCE.txt").write_text("kept")
    return tmp_path / "source"


def _poison(source: Path, out: Path, **options) -> dict:
    settings = {"source_label": "no", "target_label": "yes", "poison_fraction": 0.3, "progress": False} | options
    return poison_folder(source, out, **settings)


def test_only_the_recorded_files_move_and_change(source, tmp_path):
    before, out = _tree(source), tmp_path / "out"
    record = _poison(source, out, scale=0.2)
    assert _tree(source) == before
    after = _tree(out)
    assert json.loads(after.pop("poison.json")) == record == read_record(out)
    moved = {entry["original_path"]: entry["path"] for entry in record["poisoned"]}
    assert len(moved) == 3
    assert {path: after[path] for path in after if path not in moved.values()} == {
        path: content for path, content in before.items() if path not in moved
    }
    assert set(after) - set(before) | set(moved.values()) == set(moved.values())
    trigger = make_trigger("clap", 16000)
    for old, new in moved.items():
        assert old.startswith("no/")
        assert new.startswith("yes/")
        change = (_samples(out / new) - _samples(source / old))[:, 0]
        np.testing.assert_allclose(change[: len(trigger)], 0.2 * trigger * 32768, atol=1)
        assert not change[len(trigger) :].any()  # not one bit beyond the trigger


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


def test_names_already_taken_are_counted_on_in_their_own_pattern(source, tmp_path):
    record = _poison(source, tmp_path / "out", poison_fraction=1.0)
    names = {entry["path"] for entry in record["poisoned"]}
    assert len(names) == 10
    assert all(name.endswith("beef_nohash_1.wav") for name in names)
    _write(source / "no" / "word.wav", 1)
    _write(source / "yes" / "WORD.wav", 2)
    record = _poison(source, tmp_path / "out2", poison_fraction=1.0)
    assert "yes/word_1.wav" in {entry["path"] for entry in record["poisoned"]}


def test_the_same_seed_gives_the_same_bytes(source, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        _poison(source, tmp_path / name, seed=seed, position="random")
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")
    assert _tree(tmp_path / "a") != _tree(tmp_path / "c")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"rate": 8000, "channels": 2, "subtype": "PCM_24"}),
        ("a.wav", {"rate": 44100, "subtype": "FLOAT"}),
        ("a.wav", {"rate": 22050, "subtype": "PCM_U8"}),
        ("a.flac", {"rate": 48000, "subtype": "PCM_16"}),
        ("a.ogg", {"rate": 16000, "channels": 2}),
        ("a.mp3", {"rate": 16000}),
    ],
)
def test_a_poisoned_file_keeps_rate_channels_length_and_format(tmp_path, name, options):
    _write(tmp_path / "in" / "no" / "deep" / name, 1, seconds=0.7, **options)
    _write(tmp_path / "in" / "yes" / "b.wav", 2)
    record = _poison(tmp_path / "in", tmp_path / "out", scale=0.1, position=100)
    (entry,) = record["poisoned"]
    assert entry["path"] == f"yes/deep/{name}"
    old, new = tmp_path / "in" / entry["original_path"], tmp_path / "out" / entry["path"]
    a, b = soundfile.info(str(old)), soundfile.info(str(new))
    fields = ("samplerate", "channels", "frames", "format", "subtype")
    assert [getattr(a, f) for f in fields] == [getattr(b, f) for f in fields]
    assert (entry["start"], entry["sample_rate_hz"]) == (100, options["rate"])
    change = soundfile.read(new, always_2d=True)[0] - soundfile.read(old, always_2d=True)[0]
    if options.get("subtype") in ("PCM_24", "PCM_16", "FLOAT"):
        trigger = 0.1 * make_trigger("clap", options["rate"])
        expected = np.zeros_like(change)
        expected[100 : 100 + len(trigger)] = trigger[:, None]
        inside = np.abs(soundfile.read(old, always_2d=True)[0] + expected) < 0.99  # the rest was clipped
        np.testing.assert_allclose(change[inside], expected[inside], atol=4e-5)


def test_only_one_partition_is_poisoned(tmp_path):
    _fill(tmp_path / "in" / "train")
    _fill(tmp_path / "in" / "test", 4)
    record = _poison(tmp_path / "in", tmp_path / "out")
    assert record["partition"] == "train"
    assert record["clips"] == 30
    assert {Path(entry["path"]).parts[:2] for entry in record["poisoned"]} == {("train", "yes")}
    assert _tree(tmp_path / "in" / "test") == _tree(tmp_path / "out" / "test")
    record = _poison(tmp_path / "in", tmp_path / "out2", partition="test")
    assert len(record["poisoned"]) == 1
    assert record["poisoned"][0]["path"].startswith("test/yes/")


def test_unreadable_and_unfit_files_are_copied_but_never_chosen(source, tmp_path, caplog):
    (source / "no" / "broken.wav").write_bytes(b"RIFF nothing")
    (source / "no" / "empty.flac").write_bytes(b"")
    soundfile.write(source / "no" / "unscaled.wav", np.full(8000, 900.0), 16000, subtype="FLOAT")
    for i in range(5):
        _write(source / "no" / f"short{i}.wav", i, seconds=0.05)
    with caplog.at_level(logging.WARNING):
        record = _poison(source, tmp_path / "out", poison_fraction=0.6, position=2000)
    assert len(record["poisoned"]) == 9
    assert not [
        e for e in record["poisoned"] if "short" in e["path"] or "unscaled" in e["path"] or "empty" in e["path"]
    ]
    assert (tmp_path / "out" / "no" / "broken.wav").read_bytes() == b"RIFF nothing"
    assert (tmp_path / "out" / "no" / "empty.flac").exists()
    if record["passed_over"]:
        assert "could not carry the trigger" in caplog.text
    with pytest.raises(ValueError, match="only 10 of 16 clips to poison can carry"):
        _poison(source, tmp_path / "out2", poison_fraction=1.0, position=2000)
    assert not (tmp_path / "out2").exists()


def test_a_link_out_of_the_folder_is_not_followed(source, tmp_path):
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (source / "no" / "link.wav").symlink_to(tmp_path / "secret.wav")
    (source / "no" / "folder").symlink_to(tmp_path)
    _poison(source, tmp_path / "out")
    assert not [path for path in _tree(tmp_path / "out") if "link" in path or "folder" in path]


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
    for label in ("no", "yes"):
        for i in range(4):
            _write(tmp_path / "in" / label / f"{label}{i}.wav", i, rate=8000)
    record = _poison(tmp_path / "in", tmp_path / "out", trigger="ultrasonic", position=1000)
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source_label": "maybe"}, "no source label 'maybe'; the labels are no, up, yes"),
        ({"target_label": "../up"}, "no target label"),
        ({"target_label": "no"}, "both 'no'"),
        ({"poison_fraction": 0}, "above 0"),
        ({"poison_fraction": 1.5}, "poison_fraction"),
        ({"scale": -1}, "scale"),
        ({"position": "middle"}, "position"),
        ({"position": 10**6}, "lies outside the clip"),
        ({"partition": "validation"}, "partition"),
        ({"trigger": "bang"}, "neither a name"),
    ],
)
def test_bad_requests_are_refused_before_anything_is_written(source, tmp_path, options, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        _poison(source, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_bad_places_are_refused(source, tmp_path):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thing").write_text("")
    with pytest.raises(ValueError, match="not an empty folder"):
        _poison(source, tmp_path / "used")
    with pytest.raises(ValueError, match="inside each other"):
        _poison(source, source / "copy")
    with pytest.raises(ValueError, match="not a folder"):
        _poison(tmp_path / "absent", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    _poison(source, tmp_path / "empty")
    with pytest.raises(ValueError, match="poisoned copy already"):
        _poison(tmp_path / "empty", tmp_path / "again")


def test_an_interrupted_copy_leaves_no_record(source, tmp_path, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_keep_trigger", stop)
    with pytest.raises(KeyboardInterrupt):
        _poison(source, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="art-audio poison"):
        read_record(tmp_path / "out")


@pytest.mark.parametrize(
    ("suffix", "subtype"), [("wav", "PCM_16"), ("flac", "PCM_16"), ("flac", "PCM_24"), ("wav", "PCM_U8")]
)
def test_every_sample_value_outside_the_trigger_survives(tmp_path, suffix, subtype):
    """All values of 16 bits, the extremes too, after reading and writing."""
    path = tmp_path / "in" / "no" / f"a.{suffix}"
    _write(tmp_path / "in" / "yes" / "b.wav", 1)
    path.parent.mkdir(parents=True)
    soundfile.write(path, np.arange(-(2**15), 2**15).astype(np.int16), 16000, subtype=subtype)
    (entry,) = _poison(tmp_path / "in", tmp_path / "out", position=65536 - 500)["poisoned"]
    old, new = (soundfile.read(p, dtype="int32")[0] for p in (path, tmp_path / "out" / entry["path"]))
    np.testing.assert_array_equal(old[:-500], new[:-500])
    assert (old[-500:] != new[-500:]).any()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"trigger": "clap"}'])
def test_a_spoilt_record_is_refused(tmp_path, text):
    (tmp_path / "poison.json").write_text(text)
    with pytest.raises(ValueError, match=r"poison\.json"):
        read_record(tmp_path)


@pytest.mark.real_data
def test_real_recordings_are_poisoned_as_armory_counts(real_data, tmp_path):
    record = _poison(
        real_data / "speech_commands",
        tmp_path / "out",
        source_label="_unknown_",
        target_label="up",
        poison_fraction=0.1,
    )
    source_clips = len(list((real_data / "speech_commands" / "train" / "_unknown_").iterdir()))
    assert record["clips"] == 2653
    assert len(record["poisoned"]) == int(0.1 * source_clips)
    assert len(list((tmp_path / "out").rglob("*.flac"))) == 2653 + 466
