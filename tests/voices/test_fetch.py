"""Downloads: asked for by name, announced, resumed, and under their names only when whole."""

from __future__ import annotations

import logging
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from art_audio_ext.voices import weights as module
from art_audio_ext.voices.fetch import fetch_files
from art_audio_ext.voices.weights import Weights, require_weights, weights_root

SOUND = bytes(range(256)) * 4000


@pytest.fixture
def served(tmp_path):
    """A server of one folder that knows ranges and tags, and breaks off the first answer for names with "broken"."""
    folder, asked = tmp_path / "served", []
    folder.mkdir()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = folder / self.path.lstrip("/")
            tag = f'"{hash(path.read_bytes())}"' if path.is_file() else ""
            known = self.headers.get("If-Range", tag) == tag
            start = int(self.headers.get("Range", "bytes=0-")[6:-1]) if known else 0
            asked.append((path.name, start))
            if not path.is_file() or start >= path.stat().st_size:
                self.send_error(416 if path.is_file() else 404)
                return
            data = path.read_bytes()[start:]
            self.send_response(206 if "Range" in self.headers and known else 200)
            if "untagged" not in path.name:
                self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if "broken" in path.name and not start else data)

        def log_message(self, *_):
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()


def test_files_of_a_zip_come_out_and_nothing_else(served, tmp_path, caplog):
    folder, url, _ = served
    with zipfile.ZipFile(folder / "a.zip", "w") as zipped:
        zipped.writestr("deep/model.pth", SOUND)
        zipped.writestr("deep/._model.pth", b"rubbish")
        zipped.writestr("../../evil", b"evil")
        zipped.writestr("config.json", b"{}")
    out = tmp_path / "out"
    with caplog.at_level(logging.WARNING):
        fetch_files("A (1 MB, MIT)", (f"{url}a.zip",), out, ("config.json", "model.pth"))
    assert "A (1 MB, MIT)" in caplog.text
    assert str(out) in caplog.text
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"config.json": b"{}", "model.pth": SOUND}
    assert not list(tmp_path.rglob("evil"))


def test_a_download_that_breaks_off_leaves_no_file_and_goes_on(served, tmp_path):
    folder, url, asked = served
    (folder / "broken.bin").write_bytes(SOUND)
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=r"A \(1 MB, MIT\).*bytes came.*try again"):
        fetch_files("A (1 MB, MIT)", (f"{url}broken.bin",), out, ("broken.bin",))
    assert sorted(path.name for path in out.iterdir()) == [".broken.bin.partial", ".broken.bin.partial.version"]
    fetch_files("A (1 MB, MIT)", (f"{url}broken.bin",), out, ("broken.bin",))
    assert asked == [("broken.bin", 0), ("broken.bin", len(SOUND) // 2)]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {"broken.bin": SOUND}


def test_what_is_kept_of_another_file_is_begun_again(served, tmp_path):
    folder, url, _ = served
    (folder / "a.bin").write_bytes(SOUND)
    out = tmp_path / "out"
    out.mkdir()
    (out / ".a.bin.partial").write_bytes(SOUND + SOUND)
    (out / ".a.bin.partial.version").write_text(f'"{hash(SOUND)}"')
    fetch_files("A", (f"{url}a.bin",), out, ("a.bin",))
    assert (out / "a.bin").read_bytes() == SOUND


@pytest.mark.parametrize("name", ["broken.bin", "broken-untagged.bin"])
def test_halves_of_two_files_are_never_one(served, tmp_path, name):
    """The file changes on the server between two calls, or nobody can say whether it did."""
    folder, url, asked = served
    (folder / name).write_bytes(SOUND)
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="bytes came"):
        fetch_files("A", (f"{url}{name}",), out, (name,))
    other, whole = SOUND[::-1], name.replace("broken", "whole")  # which the server does not break off
    (folder / whole).write_bytes(other)
    for path in out.iterdir():
        path.rename(out / path.name.replace("broken", "whole"))
    fetch_files("A", (f"{url}{whole}",), out, (whole,))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {whole: other}
    assert asked[-1] == (whole, 0)


def test_what_is_not_there_or_no_archive_is_an_error(served, tmp_path):
    folder, url, _ = served
    with pytest.raises(ValueError, match=r"cannot download A \(.*404.*put it at"):
        fetch_files("A", (f"{url}gone.zip",), tmp_path / "out", ("model.pth",))
    (folder / "page.zip").write_bytes(b"<html>")
    with pytest.raises(ValueError, match="no zip archive"):
        fetch_files("A", (f"{url}page.zip",), tmp_path / "out", ("model.pth",))
    with zipfile.ZipFile(folder / "other.zip", "w") as zipped:
        zipped.writestr("readme", b"")
    with pytest.raises(ValueError, match=r"no model\.pth in it"):
        fetch_files("A", (f"{url}other.zip",), tmp_path / "out", ("model.pth",))
    assert not list((tmp_path / "out").iterdir())


def test_only_what_is_missing_is_fetched_and_only_when_asked(served, tmp_path, monkeypatch):
    folder, url, asked = served
    (folder / "one.bin").write_bytes(b"1")
    (folder / "two.bin").write_bytes(b"2")
    both = tuple(Weights(n, n, (f"{n}.bin",), "1 B", "MIT", (f"{url}{n}.bin",)) for n in ("one", "two"))
    monkeypatch.setitem(module.NEEDED, "freevc", both)
    root = tmp_path / "root"
    with pytest.raises(FileNotFoundError, match=r"one \(1 B, MIT\).*two \(1 B, MIT\)"):
        require_weights("freevc", root, download=False)
    assert not root.exists()
    (root / "one").mkdir(parents=True)
    (root / "one" / "one.bin").write_bytes(b"mine")
    assert require_weights("freevc", root, download=True) == root
    assert asked == [("two.bin", 0)]
    assert (root / "one" / "one.bin").read_bytes() == b"mine"
    assert require_weights("freevc", root, download=False) == root


@pytest.mark.parametrize(
    "variables", [{}, {"TTS_HOME": "a"}, {"XDG_DATA_HOME": "b"}, {"TTS_HOME": "a", "XDG_DATA_HOME": "b"}]
)
def test_the_folder_is_that_of_the_library(variables, tmp_path, monkeypatch):
    trainer = pytest.importorskip("trainer.io", reason="needs the extra [voice]")
    for name in ("TTS_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    assert weights_root() == Path(trainer.get_user_data_dir("tts"))
    assert weights_root(tmp_path) == tmp_path
