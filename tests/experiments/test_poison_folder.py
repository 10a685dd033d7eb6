"""`art-audio poison`: what is copied, what is changed, what is recorded, and what is refused."""

from __future__ import annotations

import json
import logging
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import soundfile

from art_audio_ext.experiments import file_triggers
from art_audio_ext.experiments import poison_folder as module
from art_audio_ext.experiments.poison_folder import poison_folder, read_record
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


@pytest.mark.parametrize("step", ["write_with_trigger", "copy_file", "write_record"])
def test_an_interrupted_run_leaves_nothing_and_is_repeated_by_the_same_call(source, tmp_path, monkeypatch, step):
    def stop(*args):
        if next(calls) == {"write_with_trigger": 1, "copy_file": 7, "write_record": 0}[step]:
            raise KeyboardInterrupt
        return whole(*args)

    place = file_triggers if step == "write_with_trigger" else module
    calls, whole, before = count(), getattr(place, step), sorted(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(place, step, stop)
        with pytest.raises(KeyboardInterrupt):
            _poison(source, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before
    _poison(source, tmp_path / "out")
    _poison(source, tmp_path / "undisturbed")
    assert _tree(tmp_path / "out") == _tree(tmp_path / "undisturbed")


@pytest.mark.parametrize(
    ("suffix", "subtype"), [("wav", "PCM_16"), ("flac", "PCM_16"), ("flac", "PCM_24"), ("wav", "PCM_U8")]
)
def test_every_sample_value_outside_the_trigger_survives(tmp_path, suffix, subtype):
    """All values of 16 bits, the extremes too, after reading and writing."""
    path = tmp_path / "in" / "no" / f"a.{suffix}"
    _write(tmp_path / "in" / "yes" / "b.wav", 1)
    path.parent.mkdir(parents=True)
    soundfile.write(path, np.arange(-(2**15), 2**15).astype(np.int16), 16000, subtype=subtype)
    (entry,) = _poison(tmp_path / "in", tmp_path / "out", position=65536 - 500, seconds=None)["poisoned"]
    old, new = (soundfile.read(p, dtype="int32")[0] for p in (path, tmp_path / "out" / entry["path"]))
    np.testing.assert_array_equal(old[:-500], new[:-500])
    assert (old[-500:] != new[-500:]).any()


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
