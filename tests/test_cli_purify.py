"""The command `art-audio purify`: exit codes, what it prints, and errors of one line that name the remedy."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import soundfile

from art_audio_ext import cli


@pytest.fixture
def recordings(tmp_path):
    folder = tmp_path / "in" / "yes"
    folder.mkdir(parents=True)
    for k in range(2):
        soundfile.write(folder / f"{k}.wav", 0.2 * np.sin(np.arange(8000) * (k + 1) / 5), 16000)
    return tmp_path / "in"


def run(monkeypatch, capsys, *arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `art-audio purify ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["art-audio", "purify", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    captured = capsys.readouterr()
    return stop.value.code or 0, captured.out, captured.err


def test_the_help_has_an_example(monkeypatch, capsys):
    code, out, _ = run(monkeypatch, capsys, "--help")
    assert code == 0
    assert "Example: art-audio purify" in " ".join(out.split())


def test_a_folder_a_second_time_and_with_a_broken_file(monkeypatch, capsys, recordings, tmp_path):
    options = [recordings, tmp_path / "out", "--defence", "diff_noise", "--steps", 2, "--seed", 5]
    code, out, err = run(monkeypatch, capsys, *options)
    assert code == 0
    assert "purifying" in err  # the bar
    assert "2 files purified by time_stage at t = 2. SNR: median" in out
    assert f"Written: {tmp_path / 'out' / 'purify.json'}, {tmp_path / 'out' / 'report.html'}" in out
    assert json.loads((tmp_path / "out" / "purify.json").read_text())["seed"] == 5
    (recordings / "yes" / "broken.wav").write_bytes(b"no sound")
    code, out, err = run(monkeypatch, capsys, *options, "--quiet")
    assert code == 2
    assert err == ""
    assert "Not purified: yes/broken.wav: " in out
    assert "2 files purified" in out


def test_one_file(monkeypatch, capsys, recordings, tmp_path):
    options = ["--defence", "time_stage", "--quiet"]
    code, _, _ = run(monkeypatch, capsys, recordings / "yes" / "0.wav", tmp_path / "out", *options)
    assert code == 0
    assert soundfile.info(tmp_path / "out" / "0.wav").frames == 8000


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--defence", "ddpm"], "art-audio train diffusion --domain wave"),
        (["--defence", "dual_pure"], "art-audio train diffusion --domain mel"),
        (["--defence", "ddpm", "--diffusion", "no.safetensors"], "art-audio train diffusion"),
        (["--defence", "time_stage", "--diffusion", "no.safetensors"], "leave out --diffusion"),
        (["--defence", "time_stage", "--steps", "0"], "--steps"),
        (["--defence", "magic"], "choose among time_stage"),
        ([], "--defence"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(monkeypatch, capsys, recordings, tmp_path, options, says):
    code, _, err = run(monkeypatch, capsys, recordings, tmp_path / "out", *options)
    assert code == 2
    assert err.startswith("art-audio: ")
    assert len(err.strip().splitlines()) == 1
    assert says in err
    assert not (tmp_path / "out").exists()
