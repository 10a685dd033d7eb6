"""What is asked of the comparison of purifiers: what is refused, left out and said, and what stands beside it."""

from __future__ import annotations

import json

import pytest

from art_audio_ext.experiments import dual_pure as module
from art_audio_ext.experiments import purification_cells
from art_audio_ext.experiments.dual_pure import dual_pure
from art_audio_ext.experiments.purification_sizes import PRESETS, choose_size
from art_audio_ext.report.dual_pure_view import format_dual_pure

pytest.importorskip("diffusers", reason="needs the extra [diffusion]")


def test_sizes_and_names_are_checked():
    for name, size in PRESETS.items():
        assert choose_size(name) == size
    assert choose_size("quick", ["none"], ["clean"], 5, 2).clips == 5
    assert {"time_stage@10", "dual_pure@10"} <= set(PRESETS["paper"].defences)  # of the paper's Table 3
    assert {f"{name}@{t}" for name in ("time_stage", "dual_pure") for t in (1, 10)} <= set(PRESETS["steps"].defences)
    for wrong, message in (
        ({"preset": "huge"}, "preset"),
        ({"defences": ["prayer"]}, "no defence prayer"),
        ({"attacks": []}, "no attack named"),
        ({"clips": 0}, "clips"),
        ({"seeds": True}, "seeds"),
    ):
        with pytest.raises(ValueError, match=message):
            choose_size(**{"preset": "quick", **wrong})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"defences": ["time_stage"], "attacks": ["auto_pgd", "straight_through"]},
            "nothing is left to run .*auto_pgd",
        ),
        ({"defences": ["none"], "attacks": ["straight_through"]}, "straight_through, which this defence has not"),
        ({"clips": 1}, "clips must be at least"),
        ({"backend": "dask"}, "needs the address of a scheduler"),
        ({"jobs": 0}, "jobs must be"),
    ],
)
def test_what_cannot_be_run_is_refused_before_any_training(tiny_dataset, tmp_path, monkeypatch, options, message):
    monkeypatch.setattr(module, "prepare_models", None)
    with pytest.raises(ValueError, match=message):
        dual_pure(tiny_dataset, tmp_path, **{"defences": ["none"], "attacks": ["clean"], "progress": False} | options)
    assert not any(tmp_path.iterdir())


def test_what_is_left_out_is_said_and_needs_no_network(tiny_dataset, tmp_path, tiny_networks):
    names = {"defences": ["none", "time_stage", "one_shot"], "attacks": ["pgd10", "straight_through"]}
    rest = {"clips": 8, "progress": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(purification_cells, "_IMPOSSIBLE", 100)  # one_shot would take 500
        record = dual_pure(tiny_dataset, tmp_path, **names, **rest)
    assert {(line["defence"], line["attack"]) for line in record["left_out"]} == {
        ("one_shot", "pgd10"),
        *((defence, "straight_through") for defence in names["defences"]),
    }
    assert set(record["seconds_per_clip"]) == {"none", "time_stage"}
    assert not (tmp_path / "models" / "wave_diffusion.safetensors").exists()
    text = format_dual_pure(record)
    assert "Not run: straight_through against none, time_stage, one_shot: it sets straight_through" in text
    assert text in (tmp_path / "table.md").read_text()
    assert "Not run: pgd10 against one_shot: it takes too long" in (tmp_path / "report.html").read_text()
    assert "Classifiers (resnet18 of width 4) on all" in text


def test_later_requests_stand_beside_earlier_ones(tiny_dataset, tmp_path, tiny_networks):
    options = {"clips": 8, "progress": False, "precision": "float32"}
    dual_pure(tiny_dataset, tmp_path, defences=["none", "time_stage"], attacks=["pgd10"], seeds=2, **options)
    record = dual_pure(tiny_dataset, tmp_path, defences=["none"], attacks=["clean", "pgd10_eot20"], **options)
    rows = {(row["attack"], row["defence"]): row for row in record["rows"]}
    assert set(rows) == {
        ("clean", "none"),
        ("pgd10", "none"),
        ("pgd10", "time_stage"),
        ("pgd10_eot20", "none"),  # nothing is random: the cell of PGD-10
    }
    assert (rows["pgd10", "none"]["seeds"], rows["pgd10", "time_stage"]["seeds"]) == (1, 2)
    assert rows["pgd10_eot20", "none"]["accuracy"] == rows["pgd10", "none"]["accuracy"]
    assert rows["pgd10", "none"]["draws_seen"] == rows["pgd10", "time_stage"]["draws_seen"] == 10
    assert "(K = 10)" in format_dual_pure(record)
    cells = [json.loads(line) for line in (tmp_path / "cells.jsonl").read_text().splitlines()[1:]]
    assert len(cells) == len(record["cells"]) == 4
    assert set(record["seconds_per_clip"]) == {"none", "time_stage"}
    less = dual_pure(tiny_dataset, tmp_path, defences=["none"], attacks=["clean"], **options | {"clips": 9})
    assert len(less["rows"]) == 1  # other clips: those of before are not theirs
