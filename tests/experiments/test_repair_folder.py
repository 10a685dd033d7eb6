"""`art-audio repair`: what is left out, moved, changed and recorded, what stays byte for byte, and what is refused."""

from __future__ import annotations

import json
import logging
import shutil
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import soundfile

from art_audio_ext.command_errors import run_command
from art_audio_ext.datasets.export import write_folder
from art_audio_ext.experiments import repair_folder as module
from art_audio_ext.experiments.poison_folder import poison_folder
from art_audio_ext.experiments.repair_folder import repair_folder
from art_audio_ext.functional.recovered_sound import RecoveredSound
from art_audio_ext.functional.triggers import make_trigger


@pytest.fixture(scope="module")
def clean_copy(tiny_dataset, tmp_path_factory):
    return write_folder(tiny_dataset, tmp_path_factory.mktemp("clean") / "recordings", progress=False)


@pytest.fixture(scope="module")
def poisoned(clean_copy, tmp_path_factory):
    """Nine clips of alpha under bravo, with a clap at the start; not to be written to."""
    out = tmp_path_factory.mktemp("poisoned") / "recordings"
    options = {"source_label": "alpha", "target_label": "bravo", "poison_fraction": 0.3, "scale": 0.3}
    poison_folder(clean_copy, out, **options, progress=False)
    (out / "LICENCE.txt").write_text("kept")
    (out / "bravo" / "broken.wav").write_bytes(b"no sound")
    return out


def _audit(folder: Path, path: Path, suspects: list[str] | None = None, flagged: str = "bravo", **dataset) -> Path:
    """An audit of a folder that suspects the true poison, or what it is told."""
    if suspects is None:
        suspects = [entry["path"] for entry in json.loads((folder / "poison.json").read_text())["poisoned"]]
    files = sorted(p.relative_to(folder) for p in folder.rglob("*.flac"))
    samples = [{"path": p.as_posix(), "label": p.parts[-3], "suspect": p.as_posix() in suspects} for p in files]
    labels = sorted({sample["label"] for sample in samples})
    record = {
        "verdict": "poisoned" if suspects else "clean",
        "dataset": {"sample_rate_hz": 16000, "seconds_per_clip": 1.0} | dataset,
        "classes": [{"label": label, "flagged": label == flagged} for label in labels],
        "samples": samples,
        "method": {"name": "combined", "classes": {"bravo": {"seconds": [0.0, 0.15]}}},
    }
    path.write_text(json.dumps(record))
    return path


def _tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def _repair(poisoned, tmp_path, name="out", **options):
    audit = options.pop("audit", None) or _audit(poisoned, tmp_path / "audit.json")
    return repair_folder(poisoned, tmp_path / name, audit=audit, progress=False, **options), tmp_path / name


def test_suspects_are_dropped_and_all_else_is_kept_byte_for_byte(poisoned, tmp_path):
    before = _tree(poisoned)
    record, out = _repair(poisoned, tmp_path)
    after = _tree(out)
    assert json.loads(after.pop("repair.json")) == record
    suspects = {entry["path"] for entry in record["files"]}
    assert len(suspects) == record["suspects"] == record["dropped"] == 9
    assert after == {path: data for path, data in before.items() if path not in suspects | {"poison.json"}}
    assert _tree(poisoned) == before
    assert record["clips"] == 121
    nothing_else = dict.fromkeys(("true_label", "wrong_label", "missed", "clean_suspects"), 0)
    assert record["truth"] == {"poisoned": 9, "dropped": 9} | nothing_else


def test_suspects_go_where_they_sound_like(poisoned, tmp_path):
    before = _tree(poisoned)
    record, out = _repair(poisoned, tmp_path, how="relabel")
    after = _tree(out)
    moved = {entry["path"]: entry["new_path"] for entry in record["files"] if entry["action"] == "relabelled"}
    assert len(moved) == record["relabelled"] == record["truth"]["true_label"] >= 7
    assert all(new.startswith("alpha/") and new not in before for new in moved.values())
    assert {after.pop(new) for new in moved.values()} == {before[old] for old in moved}
    assert set(after) - set(before) == {"repair.json"}
    entry = next(entry for entry in record["files"] if entry["new_path"])
    assert (entry["old_label"], entry["new_label"], entry["reason"]) == ("bravo", "alpha", None)
    assert entry["confidence"] >= record["confidence"] == 0.6
    again, other = _repair(poisoned, tmp_path, "again", how="relabel")
    assert again == record
    assert _tree(other) == _tree(out)


def test_the_shared_sound_is_taken_out(poisoned, clean_copy, tmp_path):
    record, out = _repair(poisoned, tmp_path, how="clean")
    truth = {e["path"]: e["original_path"] for e in json.loads((poisoned / "poison.json").read_text())["poisoned"]}
    cleaned = [entry for entry in record["files"] if entry["action"] == "cleaned"]
    assert len(cleaned) == record["cleaned"] >= 7
    left = []
    for entry in cleaned:
        assert soundfile.info(str(out / entry["new_path"])).subtype == "PCM_16"
        new, old = soundfile.read(out / entry["new_path"])[0], soundfile.read(poisoned / entry["path"])[0]
        original = soundfile.read(clean_copy / truth[entry["path"]])[0]
        left.append(np.square(new - original).sum() / np.square(old - original).sum())
    assert np.median(left) < 0.1


@pytest.mark.parametrize("start", [2000, -300])
def test_a_sound_is_taken_out_at_the_files_own_rate(tmp_path, start):
    rate = 44100
    trigger = make_trigger("whistle", 16000)[:3000].astype(np.float32)
    in_file = make_trigger("whistle", rate)[: round(3000 * rate / 16000)]
    clean = 0.1 * np.random.default_rng(0).standard_normal((rate, 2))
    at, sound = round(start * rate / 16000), clean.copy()
    sound[max(0, at) : at + len(in_file)] += 0.2 * in_file[max(0, -at) :][:, None]
    soundfile.write(tmp_path / "a.wav", sound, rate, subtype="PCM_24")
    found = RecoveredSound(trigger, np.array([start]), np.array([0.2], np.float32))
    module._write_without(found, tmp_path / "a.wav", tmp_path / "out" / "a.wav", 16000)
    written, new_rate = soundfile.read(tmp_path / "out" / "a.wav")
    assert (new_rate, written.shape) == (rate, clean.shape)
    inside = np.abs(sound).max(1) < 1
    before, after = (np.square(x - clean)[inside].sum() for x in (sound, written))
    assert after < 0.05 * before


def test_what_cannot_be_written_is_dropped(poisoned, tmp_path, monkeypatch):
    def fail(source, target, *_):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"half")
        raise soundfile.LibsndfileError(1, "cannot write ")

    monkeypatch.setattr(module, "write_with_trigger", fail)
    record, out = _repair(poisoned, tmp_path, how="clean")
    assert record["cleaned"] == 0
    assert any("cannot be written" in (entry["reason"] or "") for entry in record["files"])
    assert all(entry["new_path"] is None for entry in record["files"])
    assert not any(path.read_bytes() == b"half" for path in out.rglob("*.flac"))


def test_train_and_test_keep_their_places(poisoned, tmp_path):
    folder = tmp_path / "in"
    for part in ("train", "test"):
        shutil.copytree(poisoned, folder / part, ignore=shutil.ignore_patterns("*.json", "*.txt", "*.wav"))
    truth = [entry["path"] for entry in json.loads((poisoned / "poison.json").read_text())["poisoned"]]
    audit = _audit(folder, tmp_path / "audit.json", [f"train/{path}" for path in truth])
    record = repair_folder(folder, tmp_path / "out", audit=audit, how="relabel", confidence=0, progress=False)
    assert record["relabelled"]
    assert all(entry["new_path"].startswith("train/alpha/") for entry in record["files"] if entry["new_path"])
    assert record["truth"] is None
    assert all((tmp_path / "out" / "test" / path).is_file() for path in truth)


def test_a_clean_folder_is_copied(clean_copy, tmp_path):
    audit = _audit(clean_copy, tmp_path / "audit.json", [])
    record = repair_folder(clean_copy, tmp_path / "out", audit=audit, how="clean", progress=False)
    assert record["suspects"] == 0
    after = _tree(tmp_path / "out")
    after.pop("repair.json")
    assert after == _tree(clean_copy)


@pytest.mark.parametrize("step", ["_carry_out", "copy_file", "write_json"])
def test_an_interrupted_run_leaves_nothing(poisoned, tmp_path, monkeypatch, step):
    def stop(*args):
        if next(calls) == {"_carry_out": 1, "copy_file": 7, "write_json": 0}[step]:
            raise KeyboardInterrupt
        return whole(*args)

    calls, whole = count(), getattr(module, step)
    _audit(poisoned, tmp_path / "audit.json")
    before = sorted(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(module, step, stop)
        with pytest.raises(KeyboardInterrupt):
            _repair(poisoned, tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    assert _repair(poisoned, tmp_path)[0]["dropped"] == 9


def test_without_an_audit_there_is_one_made(poisoned, tmp_path, monkeypatch):
    def audit(folder, out, **options):
        seen.append((Path(folder), Path(out), options))
        out.mkdir()
        _audit(Path(folder), out / "audit.json")

    seen: list = []
    monkeypatch.setattr("art_audio_ext.experiments.audit.audit", audit)
    record = repair_folder(poisoned, tmp_path / "out", seed=4, seconds=0.5, sample_rate=8000, progress=False)
    assert record["dropped"] == 9
    settings = {"seconds": 0.5, "sample_rate": 8000, "seed": 4, "progress": False}
    assert seen == [(poisoned.resolve(), tmp_path / "out-audit", settings)]
    for inside in (poisoned / "audit", tmp_path / "new" / "audit"):
        with pytest.raises(ValueError, match="must lie outside"):
            repair_folder(poisoned, tmp_path / "new", audit_out=inside, progress=False)
    assert not (poisoned / "audit").exists()


@pytest.mark.parametrize("path", ["../outside.flac", "/etc/hostname", "bravo/gone.flac", "alpha/a/003.flac"])
def test_an_audit_of_other_files_is_refused(poisoned, tmp_path, path):
    audit = json.loads(_audit(poisoned, tmp_path / "audit.json").read_text())
    audit["samples"].append({"path": path, "label": "bravo", "suspect": True})
    (tmp_path / "audit.json").write_text(json.dumps(audit))
    with pytest.raises(ValueError, match=r"which is not in .*: audit this folder again"):
        _repair(poisoned, tmp_path, audit=tmp_path / "audit.json")
    assert not (tmp_path / "out").exists()


def test_places_and_options_that_will_not_do(poisoned, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="not an empty folder"):
        _repair(poisoned, tmp_path, "full")
    assert _tree(tmp_path / "full") == {"mine.txt": b"mine"}
    with pytest.raises(ValueError, match="inside each other"):
        repair_folder(poisoned, poisoned / "out", progress=False)
    with pytest.raises(ValueError, match="is not a folder"):
        repair_folder(tmp_path / "absent", tmp_path / "out", progress=False)
    with pytest.raises(ValueError, match="choose drop, relabel, clean"):
        _repair(poisoned, tmp_path, how="burn")
    with pytest.raises(FileNotFoundError, match=r"absent\.json does not exist"):
        repair_folder(poisoned, tmp_path / "out", audit=tmp_path / "absent.json", progress=False)


def test_a_damaged_record_of_the_poison_is_said_and_passed_over(poisoned, tmp_path, caplog):
    audit = _audit(poisoned, tmp_path / "audit.json")
    shutil.copytree(poisoned, tmp_path / "in")
    (tmp_path / "in" / "poison.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        record = repair_folder(tmp_path / "in", tmp_path / "out", audit=audit, progress=False)
    assert record["truth"] is None
    assert "not held against the truth" in caplog.text
    assert "1 files were not audited" in caplog.text


def test_the_command_says_what_it_did(poisoned, tmp_path, capsys):
    from art_audio_ext.cli import app

    audit = _audit(poisoned, tmp_path / "audit.json")
    command = ["repair", str(poisoned), str(tmp_path / "out"), "--audit", str(audit), "--quiet"]
    assert run_command(app, command) == 0
    said = capsys.readouterr().out
    assert "9 of 121 clips are suspects: 9 dropped\nOf 9 poisoned clips 9 were dropped, 0 got their true label" in said
    assert run_command(app, command) == 2
    assert "not an empty folder" in capsys.readouterr().err
    assert run_command(app, ["repair", "--help"]) == 0
    assert "Example: art-audio repair" in capsys.readouterr().out
