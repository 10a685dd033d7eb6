"""Speech Commands in the paper's form, from a tiny copy in the official layout made on the spot; no network."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets import load_dataset
from art_audio_ext.datasets.speech_commands import COMMANDS, load_speech_commands

WORDS = (*COMMANDS, "bed", "cat")


def make_copy(root):
    """Two speakers each for training and testing and one for validation, two clips a word; noise of 5 and 8 s."""
    base = root / "SpeechCommands" / "speech_commands_v0.02"
    rng = np.random.default_rng(0)
    lists = {"validation_list.txt": [], "testing_list.txt": []}
    for word in WORDS:
        (base / word).mkdir(parents=True)
        for speaker, name in (
            ("aaaaaaaa", ""),
            ("bbbbbbbb", ""),
            ("cccccccc", "testing_list.txt"),
            ("dddddddd", "testing_list.txt"),
            ("eeeeeeee", "validation_list.txt"),
        ):
            for k in range(2):
                file = f"{word}/{speaker}_nohash_{k}.wav"
                soundfile.write(base / file, rng.uniform(-0.5, 0.5, 12000), 16000)
                if name:
                    lists[name].append(file)
    for name, files in lists.items():
        (base / name).write_text("\n".join(files) + "\n")
    (base / "_background_noise_").mkdir()
    for name, seconds in (("hiss", 5), ("tap", 8)):
        ramp = np.linspace(-0.9, 0.9, seconds * 16000)  # the value tells the place
        soundfile.write(base / "_background_noise_" / f"{name}.wav", ramp, 16000, subtype="FLOAT")
    return base


@pytest.fixture
def root(tmp_path):
    make_copy(tmp_path / "copy")
    return tmp_path / "copy"


def load(root, tmp_path, **options):
    return load_speech_commands(root, cache_dir=tmp_path / "cache", progress=False, **options)


def test_the_papers_classes_and_the_official_split(root, tmp_path):
    dataset = load(root, tmp_path)
    assert dataset.label_names == (*COMMANDS, "_silence_", "_unknown_")
    counts = {part: np.bincount(dataset.labels[dataset.partition == part]).tolist() for part in ("train", "test")}
    assert counts == {"train": [4] * 11 + [8], "test": [4] * 12}  # two other words of four; for testing as a command
    voiced = dataset.labels != 10
    assert set(dataset.speakers[voiced & (dataset.partition == "train")]) == {"aaaaaaaa", "bbbbbbbb"}
    assert set(dataset.speakers[voiced & (dataset.partition == "test")]) == {"cccccccc", "dddddddd"}
    assert set(dataset.speakers[~voiced]) == {""}
    assert len(set(dataset.paths)) == len(dataset)
    assert not dataset.waveforms[0, 12000:].any()  # short recordings are padded


def test_at_most_so_many_a_class(root, tmp_path):
    dataset = load(root, tmp_path, per_class=3)
    assert np.bincount(dataset.labels[dataset.partition == "train"]).tolist() == [3] * 12
    other = load(root, tmp_path, per_class=3, seed=1)
    assert dataset.paths.tolist() == load(root, tmp_path, per_class=3).paths.tolist()
    assert dataset.paths.tolist() != other.paths.tolist()


def test_noise_for_testing_comes_from_elsewhere(root, tmp_path):
    dataset = load(root, tmp_path)
    silence = dataset.labels == 10
    border = -0.9 + 1.8 * 0.8
    train = np.asarray(dataset.waveforms[silence & (dataset.partition == "train")])
    test = np.asarray(dataset.waveforms[silence & (dataset.partition == "test")])
    assert train.max() <= border + 1e-3
    assert test.min() >= border - 1e-3
    assert (np.abs(train[:, -1]) > 0).all()  # whole seconds, not padded


def test_by_name_with_a_root(root, tmp_path):
    dataset = load_dataset(f"speech-commands:{root}", cache_dir=tmp_path / "cache", clips=36, progress=False)
    assert len(dataset) == 36
    assert set(dataset.label_names) >= set(COMMANDS)


@pytest.mark.parametrize("missing", ["testing_list.txt", "_background_noise_/hiss.wav", "_background_noise_", "stop"])
def test_a_copy_that_is_not_whole(root, tmp_path, missing):
    import shutil

    base = root / "SpeechCommands" / "speech_commands_v0.02"
    if missing.endswith("hiss.wav"):
        (base / missing).write_text("no sound")
    else:
        shutil.rmtree(base / missing, ignore_errors=True)
        (base / missing).unlink(missing_ok=True)
    with pytest.raises(ValueError, match=r"not a whole copy|cannot read 'hiss.wav'"):
        load(root, tmp_path)


@pytest.mark.parametrize("line", ["../../../secret_nohash_0.wav", "yes/other.wav"])
def test_a_hostile_list(root, tmp_path, line):
    soundfile.write(tmp_path / "secret_nohash_0.wav", np.full(16000, 0.9), 16000)
    with open(root / "SpeechCommands" / "speech_commands_v0.02" / "testing_list.txt", "a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match="the testing split names a file"):
        load(root, tmp_path)


def fake_download(monkeypatch, fail: bool = False):
    """torchaudio's class, with a download that makes the tiny copy."""
    import torchaudio.datasets

    original = torchaudio.datasets.SPEECHCOMMANDS

    def fake(root, url="", download=False, **options):
        from pathlib import Path

        if download:
            if fail:
                raise RuntimeError("no\nnetwork")
            make_copy(Path(root))
            (Path(root) / "speech_commands_v0.02.tar.gz").touch()
        return original(root, url=url, **options)

    monkeypatch.setattr(torchaudio.datasets, "SPEECHCOMMANDS", fake)


def test_download_only_when_absent_and_announced(tmp_path, monkeypatch, caplog):
    fake_download(monkeypatch)
    with caplog.at_level(logging.WARNING):
        dataset = load(tmp_path / "new", tmp_path)
    assert len(dataset) == 11 * 8 + 12
    for said in ("2.3 GB", "CC BY 4.0", str(tmp_path / "new" / "SpeechCommands" / "speech_commands_v0.02")):
        assert said in caplog.text
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["SpeechCommands"]
    fake_download(monkeypatch, fail=True)
    assert len(load(tmp_path / "new", tmp_path)) == len(dataset)  # the second time nothing is fetched


def test_a_failed_download_says_where_to_put_a_copy(tmp_path, monkeypatch):
    fake_download(monkeypatch, fail=True)
    with pytest.raises(ValueError, match=r"cannot download Speech Commands \(no network\): put a copy at .*v0.02"):
        load(None, tmp_path)
    assert not (tmp_path / "cache" / "speech-commands" / "SpeechCommands").exists()
