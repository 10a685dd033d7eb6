"""A folder that appears under its name when it is whole, and not before."""

from __future__ import annotations

import shutil

import pytest

from art_audio_ext.experiments import whole_folder as module
from art_audio_ext.experiments.whole_folder import whole_folder


def _write(out) -> None:
    with whole_folder(out, "last.json") as part:
        assert not list(part.iterdir())
        (part / "last.json").write_text("{}")
        (part / "zebra").mkdir()
        (part / "zebra" / "a").write_text("a")
        assert not out.exists() or not list(out.iterdir())


def _stopped(out) -> None:
    with whole_folder(out, "last.json") as part:
        (part / "half").write_text("")
        raise KeyboardInterrupt


def _names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("there", [True, False])
def test_it_gets_its_name_at_the_end(tmp_path, there):
    out = tmp_path / "deep" / "out"
    if there:
        out.mkdir(parents=True)
    _write(out)
    assert _names(tmp_path / "deep") == ["out"]
    assert _names(out) == ["last.json", "zebra"]


def test_after_an_error_nothing_is_left(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        _stopped(tmp_path / "out")
    assert not _names(tmp_path)


def test_what_a_killed_run_left_is_removed(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:  # killed: not even the clean-up runs
        patch.setattr(shutil, "rmtree", lambda *args, **options: None)
        with pytest.raises(KeyboardInterrupt):
            _stopped(tmp_path / "out")
    (left,) = _names(tmp_path)
    assert left.startswith(".out.")
    _write(tmp_path / "out")
    assert _names(tmp_path) == ["out"]
    assert _names(tmp_path / "out") == ["last.json", "zebra"]


def test_a_folder_that_cannot_be_replaced_is_filled_with_the_sign_last(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError("a disk is mounted here")

    moved, move = [], shutil.move
    monkeypatch.setattr(module.os, "replace", refuse)
    monkeypatch.setattr(shutil, "move", lambda a, b: (moved.append(b.name), move(a, b)))
    (tmp_path / "out").mkdir()
    _write(tmp_path / "out")
    assert moved == ["zebra", "last.json"]
    assert _names(tmp_path) == ["out"]
