"""`art-audio purify`: what is refused, what is reported, and what is left alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from art_audio_ext.datasets.folder import scan_sounds
from art_audio_ext.defences.preprocessor import DiffRevPurifier
from art_audio_ext.experiments import purify_folder as module
from art_audio_ext.experiments.purify_folder import purify_folder


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def purify(source, out, defence="time_stage", **options):
    return purify_folder(source, out, defence=defence, progress=False, **options)


def test_unusable_files_are_reported_and_the_rest_goes_on(recordings, tmp_path):
    soundfile.write(recordings / "nan.wav", np.array([0.1, np.nan, 0.1]), 16000, subtype="FLOAT")
    soundfile.write(recordings / "none.wav", np.zeros(0), 16000)
    soundfile.write(recordings / "one.wav", np.array([0.5]), 16000)
    soundfile.write(recordings / "silent.wav", np.zeros(160), 16000)
    (recordings / "empty.wav").touch()
    (recordings / "noise.mp3").write_bytes(b"no sound at all" * 9)
    (recordings / "b.flac.wav").write_bytes((recordings / "a.wav").read_bytes())
    shutil.copy(recordings / "yes" / "deep" / "short.flac", recordings / "b.flac")
    (recordings / "Report.html").mkdir()
    shutil.copy(recordings / "a.wav", recordings / "Report.html" / "a.wav")
    (recordings / "away.wav").symlink_to(tmp_path / "elsewhere.wav")
    (recordings / "notes.txt").write_text("not sound")
    record = purify(recordings, tmp_path / "out")
    reasons = {entry["path"]: entry["reason"] for entry in record["failed"]}
    for path, words in {
        "nan.wav": "not finite",
        "none.wav": "no samples",
        "empty.wav": "empty",
        "noise.mp3": "",
        "b.flac.wav": "would have the name of that of 'b.flac'",
        "Report.html/a.wav": "rename it",
        "away.wav": "link",
    }.items():
        assert words in reasons.pop(path)
    assert not reasons
    rows = {row["path"]: row for row in record["files"]}
    assert len(rows) == 7
    assert rows["one.wav"]["seconds"] == 1 / 16000
    assert rows["silent.wav"]["snr_db"] is None


def test_what_a_purifier_spoils_is_no_result(recordings, tmp_path, wave, monkeypatch):
    monkeypatch.setattr(DiffRevPurifier, "_purify", lambda self, x, generator: x / 0)
    record = purify(recordings, tmp_path / "out", "diff_rev", diffusion=wave)
    assert len(record["failed"]) == 4
    assert "not finite" in record["failed"][0]["reason"]
    assert set(tree(tmp_path / "out")) <= {"purify.json", "purify.jsonl", "report.html"}


def test_a_full_disk_stops_the_run_and_a_name_that_will_not_do_does_not(recordings, tmp_path, monkeypatch):
    inner = module.write_result

    def fail(number):
        def write(result, target, out):
            if target.name == "a.wav":
                raise OSError(number, os.strerror(number))
            return inner(result, target, out)

        return write

    monkeypatch.setattr(module, "write_result", fail(36))  # a name too long
    assert [entry["path"] for entry in purify(recordings, tmp_path / "out")["failed"]] == ["a.wav"]
    monkeypatch.setattr(module, "write_result", fail(28))
    with pytest.raises(OSError, match="No space"):
        purify(recordings, tmp_path / "out")


def test_places_that_will_not_do_are_refused_and_left_alone(recordings, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("precious")
    (tmp_path / "link").symlink_to(recordings)
    (tmp_path / "nothing").mkdir()
    before = tree(tmp_path)
    for source, out, words in (
        (recordings, recordings, "inside each other"),
        (recordings, recordings / "out", "inside each other"),
        (recordings, tmp_path, "inside each other"),
        (recordings, tmp_path / "link", "inside each other"),
        (recordings, full, "not an empty folder"),
        (recordings, full / "mine.txt", "is a file"),
        (recordings / "a.wav", recordings / "a.wav", "inside each other"),
        (recordings / "a.wav", recordings, "inside each other"),
        (tmp_path / "missing", tmp_path / "out", "does not exist"),
        (tmp_path / "nothing", tmp_path / "out", "no sound file"),
    ):
        with pytest.raises(ValueError, match=words):
            purify(source, out)
    assert tree(tmp_path) == before


def test_no_link_in_the_results_leads_back_to_the_input(recordings, tmp_path):
    purify(recordings, tmp_path / "out")
    before = tree(recordings)
    shutil.rmtree(tmp_path / "out" / "yes")
    (tmp_path / "out" / "yes").symlink_to(recordings / "yes")
    (tmp_path / "out" / "a.wav").unlink()
    (tmp_path / "out" / "a.wav").symlink_to(recordings / "a.wav")
    record = purify(recordings, tmp_path / "out")
    assert tree(recordings) == before
    assert {entry["path"] for entry in record["failed"]} == {path for path in before if path != "a.wav"}
    assert not (tmp_path / "out" / "a.wav").is_symlink()


def test_models_are_looked_at_before_anything_is_written(recordings, tmp_path, wave, untrained):
    wave.save(tmp_path / "wave.safetensors")
    purify(recordings, tmp_path / "works", "one_shot", diffusion=tmp_path / "wave.safetensors")
    for options, error, words in (
        ({"defence": "ddpm"}, ValueError, "art-audio train diffusion --domain wave"),
        ({"defence": "dual_pure"}, ValueError, "art-audio train diffusion --domain mel"),
        ({"defence": "dual_pure", "diffusion": wave}, ValueError, "'wave', dual_pure needs one of 'mel'.*domain mel"),
        ({"defence": "time_stage", "diffusion": wave}, ValueError, "takes no diffusion model"),
        ({"defence": "ddpm", "diffusion": tmp_path / "no.safetensors"}, FileNotFoundError, "art-audio train diffusion"),
        ({"defence": "ddpm", "diffusion": untrained("wave", 8000)}, ValueError, "8000 Hz, not 16000"),
        ({"defence": "ddpm", "diffusion": wave, "steps": 201}, ValueError, "steps"),
        ({"defence": "prayer"}, ValueError, "no defence 'prayer'.*time_stage.*diff_noise"),
        ({"seed": -1}, ValueError, "seed"),
    ):
        with pytest.raises(error, match=words):
            purify(recordings, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_global_randomness_is_left_alone(recordings, tmp_path):
    state, other = np.random.get_state()[1].tobytes(), torch.get_rng_state()  # noqa: NPY002
    purify(recordings, tmp_path / "out")
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), other)


def test_sound_files_are_found_at_any_depth_and_hidden_ones_are_not(recordings):
    (recordings / ".hidden").mkdir()
    shutil.copy(recordings / "a.wav", recordings / ".hidden" / "b.wav")
    files, skipped = scan_sounds(recordings)
    assert [file.relative_to(recordings).as_posix() for file in files] == [
        "a.wav",
        "yes/deep/short.flac",
        "yes/long.WAV",
        "yes/stereo.wav",
    ]
    assert skipped == []
