"""`art-audio purify`: what is written, from which noise, what goes on after a stop, and what is refused or reported."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from art_audio_ext.datasets.decode import decode_clip
from art_audio_ext.defences.preprocessor import DualPure, FrequencyDomainPurifier
from art_audio_ext.experiments import purify_folder as module
from art_audio_ext.experiments.purify_defences import PURIFIERS
from art_audio_ext.experiments.purify_file import noise_seed
from art_audio_ext.experiments.purify_folder import purify_folder
from art_audio_ext.functional.front_end import speech_mel

RESULTS = {"purify.json", "purify.jsonl", "report.html"}
needs_diffusers = pytest.mark.skipif(find_spec("diffusers") is None, reason="needs the extra [diffusion]")


def tone(length: int, rate: int = 16000, hertz: float = 440.0) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(length) / rate)


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def results(root: Path) -> dict[str, bytes]:
    return {path: data for path, data in tree(root).items() if path not in RESULTS}


def purify(source, out, defence="time_stage", **options):
    return purify_folder(source, out, defence=defence, progress=False, **options)


def test_every_file_becomes_a_float_wav_of_its_length_with_its_figures(recordings, tmp_path):
    before = tree(recordings)
    record = purify(recordings, tmp_path / "out")
    assert tree(recordings) == before
    assert set(results(tmp_path / "out")) == {
        "a.wav",
        "yes/deep/short.flac.wav",
        "yes/long.WAV",
        "yes/stereo.wav",
    }
    assert record["failed"] == record["outdated"] == []
    assert [row["path"] for row in record["files"]] == sorted(p for p in before)
    for row in record["files"]:
        about = soundfile.info(tmp_path / "out" / row["output"])
        assert (about.samplerate, about.channels, about.format, about.subtype) == (16000, 1, "WAV", "FLOAT")
        old = decode_clip(recordings / row["path"], 16000).astype(float)
        new = soundfile.read(tmp_path / "out" / row["output"])[0]
        assert len(new) == len(old) == round(16000 * row["seconds"])
        assert row["snr_db"] == pytest.approx(10 * np.log10((old**2).sum() / ((new - old) ** 2).sum()), abs=1e-6)
        assert row["change_dbfs"] == pytest.approx(20 * np.log10(np.std(new - old)), abs=0.1)
        assert row["peak"] == pytest.approx(np.abs(new).max())
        assert np.std(new - old) == pytest.approx(0.0245, rel=0.1)  # t = 3
    by_path = {row["path"]: row for row in record["files"]}
    assert by_path["yes/stereo.wav"]["input_sample_rate_hz"] == 44100
    assert by_path["yes/stereo.wav"]["input_channels"] == 2
    assert json.loads((tmp_path / "out" / "purify.json").read_text()) == record
    assert "SNR" in (tmp_path / "out" / "report.html").read_text()


def test_full_scale_is_not_cut_off(tmp_path):
    soundfile.write(tmp_path / "loud.wav", np.full(16000, 0.999), 16000)
    record = purify(tmp_path / "loud.wav", tmp_path / "out")
    assert record["files"][0]["peak"] > 1.05
    assert soundfile.read(tmp_path / "out" / "loud.wav")[0].max() > 1.05


def test_same_seed_same_bytes_whatever_lies_beside(recordings, tmp_path):
    purify(recordings, tmp_path / "first", seed=3)
    purify(recordings, tmp_path / "second", seed=3)
    first = tree(tmp_path / "first")
    assert tree(tmp_path / "second") == first
    purify(recordings, tmp_path / "other", seed=4)
    assert results(tmp_path / "other")["a.wav"] != first["a.wav"]
    (recordings / "a.wav").unlink()
    soundfile.write(recordings / "new.wav", tone(8000), 16000)
    purify(recordings, tmp_path / "neighbours", seed=3)
    same = results(tmp_path / "neighbours")
    assert set(same) - {"new.wav"} == set(first) - RESULTS - {"a.wav"}
    assert all(same[path] == first[path] for path in same if path != "new.wav")


def test_the_same_sound_elsewhere_and_later_seconds_get_other_noise(tmp_path):
    (tmp_path / "in").mkdir()
    for name in "ab":
        soundfile.write(tmp_path / "in" / f"{name}.wav", np.zeros(32000), 16000)
    purify(tmp_path / "in", tmp_path / "out")
    a, b = (soundfile.read(tmp_path / "out" / f"{name}.wav")[0] for name in "ab")
    for one, other in ((a, b), (a[:16000], a[16000:])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    assert noise_seed(0, "a") != noise_seed(1, "a")
    assert noise_seed(1, "1 a") != noise_seed(11, " a")


@pytest.mark.parametrize("defence", [name for name, plan in PURIFIERS.items() if plan.domain == "wave"])
def test_purifiers_with_a_model_change_the_sound_piece_by_piece(recordings, tmp_path, wave, defence):
    record = purify(recordings, tmp_path / "out", defence, diffusion=wave, steps=2, seed=1)
    assert len(record["files"]) == 4
    assert all(5 < row["snr_db"] < 60 for row in record["files"])
    sound = np.zeros((3, 16000), np.float32)
    sound.reshape(-1)[:40000] = decode_clip(recordings / "yes" / "long.WAV", 16000)
    purifier = type(PURIFIERS[defence].make(diffusion=wave, steps=2))(wave, 2, seed=noise_seed(1, "yes/long.WAV"))
    expected = purifier(sound)[0].reshape(-1)[:40000]
    written, _ = soundfile.read(tmp_path / "out" / "yes" / "long.WAV", dtype="float32")
    np.testing.assert_allclose(written, expected, atol=1e-6)


def test_long_files_go_through_in_several_calls(tmp_path, monkeypatch, capsys):
    soundfile.write(tmp_path / "long.wav", tone(16000 * 5 + 100), 16000)
    monkeypatch.setattr("art_audio_ext.experiments.purify_file._PIECES", 2)
    record = purify_folder(tmp_path / "long.wav", tmp_path / "out", defence="time_stage")
    assert "4 of 6 s" in capsys.readouterr().err
    assert record["files"][0]["seconds"] == 5 + 100 / 16000
    change = soundfile.read(tmp_path / "out" / "long.wav")[0] - tone(16000 * 5 + 100)
    parts = [change[16000 * k : 16000 * (k + 1)] for k in range(5)]
    assert all(np.std(part) == pytest.approx(0.0245, rel=0.1) for part in parts)
    assert abs(np.corrcoef(parts)[np.triu_indices(5, 1)]).max() < 0.05


@needs_diffusers
@pytest.mark.parametrize(("defence", "steps"), [("frequency_stage", 1), ("dual_pure", 3)])
def test_purifiers_of_log_mels_write_pictures_and_no_sound(recordings, tmp_path, mel, defence, steps):
    record = purify(recordings, tmp_path / "out", defence, diffusion=mel)
    assert (record["pictures"], record["steps"]) == (True, steps)
    assert set(results(tmp_path / "out")) == {f"{path}.npy" for path in tree(recordings)}
    pictures = np.load(tmp_path / "out" / "yes" / "long.WAV.npy", allow_pickle=False)
    assert (pictures.shape, pictures.dtype) == ((3, 1, 32, 32), np.float32)
    sound = np.zeros((3, 16000), np.float32)
    sound.reshape(-1)[:40000] = decode_clip(recordings / "yes" / "long.WAV", 16000)
    cls = DualPure if defence == "dual_pure" else FrequencyDomainPurifier
    np.testing.assert_array_equal(pictures, cls(mel, seed=noise_seed(0, "yes/long.WAV"))(sound)[0])
    row = next(row for row in record["files"] if row["path"] == "yes/long.WAV")
    moved = 69.11 * np.abs(pictures - speech_mel(torch.from_numpy(sound)).numpy())
    assert row["mean_change_db"] == pytest.approx(moved.mean(), rel=1e-5)
    assert row["largest_change_db"] == pytest.approx(moved.max(), rel=1e-5)
    assert "none was made up" in (tmp_path / "out" / "report.html").read_text()
    again = purify(recordings, tmp_path / "again", defence, diffusion=mel)
    assert again == record
    assert tree(tmp_path / "again") == tree(tmp_path / "out")


def test_a_stopped_run_goes_on_and_ends_as_if_it_had_never_stopped(recordings, tmp_path, monkeypatch):
    whole = purify(recordings, tmp_path / "whole")
    inner, done = module.purify_file, []

    def stop_at_the_third(file, *rest):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(file.name)
        return inner(file, *rest)

    monkeypatch.setattr(module, "purify_file", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        purify(recordings, tmp_path / "out")
    assert not (tmp_path / "out" / "purify.json").exists()
    assert done == ["a.wav", "short.flac"]
    monkeypatch.setattr(module, "purify_file", lambda file, *rest: done.append(file.name) or inner(file, *rest))
    record = purify(recordings, tmp_path / "out")
    assert done == ["a.wav", "short.flac", "long.WAV", "stereo.wav"]
    assert record == whole
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert purify(recordings, tmp_path / "out") == whole
    assert len(done) == 4


def test_what_has_changed_is_made_again_and_what_is_gone_is_named(recordings, tmp_path):
    out = tmp_path / "out"
    purify(recordings, out)
    before = tree(out)
    soundfile.write(recordings / "a.wav", tone(8000, hertz=111), 16000)
    (out / "yes" / "long.WAV").write_bytes(b"half")
    (out / "yes" / "stereo.wav").unlink()
    (recordings / "yes" / "deep" / "short.flac").write_bytes(b"broken now")
    record = purify(recordings, out)
    after = tree(out)
    assert soundfile.info(out / "a.wav").frames == 8000
    assert after["yes/long.WAV"] == before["yes/long.WAV"]
    assert after["yes/stereo.wav"] == before["yes/stereo.wav"]
    assert [entry["path"] for entry in record["failed"]] == ["yes/deep/short.flac"]
    assert record["outdated"] == ["yes/deep/short.flac.wav"]
    assert "yes/deep/short.flac.wav" in after  # not ours to delete


def test_other_settings_are_another_folder(recordings, tmp_path, wave):
    purify(recordings, tmp_path / "out")
    before = tree(tmp_path / "out")
    for options in ({"seed": 1}, {"steps": 2}, {"defence": "ddpm", "diffusion": wave}):
        with pytest.raises(ValueError, match=r"(seed|steps|defence).* differ.*name another folder"):
            purify(recordings, tmp_path / "out", **options)
    assert tree(tmp_path / "out") == before
    assert purify(recordings, tmp_path / "out", "diff_noise")["defence"] == "time_stage"  # its other name
