"""`art-audio train sync`, `train recogniser` and `check-sync`: what they write, print and refuse, and exit codes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from art_audio_ext import cli
from art_audio_ext.datasets.audiovisual import load_audiovisual
from art_audio_ext.datasets.video_files import Video, VideoError
from art_audio_ext.experiments import check_sync as module
from art_audio_ext.experiments import held_out_clips, train_sync
from art_audio_ext.experiments.sync_pieces import SyncLimits
from art_audio_ext.functional.audiovisual_layout import AudioVisualLayout
from art_audio_ext.training import audiovisual_settings, syncnet_settings
from art_audio_ext.training.audiovisual_model import RecogniserModel
from art_audio_ext.training.audiovisual_settings import RecogniserSettings
from art_audio_ext.training.sync_model import SyncModel
from art_audio_ext.training.syncnet import train_syncnet
from art_audio_ext.training.syncnet_settings import SyncNetSettings

SMALL = SyncNetSettings(size=16, crop=24, epochs=1, augment=False)


@pytest.fixture
def run(monkeypatch, capsys):
    def command(*arguments) -> tuple[int, str]:
        """Exit code, and what was printed."""
        monkeypatch.setattr(sys, "argv", ["art-audio", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return command


@pytest.fixture
def trained(run, monkeypatch, talking_bars, tmp_path):
    """The file of a network that learnt for one epoch, and what was printed."""
    asked = {}
    monkeypatch.setattr(held_out_clips, "load_audiovisual", lambda spec, **more: asked.update(more) or talking_bars)
    monkeypatch.setitem(syncnet_settings.PRESETS, "quick", SMALL)
    out = tmp_path / "model" / "sync"
    code, said = run("train", "sync", "--data", "grid:x", "--out", out, "--seed", 3, "--quiet")
    assert code == 0, said
    assert (asked["clips"], asked["seed"], asked["progress"]) == ("sentence", 3, False)
    return out.with_suffix(".safetensors"), said


@pytest.fixture
def videos(monkeypatch, talking_bars):
    """Stands for decoding: a file's name says its clips, and by how many frames the sound comes late."""

    def read(path, size, finder):
        if path.suffix != ".mp4":
            raise VideoError(path.name, "it has no audio stream: sync needs sound")
        clips, late, _ = path.stem.split("_", 2)
        rows = [int(k) for k in clips.split("+")]
        sound = np.roll(talking_bars.audio[rows].reshape(-1), 640 * int(late))
        return [(0.0, Video(talking_bars.video[rows].reshape(-1, 32, 32), sound))]

    monkeypatch.setattr(module, "mouth_spans", read)


class Matched(SyncModel):
    """Tells loudness from the height of the bar, so that offsets are known without a training."""

    def for_layout(self, layout):
        return Matched(self.network, self.settings, layout)

    def distances(self, rows, batch_size=16, *, edges="masked"):
        audio, video = self.layout.unpack(rows)
        loud = np.sqrt((audio.reshape(len(rows), self.layout.frames, -1) ** 2).mean(2))
        high = video.max(3).mean(2)
        curves = np.full((len(rows), 31), np.nan, np.float32)
        for shift in range(-15, 16):
            a, b = loud[:, max(0, shift) :], high[:, max(0, -shift) :]
            n = min(a.shape[1], b.shape[1])
            if n >= 5:
                curves[:, shift + 15] = [1 - np.corrcoef(x[:n], y[:n])[0, 1] for x, y in zip(a, b, strict=True)]
        return curves


@pytest.fixture
def matched():
    return Matched(SMALL.build(), SMALL, AudioVisualLayout.of_frames(32, 32))


def test_a_sync_network_and_its_threshold(trained, talking_bars):
    path, said = trained
    model, detector = SyncModel.load(path), json.loads((path.parent / "sync-detector.json").read_text())
    _, held = held_out_clips.load_and_hold_out(talking_bars, "sentence", 3)
    assert detector["held_out_clips"] == len(held) == 4
    assert detector["threshold"] == pytest.approx(float(model.confidence(held.rows()).min()))
    assert detector["false_positive_rate"] is None
    assert "the lowest of 4 held-out clips, too few to show a rate of 5.0%" in said
    many = train_sync.benign_detector(model, talking_bars)
    assert many["false_positive_rate"] == 0.05
    assert many["threshold"] == pytest.approx(float(np.sort(model.confidence(talking_bars.rows()))[0]))
    assert train_sync.read_limits(path, model) == SyncLimits(
        detector["threshold"], (detector["confidence_mean"], detector["confidence_deviation"], 4)
    )


def test_a_threshold_of_other_weights_is_refused(trained):
    path, _ = trained
    beside = train_sync.detector_file(path)
    text = beside.read_text()
    model = SyncModel.load(path)
    for wrong, says in ((text.replace('"network": ', '"network": 1'), "other weights"), ("{}", "holds no threshold")):
        beside.write_text(wrong)
        with pytest.raises(ValueError, match=says):
            train_sync.read_limits(path, model)
    beside.unlink()
    assert train_sync.read_limits(path, model) == SyncLimits()


def test_clips_of_a_file_are_held_out_together(talking_bars):
    paths = tuple(f"{k // 4}.mpg#{k}" for k in range(32))
    learn, judge = held_out_clips.load_and_hold_out(replace(talking_bars, paths=paths), "word", 0)
    assert len(judge) == 4
    assert len(learn) == 28
    assert not {p.split("#")[0] for p in judge.paths} & {p.split("#")[0] for p in learn.paths}
    with pytest.raises(ValueError, match="one file only"):
        held_out_clips.load_and_hold_out(replace(talking_bars, paths=("a",) * 32), "word", 0)


@pytest.mark.parametrize("head", ["word", "sentence"])
def test_a_recogniser_and_how_well_it_does(run, monkeypatch, tiny_clips, tmp_path, head):
    asked = {}
    monkeypatch.setattr(held_out_clips, "load_audiovisual", lambda spec, **more: asked.update(more) or tiny_clips)
    small = RecogniserSettings(crop=16, width=4, audio_width=4, hidden=8, epochs=1)
    monkeypatch.setitem(audiovisual_settings.PRESETS, "small", small)
    options = ["--data", "grid:x", "--out", tmp_path / "words", "--head", head, "--quiet"]
    code, said = run("train", "recogniser", *options)
    assert code == 0, said
    assert asked["clips"] == head
    record = json.loads((tmp_path / "words-test.json").read_text())
    assert record["clips"] == 4
    assert f"Right on {record['accuracy']['clean']:.1%} of 4 held-out clips" in said
    assert ("Word error rate" in said) == (head == "sentence")
    assert RecogniserModel.load(tmp_path / "words").head == head
    code, said = run("train", "recogniser", *options[:5], "letter")
    assert code == 2
    assert "choose word, sentence" in said


def test_files_late_early_and_unusable(run, videos, matched, monkeypatch, tmp_path):
    monkeypatch.setattr(module.SyncModel, "load", lambda path: matched)
    names = ["1_0_<b>in.mp4", "2_5_late.mp4", "3_-4_early.mp4", "silent.avi"]
    for name in names:
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(name.encode())
    out, again = tmp_path / "out", tmp_path / "in" / names[1]
    code, said = run("check-sync", tmp_path / "in", again, "--model", tmp_path / "m.safetensors", "--out", out)
    assert code == 2, said
    record = json.loads((out / "results.json").read_text())
    found = {row["path"].split("/")[-1]: (row["offset_ms"], row["verdict"]) for row in record["files"]}
    assert found == {names[0]: (0, "in sync"), names[1]: (200, "late by 200 ms"), names[2]: (-160, "early by 160 ms")}
    assert record["failed"] == [{"path": str(tmp_path / "in" / "silent.avi"), "reason": record["failed"][0]["reason"]}]
    assert "no audio stream" in record["failed"][0]["reason"]
    assert "late by 200 ms" in said
    assert "Not usable: " in said
    assert "No threshold is known" in said
    page = (out / "report.html").read_text()
    assert page.count("data:image/png") == 3
    assert "&lt;b&gt;in.mp4" in page
    assert "<b>in" not in page
    (tmp_path / "in" / "silent.avi").unlink()
    assert run("check-sync", tmp_path / "in", "--model", "m.safetensors", "--out", out)[0] == 0
    options = ("--model", "m.safetensors", "--out", out)
    monkeypatch.setattr(module, "read_limits", lambda *_: SyncLimits(-1.0, (9.0, 0.0, 9)))
    (tmp_path / "in" / "1+2_0_long.mp4").write_bytes(b"long")
    assert run("check-sync", tmp_path / "in", *options)[0] == 0
    code, said = run("check-sync", tmp_path / "in", *options, "--edges", "reference")
    assert code == 0
    assert "No threshold is known" in said  # what was learnt is of the other arithmetic
    code, said = run("check-sync", tmp_path / "in", *options, "--threshold", 9)
    assert code == 3
    assert said.count("suspicious") >= 3


def test_a_long_file_is_looked_at_in_pieces(videos, matched, tmp_path):
    record = module.check_sync([tmp_path / "1+2+3_5_x.mp4"], matched, tmp_path / "out", threshold=0.2, progress=False)
    (row,) = record["files"]
    assert [piece["start_seconds"] for piece in row["pieces"]] == [0, 1.28, 2.56]
    assert np.allclose(row["curve"], np.mean([piece["curve"] for piece in row["pieces"]], 0), equal_nan=True)
    assert row["verdict"] == "late by 200 ms"
    assert row["seconds"] == 3.84
    found = Video(np.zeros((40, 32, 32), np.uint8), np.zeros(25600, np.float32))
    assert [p["start_seconds"] for p in module.look(trained_once(matched), found, SyncLimits())["pieces"]] == [0, 0.32]
    with pytest.raises(ValueError, match="6 pictures"):
        module.look(matched, Video(found.pictures[:6], found.audio[:3840]), SyncLimits())


def trained_once(model):
    """A plain model of the same network."""
    return SyncModel(model.network, model.settings, model.layout)


def test_what_check_sync_refuses(run, videos, trained, tmp_path):
    path, _ = trained
    code, said = run("check-sync", "1_0_x.mp4", "--model", tmp_path / "none.safetensors")
    assert code == 2
    assert "train one with" in said
    other = tmp_path / "weights.model"
    torch.save({"a": torch.zeros(1)}, other)
    code, said = run("check-sync", "1_0_x.mp4", "--model", other)
    assert code == 2
    assert "does not hold the weights of SyncNet" in said
    code, said = run("check-sync", "1_0_x.mp4", "--model", path, "--threshold", "nan")
    assert code == 2
    assert "finite" in said
    code, said = run("check-sync", "1_0_x.mp4", "--model", path, "--edges", "round")
    assert code == 2
    assert "edges must be one of masked, reference" in said
    code, said = run("check-sync", tmp_path / "model", "--model", path, "--out", tmp_path / "out")
    assert code == 2
    assert "holds no video files" in said


def test_the_face_lies_around_the_mouth(monkeypatch):
    monkeypatch.setattr(module, "HaarMouth", lambda: lambda pictures: np.array([[50.0, 40 + 0.3 * 100, 0.56 * 100]]))
    assert np.allclose(module.whole_face(np.zeros((1, 90, 90), np.uint8)), [[50, 60, 140]])


@pytest.mark.real_data
def test_a_film_of_grid_is_looked_at(run, real_data, tmp_path):
    """A network that has hardly learnt says something of a real file: a whole curve, one piece, a page."""
    pytest.importorskip("av")
    pytest.importorskip("cv2")
    clips = load_audiovisual(f"grid:{real_data / 'grid'}", clips="sentence", limit=2, seed=0, progress=False)
    settings = replace(SMALL, crop=64, windows=24)
    train_syncnet(clips, settings, seed=0, progress=False).save(tmp_path / "sync")
    file = next(path for path in sorted((real_data / "grid").rglob("*.mpg")) if path.stem in clips.paths[0])
    code, said = run("check-sync", file, "--model", tmp_path / "sync.safetensors", "--out", tmp_path / "out", "--quiet")
    assert code == 0, said
    (row,) = json.loads((tmp_path / "out" / "results.json").read_text())["files"]
    assert row["seconds"] == 3.0
    assert np.isfinite(row["curve"]).all()
    assert row["confidence"] == pytest.approx(np.median(row["curve"]) - np.min(row["curve"]), abs=1e-5)
    assert -600 <= row["offset_ms"] <= 600
    assert len(row["pieces"]) == 1
    assert "data:image/png" in (tmp_path / "out" / "report.html").read_text()
