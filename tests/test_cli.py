"""The command: exit codes, one-line errors, files written, and an example in every help."""

from __future__ import annotations

import json
import pickle
import re
import sys

import numpy as np
import pytest
import soundfile

from art_audio_ext import cli
from art_audio_ext.datasets.export import write_folder
from art_audio_ext.training.vae import VaeSettings, train_vae


@pytest.fixture(scope="module")
def recordings(tiny_dataset, tmp_path_factory):
    return write_folder(tiny_dataset, tmp_path_factory.mktemp("cli") / "recordings", progress=False)


@pytest.fixture(scope="module")
def vae(tiny_dataset, tmp_path_factory):
    path = tmp_path_factory.mktemp("vae") / "vae.safetensors"
    settings = VaeSettings(conv_channels=4, frames=4, conv_dim=16, hidden_dim=8, epochs=1)
    train_vae(tiny_dataset.waveforms, 16000, settings, seed=0, progress=False).save(path)
    return path


def run(monkeypatch, capsys, *arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `art-audio ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["art-audio", *map(str, arguments)])
    try:
        cli.main()
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    captured = capsys.readouterr()
    return code, captured.out, captured.err


COMMANDS = ["audit", "poison", "compare", "demo", "doctor", "train vae", "train classifier", "train diffusion"]


@pytest.mark.parametrize("command", [command.split() for command in COMMANDS])
def test_every_help_has_an_example(monkeypatch, capsys, command):
    code, out, _ = run(monkeypatch, capsys, *command, "--help")
    assert code == 0
    assert f"Example: art-audio {' '.join(command)}" in " ".join(out.split())


def test_audit_writes_its_answer(monkeypatch, capsys, recordings, vae, tmp_path):
    code, out, err = run(monkeypatch, capsys, "audit", recordings, "--out", tmp_path, "--vae", vae, "--quiet")
    answer = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert (code, answer["verdict"]) in [(0, "clean"), (3, "poisoned")], err
    assert answer["dataset"].keys() >= {"path", "clips", "classes", "sample_rate_hz"}
    assert len(answer["samples"]) == answer["dataset"]["clips"] == 120
    assert answer["classes"][0].keys() >= {"label", "clips", "score", "flagged", "suspects"}
    assert answer["samples"][0].keys() >= {"path", "label", "suspect", "score"}
    assert answer["seconds"].keys() == {"load", "train", "encode", "score", "recover"}
    assert (tmp_path / "suspects.csv").is_file()
    assert (tmp_path / "report.html").is_file()
    assert "audit.json" in out


@pytest.mark.parametrize(("verdict", "code"), [("clean", 0), ("poisoned", 3)])
def test_the_verdict_is_the_exit_code(monkeypatch, capsys, tmp_path, verdict, code):
    from art_audio_ext.experiments import audit as module
    from art_audio_ext.report.records import AuditResult

    result = AuditResult(verdict, {"path": "x", "clips": 0, "classes": 0}, [], [], {}, 0, {})
    monkeypatch.setattr(module, "audit", lambda *args, **kwargs: result)
    monkeypatch.setattr("art_audio_ext.report.format_audit_table", lambda result: result.verdict)
    assert run(monkeypatch, capsys, "audit", "x", "--out", tmp_path)[0] == code


def test_poison_then_audit_reads_the_copy(monkeypatch, capsys, recordings, vae, tmp_path):
    options = ["--source", "alpha", "--target", "bravo", "--fraction", "0.2", "--quiet"]
    code, out, _ = run(monkeypatch, capsys, "poison", recordings, tmp_path / "copy", *options)
    assert code == 0
    assert "6 of 120 clips poisoned" in out
    record = json.loads((tmp_path / "copy" / "poison.json").read_text(encoding="utf-8"))
    assert record["scale"] == pytest.approx(0.122), "the trigger's own level"
    options = ["--out", tmp_path / "out", "--vae", vae, "--quiet"]
    assert run(monkeypatch, capsys, "audit", tmp_path / "copy", *options)[0] in (0, 3)
    answer = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    assert {entry["path"] for entry in record["poisoned"]} <= {sample["path"] for sample in answer["samples"]}


def _no_folder(tmp_path, recordings):
    return ["audit", tmp_path / "missing", "--out", tmp_path / "out"], "missing"


def _one_class(tmp_path, recordings):
    (tmp_path / "in" / "only").mkdir(parents=True)
    soundfile.write(tmp_path / "in" / "only" / "a.wav", np.zeros(160), 16000)
    return ["audit", tmp_path / "in", "--out", tmp_path / "out"], "only one label|one class"


def _broken_vae(tmp_path, recordings):
    (tmp_path / "vae.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}")
    (tmp_path / "vae.json").write_text("{}")
    return ["audit", recordings, "--out", tmp_path / "out", "--vae", tmp_path / "vae.safetensors"], "vae"


def _pickle_as_vae(tmp_path, recordings):
    (tmp_path / "vae.safetensors").write_bytes(pickle.dumps({"weights": Bomb()}))
    (tmp_path / "vae.json").write_text("{}")
    return ["audit", recordings, "--out", tmp_path / "out", "--vae", tmp_path / "vae.safetensors"], "vae"


def _unknown_preset(tmp_path, recordings):
    return ["audit", recordings, "--out", tmp_path / "out", "--preset", "huge"], "quick.*standard.*paper"


def _position_in_words(tmp_path, recordings):
    options = ["--source", "alpha", "--target", "bravo", "--position", "middle"]
    return ["poison", recordings, tmp_path / "o", *options], "sample number or 'random'"


def _unknown_label(tmp_path, recordings):
    options = ["--source", "zulu", "--target", "bravo"]
    return ["poison", recordings, tmp_path / "o", *options], "zulu.*alpha"


def _no_out(tmp_path, recordings):
    return ["audit", recordings], "--out.*art-audio audit --help"


class Bomb:
    """A pickle of this calls a function when it is opened."""

    def __reduce__(self):
        return pytest.fail, ("a pickle from a stranger was opened",)


@pytest.mark.parametrize(
    "case",
    [
        _no_folder,
        _one_class,
        _broken_vae,
        _pickle_as_vae,
        _unknown_preset,
        _position_in_words,
        _unknown_label,
        _no_out,
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(monkeypatch, capsys, tmp_path, recordings, case):
    arguments, says = case(tmp_path, recordings)
    code, _, err = run(monkeypatch, capsys, *arguments, "--quiet")
    assert code == 2
    assert err.startswith("art-audio: ")
    assert len(err.strip().splitlines()) == 1
    assert re.search(says, err)


@pytest.mark.parametrize("place", [0, -1])
def test_debug_shows_the_traceback_wherever_it_stands(monkeypatch, capsys, tmp_path, recordings, place):
    arguments, _ = _no_folder(tmp_path, recordings)
    arguments = ["--debug", *arguments] if place == 0 else [*arguments, "--debug"]
    code, _, err = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "Traceback" in err


def test_what_nobody_expected_is_one_line_too(monkeypatch, capsys, tmp_path):
    from art_audio_ext.experiments import audit as module

    def fail(*args, **kwargs):
        raise RuntimeError("the device\nwent away")

    monkeypatch.setattr(module, "audit", fail)
    code, _, err = run(monkeypatch, capsys, "audit", tmp_path, "--out", tmp_path)
    assert code == 1
    assert err == "art-audio: RuntimeError: the device went away (an error of the program's own: --debug shows where)\n"


def test_no_arguments_show_the_help(monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys)
    assert code == 2 or code == 0
    assert "audit" in out + err
    assert "Traceback" not in err


def test_ctrl_c_says_how_to_go_on(monkeypatch, capsys, tmp_path):
    from art_audio_ext.experiments import audit as module

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "audit", stop)
    code, _, err = run(monkeypatch, capsys, "audit", tmp_path, "--out", tmp_path)
    assert code == 130
    assert "give the same command again" in err
