"""The doctor finds what is there, and has a remedy for what is not."""

from __future__ import annotations

import importlib.metadata
import os

import pytest

from art_audio_ext.experiments import doctor
from art_audio_ext.voices import VOICES


def test_every_missing_thing_has_a_remedy():
    findings = doctor.examine()
    topics = {finding.topic for finding in findings}
    assert {"torch", "device", "extra [armory]", "Speech Commands v0.02"} <= topics
    assert all(finding.ok or finding.remedy for finding in findings)
    assert any(finding.topic == "torch" and finding.ok for finding in findings)


def test_a_broken_pair_is_named(monkeypatch):
    versions = {"torch": "2.11.0+cpu", "torchaudio": "2.10.0"}
    monkeypatch.setattr(importlib.metadata, "version", lambda name: versions.get(name, "1.0"))
    broken = [finding for finding in doctor.examine() if not finding.ok and "pair" in finding.text]
    assert broken
    assert "torch==2.10.0" in broken[0].remedy


def test_a_missing_extra_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(doctor.EXTRAS, "voice", ("no_such_module_anywhere",))
    text = doctor.format_doctor(doctor.examine())
    assert 'pip install "art-audio-ext[voice]"' in text


def _cache_finding(monkeypatch, folder) -> doctor.Finding:
    monkeypatch.setenv("ART_AUDIO_CACHE", os.fspath(folder))
    findings = doctor.examine()
    assert sum(finding.topic == "Speech Commands v0.02" for finding in findings) == 1
    return next(finding for finding in findings if finding.topic == "cache")


def test_the_cache_is_measured_and_not_made(monkeypatch, tmp_path):
    found = _cache_finding(monkeypatch, tmp_path / "deep" / "cache")
    assert found.ok
    assert found.text == f"{tmp_path / 'deep' / 'cache'}, not made yet"
    assert not list(tmp_path.iterdir())
    (tmp_path / "deep" / "cache" / "entry").mkdir(parents=True)
    (tmp_path / "deep" / "cache" / "entry" / "waveforms.npy").write_bytes(bytes(3 * 2**20))
    (tmp_path / "deep" / "cache" / "index.json").write_bytes(bytes(2**19))
    assert _cache_finding(monkeypatch, tmp_path / "deep" / "cache").text.endswith("cache, 3.5 MiB")


@pytest.mark.parametrize("place", ["file", "file/cache", "~nobody-of-this-name/cache"])
def test_a_cache_that_cannot_be_used_is_a_finding(monkeypatch, tmp_path, place):
    (tmp_path / "file").touch()
    found = _cache_finding(monkeypatch, place if place[0] == "~" else tmp_path / place)
    assert not found.ok
    assert "ART_AUDIO_CACHE" in found.remedy


def test_each_way_to_convert_voices_says_which_weights_it_has_and_where_the_others_go(monkeypatch, tmp_path):
    monkeypatch.setenv("TTS_HOME", os.fspath(tmp_path))
    (tmp_path / "tts" / "wavlm").mkdir(parents=True)
    (tmp_path / "tts" / "wavlm" / "WavLM-Large.pt").touch()
    lines = {finding.topic: finding for finding in doctor.examine() if finding.topic.startswith("voice: ")}
    assert set(lines) == {f"voice: {name}" for name in VOICES if name != "world-shared-noise"}
    assert lines["voice: world"].ok
    freevc = lines["voice: freevc"]
    assert not freevc.ok
    assert freevc.text == "WavLM-Large (1.26 GB, MIT) there, FreeVC-24 (1.43 GB, MIT) missing"
    folder = tmp_path / "tts" / "voice_conversion_models--multilingual--vctk--freevc24"
    assert os.fspath(folder / "model.pth") in freevc.remedy
    assert "WavLM" not in freevc.remedy
    folder.mkdir()
    for name in ("config.json", "model.pth"):
        (folder / name).touch()
    found = next(finding for finding in doctor.examine() if finding.topic == "voice: freevc")
    assert found.ok
    assert not found.remedy
