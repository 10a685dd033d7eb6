"""The doctor finds what is there, and has a remedy for what is not."""

from __future__ import annotations

import importlib.metadata

from art_audio_ext.experiments import doctor


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
