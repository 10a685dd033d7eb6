"""JSON, CSV and terminal tables."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from art_audio_ext.report import format_audit_table, format_comparison_table, write_audit, write_comparison
from art_audio_ext.report.files import write_json, write_text
from art_audio_ext.report.text import number, plain, printable


def strict(path):
    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_the_audit_comes_back_from_its_file(tmp_path, poisoned_audit):
    write_audit(poisoned_audit, tmp_path / "new" / "out")
    found = strict(tmp_path / "new" / "out" / "audit.json")
    assert found == poisoned_audit.to_dict()
    assert set(found) >= {"verdict", "dataset", "classes", "samples", "method", "seed", "seconds"}
    assert sorted(p.name for p in (tmp_path / "new" / "out").iterdir()) == ["audit.json", "suspects.csv"]


def test_the_comparison_comes_back_with_null_for_what_is_not_a_number(tmp_path, comparison):
    write_comparison(comparison, tmp_path)
    found = strict(tmp_path / "results.json")
    assert found["filters"][2]["filter_seconds"] is None
    assert found["filters"][4] == comparison.to_dict()["filters"][4]


def test_suspects_are_those_of_flagged_classes_the_highest_score_first(tmp_path, poisoned_audit):
    samples = list(poisoned_audit.samples)
    samples[0] = replace(samples[0], suspect=True)  # alpha is not flagged
    write_audit(replace(poisoned_audit, samples=samples), tmp_path)
    with (tmp_path / "suspects.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [f"b/{i:03d}.wav" for i in range(30, 50)]
    assert {row["label"] for row in rows} == {"bravo"}
    assert float(rows[0]["score"]) == samples[30].score


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", 'a,"b"\nc'])
def test_no_name_is_a_formula_in_a_spreadsheet(tmp_path, poisoned_audit, name):
    samples = [replace(sample, path=name) for sample in poisoned_audit.samples]
    write_audit(replace(poisoned_audit, samples=samples), tmp_path)
    with (tmp_path / "suspects.csv").open(newline="", encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    assert set(paths) == {name if name.startswith("a") else f"'{name}"}
    assert strict(tmp_path / "audit.json")["samples"][0]["path"] == name


def test_names_that_are_not_utf8_survive_in_json(tmp_path):
    write_json({"path": "caf\udce9.wav", "other": "你好"}, tmp_path / "a.json")
    assert strict(tmp_path / "a.json") == {"path": "caf\udce9.wav", "other": "你好"}
    assert "你好" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    write_text("old", tmp_path / "a.txt")

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_text("new", tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path, poisoned_audit):
    (tmp_path / "out").write_text("")
    for out in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(ValueError, match="is not a folder"):
            write_audit(poisoned_audit, out)


def test_plain_turns_every_value_into_json():
    value = {
        1: np.float32(0.5),
        "a": np.arange(2),
        "b": (True, None),
        "c": {3, 1},
        "d": [float("inf"), np.nan],
        "e": Path("x"),
    }
    assert plain(value) == {"1": 0.5, "a": [0, 1], "b": [True, None], "c": [1, 3], "d": [None, None], "e": "x"}


def test_printable_writes_out_what_cannot_be_seen():
    assert printable("a\tb\u200b\u2066\ufeff") == "a\\tb\\u200b\\u2066\\ufeff"
    assert printable("naïve 你好 👩\u200d🔬") == "naïve 你好 👩\u200d🔬"


def test_numbers_in_tables():
    assert [number(v) for v in (0.12345, -1.5, None, float("nan"), 2.5e17)] == [
        "0.123",
        "-1.500",
        "-",
        "-",
        "2.500e+17",
    ]


def test_the_audit_table_is_aligned_with_the_flagged_class_first(poisoned_audit):
    classes = [replace(c, label="你好\n" if c.label == "alpha" else c.label) for c in poisoned_audit.classes]
    lines = format_audit_table(replace(poisoned_audit, classes=classes)).splitlines()
    verdict = lines.pop()
    assert verdict.startswith("Verdict: POISONED: ")
    assert any(line.startswith("Note: ") for line in lines)
    lines = lines[: lines.index("")]
    assert len(lines) == 3 + 4
    assert lines[3].split() == ["bravo", "30", "30.000", "0.500", "9.000", "20", "POISONED"]
    assert lines[-1].split() == ["delta", "30", "-", "-", "-", "0"]  # not scored
    assert lines[-2].split()[0] == "你好\\n"
    end = lines[1].index("clips") + len("clips")
    assert lines[3][:end].endswith("30")
    assert lines[-2][: end - 2].endswith("30")  # two wide letters take two columns more


def test_the_comparison_table_shows_a_dash_for_what_does_not_apply(comparison):
    lines = format_comparison_table(comparison).splitlines()
    assert lines[3].split() == ["none", "0.000", "0.000", "-", "0", "-", "0.976", "0.881", "60.0"]
    assert len({len(line) for line in lines[1:]}) == 1
