"""Files longer than what is loaded of them: the trigger, and its level, lie in the part that is heard."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from art_audio_ext.experiments.poison_folder import poison_folder, read_record
from art_audio_ext.functional.triggers import make_trigger

RATE = 8000


@pytest.fixture
def source(tmp_path):
    """Four clips of five seconds a label, quiet in the first second and loud after it."""
    for k, label in enumerate(("no", "yes")):
        (tmp_path / "source" / label).mkdir(parents=True)
        for i in range(4):
            sound = np.random.default_rng(10 * k + i).uniform(-0.5, 0.5, 5 * RATE)
            sound[:RATE] /= 10
            soundfile.write(tmp_path / "source" / label / f"{label}{i}.wav", sound, RATE, subtype="FLOAT")
    return tmp_path / "source"


def _changes(source, out, **options) -> tuple[dict, np.ndarray, np.ndarray]:
    """The record, the originals of the poisoned files, and what was added to them."""
    settings = {"source_label": "no", "target_label": "yes", "poison_fraction": 1.0, "progress": False} | options
    record = poison_folder(source, out, **settings)
    pairs = [(source / entry["original_path"], out / entry["path"]) for entry in record["poisoned"]]
    old, new = (np.array([soundfile.read(pair[k])[0] for pair in pairs]) for k in (0, 1))
    return record, old, new - old


@pytest.mark.parametrize(("seconds", "end"), [(1.0, 1), (2.5, 2.5), (None, 5), (9.0, 5)])
def test_a_random_trigger_is_heard_whole_in_what_is_loaded(source, tmp_path, seconds, end):
    length = len(make_trigger("tone", RATE))
    record, _, added = _changes(source, tmp_path / "out", trigger="tone", position="random", seed=2, seconds=seconds)
    assert record["seconds"] == read_record(tmp_path / "out")["seconds"] == seconds
    starts = [entry["start"] for entry in record["poisoned"]]
    assert max(starts) <= end * RATE - length
    assert max(starts) > (end - 1) * RATE / 2
    for start, change in zip(starts, added, strict=True):
        assert not change[:start].any()
        assert not change[start + length :].any()
        assert np.square(change).sum() > 0


def test_one_second_is_what_is_loaded_unless_said_otherwise(source, tmp_path):
    record, _, _ = _changes(source, tmp_path / "out", position="random")
    assert record["seconds"] == 1.0
    assert all(entry["start"] < RATE for entry in record["poisoned"])


@pytest.mark.parametrize(("seconds", "heard"), [(1.0, RATE), (None, 5 * RATE)])
def test_the_snr_is_that_of_what_is_loaded(source, tmp_path, seconds, heard):
    _, old, added = _changes(source, tmp_path / "out", trigger="tone", snr_db=20.0, seconds=seconds)
    measured = 10 * np.log10(np.square(old[:, :heard]).sum(1) / np.square(added[:, :heard]).sum(1))
    np.testing.assert_allclose(measured, 20, atol=0.01)


def test_a_fixed_position_beyond_it_is_refused(source, tmp_path):
    with pytest.raises(ValueError, match=r"position 8000 lies beyond the first 1 s.*start before sample 8000"):
        _changes(source, tmp_path / "out", position=RATE)
    assert not (tmp_path / "out").exists()
    record, _, added = _changes(source, tmp_path / "out", position=RATE - 1)
    assert {entry["start"] for entry in record["poisoned"]} == {RATE - 1}
    record, _, added = _changes(source, tmp_path / "longer", position=RATE, seconds=2)
    assert not added[:, :RATE].any()
    assert added[:, RATE : 2 * RATE].any(1).all()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "1", True])
def test_bad_seconds_are_refused(source, tmp_path, seconds):
    with pytest.raises(ValueError, match="seconds must be"):
        _changes(source, tmp_path / "out", seconds=seconds)
    assert not (tmp_path / "out").exists()
