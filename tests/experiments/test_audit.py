"""The audit from clips to files: verdict, records, notes."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from art_audio_ext.experiments import audit as audit_module
from art_audio_ext.experiments.audit import audit
from art_audio_ext.experiments.audit_record import ENOUGH_CLIPS, audit_record
from art_audio_ext.functional.poison_likelihood import poison_likelihood_scores


class SegmentLevels:
    """Log energy of forty stretches of a clip."""

    sample_rate = 16000

    def encode(self, waveforms):
        parts = waveforms.reshape(len(waveforms), 40, -1)
        return np.log(np.square(parts).mean(2) + 1e-6).astype(np.float32)


@pytest.fixture(scope="module")
def poisoned(tiny_dataset):
    """The tiny dataset, each clip at four levels; a quarter of the third class begins with a burst."""
    rng = np.random.default_rng(1)
    short = replace(tiny_dataset, waveforms=tiny_dataset.waveforms[:, 6000:10000])
    many = short.subset(np.tile(np.arange(len(tiny_dataset)), 4))
    waveforms = 0.2 * many.waveforms + 0.05 * rng.standard_normal(many.waveforms.shape).astype(np.float32)
    hit = np.flatnonzero(many.labels == 2)[::4]
    waveforms[hit, :1600] += 0.2 * rng.standard_normal((len(hit), 1600)).astype(np.float32)
    return replace(many, waveforms=waveforms.clip(-1, 1), skipped=(("a/bad.wav", "empty"),)), hit


@pytest.fixture(scope="module")
def audited(poisoned, tmp_path_factory):
    out = tmp_path_factory.mktemp("audit") / "new" / "out"
    return audit(poisoned[0], out, vae=SegmentLevels(), progress=False), out


@pytest.fixture
def no_page(monkeypatch):
    """Without the page, which takes longer than everything else here."""
    monkeypatch.setattr(audit_module, "write_report", lambda *_, **__: None)


def test_finds_the_poison(poisoned, audited):
    result, _ = audited
    suspects = np.flatnonzero([sample.suspect for sample in result.samples])
    assert result.verdict == "poisoned"
    assert [c.label for c in result.classes if c.flagged] == ["charlie"]
    assert suspects.tolist() == poisoned[1].tolist()
    assert {c.label: c.suspects for c in result.classes} == {"alpha": 0, "bravo": 0, "charlie": 30, "delta": 0}


def test_files_have_the_issues_shape(poisoned, audited):
    result, out = audited
    written = json.loads((out / "audit.json").read_text())
    assert set(written) >= {"verdict", "dataset", "classes", "samples", "method", "seed", "seconds"}
    assert written["dataset"] == {
        "path": "tiny",
        "clips": 480,
        "classes": 4,
        "sample_rate_hz": 16000,
        "seconds_per_clip": 0.25,
        "skipped": [{"path": "a/bad.wav", "reason": "empty"}],
    }
    assert set(written["classes"][0]) >= {"label", "clips", "score", "flagged", "suspects"}
    assert set(written["samples"][0]) == {"path", "label", "suspect", "score"}
    assert len(written["samples"]) == 480
    assert set(written["seconds"]) == {"load", "train", "encode", "score", "recover"}
    assert written == json.loads(json.dumps(result.to_dict()))
    with (out / "suspects.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 30
    assert "charlie" in (out / "report.html").read_text(encoding="utf-8")


def test_method_names_classes_and_settings(audited):
    method = audited[0].method
    assert method["name"] == "pls"
    assert method["vae"] == "given"
    assert method["trials"] == 10
    assert method["highest_class"] == "charlie"
    assert set(method["classes"]) == {"alpha", "bravo", "charlie", "delta"}


def test_notes_say_that_small_classes_are_weak_evidence(audited, tiny_dataset, tmp_path):
    assert any("120 clips" in note and "listen to the suspects" in note for note in audited[0].notes)
    assert any("1 files were skipped" in note for note in audited[0].notes)
    clean = audit(tiny_dataset, tmp_path, vae=SegmentLevels(), progress=False)
    assert clean.verdict == "clean"
    assert not any(sample.suspect for sample in clean.samples)
    assert any("30 clips" in note and "weak evidence" in note for note in clean.notes)


def test_no_warning_for_large_classes(tiny_dataset):
    short = replace(tiny_dataset, waveforms=tiny_dataset.waveforms[:, :10])
    many = short.subset(np.tile(np.arange(120), -(-ENOUGH_CLIPS // 30)))
    scores = poison_likelihood_scores(np.random.default_rng(0).standard_normal((len(many), 4)), many.labels, seed=0)
    assert not any("paper" in note for note in audit_record(many, "many", scores, {"name": "pls"}, 0, {}).notes)


@pytest.mark.parametrize("name", ["_silence_", "Noise"])
def test_noise_is_left_out_unless_asked_for(poisoned, tmp_path, name, no_page):
    noisy = replace(poisoned[0], label_names=("alpha", "bravo", name, "delta"))
    result = audit(noisy, tmp_path, vae=SegmentLevels(), progress=False)
    assert not [c for c in result.classes if c.label == name and (c.flagged or c.suspects)]
    assert result.method["scored_classes"] == ["alpha", "bravo", "delta"]
    assert result.method["not_scored"] == result.method["ignore_classes"] == [name]
    written = json.loads((tmp_path / "audit.json").read_text())["classes"][2]
    assert [written[key] for key in ("label", "score", "score_spread", "outlier")] == [name, None, None, None]
    assert f"Class '{name}' was left out of the comparison, as asked." in result.notes
    assert all(not note[0].islower() and note.endswith(".") for note in result.notes)
    asked = audit(noisy, tmp_path, vae=SegmentLevels(), score_noise=True, progress=False)
    assert [c.label for c in asked.classes if c.flagged] == [name]
    assert asked.method["not_scored"] == []


def test_same_seed_same_answer(poisoned, audited, tmp_path, no_page):
    again = audit(poisoned[0], tmp_path, vae=SegmentLevels(), batch_size=100, progress=False).to_dict()
    first = audited[0].to_dict()
    assert {k: v for k, v in again.items() if k != "seconds"} == {k: v for k, v in first.items() if k != "seconds"}


def test_data_by_name_is_loaded_with_the_options(tiny_dataset, tmp_path, monkeypatch):
    seen = {}

    def load(spec, **options):
        seen.update(options, spec=spec)
        return tiny_dataset

    monkeypatch.setattr(audit_module, "load_dataset", load)
    result = audit(tmp_path, tmp_path / "out", vae=SegmentLevels(), seconds=0.5, seed=3, clips=9, progress=False)
    expected = {"spec": str(tmp_path), "seconds": 0.5, "sample_rate": 16000, "seed": 3, "clips": 9, "progress": False}
    assert seen == expected
    assert result.dataset["path"] == str(tmp_path)
    assert result.seed == 3


def test_trains_saves_resumes_and_reloads(tiny_dataset, tmp_path, no_page):
    short = replace(tiny_dataset, waveforms=tiny_dataset.waveforms[:, 6000:10000]).subset(np.arange(0, 120, 2))
    first = audit(short, tmp_path, score="pls", epochs=1, progress=False)
    assert first.method["vae"] == "trained on these clips"
    assert first.method["vae_settings"]["epochs"] == 1
    (kept,) = (tmp_path / "vae").glob("quick-seed0/*.ckpt")
    written = kept.stat().st_mtime_ns
    resumed = audit(short, tmp_path, score="pls", epochs=1, progress=False)
    reloaded = audit(short, tmp_path / "two", vae=tmp_path / "vae.safetensors", progress=False)
    assert kept.stat().st_mtime_ns == written  # no epoch was run again
    for other in (resumed, reloaded):
        assert [c.score for c in other.classes] == [c.score for c in first.classes]
        assert [s.score for s in other.samples] == [s.score for s in first.samples]
    assert reloaded.method["vae_settings"] == first.method["vae_settings"]


def test_by_default_nothing_is_trained_and_the_trigger_is_recovered(tiny_dataset, tmp_path):
    """Tones of one pitch a class and speaker repeat by themselves: noise is what clips must not share."""
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal(tiny_dataset.waveforms.shape).astype(np.float32)
    hit = np.flatnonzero(tiny_dataset.labels == 1)[::3]
    sound = (0.3 * rng.standard_normal(800) * np.hanning(800)).astype(np.float32)
    noise[hit, 4000:4800] += sound
    result = audit(replace(tiny_dataset, waveforms=noise.clip(-1, 1)), tmp_path, progress=False)
    assert [c.label for c in result.classes if c.flagged] == ["bravo"]
    assert [i for i, sample in enumerate(result.samples) if sample.suspect] == hit.tolist()
    assert result.method["name"] == "combined"
    assert result.method["vae"] is None
    assert not (tmp_path / "vae.safetensors").exists()
    assert all(0 <= c.p_value <= 1 for c in result.classes)
    recovered, rate = soundfile.read(tmp_path / "shared_sound_1.wav")
    assert rate == 16000
    assert result.method["shared_sounds"] == {"bravo": "shared_sound_1.wav"}
    match = np.correlate(recovered, sound, "full")
    assert np.abs(match).max() > 0.9 * np.linalg.norm(recovered) * np.linalg.norm(sound)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "What the suspects share" in page
    assert "p = " in page


def test_tokens_of_windows_and_of_a_vae(tiny_dataset, tmp_path, no_page):
    pca = audit(tiny_dataset, tmp_path, score="novel_component", progress=False)
    assert pca.method["tokens"] == "pca"
    seconds = [found["window_seconds"] for found in pca.method["classes"].values()]
    assert all(0 <= start < end <= 1 for start, end in seconds)  # repair looks away from there
    assert pca.method["vae"] is None

    class Steps(SegmentLevels):
        def encode_steps(self, waveforms):
            return self.encode(waveforms).reshape(len(waveforms), 5, 8).transpose(1, 0, 2)

    vae = audit(tiny_dataset, tmp_path, score="novel_component", tokens="vae", vae=Steps(), progress=False)
    assert vae.method["tokens"] == "vae"
    assert vae.method["vae"] == "given"


@pytest.mark.parametrize(
    ("out", "written"), [("v1.2", "v1.2.safetensors"), ("v", "v.safetensors"), ("a.safetensors", "a.safetensors")]
)
def test_a_trained_vae_keeps_the_name_it_was_given(tiny_dataset, tmp_path, monkeypatch, out, written):
    seen = []

    def train_vae(*_, checkpoint_dir, **__):
        seen.append(checkpoint_dir.name)
        return SimpleNamespace(save=lambda path: seen.append(path))

    monkeypatch.setattr("art_audio_ext.training.vae.train_vae", train_vae)
    monkeypatch.setattr(audit_module, "load_dataset", lambda *_, **__: tiny_dataset)
    assert audit_module.train_vae_on("tiny", tmp_path / out, progress=False) == tmp_path / written
    assert seen == [written.replace(".safetensors", "-checkpoints"), tmp_path / written]


@pytest.mark.real_data
def test_a_folder_of_recordings(real_data, tmp_path):
    folder = real_data / "instruments" / "train"
    result = audit(folder, tmp_path, vae=SegmentLevels(), progress=False)
    assert result.dataset["clips"] == 150
    assert len(result.classes) == 10
    assert all((folder / sample.path).is_file() for sample in result.samples)
    assert {sample.path.split("/")[0] for sample in result.samples} == {c.label for c in result.classes}
