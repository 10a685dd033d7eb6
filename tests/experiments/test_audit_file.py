"""An audit read back: what it says, and what is refused in one that a stranger wrote."""

from __future__ import annotations

import json

import pytest

from art_audio_ext.experiments.audit_file import place_of, read_audit

COHERENT = {"seconds": [0.0, 0.1875], "place": "fixed"}
NOVEL = {"window": 3, "window_seconds": [0.375, 0.5]}


def _audit() -> dict:
    return {
        "verdict": "poisoned",
        "dataset": {"path": "x", "sample_rate_hz": 8000, "seconds_per_clip": 0.5},
        "classes": [{"label": "no", "flagged": False}, {"label": "yes", "flagged": True}],
        "samples": [
            {"path": "yes/b.wav", "label": "yes", "suspect": True},
            {"path": "yes/a.wav", "label": "yes", "suspect": True},
            {"path": "yes/c.wav", "label": "yes", "suspect": False},
            {"path": "no/a.wav", "label": "no", "suspect": True},
        ],
        "method": {"name": "combined", "classes": {"yes": {"decided_by": "novel_component", "novel_component": NOVEL}}},
    }


def _read(tmp_path, audit):
    (tmp_path / "audit.json").write_text(audit if isinstance(audit, str) else json.dumps(audit))
    return read_audit(tmp_path / "audit.json")


def test_suspects_are_those_of_flagged_classes(tmp_path):
    audited = _read(tmp_path, _audit())
    assert audited.suspects == ["yes/a.wav", "yes/b.wav"]
    assert audited.labels == {"yes/a.wav": "yes", "yes/b.wav": "yes", "yes/c.wav": "yes", "no/a.wav": "no"}
    assert audited.places == {"yes": (0.375, 0.5)}
    assert (audited.seconds, audited.sample_rate) == (0.5, 8000)
    assert (audited.verdict, audited.score) == ("poisoned", "combined")


@pytest.mark.parametrize(
    ("found", "place"),
    [
        (COHERENT, (0.0, 0.1875)),
        (NOVEL, (0.375, 0.5)),
        ({"decided_by": "a", "a": COHERENT, "b": NOVEL}, (0.0, 0.1875)),
        ({"decided_by": "a", "a": None}, None),
        ({"decided_by": "absent"}, None),
        ({"seconds": None}, None),
        ({"seconds": [0.2, 0.1]}, None),
        ({"seconds": [0.1, float("nan")]}, None),
        ({"seconds": [True, 2]}, None),
        ({}, None),
        (None, None),
        ("text", None),
    ],
)
def test_place_of_what_was_found(found, place):
    assert place_of(found) == place


def test_place_of_does_not_recurse_without_end():
    assert place_of({"decided_by": "decided_by"}) is None


def test_a_score_without_places(tmp_path):
    audit = _audit()
    del audit["method"]["classes"]
    assert _read(tmp_path, audit).places == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda audit: audit.pop("samples"),
        lambda audit: audit.pop("classes"),
        lambda audit: audit["samples"].append("yes/d.wav"),
        lambda audit: audit["samples"][0].update(path=3),
        lambda audit: audit["dataset"].update(sample_rate_hz="16000"),
        lambda audit: audit["dataset"].update(sample_rate_hz=10**9),
        lambda audit: audit["dataset"].update(seconds_per_clip=float("inf")),
        lambda audit: audit["method"].update(classes=[1]),
        lambda audit: audit.update(verdict=None),
    ],
)
def test_what_is_not_an_audit_is_refused(tmp_path, change):
    audit = _audit()
    change(audit)
    with pytest.raises(ValueError, match=r"is not an audit .*: give an audit\.json"):
        _read(tmp_path, audit)


@pytest.mark.parametrize("text", ["", "[]", "3", "[" * 100_000])
def test_other_json_and_no_json_are_refused(tmp_path, text):
    with pytest.raises(ValueError, match="is not an audit"):
        _read(tmp_path, text)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"give an audit\.json"):
        read_audit(tmp_path / "audit.json")
