"""The cache of decoded clips: used when whole, made anew when not, never half."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import soundfile

from art_audio_ext.datasets import clip_files
from art_audio_ext.datasets.cache import cache_dir, cache_path
from art_audio_ext.datasets.folder import load_folder


def write(path, value: float = 0.25, rate: int = 16000, seconds: float = 0.1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(round(rate * seconds), value, np.float32), rate)


def load(root, cache, **options):
    return load_folder(root, **{"seconds": 0.1, "cache_dir": cache, "progress": False, **options})


def test_more_than_the_disk_holds(root, cache):
    with pytest.raises(ValueError, match=r"GiB are free; choose another with ART_AUDIO_CACHE"):
        load(root, cache, seconds=1e9)


def decoded(monkeypatch) -> list[str]:
    """The names of the files that get decoded from now on."""
    names: list[str] = []
    original = clip_files.decode_clip

    def counting(path, *args, **options):
        names.append(path.name)
        return original(path, *args, **options)

    monkeypatch.setattr(clip_files, "decode_clip", counting)
    return names


def test_the_second_run_decodes_nothing(root, cache, monkeypatch):
    names = decoded(monkeypatch)
    first = load(root, cache)
    assert len(names) == 20
    for file in root.rglob("*.wav"):
        os.utime(file, (1, 1))  # a copy or a touch changes times, not content
    second = load(root, cache)
    assert len(names) == 20
    np.testing.assert_array_equal(first.waveforms, second.waveforms)
    np.testing.assert_array_equal(first.paths, second.paths)
    np.testing.assert_array_equal(first.labels, second.labels)


def test_changed_content_is_noticed(root, cache):
    load(root, cache)
    file = root / "no" / "3.wav"
    before = file.stat()
    write(file, 0.77)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # same size, same time, other sound
    assert file.stat().st_size == before.st_size
    np.testing.assert_allclose(load(root, cache).waveforms[3, 800], 0.77, atol=1e-3)


def test_a_moved_file_changes_its_label(root, cache):
    load(root, cache)
    os.rename(root / "no" / "3.wav", root / "yes" / "z.wav")
    assert np.bincount(load(root, cache).labels).tolist() == [9, 11]


@pytest.mark.parametrize("damage", ["truncate", "flip", "no_index", "bad_index", "short_index", "empty"])
def test_a_damaged_cache_is_made_anew(root, cache, damage, monkeypatch):
    good = np.array(load(root, cache).waveforms)
    (entry,) = cache.glob("clips-*")
    data, index = entry / "waveforms.npy", entry / "index.json"
    if damage == "truncate":
        os.truncate(data, data.stat().st_size // 2)
    elif damage == "flip":
        content = bytearray(data.read_bytes())
        content[5000] ^= 1
        data.write_bytes(content)
    elif damage == "no_index":
        index.unlink()
    elif damage == "bad_index":
        index.write_text("{not json")
    elif damage == "short_index":
        content = json.loads(index.read_text())
        content["labels"] = content["labels"][:-1]
        index.write_text(json.dumps(content))
    else:
        data.write_bytes(b"")
    names = decoded(monkeypatch)
    np.testing.assert_array_equal(load(root, cache).waveforms, good)
    assert len(names) == 20
    load(root, cache)
    assert len(names) == 20
    assert len(list(cache.iterdir())) == 1


def test_a_stopped_run_leaves_nothing_to_trust(root, cache, monkeypatch):
    original = clip_files.decode_clip

    def stopped(path, *args, **options):
        if path.name == "5.flac":
            raise KeyboardInterrupt
        return original(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(clip_files, "decode_clip", stopped)
        with pytest.raises(KeyboardInterrupt):
            load(root, cache)
    assert not list(cache.iterdir())
    assert len(load(root, cache)) == 20


def test_leftovers_of_killed_runs_are_removed(root, cache):
    for name, age in (("clips-a.tmp-1", 0), ("clips-b.tmp-2", 1)):
        (cache / name).mkdir(parents=True)
        (cache / name / "waveforms.npy").touch()
        if age:
            os.utime(cache / name / "waveforms.npy", (1, 1))
            os.utime(cache / name, (1, 1))
    load(root, cache)
    assert (cache / "clips-a.tmp-1").exists()
    assert not (cache / "clips-b.tmp-2").exists()


def test_asking_where_the_cache_lies_makes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("ART_AUDIO_CACHE", os.fspath(tmp_path / "a" / "b"))
    assert cache_path() == tmp_path / "a" / "b"
    assert cache_path(tmp_path / "c") == tmp_path / "c"
    assert not list(tmp_path.iterdir())
    assert cache_dir() == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()
    with pytest.raises(ValueError, match="ART_AUDIO_CACHE"):
        cache_path("~nobody-of-this-name/cache")


def test_a_cache_that_cannot_be_made(root, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="ART_AUDIO_CACHE"):
        load(root, tmp_path / "file" / "cache")
