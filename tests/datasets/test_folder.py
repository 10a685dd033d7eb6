"""Folders of sound: what is read, what is left out, what is refused, and the cache behind them."""

from __future__ import annotations

import json
import logging
import os

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets import load_dataset
from art_audio_ext.datasets.folder import load_folder


def write(path, value: float = 0.25, rate: int = 16000, seconds: float = 0.1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(round(rate * seconds), value, np.float32), rate)


def load(root, cache, **options):
    return load_folder(root, **{"seconds": 0.1, "cache_dir": cache, "progress": False, **options})


def test_labels_paths_and_samples(root, cache):
    dataset = load(root, cache)
    assert dataset.label_names == ("no", "yes")
    assert dataset.paths[0] == "no/0.wav"
    assert dataset.paths[-1] == "yes/9.flac"
    assert dataset.waveforms.shape == (20, 1600)
    assert isinstance(dataset.waveforms, np.memmap)
    np.testing.assert_array_equal(dataset.labels, [0] * 10 + [1] * 10)
    expected = [0.01 * (i + 1) for i in range(10)] + [-0.01 * (i + 1) for i in range(10)]
    np.testing.assert_allclose(dataset.waveforms[:, 800], expected, atol=1e-4)
    assert set(dataset.partition) == {""}
    assert dataset.skipped == ()


def test_cut_and_pad(root, cache):
    longer = load(root, cache, seconds=0.15).waveforms
    assert longer.shape == (20, 2400)
    assert not longer[:, 1600:].any()
    np.testing.assert_array_equal(load(root, cache, seconds=0.05).waveforms, longer[:, :800])


def test_train_and_test_folders(root, cache):
    write(root.parent / "split" / "train" / "no" / "a.wav", 0.1)
    write(root.parent / "split" / "train" / "yes" / "a.wav", 0.2)
    write(root.parent / "split" / "test" / "yes" / "b.wav", 0.3)
    dataset = load(root.parent / "split", cache)
    assert list(dataset.paths) == ["train/no/a.wav", "train/yes/a.wav", "test/yes/b.wav"]
    assert list(dataset.partition) == ["train", "train", "test"]
    assert dataset.label_names == ("no", "yes")


def test_train_can_be_a_label(root, cache):
    write(root / "train" / "a.wav", 0.1)
    assert load(root, cache).label_names == ("no", "train", "yes")


def test_suffixes_depth_and_hidden_files(root, cache):
    write(root / "no" / "deep" / "er" / "A.WAV", 0.5)
    write(root / "no" / ".hidden.wav", 0.5)
    write(root / ".git" / "a.wav", 0.5)
    write(root / "no" / ".trash" / "a.wav", 0.5)
    (root / "no" / "notes.txt").write_text("no sound")
    (root / "empty_label").mkdir()
    dataset = load(root, cache)
    assert len(dataset) == 21
    assert "no/deep/er/A.WAV" in dataset.paths
    assert dataset.label_names == ("no", "yes")


@pytest.mark.parametrize("name", ["日本語 ñ", "<script>alert(1)</script>".replace("/", "_"), 'quote" & $(x)', "a: b"])
def test_odd_names(root, cache, name):
    write(root / name / f"{name}.wav", 0.5)
    dataset = load(root, cache)
    assert f"{name}/{name}.wav" in dataset.paths
    assert name in dataset.label_names


def test_a_name_that_is_not_text_is_left_out(root, cache):
    write(root / "no" / "x.wav", 0.5)
    os.rename(os.fsencode(root / "no" / "x.wav"), os.fsencode(root) + b"/no/\xff.wav")
    dataset = load(root, cache)
    assert dataset.skipped == (("no/\\udcff.wav", "its name is not valid UTF-8: rename it"),)
    json.dumps(dataset.skipped)


def test_links_stay_inside(root, cache):
    for i in range(10):
        write(root / "no" / f"more{i}.wav")
    write(root.parent / "secret" / "s.wav", 0.9)
    (root / "no" / "inside.wav").symlink_to(root / "no" / "0.wav")
    (root / "no" / "outside.wav").symlink_to(root.parent / "secret" / "s.wav")
    (root / "no" / "loop.wav").symlink_to(root / "no" / "loop.wav")
    (root / "secret").symlink_to(root.parent / "secret")
    dataset = load(root, cache)
    assert "no/inside.wav" in dataset.paths
    assert not (dataset.waveforms[:, 0] > 0.8).any()
    assert dict(dataset.skipped) == {
        "no/loop.wav": "a link that leads nowhere",
        "no/outside.wav": "a link that leaves the folder is not followed",
        "secret": "a link to a folder is not followed",
    }


def test_a_pipe_is_not_opened(root, cache):
    os.mkfifo(root / "no" / "pipe.wav")
    assert dict(load(root, cache).skipped) == {"no/pipe.wav": "not a regular file"}


def test_unreadable_files_are_left_out_and_counted(root, cache, caplog):
    (root / "no" / "bad.wav").touch()
    (root / "yes" / "text.wav").write_text("not sound at all")
    with caplog.at_level(logging.WARNING):
        dataset = load(root, cache)
    assert len(dataset) == 20
    assert dict(dataset.skipped)["no/bad.wav"] == "the file is empty"
    assert [path for path, _ in dataset.skipped] == ["no/bad.wav", "yes/text.wav"]
    assert "left out 2 of 22 files" in caplog.text
    np.testing.assert_allclose(dataset.waveforms[10, 800], -0.01, atol=1e-4)  # no hole where the bad file was
    again = load(root, cache)
    assert again.skipped == dataset.skipped


def test_too_many_unreadable_files(root, cache):
    for i in range(3):
        (root / "no" / f"bad{i}.wav").touch()
    with pytest.raises(
        ValueError, match=r"3 of 23 files cannot be read, more than 10%.*'no/bad0.wav' \(the file is em"
    ):
        load(root, cache)
    assert not list(cache.glob("clips-*"))


@pytest.mark.parametrize("jobs", [0, -1, 1.5, True])
def test_bad_jobs(root, cache, jobs):
    with pytest.raises(ValueError, match="jobs must be"):
        load(root, cache, jobs=jobs)


def test_refused_folders(root, cache, tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        load(tmp_path / "nowhere", cache)
    with pytest.raises(ValueError, match="is a file, not a folder"):
        load(root / "no" / "0.wav", cache)
    with pytest.raises(ValueError, match=r"no labelled sound files: put every clip in a sub-folder"):
        load(root / "no", cache)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match="no labelled sound files"):
        load(tmp_path / "nothing", cache)
    write(tmp_path / "one" / "yes" / "a.wav")
    with pytest.raises(ValueError, match=r"one class only \('yes'\)"):
        load(tmp_path / "one", cache)


@pytest.mark.parametrize(
    "option", [{"seconds": 0}, {"seconds": float("nan")}, {"sample_rate": 0}, {"sample_rate": 1.5}]
)
def test_bad_length_or_rate(root, cache, option):
    with pytest.raises(ValueError, match="must be a positive"):
        load(root, cache, **option)


def test_any_number_of_jobs_gives_the_same(root, tmp_path):
    one, four = (load(root, tmp_path / str(jobs), jobs=jobs) for jobs in (1, 4))
    np.testing.assert_array_equal(one.waveforms, four.waveforms)


def test_speakers(root, cache):
    dataset = load(root, cache, speaker_pattern=r"(\d)\.")
    assert list(dataset.speakers[:3]) == ["0", "1", "2"]
    assert set(load(root, cache).speakers) == {""}


def test_load_dataset_by_name(root, monkeypatch, cache):
    monkeypatch.setenv("ART_AUDIO_CACHE", str(cache))
    plain = load_dataset(str(root), seconds=0.1, progress=False)
    named = load_dataset(f"folder:{root}", seconds=0.1, progress=False)
    np.testing.assert_array_equal(plain.waveforms, named.waveforms)
    assert plain.name == str(root)
    for spec in ("nonsense", "folder:", "", "speech-commands:"):
        with pytest.raises(ValueError, match=r"choose builtin, folder:PATH|names no folder"):
            load_dataset(spec)


def test_clips_draws_the_same_share_of_every_class(root, cache):
    def draw(**options):
        return load_dataset(str(root), seconds=0.1, cache_dir=cache, progress=False, **options)

    some = draw(clips=8, seed=1)
    assert np.bincount(some.labels).tolist() == [4, 4]
    assert list(some.paths) == list(draw(clips=8, seed=1).paths)
    assert list(some.paths) != list(draw(clips=8, seed=2).paths)
    assert len(draw(clips=7)) == 7
    assert len(draw(clips=1000)) == 20
    for clips in (1, 0, -1, 2.5):
        with pytest.raises(ValueError, match="clips must be"):
            draw(clips=clips)


@pytest.mark.real_data
def test_real_speech_commands(real_data):
    dataset = load_dataset(f"folder:{real_data / 'speech_commands'}", progress=False)
    assert dataset.waveforms.shape == (3119, 16000)
    assert (dataset.partition == "train").sum() == 2653
    assert (dataset.partition == "test").sum() == 466
    assert len(dataset.label_names) == 12
    known = dataset.speakers != ""
    silence = dataset.labels == dataset.label_names.index("_silence_")
    assert (known == ~silence).all()
    speakers = [set(dataset.speakers[known & (dataset.partition == part)]) for part in ("train", "test")]
    assert all(speakers)
    assert not speakers[0] & speakers[1]
    expected, _ = soundfile.read(real_data / "speech_commands" / dataset.paths[7], dtype="float32")
    np.testing.assert_array_equal(dataset.waveforms[7], expected)
