"""What a comparison reads out of a dataset's name, and the notes that its table needs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from art_audio_ext.experiments.armory_data import Splits, class_index, folder_of, poison_record
from art_audio_ext.experiments.compare_notes import comparison_notes
from art_audio_ext.experiments.compare_setup import absolute_spec, filter_names, options_by_filter
from art_audio_ext.experiments.scenario_filters import FILTERS, SOUND_FILTERS
from art_audio_ext.report.records import FilterResult

RECORD = {
    "trigger": "clap",
    "scale": 0.1,
    "snr_db": None,
    "position": 0,
    "source": "no",
    "target": "yes",
    "poison_fraction": 0.1,
    "seed": 0,
    "clips": 10,
    "poisoned": [],
}


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """The current and the home folder, with poisoned folders of misleading names."""
    for name in ("builtin", "speech-commands", "speech"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "poison.json").write_text(json.dumps(RECORD))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path.resolve()


@pytest.mark.parametrize("spec", ["builtin", "speech-commands"])
def test_a_dataset_comes_before_a_folder_of_its_name(here, spec):
    assert absolute_spec(spec) == spec
    assert folder_of(spec) is None
    assert poison_record(spec) == (None, None)
    assert absolute_spec(f"folder:{spec}") == f"folder:{here / spec}"
    assert absolute_spec(f"./{spec}") == f"folder:{here / spec}"


@pytest.mark.parametrize("spec", ["speech", "./speech", "~/speech", "folder:speech", "folder:~/speech"])
def test_a_folder_keeps_its_record_however_it_is_named(here, spec):
    assert absolute_spec(spec) == f"folder:{here / 'speech'}"
    record, root = poison_record(spec)
    assert record == RECORD
    assert root.resolve() == here / "speech"


def test_other_names_are_left_alone(here):
    assert absolute_spec("speech-commands:speech") == f"speech-commands:{here / 'speech'}"
    for spec in ("folder:", "", "nowhere"):
        assert absolute_spec(spec) == spec
        assert poison_record(spec) == (None, None)


@pytest.mark.parametrize("label", [None, ["a"], {}, True, 1.0, 2, -1, "c"])
def test_what_is_no_class_is_refused(label):
    with pytest.raises(ValueError, match=r"no label|a class must|class -?\d is not"):
        class_index(label, ("a", "b"))


def test_all_filters_are_the_paper_s_its_rivals_and_the_one_that_audits_use():
    assert filter_names("all") == FILTERS
    assert {"poison_likelihood", "combined"} < set(FILTERS)
    assert filter_names(["novel_component", "none", "none"]) == ("novel_component", "none")
    with pytest.raises(ValueError, match=r"no filter magic: .*coherent_component"):
        filter_names("magic")


def test_filters_by_sound_leave_noise_out_and_only_the_paper_s_gets_the_vae(tmp_path):
    vae = tmp_path / "vae.safetensors"
    vae.touch()
    labels = ("yes", "_silence_")
    options = options_by_filter({"combined": {"alpha": 0.05}, "spectral_signatures": {}}, labels, "standard", vae)
    assert set(options) == {*SOUND_FILTERS, "spectral_signatures"}
    assert options["poison_likelihood"] == {"ignore_classes": ["_silence_"], "preset": "standard", "vae": str(vae)}
    assert options["combined"] == {"ignore_classes": ["_silence_"], "alpha": 0.05}
    assert options["novel_component"] == {"ignore_classes": ["_silence_"]}
    own = options_by_filter({"novel_component": {"tokens": "vae", "vae": vae}}, labels, None, None)
    assert own["novel_component"]["vae"] == str(vae)
    assert "vae" not in own["poison_likelihood"]
    with pytest.raises(FileNotFoundError, match="art-audio train vae"):
        options_by_filter({"novel_component": {"vae": tmp_path / "none.safetensors"}}, labels, None, None)


def row(name: str, removed: int = 3) -> FilterResult:
    return FilterResult(name, 1.0, 0.0, 1.0, removed, 1.0, 0.1, 0.9, 60.0, 5.0)


@pytest.fixture
def splits(tiny_dataset) -> Splits:
    """Speakers s0 to s3 train, s4 and s5 test."""
    test = np.isin(tiny_dataset.speakers, ("s4", "s5"))
    train = tiny_dataset.subset(~test)
    return Splits(train, tiny_dataset.subset(test), np.empty(0, np.int64), train.labels, None, None)


def notes(splits: Splits, *rows: FilterResult, vae_given: bool = False) -> str:
    return " ".join(comparison_notes(rows or [row("none", 0)], splits, at_once=1, vae_given=vae_given)[1:])


def test_nothing_is_noted_where_nothing_is_amiss(splits):
    assert notes(splits, row("none", 0), row("poison_likelihood")) == ""


def test_time_without_the_training_of_a_given_vae_is_noted(splits):
    assert "leave that training out" in notes(splits, row("poison_likelihood"), vae_given=True)
    assert notes(splits, row("perfect"), vae_given=True) == ""


def test_a_filter_that_removes_everything_is_noted(splits):
    rows = row("spectral_signatures", len(splits.train)), row("perfect", len(splits.train) - 1)
    assert "spectral_signatures removed every training clip" in notes(splits, *rows)


def test_speakers_that_are_unknown_or_shared_are_noted(splits):
    def with_speakers(change):
        parts = {"train": splits.train, "test": splits.test}
        return replace(splits, **{k: replace(v, speakers=change(v)) for k, v in parts.items()})

    assert "No file name tells the speaker" in notes(with_speakers(lambda part: np.full(len(part), "")))
    some = with_speakers(lambda part: np.where(part.labels == 0, "", part.speakers))
    assert "30 of 120 file names do not tell the speaker" in notes(some)
    voices = with_speakers(lambda part: np.array(part.label_names)[part.labels])
    assert "4 speakers are in train and in test: every class has one speaker" in notes(voices)
    names = ("_silence_", *splits.train.label_names[1:])
    noise = replace(some, train=replace(some.train, label_names=names), test=replace(some.test, label_names=names))
    assert notes(noise) == ""
